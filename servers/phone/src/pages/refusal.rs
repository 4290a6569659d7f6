//! Refusals as pages: what happened, and where one can go from there.

use axum::{
    extract::{Query, Request, State},
    http::{StatusCode, Uri},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::sync::Arc;
use tefuda_pages::{Frame, Language, Link, PageError, Texts, problem_page};
use tefuda_phone::standing::{self, Again};
use tefuda_protocol::{
    login::LoginDeclined,
    phone::{PhoneState, PhoneStatus},
};
use tefuda_web::{Problem, ProblemBody};

use super::{
    desk::Told,
    host_of,
    screen::{Screen, Shown, phone_name},
};
use crate::phones::Phones;

/// The phone was stopped: whatever else the page knows, the way on is to resume it.
const STOPPED: &str = "certificate.suspended";

/// The authority revoked the phone's certificates: the way on is to apply again.
const REVOKED: &str = "certificate.revoked";

/// A refusal on its way to becoming a page, with the ways that its page knows best.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    problem: Problem,
    ways: Vec<Link>,
}

impl Refused {
    pub(super) const fn new(problem: Problem) -> Self {
        Self { problem, ways: Vec::new() }
    }

    /// A phone that was stopped, or that has ended, told before anything is asked of its holder.
    pub(super) fn if_out_of_use(status: &PhoneStatus) -> Result<(), Self> {
        match status.state {
            PhoneState::Stopped => Err(Self::told(STOPPED, "the phone was stopped")),
            // One that applies again still has what was revoked.
            PhoneState::Empty | PhoneState::Applied | PhoneState::Approved
                if !status.certificates.is_empty()
                    && standing::again(&status.certificates) == Again::Both =>
            {
                Err(Self::revoked())
            }
            _ => Self::if_ended(status),
        }
    }

    /// A phone that has ended, told before anything is asked of its holder. One that was stopped has not.
    pub(super) fn if_ended(status: &PhoneStatus) -> Result<(), Self> {
        match status.state {
            _ if standing::has_ended(status) => Err(Self::revoked()),
            PhoneState::Retired => Err(LoginDeclined::Retired.into()),
            PhoneState::Wiped => Err(LoginDeclined::Wiped.into()),
            PhoneState::Tampered => Err(LoginDeclined::Tampered.into()),
            PhoneState::Empty
            | PhoneState::Applied
            | PhoneState::Approved
            | PhoneState::Registered
            | PhoneState::Stopped => Ok(()),
        }
    }

    fn revoked() -> Self {
        Self::told(REVOKED, "the phone's certificates are revoked")
    }

    fn told(reason: &str, message: &str) -> Self {
        let body = ProblemBody { reason: reason.to_owned(), message: message.to_owned() };
        Self::new(Problem::passed_on(StatusCode::FORBIDDEN, body))
    }

    /// The same with a way from here; the first is the main one.
    pub(super) fn with_way(mut self, way: Link) -> Self {
        self.ways.push(way);
        self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = StatusCode::CONFLICT.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Middleware: a refusal becomes a page in the language of the request.
pub(super) async fn show(State(phones): State<Arc<Phones>>, request: Request, next: Next) -> Response {
    let (uri, headers) = (request.uri().clone(), request.headers().clone());
    let response = next.run(request).await;
    let Some(refused) = response.extensions().get::<Refused>().cloned() else { return response };
    let language = Language::of(&uri, &headers);
    let place = Place { phones: &phones, host: host_of(&headers), language, uri: &uri };
    place.page(refused)
}

/// Where a refusal is shown.
struct Place<'a> {
    phones: &'a Phones,
    host: &'a str,
    language: Language,
    uri: &'a Uri,
}

impl Place<'_> {
    fn page(&self, refused: Refused) -> Response {
        let t = Texts(self.language);
        let name = phone_name(self.host);
        let urls = &self.phones.context().urls;
        let home = if name.is_empty() { urls.phones() } else { urls.phone(name) };
        let brand = if name.is_empty() { t.say("phone-chooser-brand") } else { name.to_owned() };
        let mut frame = Frame::new(self.language, self.uri, "phone", brand)
            .as_phone()
            .with_foot(Link::new(urls.control(), t.say("phone-chooser-control")));
        frame.home.clone_from(&home);
        let lang = format!("lang={}", self.language.tag());
        let reason = refused.problem.reason();
        let found =
            way(reason).filter(|_| !name.is_empty() && (refused.ways.is_empty() || reason == STOPPED));
        let found = found.map(|(path, key)| {
            let mark = if path.contains('?') { '&' } else { '?' };
            Link::new(format!("{home}{path}{mark}{lang}"), t.say(key))
        });
        let clock = closed(reason).then(|| {
            Link::new(format!("{}/clock?phone={name}&{lang}", urls.control()), t.say("phone-go-to-morning"))
        });
        let other = needs_other_phone(reason)
            .then(|| Link::new(format!("{}/?{lang}", urls.phones()), t.say("phone-way-other")));
        let mut ways: Vec<Link> = found.into_iter().chain(refused.ways).chain(clock).chain(other).collect();
        let back = if name.is_empty() { "phone-chooser-title" } else { "phone-home" };
        ways.push(Link::new(format!("{home}/?{lang}"), t.say(back)));
        ways.dedup_by(|a, b| a.href == b.href || a.text == b.text);
        problem_page(frame, &refused.problem, ways)
    }
}

/// Refusals that end when an office opens.
fn closed(reason: &str) -> bool {
    reason == "enrol.pending"
}

/// Refusals that end with another phone.
fn needs_other_phone(reason: &str) -> bool {
    ["enrol.no_secure_element", "enrol.model_too_old", "enrol.element_tampered", "enrol.phone_in_use"]
        .contains(&reason)
}

/// The main way from a refusal on a phone, with the name of its text.
fn way(reason: &str) -> Option<(&'static str, &'static str)> {
    Some(match reason {
        "card.torn" | "card.in_use" | "element.torn" => ("/enrol/card", "phone-way-hold-again"),
        "card.not_jpki" | "enrol.wrong_card" => ("/enrol/card", "phone-way-own-card"),
        "card.pin_blocked" => ("/reasons/card.pin_blocked", "phone-way-card-reset"),
        "enrol.not_begun" | "enrol.wrong_step" | "enrol.ended" | "phone.not_registered" => {
            ("/enrol", "phone-way-apply")
        }
        "phone.pin_blocked" | "phone.biometrics_stale" => ("/settings", "phone-way-settings"),
        STOPPED => ("/lift", "phone-lift"),
        REVOKED | "phone.retired" | "phone.wiped" => ("/enrol", "phone-way-apply"),
        "login.gateway_unknown"
        | "login.request_not_found"
        | "login.request_expired"
        | "login.request_finished" => ("/scan", "phone-way-scan"),
        _ => return None,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct Name {
    #[serde(default)]
    pub told: String,
}

/// `GET /refused?told=`: how something ended that began on the page of passwords.
pub(super) async fn told(screen: Screen, Query(name): Query<Name>) -> Shown {
    match screen.phone.desk.told(&name.told).as_deref() {
        Some(Told::Refused(problem)) => Err(Refused::new(problem.clone())),
        _ => super::screen::see("/"),
    }
}

/// No page has this address.
pub(super) async fn no_page() -> Refused {
    Refused::new(PageError::NotFound.into())
}
