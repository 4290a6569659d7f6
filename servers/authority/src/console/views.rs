//! Words and masks that the consoles share.

use tefuda_authority::{console::Deed, register::Resident, status::Standing};
use tefuda_pages::{Texts, dates};
use tefuda_protocol::{device::Deletion, enrolment::ApplicationState};
use tefuda_store::{Documents, StoreError};
use tefuda_types::{CertificateKind, CertificateStatus, Family, Timestamp};
use tefuda_web::Problem;

use super::words::{self, EntryView};
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

/// Where a certificate stands on a day: past its end it is no longer in force, whatever the lists say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// As the lists say.
    As(CertificateStatus),
    /// Nobody ended it; its time did.
    Expired,
}

impl Stands {
    pub fn on(status: CertificateStatus, not_after: Timestamp, now: Timestamp) -> Self {
        if status == CertificateStatus::Valid && now > not_after { Self::Expired } else { Self::As(status) }
    }

    /// Its name in an address.
    pub fn key(self) -> String {
        match self {
            Self::As(status) => status.to_string(),
            Self::Expired => "expired".to_owned(),
        }
    }
}

pub(super) fn status(t: Texts, stands: Stands) -> Tag {
    let (word, tone, icon) = match stands {
        Stands::As(CertificateStatus::Valid) => (t.say("status-valid"), "good", "check"),
        Stands::As(CertificateStatus::Suspended) => (t.say("status-suspended"), "warn", "pause"),
        Stands::As(CertificateStatus::Revoked) => (t.say("status-revoked"), "bad", "cross"),
        Stands::As(CertificateStatus::NotKnown) => (t.say("status-not-known"), "", "info"),
        Stands::Expired => (t.say("consoles-expired"), "", "clock"),
    };
    Tag { word, tone, icon }
}

/// In place of a card's status where there is no card.
pub(super) fn no_card(t: Texts) -> Tag {
    Tag { word: t.say("consoles-no-card"), tone: "", icon: "info" }
}

/// A family of phones as a word.
pub(super) fn family(t: Texts, family: Family) -> String {
    match family {
        Family::Android => t.say("consoles-family-android"),
        Family::Iphone => t.say("consoles-family-iphone"),
    }
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

/// Since when a certificate stands as it does.
pub(super) fn since(t: Texts, standing: &Standing) -> String {
    match standing {
        Standing::Good => String::new(),
        Standing::Lifted { since } | Standing::Held { since } | Standing::Revoked { since, .. } => {
            dates::moment(*since, t.0)
        }
    }
}

/// The same, and why it ended.
pub(super) fn since_and_why(t: Texts, standing: &Standing) -> String {
    match standing {
        Standing::Revoked { reason, .. } => {
            format!("{} ({})", since(t, standing), words::reason(t, reason))
        }
        _ => since(t, standing),
    }
}

/// What is to be done, as a sentence, and where what it is done to is shown.
pub(super) fn deed(t: Texts, deed: &Deed) -> (String, String) {
    match deed {
        Deed::Revoke { kind: of, serial, reason } => (
            t.with2("consoles-deed-revoke", "kind", kind(t, *of), "reason", words::reason(t, reason)),
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
    Ok(found.iter().take(BESIDE_MAX).map(|found| words::entry(t, found)).collect())
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
