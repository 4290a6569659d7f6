use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tefuda_types::{Blame, Reason, ReasonCode};

use crate::live::Outcome;

/// When a caller may try what failed behind us again: long enough for a database to be promoted or started,
/// short enough for a person who waits.
const RETRY_AFTER_SECONDS: &str = "5";

/// What a handler gives.
pub type Answer<T> = Result<Json<T>, Problem>;

/// A refusal as it goes over the wire: `{"reason", "message"}` with a status that says who has to act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    reason: String,
    message: String,
}

/// The body of a refusal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProblemBody {
    /// Stable reason code.
    pub reason: String,
    /// English, for developers; people see the catalogue's sentence.
    pub message: String,
}

impl Problem {
    /// A refusal with a code that an error carries.
    #[must_use]
    pub fn new(blame: Blame, code: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            status: status(blame, code.as_str()),
            reason: code.as_str().to_owned(),
            message: message.into(),
        }
    }

    /// A refusal that another actor gave, passed on.
    #[must_use]
    pub fn passed_on(status: StatusCode, body: ProblemBody) -> Self {
        Self { status, reason: body.reason, message: body.message }
    }

    /// Its HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Its reason code.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The header that says when to try again, where time alone can help.
    #[must_use]
    pub fn retry_after(&self) -> Option<(HeaderName, HeaderValue)> {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
            .then(|| (header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS)))
    }
}

fn status(blame: Blame, code: &str) -> StatusCode {
    match blame {
        _ if code.ends_with("not_found") => StatusCode::NOT_FOUND,
        _ if code.ends_with("unauthorized") => StatusCode::UNAUTHORIZED,
        _ if code.ends_with("too_many_requests") => StatusCode::TOO_MANY_REQUESTS,
        _ if code.ends_with("body_too_slow") => StatusCode::REQUEST_TIMEOUT,
        _ if code.ends_with("body_too_large") => StatusCode::PAYLOAD_TOO_LARGE,
        Blame::Malformed | Blame::Caller => StatusCode::BAD_REQUEST,
        Blame::Peer => StatusCode::UNPROCESSABLE_ENTITY,
        Blame::Policy => StatusCode::CONFLICT,
        Blame::Backend => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl<E: Reason + core::fmt::Display> From<E> for Problem {
    fn from(error: E) -> Self {
        // Backend failures carry paths and SQL: they go to the log, once, and not to the peer.
        let message = match error.blame() {
            Blame::Backend => {
                tracing::error!(reason = %error.code(), error = %error, "backend failure");
                "something behind this service failed; try again".to_owned()
            }
            _ => error.to_string(),
        };
        Self::new(error.blame(), error.code(), message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let outcome = Outcome(self.reason.clone());
        let retry_after = self.retry_after();
        let body = ProblemBody { reason: self.reason, message: self.message };
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(outcome);
        response.headers_mut().extend(retry_after);
        response
    }
}
