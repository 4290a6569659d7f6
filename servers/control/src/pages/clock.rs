//! The civil clock: shown beside the host's, and moved.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::Uri,
    response::IntoResponse,
};
use jiff::civil::{DateTime, Time};
use serde::Deserialize;
use tefuda_pages::{Frame, Language, Page, Refusal, dates};
use tefuda_types::{Clock, JST, Reason, Timestamp, jst};
use tefuda_web::Problem;

use super::{Room, Shared, Shown, see};
use crate::{
    clock::{ClockError, ClockMove},
    others::Overview,
};

/// Offices open.
const OPENS: Time = Time::constant(8, 0, 0, 0);

#[derive(Debug, Default, Deserialize)]
pub(super) struct Look {
    #[serde(default)]
    done: String,
    /// The phone that somebody came from.
    #[serde(default)]
    phone: String,
}

#[derive(Template)]
#[template(path = "clock.html")]
struct ClockPage {
    frame: Frame,
    summary: Option<Refusal>,
    done: Option<String>,
    now: String,
    host: String,
    waiting: usize,
    decision: Option<String>,
    morning: String,
    to: String,
    asks_back: bool,
    skewed: Vec<String>,
    /// The phone that somebody came from, and where it tells of the decision.
    from: Option<(String, String)>,
}

pub(super) async fn show(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Query(look): Query<Look>,
) -> Shown {
    let mut page = page(&room, (language, &uri), None).await;
    page.from = came_from(&room, &look.phone);
    page.done = match look.done.as_str() {
        "on" => Some(page.frame.t.say("control-done-clock")),
        "back" => Some(page.frame.t.say("control-done-clock-back")),
        _ => None,
    };
    Ok(Page(page).into_response())
}

async fn page(
    room: &Room,
    (language, uri): (Language, &Uri),
    refused: Option<(&Problem, String)>,
) -> ClockPage {
    let frame = room.frame(language, uri);
    let now = room.clocks.home.civil();
    // The clock can be moved whether or not the authority answers.
    let overview = room.table.ask::<Overview>("/admin/overview").await.ok();
    let next = overview.as_ref().and_then(|overview| overview.next_decision);
    let skewed = room.clocks.actors.iter().filter(|(_, clock)| clock.skew() != jiff::SignedDuration::ZERO);
    let asks_back = refused
        .as_ref()
        .is_some_and(|(problem, _)| problem.reason() == ClockError::Backwards.code().as_str());
    ClockPage {
        summary: refused.as_ref().map(|(problem, _)| Refusal::of(problem.reason(), language)),
        done: None,
        now: dates::moment(now, language),
        host: dates::moment(room.clocks.home.wire(), language),
        waiting: overview.map(|overview| overview.waiting).unwrap_or_default(),
        decision: next.map(|next| dates::moment(next, language)),
        morning: dates::moment(next_morning(now), language),
        to: refused.map_or_else(|| jst(now).strftime("%Y-%m-%dT%H:%M").to_string(), |(_, to)| to),
        asks_back,
        from: None,
        skewed: skewed.map(|(actor, clock)| format!("{actor} {:+} s", clock.skew().as_secs())).collect(),
        frame,
    }
}

/// A phone that there is, and the page that tells of its application.
fn came_from(room: &Room, phone: &str) -> Option<(String, String)> {
    (room.addresses)().remove(phone).map(|url| (phone.to_owned(), format!("{url}/enrol/decision")))
}

/// The next time that offices open on some day.
fn next_morning(now: Timestamp) -> Timestamp {
    let local = jst(now);
    let day = if local.time() < OPENS { Ok(local.date()) } else { local.date().tomorrow() };
    day.ok().and_then(|day| JST.to_timestamp(day.to_datetime(OPENS)).ok()).unwrap_or(now)
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Move {
    /// `hour`, `day`, `morning`, `decision`, or nothing for `to`.
    #[serde(default)]
    by: String,
    /// Local time in Japan.
    #[serde(default)]
    to: String,
    /// The phone that somebody came from.
    #[serde(default)]
    phone: String,
    /// Backwards is meant.
    #[serde(default)]
    back: String,
}

pub(super) async fn shift(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Form(form): Form<Move>,
) -> Shown {
    let before = room.clocks.home.civil();
    let moved = match wanted(&room, &form, before).await {
        Ok(to) => room.clocks.shift(&to).map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let from = came_from(&room, &form.phone);
    let back = from.as_ref().map_or_else(String::new, |(name, _)| format!("&phone={name}"));
    match moved {
        Ok(_) if room.clocks.home.civil() < before => Ok(see(&format!("/clock?done=back{back}"))),
        Ok(_) => Ok(see(&format!("/clock?done=on{back}"))),
        Err(problem) => {
            let mut page = page(&room, (language, &uri), Some((&problem, form.to))).await;
            page.from = from;
            Ok((problem.status(), Page(page)).into_response())
        }
    }
}

async fn wanted(room: &Room, form: &Move, now: Timestamp) -> Result<ClockMove, Problem> {
    let advance = |duration: &str| ClockMove { advance: Some(duration.to_owned()), ..ClockMove::default() };
    let set = |time| ClockMove { set: Some(time), ..ClockMove::default() };
    Ok(match form.by.as_str() {
        "hour" => advance("PT1H"),
        "day" => advance("P1D"),
        "morning" => set(next_morning(now)),
        "decision" => {
            let overview: Overview = room.table.ask("/admin/overview").await?;
            set(overview.next_decision.unwrap_or(now).max(now))
        }
        _ => {
            let local: DateTime = form.to.parse().map_err(|_| ClockError::Malformed)?;
            let time = JST.to_timestamp(local).map_err(|_| ClockError::Malformed)?;
            ClockMove { back: form.back == "yes", ..set(time) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_morning_is_after_now() {
        for (now, next) in [
            ("2026-11-24T07:59:59+09:00", "2026-11-24T08:00:00+09:00"),
            ("2026-11-24T08:00:00+09:00", "2026-11-25T08:00:00+09:00"),
            ("2026-12-31T22:00:00+09:00", "2027-01-01T08:00:00+09:00"),
        ] {
            let (now, next): (Timestamp, Timestamp) = (now.parse().unwrap(), next.parse().unwrap());
            assert_eq!(next_morning(now), next);
        }
    }
}
