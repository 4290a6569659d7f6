use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use std::{
    future::{Ready, ready},
    sync::Arc,
};
use tefuda_keys::KeyStore;
use tefuda_types::Reason;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::TraceLayer,
};

use crate::{
    Problem,
    admission::{self, Places},
    live::{self, Door},
};

/// Most octets of a request body: an application with its attestations needs some 16,000.
pub(crate) const BODY_OCTETS_MAX: usize = 256 * 1024;
/// One identifier from the first message of a story through all actors.
pub(crate) const TRACE_HEADER: HeaderName = HeaderName::from_static("x-trace-id");

/// What the requests that a task causes carry on.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) trace: HeaderValue,
    pub(crate) actor: HeaderValue,
}

tokio::task_local! {
    /// The request that this task answers.
    static CAUSE: Cause;
}

/// What is being answered, for requests that it causes.
pub(crate) fn current_cause() -> Option<Cause> {
    CAUSE.try_with(Clone::clone).ok()
}

/// Lets what a handler asks of other actors carry the trace of what it answers, and who asks.
pub(crate) async fn in_trace(actor: String, request: Request, next: Next) -> Response {
    let actor = HeaderValue::try_from(actor).ok();
    match request.headers().get(TRACE_HEADER).cloned().zip(actor) {
        Some((trace, actor)) => CAUSE.scope(Cause { trace, actor }, next.run(request)).await,
        None => next.run(request).await,
    }
}

/// Why a route stays closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// No bearer token, or not the one.
    #[error("the bearer token is missing or wrong")]
    Unauthorized,
    /// A name that is not this machine's: a page from elsewhere whose name was made to point here.
    #[error("this host name is not one of this system")]
    HostUnknown,
}

tefuda_types::reasons! { AccessError {
    Unauthorized => "access.unauthorized", Policy;
    HostUnknown => "access.host_unknown", Policy;
} }

/// Guards a router by a bearer token: the command line's, the call centre's.
#[derive(Clone, Debug)]
pub struct Bearer(pub Arc<str>);

impl Bearer {
    /// Middleware for [`axum::middleware::from_fn_with_state`].
    ///
    /// # Errors
    /// `access.unauthorized` without the token.
    pub async fn guard(
        State(Self(token)): State<Self>,
        request: Request,
        next: Next,
    ) -> Result<Response, Problem> {
        let shown = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        // Compared as hashes of equal length would be overkill: the token is 256 random bits, the file local.
        if shown.is_some_and(|shown| constant_time_equal(shown.as_bytes(), token.as_bytes())) {
            Ok(next.run(request).await)
        } else {
            Err(AccessError::Unauthorized.into())
        }
    }

    /// A router that asks for the token first.
    pub fn protect<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        router.layer(middleware::from_fn_with_state(self, Self::guard))
    }
}

fn constant_time_equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// Whether a host name means this machine, or the host by which others reach this actor. Phones have names of
/// their own below `localhost`; nobody else has, so that no page of such a name is taken for an actor's.
fn is_own_host(actor: &str, own: &str, host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|octet| octet.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let below = name.strip_suffix(".localhost").unwrap_or_default();
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
        || name == own
        || (actor == "phones" && (below.starts_with("phone-") || below.starts_with("confirm.phone-")))
}

/// Turns away requests for other hosts, against rebinding of names.
async fn own_host(
    State((actor, own)): State<(&'static str, Arc<str>)>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    match host {
        Some(host) if !is_own_host(actor, &own, host) => Err(AccessError::HostUnknown.into()),
        _ => Ok(next.run(request).await),
    }
}

/// An actor listens only when its stores are open: who gets an answer gets one from a ready actor, but for keys that
/// are away, which is told by the token's name.
fn readiness(keys: KeyStore) -> impl Fn() -> Ready<Result<&'static str, Problem>> + Clone {
    move || {
        let told = keys.ready();
        ready(
            told.map(|()| "ok").map_err(|error| Problem::new(error.blame(), error.code(), error.to_string())),
        )
    }
}

/// What every actor's routes stand behind: limits, a trace identifier, and no panic that leaves the process.
pub fn layered(router: Router, door: Door) -> Router {
    let readiness = readiness(door.keys.clone());
    router
        .layer(middleware::from_fn_with_state((door.actor, Arc::clone(&door.host)), own_host))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(door, live::watch))
        .layer(middleware::from_fn_with_state(Places::default(), admission::admit))
        // An actor listens only when its stores are open: who gets an answer gets one from a ready actor, and that
        // it has much to do makes it no less ready.
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(readiness))
        .layer(PropagateRequestIdLayer::new(TRACE_HEADER))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request| {
            let trace =
                request.headers().get(TRACE_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
            // The path only: a query can hold a code.
            tracing::info_span!("http", method = %request.method(), path = request.uri().path(), trace)
        }))
        .layer(SetRequestIdLayer::new(TRACE_HEADER, MakeRequestUuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_phones_have_names_below_localhost() {
        for (actor, host, own) in [
            ("control", "localhost:8480", true),
            ("control", "127.0.0.1", true),
            ("control", "[::1]:8480", true),
            ("control", "evil.localhost:8480", false),
            ("control", "rebound.example:8480", false),
            ("phones", "phone-android.localhost:8484", true),
            ("phones", "confirm.phone-android.localhost:8484", true),
            ("phones", "evil.localhost:8484", false),
            ("phones", "phone-android.localhost.example", false),
        ] {
            assert_eq!(is_own_host(actor, "localhost", host), own, "{actor} {host}");
        }
        assert!(is_own_host("gateway", "id.example", "id.example"));
        assert!(!is_own_host("gateway", "id.example", "phone-a.id.example"));
    }
}
