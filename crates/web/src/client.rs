//! The one HTTP client.

use reqwest::{Method, RequestBuilder, Response, StatusCode, header, redirect::Policy};
use serde::{Serialize, de::DeserializeOwned};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tefuda_types::Reason;
use url::Url;

use crate::{
    live::ACTOR_HEADER,
    problem::{Problem, ProblemBody},
    server::{TRACE_HEADER, current_cause},
};

/// How long an actor may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Most octets of an answer: full revocation lists are the largest.
const ANSWER_OCTETS_MAX: usize = 16 * 1024 * 1024;

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers there.
    #[error("nobody answers at {0}")]
    Unreachable(String),
    /// The peer refused, with its reason.
    #[error("{}", .1.message)]
    Refused(u16, ProblemBody),
    /// The peer answered what it should not.
    #[error("{0} answered what it should not")]
    Unexpected(String),
}

impl ClientError {
    /// The refusing peer's reason code, or one for having no answer.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Unreachable(_) => "peer.unreachable",
            Self::Refused(_, body) => &body.reason,
            Self::Unexpected(_) => "peer.unexpected_answer",
        }
    }
}

/// The codes that this adapter makes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// Nobody answers.
    #[error("another part of the system does not answer")]
    Unreachable,
    /// A strange answer.
    #[error("another part of the system answered what it should not")]
    Unexpected,
}

tefuda_types::reasons! { PeerError {
    Unreachable => "peer.unreachable", Backend;
    Unexpected => "peer.unexpected_answer", Peer;
} }

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let peer = match error {
            ClientError::Refused(status, body) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
                return Self::passed_on(status, body);
            }
            ClientError::Unreachable(_) => PeerError::Unreachable,
            ClientError::Unexpected(_) => PeerError::Unexpected,
        };
        Self::new(peer.blame(), peer.code(), error.to_string())
    }
}

/// A client of other actors. It follows no redirect, and any `*.localhost` is this machine.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    token: Option<Arc<str>>,
}

/// `*.localhost` is loopback (RFC 6761, 6.3), whatever the resolver thinks.
#[derive(Debug)]
struct Localhost;

impl reqwest::dns::Resolve for Localhost {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let local = name.as_str() == "localhost" || name.as_str().ends_with(".localhost");
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = if local {
                vec![SocketAddr::from(([127, 0, 0, 1], 0))]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

impl Client {
    /// A client that shows a bearer token, or none.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one HTTP client adapter")]
    pub fn new(token: Option<Arc<str>>) -> Self {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .timeout(ANSWER_TIMEOUT)
            .dns_resolver(Arc::new(Localhost))
            .no_proxy()
            .build()
            .unwrap_or_default();
        Self { http, token }
    }

    /// The same client, showing another token.
    #[must_use]
    pub fn showing(&self, token: &str) -> Self {
        Self { http: self.http.clone(), token: Some(token.into()) }
    }

    /// `POST` of a form: status and octets, whatever they are.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<(u16, Vec<u8>), ClientError> {
        let request = self.request(Method::POST, url).header(header::ACCEPT, "application/json").form(form);
        let response = request.send().await.map_err(|_| ClientError::Unreachable(origin(url)))?;
        Ok((response.status().as_u16(), octets(url, response).await?))
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let mut request = self.http.request(method, url);
        if let Some(cause) = current_cause() {
            request = request.header(TRACE_HEADER, cause.trace).header(ACTOR_HEADER, cause.actor);
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// `GET`, JSON back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, ClientError> {
        let request = self.request(Method::GET, url).header(header::ACCEPT, "application/json");
        json(url, accepted(url, request).await?).await
    }

    /// `GET`, octets back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get_bytes(&self, url: &str) -> Result<Vec<u8>, ClientError> {
        octets(url, accepted(url, self.request(Method::GET, url)).await?).await
    }

    /// `POST` of JSON, JSON back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        url: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        json(url, accepted(url, self.request(Method::POST, url).json(body)).await?).await
    }

    /// `DELETE`, JSON back.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete<T: DeserializeOwned>(&self, url: &str) -> Result<T, ClientError> {
        json(url, accepted(url, self.request(Method::DELETE, url)).await?).await
    }

    /// `POST` whose answer goes on until this end lets go of it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn open(&self, url: &str, body: &(impl Serialize + Sync)) -> Result<Response, ClientError> {
        accepted(url, self.request(Method::POST, url).timeout(Duration::from_secs(86_400)).json(body)).await
    }

    /// `GET` as a browser that shows its cookies: status, `Location` and cookies set.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub async fn browse(&self, url: &Url, cookies: &str) -> Result<Visit, ClientError> {
        let request = self.http.get(url.clone()).header(header::COOKIE, cookies);
        let response = request.send().await.map_err(|_| ClientError::Unreachable(origin(url.as_str())))?;
        let text =
            |name| response.headers().get_all(name).iter().filter_map(|v| v.to_str().ok().map(str::to_owned));
        Ok(Visit {
            status: response.status().as_u16(),
            location: text(header::LOCATION).next(),
            cookies: text(header::SET_COOKIE).collect(),
        })
    }
}

/// What a browser saw.
#[derive(Clone, Debug)]
pub struct Visit {
    /// HTTP status.
    pub status: u16,
    /// Where it is sent.
    pub location: Option<String>,
    /// `Set-Cookie` lines.
    pub cookies: Vec<String>,
}

/// Errors name the origin only: a path or query can hold what must not be in a log.
fn origin(url: &str) -> String {
    Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

async fn accepted(url: &str, request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request.send().await.map_err(|_| ClientError::Unreachable(origin(url)))?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    match serde_json::from_slice(&octets(url, response).await?) {
        Ok(body) => Err(ClientError::Refused(status, body)),
        Err(_) => Err(ClientError::Unexpected(origin(url))),
    }
}

async fn octets(url: &str, mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut octets = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| ClientError::Unreachable(origin(url)))? {
        octets.extend_from_slice(&chunk);
        if octets.len() > ANSWER_OCTETS_MAX {
            return Err(ClientError::Unexpected(origin(url)));
        }
    }
    Ok(octets)
}

async fn json<T: DeserializeOwned>(url: &str, response: Response) -> Result<T, ClientError> {
    serde_json::from_slice(&octets(url, response).await?).map_err(|_| ClientError::Unexpected(origin(url)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{Door, Live};
    use axum::{Router, extract::State, http::HeaderMap, routing::get};
    use tefuda_types::{FixedClock, Timestamp};
    use tokio::{net::TcpListener, sync::watch};

    async fn serve(router: Router) -> (String, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (stop, stopping) = watch::channel(false);
        let door = Door {
            actor: "test",
            host: "localhost".into(),
            clock: Arc::new(FixedClock(Timestamp::UNIX_EPOCH)),
            live: Live::default(),
            keys: tefuda_keys::KeyStore::Files,
        };
        tokio::spawn(crate::serve(listener, (router, door), stopping));
        (url, stop)
    }

    fn trace(headers: &HeaderMap) -> String {
        headers.get(TRACE_HEADER).unwrap().to_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn what_a_handler_asks_carries_its_trace() {
        let last = Router::new().route("/", get(async |headers: HeaderMap| axum::Json(trace(&headers))));
        let (last, _stop) = serve(last).await;
        let first = get(async |State(next): State<String>, headers: HeaderMap| {
            let told: String = Client::new(None).get(&next).await.unwrap();
            axum::Json((trace(&headers), told))
        });
        let (first, _stop) = serve(Router::new().route("/", first).with_state(last)).await;
        let (mine, told): (String, String) = Client::new(None).get(&first).await.unwrap();
        assert_eq!(mine, told);
    }
}
