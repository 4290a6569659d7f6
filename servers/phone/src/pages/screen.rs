//! The phone whose page is asked, and the frame that its pages stand in.

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use std::sync::Arc;
use tefuda_pages::{Frame, Language, Link, Page, Texts, dates};
use tefuda_types::Timestamp;
use tefuda_web::Problem;

use super::{host_of, refusal::Refused};
use crate::{phone::Phone, phones::Phones};

/// What a page gives: itself, or a refusal that is shown as a page.
pub(super) type Shown = Result<Response, Refused>;

/// A phone's screen: which phone, in which language, at which address.
#[derive(Clone)]
pub(super) struct Screen {
    pub phones: Arc<Phones>,
    pub phone: Arc<Phone>,
    pub language: Language,
    pub uri: Uri,
}

/// The phone's name in a host name, that of its pages or that of its passwords.
pub(super) fn phone_name(host: &str) -> &str {
    let host = host.strip_prefix("confirm.").unwrap_or(host);
    host.strip_prefix("phone-").and_then(|name| name.strip_suffix(".localhost")).unwrap_or_default()
}

impl FromRequestParts<Arc<Phones>> for Screen {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, phones: &Arc<Phones>) -> Result<Self, Refused> {
        let phone = phones.find(phone_name(host_of(&parts.headers)))?;
        Ok(Self {
            phones: Arc::clone(phones),
            phone,
            language: Language::of(&parts.uri, &parts.headers),
            uri: parts.uri.clone(),
        })
    }
}

impl Screen {
    pub(super) const fn t(&self) -> Texts {
        Texts(self.language)
    }

    /// The frame of a screen that is one of a path: nothing leads away but its own ways.
    pub(super) fn path(&self) -> Frame {
        let room = self.in_language(format!("{}/", self.phones.context().urls.control()));
        Frame::new(self.language, &self.uri, "phone", self.phone.name.as_str())
            .as_phone()
            .with_foot(Link::new(room, self.t().say("phone-chooser-control")))
    }

    /// The frame of a main screen.
    pub(super) fn main(&self) -> Frame {
        let t = self.t();
        let nav = [
            Link::new("/", t.say("home")),
            Link::new("/scan", t.say("phone-nav-scan")),
            Link::new("/history", t.say("phone-nav-history")),
            Link::new("/settings", t.say("phone-nav-settings")),
        ];
        self.path().with_nav(&self.uri, nav)
    }

    /// What the phone is called: its own name first, then its model.
    pub(super) fn called(&self) -> String {
        called(&self.phone)
    }

    /// An address on the phone's own host, in the language of this page.
    pub(super) fn own(&self, path: &str) -> String {
        let url = self.phones.context().urls.phone(self.phone.name.as_str());
        self.in_language(format!("{url}{path}"))
    }

    /// An address on the host that takes passwords.
    pub(super) fn confirm(&self, path: &str) -> String {
        let url = self.phones.context().urls.phone(self.phone.name.as_str());
        self.in_language(format!("{}{path}", url.replacen("://", "://confirm.", 1)))
    }

    fn in_language(&self, mut url: String) -> String {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str("lang=");
        url.push_str(self.language.tag());
        url
    }

    /// The control room's clock, which leads back here.
    pub(super) fn clock(&self) -> String {
        let (room, name) = (self.phones.context().urls.control(), self.phone.name.as_str());
        self.in_language(format!("{room}/clock?phone={name}"))
    }

    /// The sheet of a sample card, or the cards while none is chosen.
    pub(super) fn card_sheet(&self, resident: &str) -> String {
        let room = self.phones.context().urls.control();
        if resident.is_empty() {
            return self.in_language(format!("{room}/?cards=all"));
        }
        format!("{}#pins", self.in_language(format!("{room}/cards/{}", quoted(resident))))
    }

    pub(super) fn moment(&self, time: Timestamp) -> String {
        dates::moment(time, self.language)
    }

    pub(super) fn day(&self, time: Timestamp) -> String {
        dates::day(time, self.language)
    }
}

/// What a phone's model is called.
pub(super) fn model_name(phone: &Phone) -> String {
    phone.model().map_or_else(|_| phone.os().model, |model| model.name.clone())
}

/// What a phone is called: its own name first, then its model.
pub(super) fn called(phone: &Phone) -> String {
    format!("{} · {}", phone.name, model_name(phone))
}

/// A page.
pub(super) fn page(template: impl askama::Template) -> Shown {
    Ok(Page(template).into_response())
}

/// Somewhere else on the same host, by GET.
pub(super) fn see(path: &str) -> Shown {
    Ok(Redirect::to(path).into_response())
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        refused.into_response()
    }
}

/// A text in a query, as part of an address.
pub(super) fn quoted(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl<E: Into<Problem>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::new(error.into())
    }
}
