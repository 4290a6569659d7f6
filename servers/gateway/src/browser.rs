//! What the browser that began a login sees: its page, the way over another device, and the way back.

use askama::Template;
use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tefuda_gateway::{Continuation, Fingerprint, FlowError, Login, Purpose, opaque};
use tefuda_keys::SystemRandom;
use tefuda_pages::{Frame, Page, qr};
use tefuda_protocol::transaction::{LoginChannel, LoginTransaction};
use tefuda_store::Transaction;
use tefuda_web::live::Outcome;

use crate::{
    Gateway,
    authorize::cookie_name,
    page::{PageProblem, View, Way, see_other},
    store::{CODES, LOGINS},
};

type Shared = State<Arc<Gateway>>;

/// The way back to the service, which begins anew there.
fn back_to_the_service(login: &Login) -> Way {
    let transaction = login.transaction();
    Way {
        href: transaction.origin.clone(),
        key: "gateway-back-to",
        party: transaction.relying_party.clone(),
        party_en: transaction.relying_party_en.clone(),
    }
}

/// The way back, with the answer unless it was taken back already.
fn way_back(login: &Login) -> Way {
    let way = back_to_the_service(login);
    if login.is_finished() {
        way
    } else {
        Way { href: format!("/login/{}/continue", login.request()), ..way }
    }
}

impl Gateway {
    /// Where a request has its page; what a phone is given.
    pub(crate) fn login_url(&self, request: &str) -> String {
        format!("{}/login/{request}", self.context.urls.gateway())
    }

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

    /// That a browser is the one that began a login.
    fn require_browser(&self, headers: &HeaderMap, login: &Login) -> Result<(), PageProblem> {
        let cookie = self.cookie(headers, login.request());
        login
            .require_browser(cookie.as_ref())
            .map_err(|error| PageProblem::from(error).with(back_to_the_service(login)))
    }

    /// A login, for the browser that began it, to look at.
    async fn seen(&self, headers: &HeaderMap, request: &str) -> Result<Login, PageProblem> {
        let login: Login = self.store.get(LOGINS, request).await?.ok_or(FlowError::NotFound)?;
        self.require_browser(headers, &login)?;
        Ok(login)
    }

    /// A login, for the browser that began it, to change.
    async fn of_browser(
        &self,
        headers: &HeaderMap,
        request: &str,
    ) -> Result<(Transaction, Login), PageProblem> {
        let mut transaction = self.store.begin().await?;
        let login: Login = transaction.get(LOGINS, request).await?.ok_or(FlowError::NotFound)?;
        self.require_browser(headers, &login)?;
        Ok((transaction, login))
    }

    async fn show(&self, view: View, headers: &HeaderMap, request: &str) -> Result<Response, PageProblem> {
        let login = self.seen(headers, request).await?;
        if login.is_answered() {
            return Ok(see_other(&format!("{}/continue", self.login_url(request))));
        }
        if login.goes_on_beside_the_phone() {
            return Ok(self.waiting(&view.wishing(login.ui_locales()), &login));
        }
        let over = |error: FlowError| PageProblem::from(error).with(way_back(&login));
        login.require_open(self.wire()).map_err(over)?;
        Ok(self.waiting(&view.wishing(login.ui_locales()), &login))
    }

    fn waiting(&self, view: &View, login: &Login) -> Response {
        let frame = view.frame();
        let transaction = login.transaction();
        let asked = Asked::new(&frame, transaction, login.request());
        let url = self.login_url(login.request());
        match &transaction.channel {
            LoginChannel::SameDevice => {
                let open: String = url::form_urlencoded::byte_serialize(url.as_bytes()).collect();
                Page(Choose {
                    phone: format!("{}/?open={open}", self.context.urls.phones()),
                    other_device: login.takes_cross_device(),
                    approved: login.goes_on_beside_the_phone(),
                    frame,
                    asked,
                })
                .into_response()
            }
            LoginChannel::CrossDevice { number } => {
                let qr = qr::svg(&url);
                Page(Waiting { number: number.clone(), url, qr, frame, asked }).into_response()
            }
        }
    }

    async fn cross_device(&self, headers: &HeaderMap, request: &str) -> Result<Response, PageProblem> {
        let (mut transaction, mut login) = self.of_browser(headers, request).await?;
        let number = u32::from_be_bytes(SystemRandom::octets());
        login
            .cross_device(number, self.wire())
            .map_err(|error| PageProblem::from(error).with(way_back(&login)))?;
        transaction.put(LOGINS, request, &login).await?;
        transaction.commit().await?;
        Ok(see_other(&self.login_url(request)))
    }

    async fn cancel(&self, headers: &HeaderMap, request: &str) -> Result<Response, PageProblem> {
        let (mut transaction, mut login) = self.of_browser(headers, request).await?;
        login.cancel().map_err(|error| PageProblem::from(error).with(back_to_the_service(&login)))?;
        self.audit(&mut transaction, "login.cancelled", json!({ "request": request })).await?;
        transaction.put(LOGINS, request, &login).await?;
        transaction.commit().await?;
        self.go_on(headers, request, None).await
    }

    /// Back to the relying party, once.
    async fn go_on(
        &self,
        headers: &HeaderMap,
        request: &str,
        way_back: Option<&str>,
    ) -> Result<Response, PageProblem> {
        let (mut transaction, mut login) = self.of_browser(headers, request).await?;
        let way_back = way_back.map(|way| self.fingerprints.of(Purpose::WayBack, way));
        let session: String = tefuda_types::hexadecimal(&SystemRandom::octets::<16>());
        let continuation = match login.go_on(session.clone(), way_back.as_ref(), self.wire()) {
            Ok(continuation) => continuation,
            Err(error) => {
                let again = Way {
                    href: format!("/login/{request}"),
                    key: "gateway-look-again",
                    party: String::new(),
                    party_en: None,
                };
                let way = if login.is_finished() { back_to_the_service(&login) } else { again };
                return Err(PageProblem::from(error).with(way));
            }
        };
        let (location, reason) = match continuation {
            Continuation::Denied(refused) => (login.redirect_denied(&refused), Some(refused.reason)),
            Continuation::Code(grant) => {
                let code = opaque(&SystemRandom::octets());
                let id = self.fingerprints.of(Purpose::Code, code.expose());
                transaction.insert(CODES, id.as_str(), &grant).await?;
                (login.redirect_with_code(code.expose(), &session), None)
            }
        };
        transaction.put(LOGINS, request, &login).await?;
        self.audit(&mut transaction, "login.answered", json!({ "request": request })).await?;
        transaction.commit().await?;
        if reason.is_none() {
            self.open.end(login.party(), request);
        }
        Ok(Outcome::of(see_other(&location), reason.as_deref()))
    }
}

/// Who asks for what, as both pages show it.
struct Asked {
    request: String,
    relying_party: String,
    origin: String,
    purpose: String,
    /// What is handed over, in the page's language.
    released: Vec<String>,
}

impl Asked {
    fn new(frame: &Frame, transaction: &LoginTransaction, request: &str) -> Self {
        let released = transaction.scopes.iter().filter_map(|scope| match scope.as_str() {
            "openid" => Some(frame.t.say("gateway-releases-openid")),
            "sessions" => Some(frame.t.say("gateway-releases-sessions")),
            "certificates" => Some(frame.t.say("gateway-releases-certificates")),
            _ => None,
        });
        let language = frame.language().tag();
        Self {
            request: request.to_owned(),
            relying_party: transaction.relying_party_in(language).to_owned(),
            origin: transaction.origin.clone(),
            purpose: transaction.purpose_in(language).to_owned(),
            released: released.collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "choose.html")]
struct Choose {
    frame: Frame,
    asked: Asked,
    phone: String,
    other_device: bool,
    /// The phone approved: the window beside it goes on, and this one has nothing left to do.
    approved: bool,
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct Waiting {
    frame: Frame,
    asked: Asked,
    number: String,
    url: String,
    qr: String,
}

#[derive(Template)]
#[template(path = "front.html")]
struct Front {
    frame: Frame,
    portal: String,
}

/// `GET /`.
pub(crate) async fn front(State(gateway): Shared, view: View) -> Response {
    Page(Front { frame: view.frame(), portal: gateway.context.urls.portal() }).into_response()
}

/// No page has that address.
pub(crate) async fn not_found(view: View) -> Response {
    tefuda_pages::not_found(view.frame())
}

/// `GET /login/{request}`.
pub(crate) async fn show(
    State(gateway): Shared,
    Path(request): Path<String>,
    view: View,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    gateway.show(view, &headers, &request).await
}

/// `GET /login/{request}/state`: whether the page may go on.
pub(crate) async fn state(
    State(gateway): Shared,
    Path(request): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    let login = gateway.seen(&headers, &request).await?;
    let state = match login.require_open(gateway.wire()) {
        Ok(()) => "waiting",
        Err(_) if login.is_answered() => "answered",
        Err(_) if login.goes_on_beside_the_phone() => "beside",
        Err(_) => "over",
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({ "state": state }))).into_response())
}

/// `POST /login/{request}/other-device`.
pub(crate) async fn other_device(
    State(gateway): Shared,
    Path(request): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    gateway.cross_device(&headers, &request).await
}

/// `GET /login/{request}/cancel`. A link and no form: a form of this page leads nowhere else.
pub(crate) async fn cancel(
    State(gateway): Shared,
    Path(request): Path<String>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    gateway.cancel(&headers, &request).await
}

/// What the phone gave to the browser beside it.
#[derive(Debug, Deserialize)]
pub(crate) struct WayBack {
    #[serde(default)]
    way: Option<String>,
}

/// `GET /login/{request}/continue`.
pub(crate) async fn go_on(
    State(gateway): Shared,
    Path(request): Path<String>,
    Query(WayBack { way }): Query<WayBack>,
    headers: HeaderMap,
) -> Result<Response, PageProblem> {
    gateway.go_on(&headers, &request, way.as_deref()).await
}
