//! What went between the actors just now, for the control room. Nothing of it is kept.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, Method, header},
    middleware::Next,
    response::Response,
};
use serde::Serialize;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tefuda_apdu::{StatusWord, describe};
use tefuda_keys::KeyStore;
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
    /// Reason code, where an actor said no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The bytes, secrets masked; empty for HTTP.
    pub bytes: Vec<String>,
    /// Whether it was refused.
    pub refused: bool,
}

/// What an answer came to, where it was *no*: its reason code. A [`Problem`](crate::Problem) carries it by itself;
/// what is well for the program and a refusal for the person says it in addition to its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome(pub String);

impl Outcome {
    /// An answer with what it came to, if that was *no*.
    #[must_use]
    pub fn of(mut response: Response, reason: Option<&str>) -> Response {
        if let Some(reason) = reason {
            response.extensions_mut().insert(Self(reason.to_owned()));
        }
        response
    }
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
    /// The host by which others reach it, beside this machine's own names.
    pub host: Arc<str>,
    /// Both times.
    pub clock: Arc<dyn ClockDebug>,
    /// Where it is told.
    pub live: Live,
    /// What it is not ready without.
    pub keys: KeyStore,
}

/// A clock that can be printed, as what holds one is.
pub trait ClockDebug: Clock + std::fmt::Debug {}
impl<T: Clock + std::fmt::Debug> ClockDebug for T {}

/// Hears of every exchange with a chip: command, response.
pub type Listener = Arc<dyn Fn(&[u8], &[u8]) + Send + Sync>;

impl Door {
    /// Tells of every exchange between a reader and a chip, passwords masked.
    #[must_use]
    pub fn listener(&self, from: impl Into<String>, to: impl Into<String>) -> Listener {
        let (door, from, to) = (self.clone(), from.into(), to.into());
        Arc::new(move |command, response| {
            let exchange = describe::exchange(command, response);
            door.live.tell(Event {
                number: 0,
                time: door.clock.wire(),
                trace: None,
                from: from.clone(),
                to: to.clone(),
                refused: exchange.status.is_none_or(|status| is_refusal(command, status)),
                line: exchange.line,
                reason: None,
                bytes: vec![exchange.command, exchange.response],
            });
        })
    }

    /// Phones share a door and have a host each: `phone-NAME.localhost`, `confirm.phone-NAME.localhost`.
    fn name(&self, headers: &HeaderMap) -> String {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let mut labels = host.split('.').filter(|label| label.starts_with("phone-"));
        labels.next().unwrap_or(self.actor).to_owned()
    }
}

/// A chip that is asked how many tries are left answers with a warning, and refuses nothing.
fn is_refusal(command: &[u8], status: StatusWord) -> bool {
    let asked_for_tries = command.len() <= HEADER_OCTETS && status.as_tries_left().is_some();
    !(status.is_ok() || status.0 >> 8 == MORE_DATA || asked_for_tries)
}

/// Octets of a command that carries nothing.
const HEADER_OCTETS: usize = 4;
/// First octet of a status word that announces more data (ISO 7816-4, 5.6).
const MORE_DATA: u16 = 0x61;

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Middleware: lets what a handler asks of others carry its trace and its name, and tells what it answered.
pub(crate) async fn watch(State(door): State<Door>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let (trace, from, to) = (text(headers, TRACE_HEADER), text(headers, ACTOR_HEADER), door.name(headers));
    let method = request.method().clone();
    let looks_on = is_looking_on(&method, from.as_deref(), &to);
    // The route and not the path: identifiers of requests are nobody else's business.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = in_trace(to.clone(), request, next).await;
    if let Some(route) = route.filter(|route| !looks_on && !is_background(&method, route)) {
        let status = response.status();
        let reason = response.extensions().get::<Outcome>().map(|Outcome(reason)| reason.clone());
        door.live.tell(Event {
            number: 0,
            time: door.clock.wire(),
            trace,
            from: from.unwrap_or_else(|| "outside".to_owned()),
            to,
            line: format!("{method} {} → {}", without_names(&route), status.as_u16()),
            bytes: Vec::new(),
            refused: reason.is_some() || status.is_client_error() || status.is_server_error(),
            reason,
        });
    }
    response
}

/// A route as people read it: `…` stands for an identifier.
fn without_names(route: &str) -> String {
    let parts = route.split('/').map(|part| if part.starts_with('{') { "…" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Who looks at the table from above is no part of what goes on there.
fn is_looking_on(method: &Method, from: Option<&str>, to: &str) -> bool {
    method == Method::GET && (from == Some("control") || to == "control")
}

/// What goes on all the time whatever anybody does (cards are made ahead of need), and what only looks.
fn is_background(method: &Method, route: &str) -> bool {
    const ALWAYS: [&str; 7] =
        ["/healthz", "/readyz", "/assets/", "/events", "/status/", "/trust/", "/admin/clock"];
    const MADE_AHEAD: &str = "/admin/residents/{id}/card";
    const LOOKS: [&str; 5] =
        ["/api/status", "/api/devices/{element}", "/login/{request}/state", "/crl/", "/admin/"];
    let looks = |look: &&str| route == *look || (look.ends_with('/') && route.starts_with(look));
    ALWAYS.iter().any(|prefix| route.starts_with(prefix))
        || route == MADE_AHEAD
        || (method == Method::GET && LOOKS.iter().any(looks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_that_tells_its_tries_refuses_nothing() {
        let door = Door {
            actor: "test",
            host: "localhost".into(),
            clock: Arc::new(tefuda_types::FixedClock(Timestamp::UNIX_EPOCH)),
            live: Live::default(),
            keys: KeyStore::Files,
        };
        let listener = door.listener("reader", "card hanako");
        listener(&[0x00, 0x20, 0x00, 0x80], &[0x63, 0xC3]);
        listener(b"\x00\x20\x00\x80\x041234", &[0x63, 0xC2]);
        let told = door.live.recent();
        assert_eq!(told.iter().map(|event| event.refused).collect::<Vec<_>>(), [false, true]);
        assert!(!format!("{told:?}").contains("31 32 33 34"), "{told:?}");
    }

    #[test]
    fn a_route_is_told_without_the_names_of_its_places() {
        assert_eq!(without_names("/api/login/{request}/proof"), "/api/login/…/proof");
        assert_eq!(without_names("/"), "/");
    }

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
            reason: None,
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
