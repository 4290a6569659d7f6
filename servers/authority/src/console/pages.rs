//! One application, certificate, phone or person, with what the logs say beside what can be done.

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::IntoResponse,
};
use serde::Deserialize;
use serde_json::json;
use tefuda_authority::console::{self, Right};
use tefuda_pages::{Frame, Page, Texts, dates};
use tefuda_pki::crl::RevocationReason;
use tefuda_types::{CertificateKind, CertificateStatus, Clock, ElementId, ResidentId, Serial};
use tefuda_web::Problem;

use super::{
    frame::{Desk, Shown},
    tables::Who,
    views::{self, Stands, Tag},
    words::{self, EntryView},
};
use crate::{Authority, ca::CaError, routes::Shared};

/// A fact with its name.
struct Fact {
    name: String,
    value: String,
    mono: bool,
}

fn fact(name: String, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), mono: false }
}

fn code(name: String, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), mono: true }
}

/// What a page of one thing shows: facts, who it belongs to, a form to order what takes two, and the logs.
#[derive(Template)]
#[template(path = "thing.html")]
struct ThingPage {
    frame: Frame,
    who: Who,
    title: String,
    back: (String, String),
    tag: Option<Tag>,
    facts: Vec<Fact>,
    links: Vec<(String, String)>,
    holder: Option<(String, String)>,
    revoke: Option<(CertificateKind, String)>,
    wipe: Option<String>,
    /// RFC 5280 names and words.
    reasons: Vec<(&'static str, String)>,
    entries: Vec<EntryView>,
}

impl ThingPage {
    fn new(desk: &Desk, title: String, back: (&str, String)) -> Self {
        let frame = desk.frame();
        Self {
            who: Who::of(desk, frame.t),
            title,
            back: (back.0.to_owned(), back.1),
            tag: None,
            facts: Vec::new(),
            links: Vec::new(),
            holder: None,
            revoke: None,
            wipe: None,
            reasons: RevocationReason::ALL
                .iter()
                .filter(|reason| **reason != RevocationReason::CertificateHold)
                .map(|reason| (reason.as_str(), words::reason_in_full(frame.t, reason.as_str())))
                .collect(),
            entries: Vec::new(),
            frame,
        }
    }
}

pub(super) async fn application(State(authority): Shared, desk: Desk, Path(id): Path<String>) -> Shown {
    desk.needs(Right::Look)?;
    let page = authority.application_page(&desk, &id).await.map_err(|problem| desk.refused(problem))?;
    Ok(Page(page).into_response())
}

pub(super) async fn certificate(
    State(authority): Shared,
    desk: Desk,
    Path((kind, serial)): Path<(String, String)>,
) -> Shown {
    desk.needs(Right::Look)?;
    let page = authority.certificate_page(&desk, &kind, &serial).await;
    Ok(Page(page.map_err(|problem| desk.refused(problem))?).into_response())
}

pub(super) async fn phone(State(authority): Shared, desk: Desk, Path(element): Path<String>) -> Shown {
    desk.needs(Right::Look)?;
    let page = authority.phone_page(&desk, &element).await.map_err(|problem| desk.refused(problem))?;
    Ok(Page(page).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Why {
    #[serde(default)]
    why: String,
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    frame: Frame,
    who: Who,
    protected: bool,
    why: String,
    facts: Vec<Fact>,
}

/// Who somebody is, for a reason that the audit log keeps.
pub(super) async fn person(
    State(authority): Shared,
    desk: Desk,
    Path(id): Path<String>,
    Form(Why { why }): Form<Why>,
) -> Shown {
    desk.needs(Right::Reveal)?;
    let page = authority.person_page(&desk, &id, &why).await.map_err(|problem| desk.refused(problem))?;
    Ok(Page(page).into_response())
}

impl Authority {
    async fn application_page(&self, desk: &Desk, id: &str) -> Result<ThingPage, Problem> {
        let dossier = self.registrar.dossier(id).await?;
        let application = dossier.request.application.peek_unverified()?;
        let t = desk.frame().t;
        let back = ("/console", t.say("consoles-applications"));
        let mut page = ThingPage::new(desk, t.say("consoles-application"), back);
        page.tag = Some(views::application(t, &dossier.state));
        page.facts = vec![
            code(t.say("consoles-id"), id),
            fact(t.say("consoles-received"), dates::moment(dossier.received_at, t.0)),
            fact(t.say("consoles-phone"), application.phone),
            code(t.say("consoles-element"), dossier.element.to_string()),
            fact(t.say("consoles-model"), format!("{} ({})", application.model, application.app_version)),
        ];
        page.links = vec![(format!("/console/phones/{}", dossier.element), t.say("consoles-phone-page"))];
        for (kind, serial) in &dossier.certificates {
            let link = format!("/console/certificates/{kind}/{serial}");
            page.links.push((link, format!("{} {serial}", views::kind(t, *kind))));
        }
        page.holder = Some(self.whose(dossier.resident.as_str()).await?);
        page.entries = views::entries_about(t, &[&self.registrar.store, &self.staff.store], id).await?;
        Ok(page)
    }

    async fn certificate_page(&self, desk: &Desk, kind: &str, serial: &str) -> Result<ThingPage, Problem> {
        let (kind, serial): (CertificateKind, Serial) = (kind.parse()?, serial.parse()?);
        let issued = self.ca(kind).find(&serial).await?.ok_or_else(|| CaError::NotFound(serial.clone()))?;
        let t = desk.frame().t;
        let back = ("/console/certificates", t.say("consoles-certificates"));
        let mut page = ThingPage::new(desk, views::kind(t, kind), back);
        let status = issued.standing.status();
        let stands = Stands::on(status, issued.not_after, self.context.clock.civil());
        page.tag = Some(views::status(t, stands));
        page.facts = vec![
            code(t.say("consoles-serial"), serial.to_string()),
            fact(t.say("consoles-generation"), issued.generation.to_string()),
            fact(t.say("consoles-from"), dates::moment(issued.not_before, t.0)),
            fact(t.say("consoles-until"), dates::moment(issued.not_after, t.0)),
        ];
        if status != CertificateStatus::Valid {
            page.facts.push(fact(t.say("consoles-since"), views::since(t, &issued.standing)));
        }
        if let Some(reason) = issued.standing.reason() {
            page.facts.push(fact(t.say("consoles-reason"), words::reason_in_full(t, reason.as_str())));
        }
        if let Some(element) = issued.device {
            page.links.push((format!("/console/phones/{element}"), t.say("consoles-phone-page")));
        }
        page.holder = Some(self.whose(&issued.holder).await?);
        if status != CertificateStatus::Revoked && desk.operator.role.may(Right::Order) {
            page.revoke = Some((kind, serial.to_string()));
        }
        let stores = [&self.ca(kind).store, &self.staff.store];
        page.entries = views::entries_about(t, &stores, &serial.to_string()).await?;
        Ok(page)
    }

    async fn phone_page(&self, desk: &Desk, element: &str) -> Result<ThingPage, Problem> {
        let element: ElementId = element.parse()?;
        let device = self.service_manager.device(element).await?;
        let view = self.device_view(element).await?;
        let t = desk.frame().t;
        let back = ("/console/phones", t.say("consoles-phones"));
        let name = device.phone().map(ToString::to_string);
        let mut page = ThingPage::new(desk, name.clone().unwrap_or_else(|| element.to_string()), back);
        page.facts = vec![
            code(t.say("consoles-element"), element.to_string()),
            fact(t.say("consoles-family"), views::family(t, device.family)),
            fact(t.say("consoles-deletion"), views::deletion(t, device.deletion())),
        ];
        for certificate in &view.certificates {
            let link = format!("/console/certificates/{}/{}", certificate.kind, certificate.serial);
            let stands = Stands::on(certificate.status, certificate.not_after, self.context.clock.civil());
            let status = views::status(t, stands).word;
            page.links.push((
                link,
                format!("{} {} {status}", views::kind(t, certificate.kind), certificate.serial),
            ));
        }
        if let Some(holder) = device.holder() {
            page.holder = Some(self.whose(holder.as_str()).await?);
        }
        if desk.operator.role.may(Right::Order) {
            page.wipe = Some(element.to_string());
        }
        let stores = [&self.service_manager.store, &self.operator.store, &self.staff.store];
        page.entries = views::entries_about(t, &stores, &element.to_string()).await?;
        Ok(page)
    }

    /// Identifier and masked name.
    async fn whose(&self, id: &str) -> Result<(String, String), Problem> {
        Ok((id.to_owned(), self.masked_holder(id).await?))
    }

    async fn person_page(&self, desk: &Desk, id: &str, why: &str) -> Result<PersonPage, Problem> {
        let id: ResidentId = id.parse()?;
        let why = console::reason(why)?;
        let resident = self.registrar.resident(&id).await??;
        let detail = json!({ "operator": desk.operator.id, "resident": id, "why": why });
        // Kept before it is shown.
        self.staff.note("person.revealed", detail).await?;
        let frame = desk.frame();
        let t = frame.t;
        let facts = vec![
            fact(t.say("consoles-name"), resident.name.clone()),
            fact(t.say("consoles-birth"), birth(t, resident.born)),
            fact(t.say("consoles-address"), resident.address.clone()),
            code(t.say("consoles-number"), "•••• •••• ••••"),
        ];
        Ok(PersonPage { who: Who::of(desk, t), protected: resident.protected, why, facts, frame })
    }
}

/// A birth date as registered, unknown parts said so.
pub(super) fn birth(t: Texts, (year, month, day): (i16, i8, i8)) -> String {
    if month == 0 || day == 0 {
        return format!("{year:04}-{month:02}-{day:02} ({})", t.say("consoles-birth-unknown"));
    }
    format!("{year:04}-{month:02}-{day:02}")
}
