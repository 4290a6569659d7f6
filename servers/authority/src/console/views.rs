//! Words and masks that the consoles share.

use serde_json::Value;
use std::fmt::Write;
use tefuda_authority::{console::Deed, register::Resident, status::Standing};
use tefuda_pages::{Texts, dates};
use tefuda_protocol::{device::Deletion, enrolment::ApplicationState};
use tefuda_store::{AuditEntry, Documents, StoreError};
use tefuda_types::{CertificateKind, CertificateStatus};
use tefuda_web::Problem;

use crate::Authority;

/// Entries of a log that are looked through for those about one thing.
const LOOKED_THROUGH: u32 = 5_000;
/// Entries that are shown beside an action.
const BESIDE_MAX: usize = 12;

/// A kind of certificate as a word.
pub(super) fn kind(t: Texts, kind: CertificateKind) -> String {
    match kind {
        CertificateKind::CardSign => t.say("kind-card-sign"),
        CertificateKind::CardAuth => t.say("kind-card-auth"),
        CertificateKind::PhoneSign => t.say("kind-phone-sign"),
        CertificateKind::PhoneAuth => t.say("kind-phone-auth"),
    }
}

/// A word with the tone and icon of its tag.
pub(super) struct Tag {
    pub word: String,
    pub tone: &'static str,
    pub icon: &'static str,
}

pub(super) fn status(t: Texts, status: CertificateStatus) -> Tag {
    let (word, tone, icon) = match status {
        CertificateStatus::Valid => (t.say("status-valid"), "good", "check"),
        CertificateStatus::Suspended => (t.say("status-suspended"), "warn", "pause"),
        CertificateStatus::Revoked => (t.say("status-revoked"), "bad", "cross"),
        CertificateStatus::NotKnown => (t.say("status-not-known"), "", "info"),
    };
    Tag { word, tone, icon }
}

pub(super) fn application(t: Texts, state: &ApplicationState) -> Tag {
    let (word, tone, icon) = match state {
        ApplicationState::Pending { .. } => (t.say("consoles-application-pending"), "info", "clock"),
        ApplicationState::Approved { .. } => (t.say("consoles-application-approved"), "info", "half"),
        ApplicationState::Registered => (t.say("consoles-application-registered"), "good", "check"),
        ApplicationState::Refused { .. } => (t.say("consoles-application-refused"), "bad", "cross"),
        ApplicationState::Expired => (t.say("consoles-application-expired"), "", "cross"),
    };
    Tag { word, tone, icon }
}

/// The state's name in an address.
pub(super) const fn application_key(state: &ApplicationState) -> &'static str {
    match state {
        ApplicationState::Pending { .. } => "pending",
        ApplicationState::Approved { .. } => "approved",
        ApplicationState::Registered => "registered",
        ApplicationState::Refused { .. } => "refused",
        ApplicationState::Expired => "expired",
    }
}

pub(super) fn deletion(t: Texts, deletion: Deletion) -> String {
    match deletion {
        Deletion::None => t.say("consoles-deletion-none"),
        Deletion::Ordered => t.say("consoles-deletion-ordered"),
        Deletion::Confirmed => t.say("consoles-deletion-confirmed"),
    }
}

/// Since when a certificate stands as it does, and why.
pub(super) fn since(t: Texts, standing: &Standing) -> String {
    match standing {
        Standing::Good => String::new(),
        Standing::Lifted { since } | Standing::Held { since } => dates::moment(*since, t.0),
        Standing::Revoked { since, reason } => format!("{} ({reason})", dates::moment(*since, t.0)),
    }
}

/// What is to be done, as a sentence, and where what it is done to is shown.
pub(super) fn deed(t: Texts, deed: &Deed) -> (String, String) {
    match deed {
        Deed::Revoke { kind: of, serial, reason } => (
            t.with2("consoles-deed-revoke", "kind", kind(t, *of), "reason", reason),
            format!("/console/certificates/{of}/{serial}"),
        ),
        Deed::Wipe { element } => (t.say("consoles-deed-wipe"), format!("/console/phones/{element}")),
    }
}

/// A name that shows its first letter only.
pub(super) fn masked(name: &str) -> String {
    let first = name.chars().next().unwrap_or('＊');
    format!("{first}＊＊＊")
}

/// An entry of an audit log.
pub(super) struct EntryView {
    pub time: String,
    pub action: String,
    pub detail: String,
}

pub(super) fn entry(t: Texts, entry: &AuditEntry) -> EntryView {
    let mut detail = String::new();
    for (name, value) in entry.detail.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(inner) => inner.iter().for_each(|(name, value)| say(&mut detail, name, value)),
            None => say(&mut detail, name, value),
        }
    }
    EntryView { time: dates::moment(entry.time, t.0), action: entry.action.clone(), detail }
}

fn say(detail: &mut String, name: &str, value: &Value) {
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // Writing into a text cannot fail.
    let _ = write!(detail, "{name}={value} ");
}

/// Entries that name something, newest first.
pub(super) async fn entries_about(
    t: Texts,
    stores: &[&Documents],
    name: &str,
) -> Result<Vec<EntryView>, StoreError> {
    let mut found = Vec::new();
    for store in stores {
        let entries = store.audit_entries(LOOKED_THROUGH).await?;
        found.extend(entries.into_iter().filter(|entry| entry.detail.to_string().contains(name)));
    }
    found.sort_by_key(|entry| std::cmp::Reverse(entry.time));
    Ok(found.iter().take(BESIDE_MAX).map(|found| entry(t, found)).collect())
}

impl Authority {
    /// A holder by the first letter of their name.
    pub(super) async fn masked_holder(&self, id: &str) -> Result<String, Problem> {
        let resident: Option<Resident> = self.registrar.store.get("resident", id).await?;
        Ok(resident.map_or_else(|| "–".to_owned(), |resident| masked(&resident.name)))
    }

    /// Roles with an audit log, by name.
    pub(crate) fn logs(&self) -> [(&'static str, &Documents); 8] {
        [
            ("console", &self.staff.store),
            ("registrar", &self.registrar.store),
            ("service-manager", &self.service_manager.store),
            ("operator", &self.operator.store),
            ("ca-card-sign", &self.card_sign.store),
            ("ca-card-auth", &self.card_auth.store),
            ("ca-phone-sign", &self.phone_sign.store),
            ("ca-phone-auth", &self.phone_auth.store),
        ]
    }
}
