//! What the browser that began a login sees: its page, the way over another device, and the way back.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::json;
use std::sync::Arc;
use tefuda_gateway::{Continuation, Fingerprint, FlowError, Login, Purpose, opaque};
use tefuda_keys::SystemRandom;
use tefuda_protocol::transaction::LoginChannel;
use tefuda_store::Transaction;

use crate::{
    Gateway,
    authorize::cookie_name,
    page::{PageProblem, escape, page, see_other},
    store::{CODES, LOGINS},
};

type Shared = State<Arc<Gateway>>;

impl Gateway {
    fn cookie(&self, headers: &HeaderMap, request: &str) -> Option<Fingerprint> {
        let name = cookie_name(request);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(own, _)| *own == name)
            .map(|(_, value)| self.fingerprints.of(Purpose::Cookie, value))
    }

    /// A login, for the browser that began it.
    async fn of_browser(
        &self,
        headers: &HeaderMap,
        request: &str,
    ) -> Result<(Transaction, Login), PageProblem> {
        let mut transaction = self.store.begin().await?;
        let login: Login = transaction.get(LOGINS, request).await?.ok_or(FlowError::NotFound)?;
        login.require_browser(self.cookie(headers, request).as_ref())?;
        Ok((transaction, login))
    }

    async fn cross_device(&self, headers: &HeaderMap, request: &str) -> Result<Response, PageProblem> {
        let foreign =
            |origin: &axum::http::HeaderValue| origin.as_bytes() != self.context.urls.gateway().as_bytes();
        if headers.get(header::ORIGIN).is_some_and(foreign) {
            return Err(FlowError::ForeignOrigin.into());
        }
        let (mut transaction, mut login) = self.of_browser(headers, request).await?;
        login.cross_device(u32::from_be_bytes(SystemRandom::octets()), self.wire())?;
        transaction.put(LOGINS, request, &login).await?;
        transaction.commit().await?;
        Ok(see_other(&format!("{}/login/{request}", self.context.urls.gateway())))
    }

    /// Back to the relying party, once.
    async fn go_on(&self, headers: &HeaderMap, request: &str) -> Result<Response, PageProblem> {
        let (mut transaction, mut login) = self.of_browser(headers, request).await?;
        let session: String =
            SystemRandom::octets::<16>().iter().map(|octet| format!("{octet:02x}")).collect();
        let location = match login.go_on(session.clone(), self.wire())? {
            Continuation::Denied(refused) => login.redirect_denied(&refused),
            Continuation::Code(grant) => {
                let code = opaque(&SystemRandom::octets());
                let id = self.fingerprints.of(Purpose::Code, code.expose());
                transaction.insert(CODES, id.as_str(), &grant).await?;
                login.redirect_with_code(code.expose(), &session)
            }
        };
        transaction.put(LOGINS, request, &login).await?;
        self.audit(&mut transaction, "login.answered", json!({ "request": request })).await?;
        transaction.commit().await?;
        Ok(see_other(&location))
    }
}

/// `GET /login/{request}`.
pub(crate) async fn show(
    State(gateway): Shared,
    Path(request): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    let (_, login) = gateway.of_browser(&headers, &request).await?;
    if login.is_answered() {
        let body = format!(
            "<h1>Your phone has answered</h1>\n<p><a href=\"/login/{}/continue\">Go back to {}</a></p>",
            escape(&request),
            escape(&login.transaction().relying_party)
        );
        return Ok(page(StatusCode::OK, "answered", "", &body));
    }
    login.require_open(gateway.wire())?;
    Ok(page(StatusCode::OK, "waiting", "", &waiting(&login)))
}

fn waiting(login: &Login) -> String {
    let transaction = login.transaction();
    let request = escape(login.request());
    let how = match &transaction.channel {
        LoginChannel::CrossDevice { number } => format!(
            "<p>Open this request on your phone. Approve it only if your phone shows the number \
             <strong>{}</strong>.</p>\n<p>Then <a href=\"/login/{request}\">look again</a>.</p>",
            escape(number)
        ),
        LoginChannel::SameDevice => {
            let other = if login.takes_cross_device() {
                format!(
                    "\n<form method=\"post\" action=\"/login/{request}/other-device\">\
                     <button>My phone is another device</button></form>"
                )
            } else {
                String::new()
            };
            format!(
                "<p>Approve it in the wallet of this phone, then \
                 <a href=\"/login/{request}/continue\">go on</a>.</p>{other}"
            )
        }
    };
    format!(
        "<h1>Log in at {}</h1>\n<p>{}</p>\n<p>You will be sent back to {}.</p>\n<p>Request <code>{request}</code></p>\n{how}",
        escape(&transaction.relying_party),
        escape(&transaction.purpose),
        escape(&transaction.origin),
    )
}

/// `POST /login/{request}/other-device`.
pub(crate) async fn other_device(
    State(gateway): Shared,
    Path(request): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    gateway.cross_device(&headers, &request).await
}

/// `GET /login/{request}/continue`.
pub(crate) async fn go_on(
    State(gateway): Shared,
    Path(request): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    gateway.go_on(&headers, &request).await
}
