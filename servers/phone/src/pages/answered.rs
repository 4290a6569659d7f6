//! How a login ended, and the way back to where it was asked for.

use askama::Template;
use axum::extract::Query;
use tefuda_pages::{Frame, Link};
use tefuda_protocol::{
    login::LoginOutcome,
    transaction::{LoginChannel, LoginTransaction},
};
use tefuda_web::{Problem, ProblemBody};

use super::{
    desk::Told,
    refusal::{Name, Refused},
    screen::{Screen, Shown, page, see},
};

/// What the gateway's answer to a denial says.
const DENIED: &str = "login.denied";

#[derive(Template)]
#[template(path = "answered.html")]
struct AnsweredPage {
    frame: Frame,
    accepted: bool,
    title: String,
    text: String,
    next: String,
    way: Link,
    goes_on: bool,
    other_screen: bool,
}

/// `GET /answered?told=`.
pub(super) async fn show(screen: Screen, Query(name): Query<Name>) -> Shown {
    match screen.phone.desk.told(&name.told).as_deref() {
        Some(Told::Login(ended)) => answer(&screen, &ended.outcome, ended.login.as_ref()),
        _ => see("/"),
    }
}

/// The page of an outcome.
pub(super) fn answer(screen: &Screen, outcome: &LoginOutcome, login: Option<&LoginTransaction>) -> Shown {
    let t = screen.t();
    let same_device = login.is_none_or(|login| login.channel == LoginChannel::SameDevice);
    let name = login.map(|login| login.relying_party_in(screen.language.tag())).unwrap_or_default();
    let way = if same_device {
        Link::new(&outcome.continue_url, t.say("phone-back-to-browser"))
    } else {
        Link::new(screen.own("/"), t.say("phone-home"))
    };
    let denied = outcome.reason.as_deref() == Some(DENIED);
    if !outcome.accepted && !denied {
        let reason = outcome.reason.clone().unwrap_or_default();
        let body = ProblemBody { reason, message: String::new() };
        let refused = Refused::new(Problem::passed_on(axum::http::StatusCode::CONFLICT, body));
        return Err(refused.with_way(way));
    }
    let (title, text) = if outcome.accepted {
        (t.say("phone-login-accepted"), t.with("phone-login-accepted-means", "name", name))
    } else {
        (t.say("phone-login-denied"), t.with("phone-login-denied-means", "name", name))
    };
    let next = match (same_device, outcome.accepted) {
        (true, _) => t.say("phone-back-to-browser-next"),
        (false, true) => t.say("phone-other-screen-next"),
        (false, false) => t.say("phone-other-screen-denied-next"),
    };
    page(AnsweredPage {
        frame: screen.path(),
        accepted: outcome.accepted,
        title,
        text,
        next,
        way,
        goes_on: same_device && outcome.accepted,
        other_screen: !same_device,
    })
}
