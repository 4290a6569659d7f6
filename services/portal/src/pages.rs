//! What is shown.

use askama::Template;
use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use tefuda_pages::{Frame, Page, Refusal, dates};
use tefuda_protocol::{
    account::{AccountCertificate, AccountPhone, AccountView},
    device::{Deletion, Notice},
};
use tefuda_types::{CertificateKind, CertificateStatus, Reason};

use crate::{
    Portal,
    account::Login,
    error::{PortalError, Refused},
    session::{Done, Ended, Found},
    view::{View, see_other},
};

type Shared = State<Arc<Portal>>;

/// A certificate as a line.
pub struct Line {
    pub(crate) kind: String,
    pub(crate) purpose: String,
    pub(crate) until: String,
    pub(crate) status: String,
    pub(crate) tag: Tag,
}

/// A word with an icon and a colour.
#[derive(Clone)]
pub struct Tag {
    pub(crate) class: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) text: String,
}

impl Tag {
    fn of_status(frame: &Frame, status: CertificateStatus) -> Self {
        let (class, icon) = match status {
            CertificateStatus::Valid => ("good", "check"),
            CertificateStatus::Suspended => ("warn", "pause"),
            CertificateStatus::Revoked => ("bad", "cross"),
            CertificateStatus::NotKnown => ("", "info"),
        };
        Self { class, icon, text: frame.t.say(&format!("status-{status}")) }
    }
}

impl Line {
    fn of(frame: &Frame, certificate: &AccountCertificate) -> Self {
        let tag = Tag::of_status(frame, certificate.status);
        Self {
            kind: frame.t.say(&format!("kind-{}", certificate.kind)),
            purpose: frame.t.say(if certificate.kind.is_signature() {
                "portal-purpose-sign"
            } else {
                "portal-purpose-auth"
            }),
            until: dates::day(certificate.not_after, frame.language()),
            status: tag.text.clone(),
            tag,
        }
    }
}

/// A fact about a phone, and whether it is one.
pub struct Fact {
    pub(crate) holds: bool,
    pub(crate) text: String,
}

/// A phone as a page shows it.
pub struct PhoneCard {
    pub(crate) element: String,
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) this_phone: bool,
    pub(crate) tag: Tag,
    pub(crate) lines: Vec<Line>,
    /// Stopped, deletion ordered, deletion confirmed: three facts apart.
    pub(crate) facts: Vec<Fact>,
    pub(crate) can_stop: bool,
    pub(crate) can_end: bool,
}

impl PhoneCard {
    /// From what the authority says.
    pub fn of(frame: &Frame, phone: &AccountPhone) -> Self {
        let status = |kind| {
            let own = phone.certificates.iter().find(|certificate| certificate.kind == kind);
            own.map(|certificate| certificate.status)
        };
        let auth = status(CertificateKind::PhoneAuth).unwrap_or(CertificateStatus::Revoked);
        let valid = phone.certificates.iter().any(|own| own.status == CertificateStatus::Valid);
        let fact =
            |holds, yes: &str, no: &str| Fact { holds, text: frame.t.say(if holds { yes } else { no }) };
        let tag = if phone.held { Tag::of_status(frame, auth) } else { Self::gone(frame) };
        Self {
            element: phone.element.to_string(),
            name: phone.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            family: frame.t.say(&format!("portal-family-{}", phone.family)),
            this_phone: phone.this_phone,
            tag,
            lines: phone.certificates.iter().map(|certificate| Line::of(frame, certificate)).collect(),
            facts: vec![
                fact(auth != CertificateStatus::Valid, "portal-fact-stopped", "portal-fact-not-stopped"),
                fact(
                    phone.deletion != Deletion::None,
                    "portal-fact-deletion-ordered",
                    "portal-fact-deletion-not-ordered",
                ),
                fact(
                    phone.deletion == Deletion::Confirmed,
                    "portal-fact-deletion-confirmed",
                    "portal-fact-deletion-not-confirmed",
                ),
            ],
            can_stop: phone.held && valid,
            can_end: phone.held,
        }
    }

    fn gone(frame: &Frame) -> Tag {
        Tag { class: "", icon: "door", text: frame.t.say("portal-phone-gone") }
    }
}

struct NoticeLine {
    time: String,
    text: String,
}

impl NoticeLine {
    fn of(frame: &Frame, notice: &Notice) -> Self {
        let key = format!("portal-notice-{}", notice.code.replace(['.', '_'], "-"));
        Self { time: dates::moment(notice.time, frame.language()), text: frame.t.say(&key) }
    }
}

#[derive(Template)]
#[template(path = "portal-front.html")]
struct Front {
    frame: Frame,
    coming: Vec<String>,
}

#[derive(Template)]
#[template(path = "portal-home.html")]
struct Home {
    frame: Frame,
    name: String,
    strong: bool,
    card_tag: Tag,
    card_lines: Vec<Line>,
    can_stop_card: bool,
    phones: Vec<PhoneCard>,
    notices: Vec<NoticeLine>,
    coming: Vec<String>,
}

/// Services that are to come: names only, and no links that lead nowhere.
fn coming(frame: &Frame) -> Vec<String> {
    let keys = ["portal-coming-kiosk", "portal-coming-clinic", "portal-coming-bank", "portal-coming-library"];
    keys.iter().map(|key| frame.t.say(key)).collect()
}

impl Home {
    fn new(frame: Frame, account: AccountView) -> Self {
        let state = account.card.state.as_str();
        let (class, icon) = match state {
            "active" => ("good", "check"),
            "expiring" | "suspended" => ("warn", "pause"),
            "expired" | "revoked" => ("bad", "cross"),
            _ => ("", "info"),
        };
        let text = frame.t.say(&format!("portal-card-{state}"));
        Self {
            name: account.name,
            strong: account.strong,
            card_tag: Tag { class, icon, text },
            card_lines: account.card.certificates.iter().map(|own| Line::of(&frame, own)).collect(),
            can_stop_card: matches!(state, "active" | "expiring"),
            phones: account.phones.iter().map(|phone| PhoneCard::of(&frame, phone)).collect(),
            notices: account.notices.iter().map(|notice| NoticeLine::of(&frame, notice)).collect(),
            coming: coming(&frame),
            frame,
        }
    }
}

#[derive(Template)]
#[template(path = "portal-ended.html")]
struct EndedPage {
    frame: Frame,
    refusal: Refusal,
    done: Option<DoneText>,
}

/// What was just done, in words.
struct DoneText {
    title: String,
    what: String,
    phone: Option<PhoneCard>,
}

impl DoneText {
    fn of(frame: &Frame, done: &Done) -> Self {
        Self {
            title: frame.t.say(&format!("portal-done-{}", done.act)),
            what: frame.t.say(&format!("portal-done-{}-what", done.act)),
            phone: done.phone.as_ref().map(|phone| PhoneCard::of(frame, phone)),
        }
    }
}

#[derive(Template)]
#[template(path = "portal-done.html")]
struct DonePage {
    frame: Frame,
    done: DoneText,
    ends_session: bool,
}

/// A line of the history.
struct LoginLine {
    id: String,
    relying_party: String,
    since: String,
    how: String,
    by: String,
    state: Tag,
    this_session: bool,
    live: bool,
}

impl LoginLine {
    fn of(frame: &Frame, login: &Login) -> Self {
        let method = if login.amr.iter().any(|own| own == "fpt") { "finger" } else { "pin" };
        let channel = if login.cross_device { "other" } else { "same" };
        let plain = |class, icon, text| Tag { class, icon, text };
        let state = match &login.ended {
            Some(end) => {
                let when = dates::moment(end.at, frame.language());
                plain("", "door", frame.t.with(&format!("portal-ended-{}", end.why), "when", when))
            }
            None if login.live => plain("good", "check", frame.t.say("portal-live")),
            None => plain("", "clock", frame.t.say("portal-over")),
        };
        Self {
            id: login.id.clone(),
            relying_party: login.relying_party_in(frame.language()).to_owned(),
            since: dates::moment(login.since, frame.language()),
            how: frame.t.say(&format!("portal-how-{method}-{channel}")),
            by: frame.t.say(if login.this_phone {
                "portal-by-this-phone"
            } else {
                "portal-by-another-phone"
            }),
            state,
            this_session: login.this_session,
            live: login.live,
        }
    }
}

#[derive(Template)]
#[template(path = "portal-history.html")]
struct HistoryPage {
    frame: Frame,
    logins: Vec<LoginLine>,
}

impl Portal {
    /// Turns a refusal that says that the login has ended into the end of the session here.
    pub(crate) async fn settle(&self, found: &Found, refused: Refused) -> Refused {
        if !refused.ends_session() {
            return refused;
        }
        match self.end_session(&found.id, Ended::Elsewhere).await {
            Ok(()) => PortalError::SessionEnded.into(),
            Err(error) => error.into(),
        }
    }

    fn ended(view: &View, found: &Found) -> Response {
        let frame = view.frame();
        let refusal = Refusal::of(PortalError::SessionEnded.code().as_str(), view.language);
        let done = found.session.done.as_ref().filter(|done| done.ends_session);
        let done = done.map(|done| DoneText::of(&frame, done));
        Page(EndedPage { frame, refusal, done }).into_response()
    }

    async fn home(&self, view: &View, headers: &HeaderMap) -> Result<Response, Refused> {
        let Some(found) = self.session(headers).await? else { return Ok(Self::front(view)) };
        if found.session.ended == Some(Ended::Here) {
            return Ok(Self::front(view));
        }
        let Some((found, access)) = self.live(headers).await? else { return Ok(Self::ended(view, &found)) };
        match self.account(&access).await {
            Ok(account) => Ok(Page(Home::new(view.own_frame(), account)).into_response()),
            Err(refused) if refused.ends_session() => {
                self.end_session(&found.id, Ended::Elsewhere).await?;
                Ok(Self::ended(view, &found))
            }
            Err(refused) => Err(refused),
        }
    }

    fn front(view: &View) -> Response {
        let frame = view.frame();
        Page(Front { coming: coming(&frame), frame }).into_response()
    }

    async fn show_history(&self, view: &View, headers: &HeaderMap) -> Result<Response, Refused> {
        let Some((found, access)) = self.live(headers).await? else { return Ok(see_other("/", &[])) };
        let history = match self.history(&access).await {
            Ok(history) => history,
            Err(refused) => return Err(self.settle(&found, refused).await),
        };
        let frame = view.own_frame();
        let logins = history.sessions.iter().map(|login| LoginLine::of(&frame, login)).collect();
        Ok(Page(HistoryPage { frame, logins }).into_response())
    }

    async fn show_done(&self, view: &View, headers: &HeaderMap) -> Result<Response, Refused> {
        let found = self.session(headers).await?;
        let Some(done) = found.and_then(|found| found.session.done) else { return Ok(see_other("/", &[])) };
        let frame = if done.ends_session { view.frame() } else { view.own_frame() };
        let text = DoneText::of(&frame, &done);
        Ok(Page(DonePage { frame, done: text, ends_session: done.ends_session }).into_response())
    }
}

/// `GET /`.
pub(crate) async fn front(State(portal): Shared, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.home(&view, &headers).await)
}

/// `GET /history`.
pub(crate) async fn history(State(portal): Shared, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.show_history(&view, &headers).await)
}

/// `GET /done`.
pub(crate) async fn done(State(portal): Shared, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.show_done(&view, &headers).await)
}

/// No page has that address.
pub(crate) async fn not_found(view: View) -> Response {
    tefuda_pages::not_found(view.frame())
}
