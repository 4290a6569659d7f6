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

/// A fact about a phone that is out of the ordinary. What is as it should be is not said.
pub struct Fact {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) text: String,
}

impl Fact {
    fn new(frame: &Frame, name: &'static str, (class, icon): (&'static str, &'static str)) -> Self {
        Self { name, class, icon, text: frame.t.say(&format!("portal-fact-{name}")) }
    }

    /// Stopped or revoked, deletion ordered, deletion confirmed: each apart.
    fn all(frame: &Frame, auth: CertificateStatus, deletion: Deletion) -> Vec<Self> {
        let standing = match auth {
            CertificateStatus::Suspended => Some(("stopped", ("warn", "pause"))),
            CertificateStatus::Revoked => Some(("revoked", ("bad", "cross"))),
            CertificateStatus::Valid | CertificateStatus::NotKnown => None,
        };
        let ordered = ("deletion-ordered", ("good", "check"));
        let removal: &[_] = match deletion {
            Deletion::None => &[],
            Deletion::Ordered => &[ordered, ("deletion-awaited", ("", "clock"))],
            Deletion::Confirmed => &[ordered, ("deletion-confirmed", ("good", "check"))],
        };
        let facts = standing.iter().chain(removal);
        facts.map(|(name, drawn)| Self::new(frame, name, *drawn)).collect()
    }
}

/// What a phone's holder has to know and do, where its certificates are not as they should be.
pub struct Advice {
    pub(crate) class: &'static str,
    pub(crate) title: String,
    pub(crate) what: String,
}

impl Advice {
    fn of(frame: &Frame, phone: &AccountPhone, auth: CertificateStatus) -> Option<Self> {
        let is_revoked = |own: &AccountCertificate| own.status == CertificateStatus::Revoked;
        let (class, about) = match auth {
            _ if !phone.held => return None,
            CertificateStatus::Revoked => ("bad", "revoked"),
            CertificateStatus::Suspended => ("warn", "stopped"),
            _ if phone.certificates.iter().any(is_revoked) => ("warn", "no-signature"),
            CertificateStatus::Valid | CertificateStatus::NotKnown => return None,
        };
        let say = |line: &str| frame.t.say(&format!("portal-advice-{about}{line}"));
        Some(Self { class, title: say(""), what: say("-what") })
    }
}

/// A phone as a page shows it.
pub struct PhoneCard {
    pub(crate) element: String,
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) this_phone: bool,
    pub(crate) tag: Tag,
    pub(crate) lines: Vec<Line>,
    pub(crate) advice: Option<Advice>,
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
        let tag = if phone.held { Tag::of_status(frame, auth) } else { Self::gone(frame) };
        Self {
            element: phone.element.to_string(),
            name: phone.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            family: frame.t.say(&format!("portal-family-{}", phone.family)),
            this_phone: phone.this_phone,
            tag,
            lines: phone.certificates.iter().map(|certificate| Line::of(frame, certificate)).collect(),
            advice: Advice::of(frame, phone, auth),
            facts: Fact::all(frame, auth, phone.deletion),
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
    /// Where a lost phone is stopped without a login.
    lost: String,
    coming: Vec<String>,
}

#[derive(Template)]
#[template(path = "portal-home.html")]
struct Home {
    frame: Frame,
    lost: String,
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
    fn new(frame: Frame, lost: String, account: AccountView) -> Self {
        let state = account.card.state.as_str();
        let (class, icon) = match state {
            "active" => ("good", "check"),
            "expiring" | "suspended" => ("warn", "pause"),
            "expired" | "revoked" => ("bad", "cross"),
            _ => ("", "info"),
        };
        let text = frame.t.say(&format!("portal-card-{state}"));
        Self {
            lost,
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

#[derive(Template)]
#[template(path = "portal-out.html")]
struct LoggedOut {
    frame: Frame,
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
        let Some(found) = self.session(headers).await? else { return Ok(self.first(view)) };
        if found.session.ended == Some(Ended::Here) {
            return Ok(self.first(view));
        }
        let Some((found, access)) = self.live(headers).await? else { return Ok(Self::ended(view, &found)) };
        match self.account(&access).await {
            Ok(account) => Ok(Page(Home::new(view.own_frame(), self.lost(view), account)).into_response()),
            Err(refused) if refused.ends_session() => {
                self.end_session(&found.id, Ended::Elsewhere).await?;
                Ok(Self::ended(view, &found))
            }
            Err(refused) => Err(refused),
        }
    }

    fn first(&self, view: &View) -> Response {
        let frame = view.frame();
        Page(Front { coming: coming(&frame), lost: self.lost(view), frame }).into_response()
    }

    /// Where a phone is stopped by its recovery code, and the way to the call centre.
    fn lost(&self, view: &View) -> String {
        format!("{}/lost?lang={}", self.context.urls.phones(), view.language.tag())
    }

    /// Whoever is logged in after all is not told otherwise.
    async fn show_logged_out(&self, view: &View, headers: &HeaderMap) -> Result<Response, Refused> {
        match self.live(headers).await? {
            Some(_) => Ok(see_other("/", &[])),
            None => Ok(Page(LoggedOut { frame: view.frame() }).into_response()),
        }
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

/// `GET /logged-out`.
pub(crate) async fn logged_out(State(portal): Shared, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.show_logged_out(&view, &headers).await)
}

/// `GET /done`.
pub(crate) async fn done(State(portal): Shared, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.show_done(&view, &headers).await)
}

/// No page has that address.
pub(crate) async fn not_found(view: View) -> Response {
    tefuda_pages::not_found(view.frame())
}
