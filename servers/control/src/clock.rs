//! The civil clock, shown and moved.

use axum::{Json, extract::State};
use jiff::Span;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tefuda_store::SystemClock;
use tefuda_types::{Clock, JST, Timestamp};
use tefuda_web::Answer;

/// Why the clock stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClockError {
    /// Neither a time nor a duration, or out of range.
    #[error("not a time or duration that the clock can show")]
    Malformed,
    /// Civil time goes back only when it is said so.
    #[error("civil time goes back only with --back")]
    Backwards,
    /// The offset could not be stored.
    #[error("the clock's offset could not be stored: {0}")]
    Store(#[from] std::io::Error),
}

tefuda_types::reasons! { ClockError {
    Malformed => "clock.malformed", Malformed;
    Backwards => "clock.backwards", Policy;
    Store(_) => "clock.store_failed", Backend;
} }

/// Both times.
#[derive(Debug, Serialize)]
pub struct ClockView {
    /// Civil time, UTC.
    civil: Timestamp,
    /// Civil time as clocks in Japan show it.
    japan: String,
    /// The host's time.
    host: Timestamp,
    /// What the holder of the clock has to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

/// How to move it: one of the first two.
#[derive(Debug, Deserialize)]
pub struct ClockMove {
    set: Option<Timestamp>,
    advance: Option<String>,
    #[serde(default)]
    back: bool,
}

/// `GET /admin/clock`.
pub async fn show(State(clock): State<Arc<SystemClock>>) -> Json<ClockView> {
    Json(view(&clock, false))
}

/// `POST /admin/clock`.
pub async fn set(State(clock): State<Arc<SystemClock>>, Json(to): Json<ClockMove>) -> Answer<ClockView> {
    let now = clock.civil();
    let target = match (to.set, to.advance) {
        (Some(time), None) => time,
        (None, Some(duration)) => advanced(now, &duration)?,
        _ => return Err(ClockError::Malformed.into()),
    };
    let back = target < now;
    if back && !to.back {
        return Err(ClockError::Backwards.into());
    }
    clock.set(target).map_err(ClockError::Store)?;
    Ok(Json(view(&clock, back)))
}

fn advanced(now: Timestamp, duration: &str) -> Result<Timestamp, ClockError> {
    let span: Span = duration.parse().map_err(|_| ClockError::Malformed)?;
    // Months and days are those of the calendar in Japan.
    let later = tefuda_types::jst(now).checked_add(span).map_err(|_| ClockError::Malformed)?;
    Ok(later.timestamp())
}

fn view(clock: &SystemClock, back: bool) -> ClockView {
    let civil = clock.civil();
    let japan = JST.to_datetime(civil).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let warning = back.then_some(
        "civil time went back: every status is not-known until it passes the newest signed time that was seen",
    );
    ClockView { civil, japan, host: clock.wire(), warning }
}
