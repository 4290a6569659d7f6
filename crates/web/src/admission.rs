//! Who is let in while many want to: a few are answered, some wait in a line, the rest is told to come back.
//!
//! A request takes a place when its header is read, gives its body, then waits until it is answered. So nobody who
//! is slow to say what he wants keeps others from being answered, and what waits is bounded in number and octets.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use tefuda_types::Reason;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    Problem,
    server::BODY_OCTETS_MAX,
    shares::{Full, Share, Shares},
};

/// Requests that an actor answers at a time. A store has one writer and four connections: more would only wait
/// there, each holding memory.
const ANSWERED_MAX: usize = 64;
/// Places of an actor, for those who are answered, wait, or still send their body: at 256 KiB of body each that is
/// 96 MiB at the very worst, and with the few hundred octets that requests have, nothing.
const PLACES_MAX: usize = 384;
/// Places of one network address: half. Whoever floods an actor leaves the other half to everybody else, and
/// nobody is ever behind more than this of his.
const PLACES_OF_ONE_MAX: usize = PLACES_MAX / 2;
/// How long a body may take. The largest, 256 KiB, comes in time at 200 kbit/s.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How long a request waits to be answered: less than a caller's patience, and than the database's.
const WAITING_TIME: Duration = Duration::from_secs(5);
/// How long an answer may take to begin: as much as the longest chain of patience behind a handler, thrice the ten
/// seconds of a database, and then some.
const ANSWERING_TIME: Duration = Duration::from_secs(60);

/// Why a request is not answered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// This address has all the places that one address gets.
    #[error("too many requests from this address wait already")]
    TooMany,
    /// All places are taken, or the wait was too long.
    #[error("this service has more to do than it can; come back in a moment")]
    Overloaded,
    /// The body did not come in time.
    #[error("the body of the request did not come in time")]
    TooSlow,
    /// The body is larger than any request of this system.
    #[error("the body of the request is too large")]
    TooLarge,
}

tefuda_types::reasons! { AdmissionError {
    TooMany => "service.too_many_requests", Policy;
    Overloaded => "service.overloaded", Backend;
    TooSlow => "request.body_too_slow", Malformed;
    TooLarge => "request.body_too_large", Malformed;
} }

impl AdmissionError {
    /// Not by way of the log: ten times too many requests would be ten times too many lines.
    fn answer(self) -> Response {
        Problem::new(self.blame(), self.code(), self.to_string()).into_response()
    }
}

/// Which address a connection comes from. Behind a proxy that is the proxy's, which then has to share out by itself.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The places of one actor.
#[derive(Clone, Debug)]
pub struct Places {
    taken: Shares,
    answered: Arc<Semaphore>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            taken: Shares::new(PLACES_MAX, PLACES_OF_ONE_MAX),
            answered: Arc::new(Semaphore::new(ANSWERED_MAX)),
        }
    }
}

impl Places {
    fn take(&self, of: IpAddr) -> Result<Share, AdmissionError> {
        self.taken.take(of).map_err(|full| match full {
            Full::All => AdmissionError::Overloaded,
            Full::One => AdmissionError::TooMany,
        })
    }
}

/// Middleware: a place, the body, the turn, the answer.
pub(crate) async fn admit(State(places): State<Places>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |Peer(of)| *of);
    let place = match places.take(peer) {
        Ok(place) => place,
        Err(refused) => return refused.answer(),
    };
    let request = match with_body(request).await {
        Ok(request) => request,
        Err(refused) => return refused.answer(),
    };
    let Ok(Ok(_turn)) = timeout(WAITING_TIME, places.answered.acquire()).await else {
        return AdmissionError::Overloaded.answer();
    };
    let answer = timeout(ANSWERING_TIME, next.run(request)).await;
    drop(place);
    answer.unwrap_or_else(|_| AdmissionError::Overloaded.answer())
}

/// A request whose body is here.
async fn with_body(request: Request) -> Result<Request, AdmissionError> {
    let (head, body) = request.into_parts();
    let body = timeout(BODY_TIME, to_bytes(body, BODY_OCTETS_MAX)).await;
    let body = body.map_err(|_| AdmissionError::TooSlow)?.map_err(|_| AdmissionError::TooLarge)?;
    Ok(Request::from_parts(head, Body::from(body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, http::StatusCode, middleware, routing::post};
    use tokio::{sync::Notify, task::JoinSet};
    use tower::ServiceExt;

    const FLOODER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn request(from: IpAddr, body: Body) -> Request {
        let mut request = Request::post("/").body(body).unwrap();
        request.extensions_mut().insert(Peer(from));
        request
    }

    /// A handler that answers when it may.
    fn slow(places: &Places, may: &Arc<Notify>, begun: &Arc<Semaphore>) -> Router {
        let (may, begun) = (Arc::clone(may), Arc::clone(begun));
        let handler = move || async move {
            begun.add_permits(1);
            may.notified().await;
            may.notify_one();
            "done"
        };
        let admitted = middleware::from_fn_with_state(places.clone(), admit);
        Router::new().route("/", post(handler)).layer(admitted)
    }

    #[tokio::test]
    async fn abuse_m01_a_flood_from_one_address_leaves_half_of_the_places_to_others() {
        let (places, may) = (Places::default(), Arc::new(Notify::new()));
        let begun = Arc::new(Semaphore::new(0));
        let router = slow(&places, &may, &begun);
        let ask = |from| router.clone().oneshot(request(from, Body::empty()));
        let mut flood = JoinSet::new();
        for _ in 0..10 * PLACES_OF_ONE_MAX {
            flood.spawn(ask(FLOODER));
        }
        // Nine tenths are sent away at once, and told when to come back.
        for _ in 0..9 * PLACES_OF_ONE_MAX {
            let refused = flood.join_next().await.unwrap().unwrap().unwrap();
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
            assert!(refused.headers().contains_key("retry-after"));
        }
        let _all_turns_taken = begun.acquire_many(ANSWERED_MAX.try_into().unwrap()).await.unwrap();
        assert_eq!(begun.available_permits(), 0, "no more are answered at a time");
        let stranger = tokio::spawn(ask(STRANGER));
        while places.taken.count(&STRANGER).is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(places.taken.count(&FLOODER), Some(PLACES_OF_ONE_MAX), "and nobody is behind more");
        may.notify_one();
        assert_eq!(stranger.await.unwrap().unwrap().status(), StatusCode::OK);
        let mut done = 0;
        while let Some(answer) = flood.join_next().await {
            assert_eq!(answer.unwrap().unwrap().status(), StatusCode::OK, "who was taken is served");
            done += 1;
        }
        assert_eq!(done, PLACES_OF_ONE_MAX);
        assert!(places.taken.is_empty(), "all places are free again");
    }

    #[tokio::test]
    async fn many_addresses_together_have_no_more_than_all_places() {
        let places = Places::default();
        let of = |number: usize| IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap()));
        let taken: Vec<_> = (0..PLACES_MAX).map(|number| places.take(of(number)).unwrap()).collect();
        assert_eq!(places.take(STRANGER).unwrap_err(), AdmissionError::Overloaded);
        assert_eq!(AdmissionError::Overloaded.answer().status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(taken);
        assert!(places.take(STRANGER).is_ok());
    }

    #[tokio::test]
    async fn who_is_slow_to_say_what_he_wants_keeps_no_turn() {
        let (places, may) = (Places::default(), Arc::new(Notify::new()));
        let begun = Arc::new(Semaphore::new(0));
        let router = slow(&places, &may, &begun);
        may.notify_one();
        let mut slow = JoinSet::new();
        for _ in 0..ANSWERED_MAX + 1 {
            let (never, lines) = tokio::sync::mpsc::channel(1);
            let body = crate::held(lines, move || drop(never));
            slow.spawn(router.clone().oneshot(request(FLOODER, body)));
        }
        while places.taken.count(&FLOODER) != Some(ANSWERED_MAX + 1) {
            tokio::task::yield_now().await;
        }
        let quick = router.clone().oneshot(request(STRANGER, Body::empty())).await.unwrap();
        assert_eq!(quick.status(), StatusCode::OK);
        let huge = router.oneshot(request(STRANGER, Body::from(vec![0; BODY_OCTETS_MAX + 1]))).await.unwrap();
        assert_eq!(huge.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
