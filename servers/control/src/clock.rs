//! The civil clock, shown and moved, and how far each actor's is off.

use axum::{
    Json,
    extract::{Path, State},
};
use jiff::{SignedDuration, Span};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
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
    /// No actor of that name.
    #[error("there is no actor {0}")]
    ActorNotFound(String),
    /// Each actor has its time from its own configuration.
    #[error("actors that are served alone have their time from their configuration")]
    Fixed,
    /// The offset could not be stored.
    #[error("the clock's offset could not be stored: {0}")]
    Store(#[from] std::io::Error),
}

tefuda_types::reasons! { ClockError {
    Malformed => "clock.malformed", Malformed;
    Backwards => "clock.backwards", Policy;
    ActorNotFound(_) => "actor.not_found", Caller;
    Fixed => "clock.fixed", Policy;
    Store(_) => "clock.store_failed", Backend;
} }

/// The clock of the home and those of the actors.
#[derive(Clone, Debug)]
pub struct Clocks {
    /// Without skew.
    pub home: Arc<SystemClock>,
    /// By actor.
    pub actors: Arc<BTreeMap<&'static str, Arc<SystemClock>>>,
}

/// Both times.
#[derive(Debug, Serialize)]
pub struct ClockView {
    /// Civil time, UTC.
    civil: Timestamp,
    /// Civil time as clocks in Japan show it.
    japan: String,
    /// The host's time.
    host: Timestamp,
    /// Actors whose clock is off, and how far it is ahead.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    skew: BTreeMap<&'static str, SignedDuration>,
    /// What the holder of the clock has to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

/// How to move it: one of the first two.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ClockMove {
    /// To a time.
    pub set: Option<Timestamp>,
    /// By a duration.
    pub advance: Option<String>,
    /// Backwards is meant.
    #[serde(default)]
    pub back: bool,
}

/// How far an actor is to be ahead of civil time.
#[derive(Debug, Serialize, Deserialize)]
pub struct Skew {
    /// A duration, negative for behind.
    pub skew: String,
}

/// `GET /admin/clock`.
pub(crate) async fn show(State(clocks): State<Clocks>) -> Json<ClockView> {
    Json(clocks.view(false))
}

/// `POST /admin/clock`.
pub(crate) async fn set(State(clocks): State<Clocks>, Json(to): Json<ClockMove>) -> Answer<ClockView> {
    Ok(Json(clocks.shift(&to)?))
}

/// `POST /admin/clock/skew/{actor}`.
pub(crate) async fn skew(
    State(clocks): State<Clocks>,
    Path(actor): Path<String>,
    Json(to): Json<Skew>,
) -> Answer<ClockView> {
    Ok(Json(clocks.put_off(&actor, &to)?))
}

impl Clocks {
    /// A clock that no other actor follows: shown, not moved.
    #[must_use]
    pub fn alone(home: Arc<SystemClock>) -> Self {
        Self { home, actors: Arc::default() }
    }

    /// Moves civil time.
    ///
    /// # Errors
    /// [`ClockError`].
    pub fn shift(&self, to: &ClockMove) -> Result<ClockView, ClockError> {
        self.may_move()?;
        let now = self.home.civil();
        let target = match (to.set, &to.advance) {
            (Some(time), None) => time,
            (None, Some(duration)) => later(now, duration)?,
            _ => return Err(ClockError::Malformed),
        };
        let back = target < now;
        if back && !to.back {
            return Err(ClockError::Backwards);
        }
        self.home.set(target)?;
        Ok(self.view(back))
    }

    /// Puts an actor's clock off.
    ///
    /// # Errors
    /// [`ClockError`].
    pub fn put_off(&self, actor: &str, to: &Skew) -> Result<ClockView, ClockError> {
        self.may_move()?;
        let clock = self.actors.get(actor).ok_or_else(|| ClockError::ActorNotFound(actor.to_owned()))?;
        let now = self.home.civil();
        clock.set_skew(later(now, &to.skew)?.duration_since(now))?;
        Ok(self.view(false))
    }

    fn may_move(&self) -> Result<(), ClockError> {
        if self.actors.is_empty() { Err(ClockError::Fixed) } else { Ok(()) }
    }

    /// What they show.
    #[must_use]
    pub fn view(&self, went_back: bool) -> ClockView {
        let civil = self.home.civil();
        let off = |(actor, clock): (&&'static str, &Arc<SystemClock>)| {
            (clock.skew() != SignedDuration::ZERO).then(|| (*actor, clock.skew()))
        };
        ClockView {
            civil,
            japan: JST.to_datetime(civil).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            host: self.home.wire(),
            skew: self.actors.iter().filter_map(off).collect(),
            warning: went_back.then_some(
                "civil time went back: every status is not-known until it passes the newest signed time that was seen",
            ),
        }
    }
}

fn later(now: Timestamp, duration: &str) -> Result<Timestamp, ClockError> {
    let span: Span = duration.parse().map_err(|_| ClockError::Malformed)?;
    // Months and days are those of the calendar in Japan.
    let later = tefuda_types::jst(now).checked_add(span).map_err(|_| ClockError::Malformed)?;
    Ok(later.timestamp())
}
