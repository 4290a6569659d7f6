//! What the registrar keeps of applications, PIN resets and cards' own keys.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tefuda_authority::application::EnrolError;
use tefuda_protocol::enrolment::{ApplicationRequest, ApplicationState};
use tefuda_store::{AuditEntry, StoreError};
use tefuda_types::{Bytes, CertificateKind, ElementId, PinKind, ResidentId, Serial, Timestamp};
use tefuda_web::Problem;

use crate::registrar::Registrar;

/// An application as the registrar keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dossier {
    /// As it was sent.
    pub request: ApplicationRequest,
    /// Tells it from another with its identifier.
    pub fingerprint: Bytes,
    /// Whose.
    pub resident: ResidentId,
    /// With which phone.
    pub element: ElementId,
    /// Civil time.
    pub received_at: Timestamp,
    /// Where it stands.
    pub state: ApplicationState,
    /// What was issued.
    pub certificates: BTreeMap<CertificateKind, Serial>,
}

/// A password of a phone may be set anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Tells it from another with its identifier.
    pub fingerprint: Bytes,
    /// Of which phone.
    pub element: ElementId,
    /// Which password.
    pub pin: PinKind,
    /// Civil time after which it is no longer delivered.
    #[serde(default)]
    pub until: Timestamp,
    /// Whether the element has it.
    pub used: bool,
}

impl Registrar {
    /// An application.
    pub async fn dossier(&self, id: &str) -> Result<Dossier, Problem> {
        self.find_dossier(id).await?.ok_or_else(|| EnrolError::NotFound.into())
    }

    /// An application, if it was ever sent.
    pub async fn find_dossier(&self, id: &str) -> Result<Option<Dossier>, StoreError> {
        self.store.get("application", id).await
    }

    /// All applications.
    pub async fn dossiers(&self) -> Result<Vec<(String, Dossier)>, StoreError> {
        self.store.list("application").await
    }

    /// Takes a new application; the one that is there already where two were sent.
    pub async fn take(&self, id: &str, dossier: Dossier) -> Result<Dossier, Problem> {
        let mut transaction = self.store.begin().await?;
        if let Some(known) = transaction.get::<Dossier>("application", id).await? {
            return same(known, &dossier.fingerprint);
        }
        transaction.insert("application", id, &dossier).await?;
        let detail = serde_json::json!({
            "application": id, "resident": dossier.resident, "element": dossier.element,
        });
        let entry =
            AuditEntry { time: dossier.received_at, action: "application.received".to_owned(), detail };
        transaction.audit(&entry).await?;
        transaction.commit().await?;
        Ok(dossier)
    }

    /// An application stands somewhere else now.
    pub async fn move_on(
        &self,
        id: &str,
        dossier: &Dossier,
        now: Timestamp,
        action: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.put("application", id, dossier).await?;
        let detail = serde_json::json!({ "application": id, "state": dossier.state });
        transaction.audit(&AuditEntry { time: now, action: action.to_owned(), detail }).await?;
        transaction.commit().await
    }

    /// Something that only the audit log keeps.
    pub async fn note(&self, action: &str, detail: Value, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.audit(&AuditEntry { time: now, action: action.to_owned(), detail }).await?;
        transaction.commit().await
    }

    /// The common application's key of a resident's present card.
    pub async fn register_card_key(&self, id: &ResidentId, spki: &Bytes) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.put("card-key", id.as_str(), spki).await?;
        transaction.commit().await
    }

    /// That key, if the card was made since keys are registered.
    pub async fn card_key(&self, id: &ResidentId) -> Result<Option<Bytes>, StoreError> {
        self.store.get("card-key", id.as_str()).await
    }

    /// Grants a PIN reset. Asked again it is the same grant; `None` for another with its identifier.
    pub async fn grant(&self, id: &str, grant: Grant, now: Timestamp) -> Result<Option<()>, StoreError> {
        let mut transaction = self.store.begin().await?;
        if let Some(known) = transaction.get::<Grant>("pin-reset", id).await? {
            return Ok((known.fingerprint == grant.fingerprint).then_some(()));
        }
        transaction.insert("pin-reset", id, &grant).await?;
        let detail = serde_json::json!({ "reset": id, "element": grant.element, "pin": grant.pin });
        let entry = AuditEntry { time: now, action: "pin_reset.granted".to_owned(), detail };
        transaction.audit(&entry).await?;
        transaction.commit().await?;
        Ok(Some(()))
    }

    /// A grant.
    pub async fn find_grant(&self, id: &str) -> Result<Option<Grant>, StoreError> {
        self.store.get("pin-reset", id).await
    }

    /// The element has a grant.
    pub async fn use_grant(&self, id: &str, grant: Grant, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        let detail = serde_json::json!({ "reset": id, "element": grant.element });
        transaction.put("pin-reset", id, &Grant { used: true, ..grant }).await?;
        let entry = AuditEntry { time: now, action: "pin_reset.delivered".to_owned(), detail };
        transaction.audit(&entry).await?;
        transaction.commit().await
    }
}

/// The known application, if it is the one that was sent again.
pub fn same(known: Dossier, fingerprint: &Bytes) -> Result<Dossier, Problem> {
    if known.fingerprint == *fingerprint { Ok(known) } else { Err(EnrolError::Reused.into()) }
}
