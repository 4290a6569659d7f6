//! The tables of the console. What they are filtered by stands in the address.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::IntoResponse,
};
use serde::Deserialize;
use tefuda_authority::console::{Order, Right};
use tefuda_pages::{Frame, Page, Refusal, Texts, dates};
use tefuda_protocol::enrolment::ApplicationState;
use tefuda_types::{CertificateKind, CertificateStatus, Clock};
use tefuda_web::Problem;

use super::{
    frame::{Desk, Shown},
    login::role,
    views::{self, Stands, Tag},
    words::{self, EntryView},
};
use crate::{Authority, ca::Issued, dossier::Dossier, lists::List, routes::Shared};

/// Rows of a table at most; whoever wants others filters.
const ROWS_MAX: usize = 200;
/// Entries of a log that are shown.
const ENTRIES_MAX: u32 = 200;

/// Who is logged in, for the bar.
pub(super) struct Who {
    pub name: String,
    pub role: String,
}

impl Who {
    pub fn of(desk: &Desk, t: Texts) -> Self {
        Self { name: desk.name(), role: role(t, desk.operator.role) }
    }
}

/// A value that a filter can have.
pub(super) struct Choice {
    value: String,
    text: String,
    chosen: bool,
}

fn choices(chosen: &str, values: impl IntoIterator<Item = (String, String)>) -> Vec<Choice> {
    let choice = |(value, text): (String, String)| Choice { chosen: value == chosen, value, text };
    values.into_iter().map(choice).collect()
}

/// What tables are filtered by.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    state: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    serial: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    done: String,
}

struct ApplicationRow {
    id: String,
    received: String,
    holder: String,
    kinds: String,
    phone: String,
    state: Tag,
    note: String,
}

#[derive(Template)]
#[template(path = "applications.html")]
struct ApplicationsPage {
    frame: Frame,
    who: Who,
    states: Vec<Choice>,
    rows: Vec<ApplicationRow>,
    more: bool,
}

pub(super) async fn applications(
    State(authority): Shared,
    desk: Desk,
    Query(filter): Query<Filter>,
) -> Shown {
    desk.needs(Right::Look)?;
    let frame = desk.frame();
    let t = frame.t;
    let mut rows =
        authority.application_rows(t, &filter.state).await.map_err(|problem| desk.refused(problem))?;
    let more = rows.len() > ROWS_MAX;
    rows.truncate(ROWS_MAX);
    let states = ["pending", "approved", "registered", "refused", "expired"].map(|state| {
        let word = match state {
            "pending" => t.say("consoles-application-pending"),
            "approved" => t.say("consoles-application-approved"),
            "registered" => t.say("consoles-application-registered"),
            "refused" => t.say("consoles-application-refused"),
            _ => t.say("consoles-application-expired"),
        };
        (state.to_owned(), word)
    });
    let states = choices(&filter.state, states);
    Ok(Page(ApplicationsPage { who: Who::of(&desk, t), states, rows, more, frame }).into_response())
}

struct CertificateRow {
    kind: String,
    kind_key: CertificateKind,
    serial: String,
    holder: String,
    until: String,
    status: Tag,
    since: String,
}

#[derive(Template)]
#[template(path = "certificates.html")]
struct CertificatesPage {
    frame: Frame,
    who: Who,
    kinds: Vec<Choice>,
    statuses: Vec<Choice>,
    serial: String,
    rows: Vec<CertificateRow>,
    more: bool,
}

pub(super) async fn certificates(
    State(authority): Shared,
    desk: Desk,
    Query(filter): Query<Filter>,
) -> Shown {
    desk.needs(Right::Look)?;
    let frame = desk.frame();
    let t = frame.t;
    let mut rows = authority.certificate_rows(t, &filter).await.map_err(|problem| desk.refused(problem))?;
    let more = rows.len() > ROWS_MAX;
    rows.truncate(ROWS_MAX);
    let kinds = CertificateKind::ALL.map(|kind| (kind.to_string(), views::kind(t, kind)));
    let statuses = [
        ("valid", t.say("status-valid")),
        ("suspended", t.say("status-suspended")),
        ("revoked", t.say("status-revoked")),
        ("expired", t.say("consoles-expired")),
    ];
    let page = CertificatesPage {
        who: Who::of(&desk, t),
        kinds: choices(&filter.kind, kinds),
        statuses: choices(&filter.status, statuses.map(|(value, text)| (value.to_owned(), text))),
        serial: filter.serial.trim().to_owned(),
        rows,
        more,
        frame,
    };
    Ok(Page(page).into_response())
}

struct PhoneRow {
    element: String,
    phone: String,
    family: String,
    holder: String,
    deletion: String,
    waiting: bool,
}

#[derive(Template)]
#[template(path = "phones.html")]
struct PhonesPage {
    frame: Frame,
    who: Who,
    rows: Vec<PhoneRow>,
}

pub(super) async fn phones(State(authority): Shared, desk: Desk) -> Shown {
    desk.needs(Right::Look)?;
    let frame = desk.frame();
    let rows = authority.phone_rows(frame.t).await.map_err(|problem| desk.refused(problem))?;
    Ok(Page(PhonesPage { who: Who::of(&desk, frame.t), rows, frame }).into_response())
}

struct OrderRow {
    id: String,
    deed: String,
    link: String,
    why: String,
    made: String,
    ended: Option<String>,
    /// The other pair of eyes is wanted, and these are not it.
    own: bool,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    who: Who,
    done: Option<String>,
    may_confirm: bool,
    open: Vec<OrderRow>,
    closed: Vec<OrderRow>,
}

pub(super) async fn orders(State(authority): Shared, desk: Desk, Query(filter): Query<Filter>) -> Shown {
    desk.needs(Right::Look)?;
    let frame = desk.frame();
    let t = frame.t;
    let mut orders = authority.staff.orders().await.map_err(|error| desk.refused(error))?;
    orders.sort_by_key(|(_, order)| std::cmp::Reverse(order.at));
    let (closed, open): (Vec<_>, Vec<_>) = orders.into_iter().partition(|(_, order)| order.end.is_some());
    let row = |(id, order): (String, Order)| order_row(t, id, &order, &desk.operator.id);
    let page = OrdersPage {
        who: Who::of(&desk, t),
        done: match filter.done.as_str() {
            "made" => Some(t.say("consoles-order-made")),
            "confirmation" => Some(t.say("consoles-order-confirmed")),
            "withdrawal" => Some(t.say("consoles-order-withdrawn")),
            _ => None,
        },
        may_confirm: desk.operator.role.may(Right::Confirm),
        open: open.into_iter().map(row).collect(),
        closed: closed.into_iter().take(ROWS_MAX).map(row).collect(),
        frame,
    };
    Ok(Page(page).into_response())
}

fn order_row(t: Texts, id: String, order: &Order, operator: &str) -> OrderRow {
    let (deed, link) = views::deed(t, &order.deed);
    let ended = order.end.as_ref().map(|end| {
        let how = if end.confirmed { t.say("consoles-confirmed") } else { t.say("consoles-withdrawn") };
        format!("{how} {} {}", words::operator(t, &end.by), dates::moment(end.at, t.0))
    });
    OrderRow {
        id,
        deed,
        link,
        why: order.why.clone(),
        made: format!("{} {}", words::operator(t, &order.by), dates::moment(order.at, t.0)),
        ended,
        own: order.by == operator,
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    who: Who,
    roles: Vec<Choice>,
    action: String,
    verified: i64,
    rows: Vec<EntryView>,
}

pub(super) async fn audit(State(authority): Shared, desk: Desk, Query(filter): Query<Filter>) -> Shown {
    desk.needs(Right::Look)?;
    let frame = desk.frame();
    let t = frame.t;
    let logs = authority.logs();
    let wanted = logs.iter().find(|(role, _)| *role == filter.role).or(logs.first());
    let Some((role, store)) = wanted.copied() else { return Err(super::frame::missing(desk.visit).await) };
    let verified = store.verify_audit().await.map_err(|error| desk.refused(error))?;
    let entries = store.audit_entries(ENTRIES_MAX).await.map_err(|error| desk.refused(error))?;
    let action = filter.action.trim().to_owned();
    let rows = entries.iter().filter(|entry| entry.action.starts_with(&action));
    let page = AuditPage {
        who: Who::of(&desk, t),
        roles: choices(role, logs.map(|(role, _)| (role.to_owned(), words::log(t, role)))),
        rows: rows.map(|entry| words::entry(t, entry)).collect(),
        action,
        verified,
        frame,
    };
    Ok(Page(page).into_response())
}

struct GenerationRow {
    kind: String,
    number: u32,
    from: String,
    until: String,
    key_id: String,
    full: u64,
    full_url: String,
    delta: u64,
    delta_url: String,
}

#[derive(Template)]
#[template(path = "generations.html")]
struct GenerationsPage {
    frame: Frame,
    who: Who,
    rows: Vec<GenerationRow>,
}

pub(super) async fn generations(State(authority): Shared, desk: Desk) -> Shown {
    desk.needs(Right::Look)?;
    let frame = desk.frame();
    let rows = authority.generation_rows(frame.t).await.map_err(|problem| desk.refused(problem))?;
    Ok(Page(GenerationsPage { who: Who::of(&desk, frame.t), rows, frame }).into_response())
}

impl Authority {
    async fn application_rows(&self, t: Texts, state: &str) -> Result<Vec<ApplicationRow>, Problem> {
        let mut dossiers = self.registrar.dossiers().await?;
        dossiers.retain(|(_, dossier)| state.is_empty() || views::application_key(&dossier.state) == state);
        dossiers.sort_by_key(|(_, dossier)| std::cmp::Reverse(dossier.received_at));
        let mut rows = Vec::new();
        for (id, dossier) in dossiers.into_iter().take(ROWS_MAX + 1) {
            let application = dossier.request.application.peek_unverified()?;
            let kinds = application.kinds.iter().map(|kind| views::kind(t, *kind));
            rows.push(ApplicationRow {
                received: dates::moment(dossier.received_at, t.0),
                holder: self.masked_holder(dossier.resident.as_str()).await?,
                kinds: kinds.collect::<Vec<_>>().join(" · "),
                phone: application.phone,
                state: views::application(t, &dossier.state),
                note: self.application_note(t, &dossier).await?,
                id,
            });
        }
        Ok(rows)
    }

    /// When something is due, why it was refused, or what has become of the certificates since.
    async fn application_note(&self, t: Texts, dossier: &Dossier) -> Result<String, Problem> {
        match &dossier.state {
            ApplicationState::Pending { decision_at } => {
                Ok(t.with("consoles-note-decision", "time", dates::moment(*decision_at, t.0)))
            }
            ApplicationState::Approved { register_until } => {
                Ok(t.with("consoles-note-register", "time", dates::moment(*register_until, t.0)))
            }
            ApplicationState::Refused { reason } => Ok(Refusal::of(reason, t.0).happened),
            ApplicationState::Expired => Ok(String::new()),
            ApplicationState::Registered => {
                let now = self.context.clock.civil();
                let mut notes = Vec::new();
                for (kind, serial) in &dossier.certificates {
                    let Some(issued) = self.ca(*kind).find(serial).await? else { continue };
                    let stands = Stands::on(issued.standing.status(), issued.not_after, now);
                    if stands != Stands::As(CertificateStatus::Valid) {
                        notes.push(format!("{}: {}", views::kind(t, *kind), views::status(t, stands).word));
                    }
                }
                Ok(notes.join(" · "))
            }
        }
    }

    async fn certificate_rows(&self, t: Texts, filter: &Filter) -> Result<Vec<CertificateRow>, Problem> {
        let mut found: Vec<(CertificateKind, Issued)> = Vec::new();
        let serial = filter.serial.trim().to_ascii_uppercase();
        for kind in CertificateKind::ALL {
            if !filter.kind.is_empty() && filter.kind != kind.as_str() {
                continue;
            }
            let all = self.ca(kind).store.list::<Issued>("certificate").await?;
            found.extend(all.into_iter().map(|(_, issued)| (kind, issued)));
        }
        let now = self.context.clock.civil();
        let stands = |issued: &Issued| Stands::on(issued.standing.status(), issued.not_after, now);
        found.retain(|(_, issued)| {
            (filter.status.is_empty() || stands(issued).key() == filter.status)
                && issued.serial.to_string().starts_with(&serial)
        });
        found.sort_by_key(|(_, issued)| std::cmp::Reverse(issued.not_before));
        let mut rows = Vec::new();
        for (kind, issued) in found.into_iter().take(ROWS_MAX + 1) {
            rows.push(CertificateRow {
                kind: views::kind(t, kind),
                kind_key: kind,
                serial: issued.serial.to_string(),
                holder: self.masked_holder(&issued.holder).await?,
                until: dates::day(issued.not_after, t.0),
                status: views::status(t, stands(&issued)),
                since: views::since_and_why(t, &issued.standing),
            });
        }
        Ok(rows)
    }

    async fn phone_rows(&self, t: Texts) -> Result<Vec<PhoneRow>, Problem> {
        let mut rows = Vec::new();
        for device in self.service_manager.devices().await? {
            let holder = match device.holder() {
                Some(holder) => self.masked_holder(holder.as_str()).await?,
                None => "–".to_owned(),
            };
            rows.push(PhoneRow {
                element: device.element.to_string(),
                phone: device.phone().map_or_else(|| "–".to_owned(), ToString::to_string),
                family: views::family(t, device.family),
                holder,
                deletion: views::deletion(t, device.deletion()),
                waiting: device.open_commands().next().is_some(),
            });
        }
        Ok(rows)
    }

    async fn generation_rows(&self, t: Texts) -> Result<Vec<GenerationRow>, Problem> {
        let mut rows = Vec::new();
        for kind in CertificateKind::ALL {
            for generation in self.ca(kind).generations() {
                let delta_url = self.list_url(kind, &generation, List::Delta);
                let series = self.ca(kind).series(&generation, &delta_url).await?;
                let certificate = &generation.certificate;
                rows.push(GenerationRow {
                    kind: views::kind(t, kind),
                    number: generation.number,
                    from: dates::day(certificate.not_before(), t.0),
                    until: dates::day(certificate.not_after(), t.0),
                    key_id: tefuda_types::hexadecimal(&certificate.key_id()),
                    full: series.full,
                    full_url: self.list_url(kind, &generation, List::Full),
                    delta: series.delta,
                    delta_url,
                });
            }
        }
        Ok(rows)
    }
}
