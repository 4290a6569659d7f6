//! The front page of the authority, and the list of operators.

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use tefuda_authority::console::{self, Role};
use tefuda_pages::{Frame, Page, Texts};

use super::{
    frame::{Shown, Visit},
    words,
};
use crate::routes::Shared;

#[derive(Template)]
#[template(path = "front.html")]
pub(super) struct FrontPage {
    frame: Frame,
}

pub(super) async fn front(visit: Visit) -> Page<FrontPage> {
    Page(FrontPage { frame: visit.frame() })
}

/// Somebody who can log in.
struct OperatorView {
    id: String,
    name: String,
    role: String,
    about: String,
    icon: &'static str,
}

#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage {
    frame: Frame,
    operators: Vec<OperatorView>,
}

/// A role as a word.
pub(super) fn role(t: Texts, role: Role) -> String {
    match role {
        Role::CallCentre => t.say("consoles-role-call-centre"),
        Role::Operator => t.say("consoles-role-operator"),
        Role::Approver => t.say("consoles-role-approver"),
    }
}

pub(super) async fn choose(visit: Visit) -> Page<LoginPage> {
    let frame = visit.frame();
    let t = frame.t;
    let view = |operator: &console::Operator| OperatorView {
        name: words::name(t, operator),
        role: role(t, operator.role),
        about: match operator.role {
            Role::CallCentre => t.say("consoles-role-call-centre-about"),
            Role::Operator => t.say("consoles-role-operator-about"),
            Role::Approver => t.say("consoles-role-approver-about"),
        },
        icon: if operator.role == Role::CallCentre { "bell" } else { "person" },
        id: operator.id.clone(),
    };
    Page(LoginPage { operators: console::operators().iter().map(view).collect(), frame })
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Who {
    #[serde(default)]
    operator: String,
}

pub(super) async fn log_in(State(authority): Shared, visit: Visit, Form(who): Form<Who>) -> Shown {
    let logged_in = authority.staff.log_in(&who.operator).await;
    let refused = |problem| visit.refused(visit.frame(), &problem, "/console/login");
    let (operator, cookie) = logged_in.map_err(refused)?;
    let first = if operator.role == Role::CallCentre { "/call-centre" } else { "/console" };
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(first)).into_response())
}

pub(super) async fn log_out(State(authority): Shared, visit: Visit, headers: HeaderMap) -> Shown {
    let cookie = authority.staff.log_out(&headers).await;
    let cookie = cookie.map_err(|error| visit.refused(visit.frame(), &error.into(), "/"))?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/console/login")).into_response())
}
