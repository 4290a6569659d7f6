//! What went between the actors just now, for the control room. Nothing of it is kept.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, header},
    middleware::Next,
    response::Response,
};
use serde::Serialize;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tefuda_types::{Clock, Timestamp};
use tokio::sync::broadcast;

use crate::server::{TRACE_HEADER, in_trace};

/// Events that are remembered for whoever opens the control room later.
const REMEMBERED_MAX: usize = 400;
/// Events that a slow reader may be behind before it misses some.
const BEHIND_MAX: usize = 256;
/// Who asks: set by this system's own client, believed for display only.
pub(crate) const ACTOR_HEADER: HeaderName = HeaderName::from_static("x-actor");

/// Something that went from one actor to another.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Rises by one.
    pub number: u64,
    /// Wire time.
    pub time: Timestamp,
    /// Trace of the story that it belongs to, if it has one.
    pub trace: Option<String>,
    /// Who began.
    pub from: String,
    /// Who answered.
    pub to: String,
    /// In one line: `POST /api/applications → 200`, `VERIFY •••• → 63C4`.
    pub line: String,
    /// The bytes, secrets masked; empty for HTTP.
    pub bytes: Vec<String>,
    /// Whether it was refused.
    pub refused: bool,
}

#[derive(Debug)]
struct Inner {
    recent: Mutex<VecDeque<Event>>,
    sender: broadcast::Sender<Event>,
}

/// The stream of events of one process.
#[derive(Clone, Debug)]
pub struct Live(Arc<Inner>);

impl Default for Live {
    fn default() -> Self {
        Self(Arc::new(Inner { recent: Mutex::default(), sender: broadcast::channel(BEHIND_MAX).0 }))
    }
}

impl Live {
    /// Tells of something; the number is given here.
    pub fn tell(&self, mut event: Event) {
        let mut recent = self.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        event.number = recent.back().map_or(1, |last| last.number + 1);
        if recent.len() == REMEMBERED_MAX {
            recent.pop_front();
        }
        recent.push_back(event.clone());
        // Nobody listens: nobody is told.
        let _ = self.0.sender.send(event);
    }

    /// What is remembered, oldest first.
    #[must_use]
    pub fn recent(&self) -> Vec<Event> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// What comes from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.0.sender.subscribe()
    }
}

/// The door of an actor: who it is, and where it is told what goes through.
#[derive(Clone, Debug)]
pub struct Door {
    /// Name of the actor.
    pub actor: &'static str,
    /// Both times.
    pub clock: Arc<dyn ClockDebug>,
    /// Where it is told.
    pub live: Live,
}

/// A clock that can be printed, as what holds one is.
pub trait ClockDebug: Clock + std::fmt::Debug {}
impl<T: Clock + std::fmt::Debug> ClockDebug for T {}

impl Door {
    /// Phones share a door and have a host each: `phone-NAME.localhost`, `confirm.phone-NAME.localhost`.
    fn name(&self, headers: &HeaderMap) -> String {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let mut labels = host.split('.').filter(|label| label.starts_with("phone-"));
        labels.next().unwrap_or(self.actor).to_owned()
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Middleware: lets what a handler asks of others carry its trace and its name, and tells what it answered.
pub(crate) async fn watch(State(door): State<Door>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let (trace, from, to) = (text(headers, TRACE_HEADER), text(headers, ACTOR_HEADER), door.name(headers));
    let method = request.method().clone();
    // The route and not the path: identifiers of requests are nobody else's business.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = in_trace(to.clone(), request, next).await;
    if let Some(route) = route.filter(|route| !is_background(route)) {
        let status = response.status();
        door.live.tell(Event {
            number: 0,
            time: door.clock.wire(),
            trace,
            from: from.unwrap_or_else(|| "outside".to_owned()),
            to,
            line: format!("{method} {route} → {}", status.as_u16()),
            bytes: Vec::new(),
            refused: status.is_client_error() || status.is_server_error(),
        });
    }
    response
}

/// What goes on all the time whatever anybody does, and what only pages need.
fn is_background(route: &str) -> bool {
    ["/healthz", "/readyz", "/assets/", "/events", "/status/", "/trust/", "/admin/clock"]
        .iter()
        .any(|prefix| route.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_numbered_and_the_oldest_forgotten() {
        let live = Live::default();
        let event = Event {
            number: 0,
            time: Timestamp::UNIX_EPOCH,
            trace: None,
            from: "phone-a".to_owned(),
            to: "authority".to_owned(),
            line: String::new(),
            bytes: Vec::new(),
            refused: false,
        };
        for _ in 0..=REMEMBERED_MAX {
            live.tell(event.clone());
        }
        let recent = live.recent();
        assert_eq!((recent.len(), recent[0].number), (REMEMBERED_MAX, 2));
    }
}
