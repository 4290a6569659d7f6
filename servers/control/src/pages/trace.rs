//! The live trace: what went between the actors, told as it happens.

use askama::Template;
use axum::{
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::time::Duration;
use tefuda_pages::{Frame, Language, Page, Texts};
use tefuda_types::jst;
use tefuda_web::live::{Event, Live};
use tokio::sync::{broadcast::error::RecvError, mpsc};

use super::{Room, Shared, said};

/// Lines on the page of the trace.
const LINES_MAX: usize = 200;
/// Lines on their way to a page that is slow.
const WAITING_MAX: usize = 256;
/// How often a page hears that nothing happened: then it is noticed when it is gone.
const SILENCE: Duration = Duration::from_secs(15);

/// Lanes in the order of the flow; a lane's number is its place, from 1.
const LANES: [&str; 6] = [
    "control-lane-card",
    "control-lane-phone",
    "control-lane-element",
    "control-lane-authority",
    "control-lane-gateway",
    "control-lane-outside",
];

/// The lane of an actor.
fn lane(actor: &str) -> usize {
    match actor.split([' ', '-']).next() {
        Some("card") => 1,
        Some("phone" | "phones") => 2,
        Some("element") => 3,
        Some("authority") => 4,
        Some("gateway") => 5,
        _ => 6,
    }
}

/// An actor as people call it.
fn name(t: Texts, actor: &str) -> String {
    let (kind, own) = actor.split_once([' ', '-']).unwrap_or((actor, ""));
    let kind = match kind {
        "card" => t.say("control-lane-card"),
        "phone" | "phones" => t.say("control-actor-phone"),
        "element" => t.say("control-actor-element"),
        "authority" => t.say("control-lane-authority"),
        "gateway" => t.say("control-lane-gateway"),
        "portal" => t.say("control-portal"),
        "reader" => t.say("control-actor-reader"),
        "control" => t.say("control-title"),
        _ => t.say("control-actor-outside"),
    };
    if own.is_empty() { kind } else { format!("{kind} {own}") }
}

/// Which card and which phone an event is about.
fn own(event: &Event) -> String {
    let of = |actor: &str| actor.split_once([' ', '-']).map(|(_, own)| own.to_owned());
    of(&event.to).or_else(|| of(&event.from)).unwrap_or_default()
}

/// A line of the trace.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) at: String,
    pub(super) time: String,
    pub(super) from: String,
    pub(super) to: String,
    /// Which of the actors of a lane, where there are several.
    pub(super) own: String,
    pub(super) line: String,
    /// The same in plain words, where there are any.
    pub(super) said: Option<String>,
    /// Reason code of a refusal.
    pub(super) reason: Option<String>,
    pub(super) bytes: Vec<String>,
    pub(super) refused: bool,
    pub(super) lanes: (usize, usize),
}

impl Line {
    fn new(t: Texts, event: Event) -> Self {
        Self {
            number: event.number,
            at: event.time.to_string(),
            time: jst(event.time).strftime("%H:%M:%S.%3f").to_string(),
            from: name(t, &event.from),
            to: name(t, &event.to),
            own: own(&event),
            lanes: (lane(&event.from), lane(&event.to)),
            said: said::plain(t, &event.line),
            line: event.line,
            reason: event.reason,
            bytes: event.bytes,
            refused: event.refused,
        }
    }

    pub(super) fn low(&self) -> usize {
        self.lanes.0.min(self.lanes.1)
    }

    pub(super) fn high(&self) -> usize {
        self.lanes.0.max(self.lanes.1)
    }

    pub(super) fn way(&self) -> &'static str {
        match self.lanes.0.cmp(&self.lanes.1) {
            std::cmp::Ordering::Less => "right",
            std::cmp::Ordering::Equal => "here",
            std::cmp::Ordering::Greater => "left",
        }
    }
}

/// The newest lines, oldest first.
pub(super) fn recent(room: &Room, t: Texts, most: usize) -> Vec<Line> {
    let recent = room.context.live.recent();
    let skipped = recent.len().saturating_sub(most);
    recent.into_iter().skip(skipped).map(|event| Line::new(t, event)).collect()
}

/// Number of the newest event.
pub(super) fn last(live: &Live) -> u64 {
    live.recent().last().map_or(0, |event| event.number)
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// Lane, where not all are wanted.
    #[serde(default)]
    actor: String,
}

struct LaneChoice {
    number: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "trace.html")]
pub(super) struct TracePage {
    frame: Frame,
    now: String,
    choices: Vec<LaneChoice>,
    lines: Vec<Line>,
    last: u64,
}

pub(super) async fn show(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Query(wanted): Query<Wanted>,
) -> Page<TracePage> {
    let frame = room.frame(language, &uri).as_wide();
    let t = frame.t;
    let mut lines = recent(&room, t, LINES_MAX);
    let chosen = wanted.actor.parse::<usize>().ok();
    lines.retain(|line| chosen.is_none_or(|lane| line.lanes.0 == lane || line.lanes.1 == lane));
    let choice = |(number, key): (usize, &&str)| LaneChoice {
        number: number.to_string(),
        name: t.say(key),
        chosen: chosen == Some(number),
    };
    let choices = (1..).zip(LANES.iter()).map(choice).collect();
    let last = last(&room.context.live);
    Page(TracePage { now: room.now(language), choices, lines, last, frame })
}

/// The trace as text, for a report.
pub(super) async fn text(State(room): Shared, language: Language) -> Response {
    let mut text = String::new();
    for Line { at, from, to, line, reason, said, bytes, .. } in recent(&room, Texts(language), usize::MAX) {
        let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
        let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
        text.push_str(&format!("{at} {from} → {to}: {line}{reason}{said}\n"));
        for octets in bytes {
            text.push_str(&format!("    {octets}\n"));
        }
    }
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, text).into_response()
}

#[derive(Template)]
#[template(path = "trace_row.html")]
struct Row {
    t: Texts,
    line: Line,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Since {
    /// Number of the last event that the page has.
    #[serde(default)]
    after: u64,
}

/// `GET /events`: server-sent events, each a row of the trace in the page's language.
pub(super) async fn events(
    State(room): Shared,
    language: Language,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Response {
    let again = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let (sender, lines) = mpsc::channel(WAITING_MAX);
    // A page that cannot keep up misses lines, and goes on from where it is.
    let live = room.context.live.clone();
    tokio::spawn(send(live, Texts(language), again.unwrap_or(since.after), sender));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, tefuda_web::held(lines, || {})).into_response()
}

async fn send(live: Live, t: Texts, mut after: u64, sender: mpsc::Sender<Bytes>) {
    let mut coming = live.subscribe();
    for event in live.recent().into_iter().filter(|event| event.number > after).collect::<Vec<_>>() {
        after = event.number;
        if sender.send(message(t, event)).await.is_err() {
            return;
        }
    }
    loop {
        let message = match tokio::time::timeout(SILENCE, coming.recv()).await {
            Ok(Ok(event)) if event.number > after => message(t, event),
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => continue,
            Ok(Err(RecvError::Closed)) => return,
            Err(_) => Bytes::from_static(b": nothing happened\n\n"),
        };
        if sender.send(message).await.is_err() {
            return;
        }
    }
}

/// A line of the stream: `data` is a row as HTML, without line breaks.
fn message(t: Texts, event: Event) -> Bytes {
    let number = event.number;
    let row = Row { t, line: Line::new(t, event) }.render().unwrap_or_default();
    let row: String = row.lines().map(str::trim).collect();
    Bytes::from(format!("id: {number}\ndata: {row}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(from: &str, to: &str, line: &str) -> Event {
        Event {
            number: 7,
            time: "2026-11-24T01:00:00Z".parse().unwrap(),
            trace: None,
            from: from.to_owned(),
            to: to.to_owned(),
            line: line.to_owned(),
            reason: Some("login.denied".to_owned()),
            bytes: vec!["00 A4".to_owned()],
            refused: true,
        }
    }

    #[test]
    fn lanes_are_in_the_order_of_the_flow() {
        let actors = ["card hanako", "phone-android", "element-android", "authority", "gateway", "outside"];
        assert_eq!(actors.map(lane), [1, 2, 3, 4, 5, 6]);
        let line = Line::new(Texts(Language::English), event("phone-a", "card taro", ""));
        assert_eq!((line.low(), line.high(), line.way()), (1, 2, "left"));
    }

    #[test]
    fn a_line_of_the_stream_is_one_line_and_escaped() {
        let told = message(Texts(Language::Japanese), event("portal", "gateway", "<script>\nx"));
        let told = String::from_utf8(told.to_vec()).unwrap();
        assert!(told.starts_with("id: 7\ndata: <li"), "{told}");
        assert_eq!(told.trim_end().lines().count(), 2, "{told}");
        assert!(!told.contains("<script>"), "{told}");
    }
}
