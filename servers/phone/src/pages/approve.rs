//! Approving a login: who asks, why, what is handed over; with a finger here, with the PIN on its own host.

use askama::Template;
use axum::{
    Form, Json,
    extract::Query,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use tefuda_pages::Frame;
use tefuda_phone::{
    os::webauthn::{self, Asserted, Assertion, WebauthnError},
    wallet::WalletError,
};
use tefuda_protocol::{
    login::LoginOutcome,
    phone::{Biometrics, Finger, PhoneStatus},
    transaction::{LoginChannel, LoginTransaction, Transaction},
};
use tefuda_types::{CertificateKind, Family};
use tefuda_web::Problem;

use super::{
    desk::{Ended, Told},
    refusal::Refused,
    screen::{Screen, Shown, page, quoted, see},
};
use crate::login::Touch;

/// Who asks, as the person sees it.
pub(super) struct LoginView {
    pub name: String,
    pub origin: String,
    pub purpose: String,
    /// What is handed over.
    pub handed_over: Vec<String>,
    /// The certificate that is used, and until when.
    pub certificate: Option<String>,
    /// The number that must stand on the other screen as well.
    pub number: Option<String>,
}

impl LoginView {
    pub(super) fn new(login: &LoginTransaction, screen: &Screen, status: &PhoneStatus) -> Self {
        let t = screen.t();
        let held = status.certificates.iter().find(|held| held.kind == CertificateKind::PhoneAuth);
        let said = |scope: &String| match scope.as_str() {
            "openid" => t.say("phone-scope-openid"),
            "certificates" => t.say("phone-scope-certificates"),
            "sessions" => t.say("phone-scope-sessions"),
            other => other.to_owned(),
        };
        Self {
            name: login.relying_party_in(screen.language.tag()).to_owned(),
            origin: login.origin.clone(),
            purpose: login.purpose_in(screen.language.tag()).to_owned(),
            handed_over: login.scopes.iter().map(said).collect(),
            certificate: held.map(|held| {
                let until = t.with("phone-until", "day", screen.day(held.not_after));
                format!("{} · {until}", t.say("kind-phone-auth"))
            }),
            number: match &login.channel {
                LoginChannel::SameDevice => None,
                LoginChannel::CrossDevice { number } => Some(number.clone()),
            },
        }
    }
}

/// The login that a transaction is about.
pub(super) fn login_of(transaction: &Transaction) -> Result<LoginTransaction, WalletError> {
    serde_json::from_str(&transaction.body).map_err(|_| WalletError::RequestAltered)
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub request: String,
    /// A touch that was not recognised just now.
    #[serde(default)]
    told: String,
}

#[derive(Template)]
#[template(path = "approve.html")]
struct ApprovePage {
    frame: Frame,
    login: LoginView,
    request: String,
    pin: String,
    face: bool,
    authenticator: bool,
    summary: Option<tefuda_pages::Refusal>,
    /// What is told here: over, once the sensor is touched again.
    told: String,
}

/// The way to the page of the PIN. A form is not answered by a redirect to another origin, and a form can lead here;
/// so a page goes on by itself, or stays to say why the sensor is of no use now.
#[derive(Template)]
#[template(path = "approve-pin.html")]
struct PinPage {
    frame: Frame,
    pin: String,
    summary: Option<tefuda_pages::Refusal>,
}

/// `GET /approve?request=`: with the sensor, if it is enrolled; otherwise the page of the PIN.
pub(super) async fn show(screen: Screen, Query(asked): Query<Asked>) -> Shown {
    let transaction = screen.phone.login_transaction(&asked.request).await?;
    let login = login_of(&transaction)?;
    let status = screen.phone.status().await?;
    Refused::if_out_of_use(&status)?;
    let pin = screen.confirm(&format!("/login?request={}", quoted(&asked.request)));
    if status.biometrics != Biometrics::Enrolled {
        let stale = status.biometrics == Biometrics::Stale;
        let stale = stale.then(|| tefuda_pages::Refusal::of("phone.biometrics_stale", screen.language));
        return page(PinPage { frame: screen.path(), pin, summary: stale });
    }
    let summary = match screen.phone.desk.told(&asked.told).as_deref() {
        Some(Told::Refused(problem)) => Some(tefuda_pages::Refusal::of(problem.reason(), screen.language)),
        _ => None,
    };
    page(ApprovePage {
        login: LoginView::new(&login, &screen, &status),
        request: asked.request,
        told: asked.told,
        pin,
        face: status.family == Family::Iphone,
        authenticator: screen.phone.os().authenticator.is_some(),
        summary,
        frame: screen.path(),
    })
}

/// The form of a denial.
#[derive(Debug, Deserialize)]
pub(super) struct Denied {
    pub request: String,
}

/// `POST /approve/denial`.
pub(super) async fn deny(screen: Screen, Form(denied): Form<Denied>) -> Shown {
    let login = screen.phone.login_transaction(&denied.request).await.ok();
    let outcome = screen.phone.deny(&denied.request).await?;
    let login = login.and_then(|transaction| login_of(&transaction).ok());
    let told = screen.phone.desk.tell(Told::Login(Box::new(Ended { outcome, login })));
    see(&format!("/answered?told={told}"))
}

/// The form of the emulated sensor.
#[derive(Debug, Deserialize)]
pub(super) struct Touched {
    request: String,
    finger: Finger,
    #[serde(default)]
    told: String,
}

/// `POST /approve/touch`: the emulated sensor is touched.
pub(super) async fn touch(screen: Screen, Form(touched): Form<Touched>) -> Shown {
    screen.phone.desk.forget(&touched.told);
    let next = touched_with(&screen, &touched.request, Touch::Emulated(touched.finger)).await;
    see(&next)
}

/// Logs in by a touch; gives the page that tells how it ended.
async fn touched_with(screen: &Screen, request: &str, touch: Touch) -> String {
    let login = screen.phone.login_transaction(request).await.ok();
    let login = login.and_then(|transaction| login_of(&transaction).ok());
    match screen.phone.login_with_biometrics(request, touch).await {
        Ok(outcome) => answered(screen, outcome, login),
        Err(problem) => {
            let missed = problem.reason() == "phone.biometrics_missed";
            let told = screen.phone.desk.tell(Told::Refused(problem));
            if missed {
                format!("/approve?request={}&told={told}", quoted(request))
            } else {
                format!("/refused?told={told}")
            }
        }
    }
}

fn answered(screen: &Screen, outcome: LoginOutcome, login: Option<LoginTransaction>) -> String {
    let told = screen.phone.desk.tell(Told::Login(Box::new(Ended { outcome, login })));
    format!("/answered?told={told}")
}

/// What the script of a real sensor sends.
#[derive(Debug, Deserialize)]
pub(super) struct Authenticated {
    request: String,
    assertion: Assertion,
}

/// `POST /approve/authenticator`: a real sensor was touched.
pub(super) async fn authenticate(screen: Screen, Json(answer): Json<Authenticated>) -> Response {
    let next = match asserted(&screen, &answer.assertion) {
        Ok(asserted) => touched_with(&screen, &answer.request, Touch::Authenticator(asserted)).await,
        Err(problem) => format!("/refused?told={}", screen.phone.desk.tell(Told::Refused(problem))),
    };
    Json(json!({ "next": next })).into_response()
}

/// The operating system checks what the authenticator says, once for each challenge.
fn asserted(screen: &Screen, assertion: &Assertion) -> Result<Asserted, Problem> {
    let challenge = screen.phone.desk.take_challenge().ok_or(WebauthnError::Challenge)?;
    let origin = screen.phones.context().urls.phone(screen.phone.name.as_str());
    let host = format!("phone-{}.localhost", screen.phone.name);
    let asked = webauthn::Asked { challenge: &challenge, origin: &origin, relying_party: &host };
    let credential = screen.phone.os().authenticator.ok_or(WebauthnError::CredentialUnknown)?;
    Ok(webauthn::assert(assertion, &asked, &credential)?)
}
