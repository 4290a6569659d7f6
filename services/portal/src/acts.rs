//! What a person stops and ends: asked once more, then done, then said what it came to.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use tefuda_pages::{Frame, Page, dates};
use tefuda_protocol::account::AccountView;
use tefuda_types::{ElementId, Secret};

use crate::{
    Portal,
    account::Act,
    error::Refused,
    pages::PhoneCard,
    session::{Done, Found},
    view::{View, see_other},
};

type Shared = State<Arc<Portal>>;

/// A question: what happens, and what does not.
#[derive(Template)]
#[template(path = "portal-ask.html")]
struct Ask {
    frame: Frame,
    step: &'static str,
    title: String,
    /// What happens, line by line.
    what: Vec<String>,
    phone: Option<PhoneCard>,
    /// A line about what is chosen, where it is no phone.
    about: Option<String>,
    action: String,
    button: String,
    /// Whether a stronger login is needed first.
    weak: bool,
    back: &'static str,
}

impl Ask {
    fn new(frame: Frame, step: &'static str, action: String) -> Self {
        let what = ["1", "2", "3"].map(|line| frame.t.say(&format!("portal-{step}-{line}"))).to_vec();
        Self {
            title: frame.t.say(&format!("portal-{step}-title")),
            button: frame.t.say(&format!("portal-{step}-button")),
            frame,
            step,
            what,
            phone: None,
            about: None,
            action,
            weak: false,
            back: "/",
        }
    }
}

impl Portal {
    /// What a live session's person has; a session that turns out to be over is sent to the front.
    async fn own(
        &self,
        headers: &HeaderMap,
    ) -> Result<Result<(Found, Arc<Secret<String>>, AccountView), Response>, Refused> {
        let Some((found, access)) = self.live(headers).await? else { return Ok(Err(see_other("/", &[]))) };
        match self.account(&access).await {
            Ok(account) => Ok(Ok((found, access, account))),
            Err(refused) => Err(self.settle(&found, refused).await),
        }
    }

    async fn ask_about_phone(
        &self,
        view: &View,
        headers: &HeaderMap,
        (element, step): (ElementId, &'static str),
    ) -> Result<Response, Refused> {
        let (_, _, account) = match self.own(headers).await? {
            Ok(own) => own,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let Some(phone) = account.phones.iter().find(|phone| phone.element == element && phone.held) else {
            return Ok(tefuda_pages::not_found(view.own_frame()));
        };
        let frame = view.own_frame();
        let card = PhoneCard::of(&frame, phone);
        let act = if step == "end-phone" { "end" } else { "stop" };
        let mut ask = Ask::new(frame, step, format!("/phones/{element}/{act}"));
        if phone.this_phone {
            ask.what.push(ask.frame.t.say("portal-ends-this-session"));
        }
        ask.weak = step == "end-phone" && !account.strong;
        ask.phone = Some(card);
        Ok(Page(ask).into_response())
    }

    async fn ask_about_card(&self, view: &View, headers: &HeaderMap) -> Result<Response, Refused> {
        match self.own(headers).await? {
            Ok(_) => {
                Ok(Page(Ask::new(view.own_frame(), "stop-card", "/card/stop".to_owned())).into_response())
            }
            Err(elsewhere) => Ok(elsewhere),
        }
    }

    async fn ask_about_session(
        &self,
        view: &View,
        headers: &HeaderMap,
        id: &str,
    ) -> Result<Response, Refused> {
        let Some((found, access)) = self.live(headers).await? else { return Ok(see_other("/", &[])) };
        let history = match self.history(&access).await {
            Ok(history) => history,
            Err(refused) => return Err(self.settle(&found, refused).await),
        };
        let frame = view.own_frame();
        let Some(login) = history.sessions.iter().find(|login| login.id == id && login.live) else {
            return Ok(tefuda_pages::not_found(frame));
        };
        let when = dates::moment(login.since, frame.language());
        let party = login.relying_party_in(frame.language());
        let mut ask = Ask::new(frame, "end-session", format!("/sessions/{id}/end"));
        ask.about = Some(ask.frame.t.with2("portal-login-at", "party", party, "when", when));
        if login.this_session {
            ask.what.push(ask.frame.t.say("portal-ends-this-session"));
        }
        ask.back = "/history";
        Ok(Page(ask).into_response())
    }

    /// Does it, and leads to the page that says what it came to. Sent twice it is done once.
    async fn carry_out(
        &self,
        headers: &HeaderMap,
        (act, name): (Act, &'static str),
    ) -> Result<Response, Refused> {
        let Some((found, access)) = self.live(headers).await? else { return Ok(see_other("/", &[])) };
        let account = match self.act(&access, act).await {
            Ok(account) => account,
            Err(refused) => return Err(self.settle(&found, refused).await),
        };
        let element = match act {
            Act::StopPhone(element) | Act::EndPhone(element) => Some(element),
            Act::StopCard => None,
        };
        let phone = account.phones.into_iter().find(|phone| Some(phone.element) == element);
        let ends_session = phone.as_ref().is_some_and(|phone| phone.this_phone);
        self.remember(&found.id, Done { act: name.to_owned(), phone, ends_session }).await?;
        Ok(see_other("/done", &[]))
    }

    async fn carry_out_end_of_session(&self, headers: &HeaderMap, id: &str) -> Result<Response, Refused> {
        let Some((found, access)) = self.live(headers).await? else { return Ok(see_other("/", &[])) };
        if let Err(refused) = self.end_at_gateway(&access, id).await {
            return Err(self.settle(&found, refused).await);
        }
        let done =
            Done { act: "session-ended".to_owned(), phone: None, ends_session: found.session.sid == id };
        self.remember(&found.id, done).await?;
        Ok(see_other("/done", &[]))
    }
}

/// `GET /phones/{element}/stop`.
pub(crate) async fn ask_stop(
    State(portal): Shared,
    Path(element): Path<ElementId>,
    view: View,
    headers: HeaderMap,
) -> Response {
    view.answer(portal.ask_about_phone(&view, &headers, (element, "stop-phone")).await)
}

/// `POST /phones/{element}/stop`.
pub(crate) async fn stop(
    State(portal): Shared,
    Path(element): Path<ElementId>,
    view: View,
    headers: HeaderMap,
) -> Response {
    view.answer(portal.carry_out(&headers, (Act::StopPhone(element), "phone-stopped")).await)
}

/// `GET /phones/{element}/end`.
pub(crate) async fn ask_end(
    State(portal): Shared,
    Path(element): Path<ElementId>,
    view: View,
    headers: HeaderMap,
) -> Response {
    view.answer(portal.ask_about_phone(&view, &headers, (element, "end-phone")).await)
}

/// `POST /phones/{element}/end`.
pub(crate) async fn end(
    State(portal): Shared,
    Path(element): Path<ElementId>,
    view: View,
    headers: HeaderMap,
) -> Response {
    view.answer(portal.carry_out(&headers, (Act::EndPhone(element), "phone-ended")).await)
}

/// `GET /card/stop`.
pub(crate) async fn ask_stop_card(State(portal): Shared, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.ask_about_card(&view, &headers).await)
}

/// `POST /card/stop`.
pub(crate) async fn stop_card(State(portal): Shared, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.carry_out(&headers, (Act::StopCard, "card-stopped")).await)
}

/// `GET /sessions/{id}/end`.
pub(crate) async fn ask_end_session(
    State(portal): Shared,
    Path(id): Path<String>,
    view: View,
    headers: HeaderMap,
) -> Response {
    view.answer(portal.ask_about_session(&view, &headers, &id).await)
}

/// `POST /sessions/{id}/end`.
pub(crate) async fn end_session(
    State(portal): Shared,
    Path(id): Path<String>,
    view: View,
    headers: HeaderMap,
) -> Response {
    view.answer(portal.carry_out_end_of_session(&headers, &id).await)
}
