//! What the authority answers over HTTP.

use axum::{
    Json, Router,
    body::Bytes as Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64ct::{Base64, Encoding};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tefuda_pki::ocsp::{self, OcspError, Request, ResponseStatus};
use tefuda_types::CertificateKind;
use tefuda_web::{Bearer, Problem};

use crate::{
    Authority, admin,
    ca::{CaError, Generation},
    console,
    lists::List,
    me, phones,
};

/// An OCSP GET path longer than this is no request (RFC 6960, A.1: GET is for requests below 255 octets).
const OCSP_PATH_OCTETS_MAX: usize = 2_048;

/// Why a request names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// No such list, generation or file.
    #[error("there is no such list")]
    ListNotFound,
    /// A reason that RFC 5280 does not have.
    #[error("there is no such reason for a revocation")]
    ReasonUnknown,
    /// Neither a card nor a phone is to be stopped, or both.
    #[error("a stop names either the card or one phone")]
    StopMalformed,
}

tefuda_types::reasons! { RouteError {
    ListNotFound => "crl.not_found", Caller;
    ReasonUnknown => "revocation.reason_unknown", Malformed;
    StopMalformed => "stop.malformed", Malformed;
} }

pub(crate) type Shared = State<Arc<Authority>>;

/// Everything that the authority answers.
pub fn router(authority: Arc<Authority>) -> Router {
    let operators = Bearer(Arc::clone(&authority.context.admin_token));
    let call_centre = Bearer(Arc::clone(&authority.context.call_centre_token));
    Router::new()
        .route("/crl/index.json", get(list_index))
        .route("/crl/{file}", get(list))
        .route("/trust/index.json", get(trust))
        .route("/ocsp", post(ocsp_post))
        .route("/ocsp/{*request}", get(ocsp_get))
        .merge(phones::routes())
        .merge(me::routes())
        .merge(operators.protect(admin::routes()))
        .merge(call_centre.protect(phones::call_centre()))
        .merge(console::routes())
        .with_state(authority)
}

impl Authority {
    /// Where the responder of all CAs is.
    pub(crate) fn ocsp_url(&self) -> String {
        format!("{}/ocsp", self.context.urls.authority())
    }

    fn list_name(kind: CertificateKind, generation: &Generation, list: List) -> String {
        let suffix = if list == List::Full { "crl" } else { "delta.crl" };
        format!("{kind}-g{}.{suffix}", generation.number)
    }

    pub(crate) fn list_url(&self, kind: CertificateKind, generation: &Generation, list: List) -> String {
        format!("{}/crl/{}", self.context.urls.authority(), Self::list_name(kind, generation, list))
    }

    /// A list by the name of its file, made if it is stale.
    async fn list_file(&self, file: &str) -> Result<Vec<u8>, Problem> {
        for kind in CertificateKind::ALL {
            let ca = self.ca(kind);
            for generation in ca.generations() {
                for list in [List::Full, List::Delta] {
                    if Self::list_name(kind, &generation, list) == file {
                        let delta_url = self.list_url(kind, &generation, List::Delta);
                        return Ok(ca.list(&generation, list, &delta_url).await?);
                    }
                }
            }
        }
        Err(RouteError::ListNotFound.into())
    }

    async fn answer_ocsp(&self, der: &[u8]) -> Result<Body, OcspFailure> {
        let answered = CertificateKind::ALL.into_iter().find_map(|kind| self.ca(kind).answered(der));
        if let Some(answer) = answered {
            return Ok(answer);
        }
        let request = Request::parse(der)?;
        for kind in CertificateKind::ALL {
            let ca = self.ca(kind);
            let generations = ca.generations();
            if let Ok(position) = request.issuer(generations.iter().map(|generation| &generation.ocsp))
                && let Some(generation) = generations.get(position)
            {
                return Ok(ca.answer(generation, (der, &request)).await?);
            }
        }
        Err(OcspError::Unauthorized.into())
    }
}

/// What keeps a responder from answering.
#[derive(Debug)]
struct OcspFailure(ResponseStatus);

impl From<OcspError> for OcspFailure {
    fn from(error: OcspError) -> Self {
        Self(error.status())
    }
}

impl From<CaError> for OcspFailure {
    fn from(error: CaError) -> Self {
        tracing::error!(%error, "the OCSP responder failed");
        Self(ResponseStatus::TryLater)
    }
}

async fn list_index(State(authority): Shared) -> Json<Value> {
    let mut lists = Vec::new();
    for kind in CertificateKind::ALL {
        for generation in authority.ca(kind).generations() {
            lists.push(json!({
                "kind": kind,
                "generation": generation.number,
                "full": authority.list_url(kind, &generation, List::Full),
                "delta": authority.list_url(kind, &generation, List::Delta),
            }));
        }
    }
    Json(json!({ "lists": lists }))
}

async fn list(State(authority): Shared, Path(file): Path<String>) -> Result<Response, Problem> {
    let list = authority.list_file(&file).await?;
    let headers = [(header::CONTENT_TYPE, "application/pkix-crl"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, list).into_response())
}

/// A root, for trust stores.
#[derive(Debug, Serialize)]
struct Root {
    role: String,
    generation: u32,
    subject: String,
    key_id: String,
    pem: String,
}

async fn trust(State(authority): Shared) -> Json<Value> {
    let mut roots = Vec::new();
    for kind in CertificateKind::ALL {
        for generation in authority.ca(kind).generations() {
            let certificate = &generation.certificate;
            roots.push(Root {
                role: format!("{kind}-ca"),
                generation: generation.number,
                subject: certificate.subject().to_string(),
                key_id: tefuda_types::hexadecimal(&certificate.key_id()),
                pem: certificate.to_pem(),
            });
        }
    }
    Json(json!({ "roots": roots }))
}

fn ocsp_response(answer: Result<Body, OcspFailure>) -> Response {
    let body = answer.unwrap_or_else(|OcspFailure(status)| ocsp::error_response(status).into());
    ([(header::CONTENT_TYPE, "application/ocsp-response")], body).into_response()
}

async fn ocsp_post(State(authority): Shared, body: Body) -> Response {
    ocsp_response(authority.answer_ocsp(&body).await)
}

async fn ocsp_get(State(authority): Shared, Path(request): Path<String>) -> Response {
    if request.len() > OCSP_PATH_OCTETS_MAX {
        return StatusCode::URI_TOO_LONG.into_response();
    }
    let der = Base64::decode_vec(&request).unwrap_or_default();
    ocsp_response(authority.answer_ocsp(&der).await)
}
