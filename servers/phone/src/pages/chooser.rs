//! Which phone: for who comes without one, and for a link that needs a phone.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::Uri,
};
use serde::Deserialize;
use std::sync::Arc;
use tefuda_pages::{Frame, Language, Refusal, Texts};
use tefuda_phone::{catalogue::Catalogue, recovery, standing, wallet};
use tefuda_protocol::{
    device::StopRequest,
    phone::{PhoneState, PhoneStatus},
};

use super::screen::{Shown, called, page, quoted};
use crate::phones::Phones;

/// A phone to choose.
struct Choice {
    name: String,
    model: String,
    state: String,
    tone: &'static str,
    href: String,
}

#[derive(Template)]
#[template(path = "chooser.html")]
struct ChooserPage {
    frame: Frame,
    opens: bool,
    phones: Vec<Choice>,
    control: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    open: Option<String>,
}

fn frame(language: Language, uri: &Uri) -> Frame {
    Frame::new(language, uri, "phone", Texts(language).say("phone-chooser-brand"))
}

/// Name and tone of a phone's state.
fn state(t: Texts, status: &PhoneStatus) -> (String, &'static str) {
    match status.state {
        PhoneState::Registered if standing::has_ended(status) => (t.say("phone-is-ended"), "bad"),
        PhoneState::Empty => (t.say("phone-is-empty"), ""),
        PhoneState::Applied => (t.say("phone-is-applied"), "info"),
        PhoneState::Approved => (t.say("phone-is-approved"), "info"),
        PhoneState::Registered => (t.say("phone-is-registered"), "good"),
        PhoneState::Stopped => (t.say("phone-is-stopped"), "warn"),
        PhoneState::Retired => (t.say("phone-is-retired"), ""),
        PhoneState::Wiped => (t.say("phone-is-wiped"), ""),
        PhoneState::Tampered => (t.say("phone-is-tampered"), "bad"),
    }
}

/// `GET /` and `GET /?open=URL`.
pub(super) async fn show(
    State(phones): State<Arc<Phones>>,
    language: Language,
    uri: Uri,
    Query(wish): Query<Wish>,
) -> Shown {
    let urls = &phones.context().urls;
    if let Some(open) = &wish.open {
        wallet::request_of(open, &urls.gateway())?;
    }
    let t = Texts(language);
    let lang = language.tag();
    let mut choices = Vec::new();
    for phone in phones.list() {
        let status = phone.status().await?;
        let (word, tone) = state(t, &status);
        let url = urls.phone(phone.name.as_str());
        let model = Catalogue::known().model(&status.model).map_or(status.model.clone(), |m| m.name.clone());
        choices.push(Choice {
            name: status.name,
            model,
            state: word,
            tone,
            href: match &wish.open {
                Some(open) => format!("{url}/approve?request={}&lang={lang}", quoted(open)),
                None => format!("{url}/?lang={lang}"),
            },
        });
    }
    page(ChooserPage {
        frame: frame(language, &uri),
        opens: wish.open.is_some(),
        phones: choices,
        control: format!("{}/?lang={lang}", urls.control()),
    })
}

#[derive(Template)]
#[template(path = "lost.html")]
struct LostPage {
    frame: Frame,
    summary: Option<Refusal>,
    /// The phone that was stopped just now.
    stopped: Option<String>,
    call_centre: String,
}

fn call_centre(phones: &Phones, language: Language) -> String {
    format!("{}/call-centre?lang={}", phones.context().urls.authority(), language.tag())
}

/// `GET /lost`: a phone is lost, and its recovery code was written down.
pub(super) async fn lost(State(phones): State<Arc<Phones>>, language: Language, uri: Uri) -> Shown {
    page(LostPage {
        frame: frame(language, &uri),
        summary: None,
        stopped: None,
        call_centre: call_centre(&phones, language),
    })
}

#[derive(Deserialize)]
pub(super) struct Code {
    recovery_code: String,
}

/// `POST /lost`.
pub(super) async fn stop(
    State(phones): State<Arc<Phones>>,
    language: Language,
    uri: Uri,
    Form(code): Form<Code>,
) -> Shown {
    let recovery_code = recovery::normalised(&code.recovery_code).expose().clone();
    let stopped = phones.stop(&StopRequest { recovery_code }).await;
    let summary = stopped.as_ref().err().map(|error| Refusal::of(error.reason(), language));
    page(LostPage {
        frame: frame(language, &uri),
        summary,
        stopped: stopped.ok().map(|name| phones.find(&name).map_or(name, |phone| called(&phone))),
        call_centre: call_centre(&phones, language),
    })
}
