//! The register of residents and the cards that they hold.

use serde::{Deserialize, Serialize};
use tefuda_authority::register::{self, NoSignature, Pins, RegisterError, Resident};
use tefuda_store::{AuditEntry, Documents, StoreError};
use tefuda_types::{CertificateKind, CertificateStatus, Clock, ResidentId, Serial, Timestamp};
use tefuda_web::ActorContext;

/// A resident as commands show them.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResidentView {
    /// Identifier.
    pub id: ResidentId,
    /// Name as registered.
    pub name: String,
    /// My Number, masked unless revealed.
    pub individual_number: String,
    /// Birth date as registered, `00` for what is not known; only when revealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
    /// Address as registered; only when revealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the resident can enrol a phone now.
    pub can_enroll: bool,
    /// The card.
    pub card: CardView,
    /// Passwords, masked unless revealed.
    pub pins: PinsView,
}

/// A card as commands show it.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardView {
    /// `active`, `expiring`, `expired`, `suspended`, `revoked` or `none`.
    pub state: String,
    /// Last moment of its certificates.
    pub expires: Option<Timestamp>,
    /// Certificates, once the card was picked up.
    pub certificates: Vec<CardCertificate>,
}

/// A line of a card's certificates.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardCertificate {
    /// `card-sign` or `card-auth`.
    pub kind: CertificateKind,
    /// Serial number.
    pub serial: Serial,
    /// End of validity.
    pub not_after: Timestamp,
    /// Status.
    pub status: CertificateStatus,
}

/// A card's passwords, masked or not.
#[derive(Debug, Serialize, Deserialize)]
pub struct PinsView {
    /// Signature password.
    pub sign: Option<String>,
    /// Authentication PIN.
    pub auth: Option<String>,
    /// PIN of the text application.
    pub text: Option<String>,
    /// Reference number A.
    pub reference_a: Option<String>,
    /// Reference number B.
    pub reference_b: Option<String>,
}

/// Stands for a digit or letter that is not shown.
const MASK: &str = "••••";

impl PinsView {
    /// What a resident's card has, shown or masked.
    pub fn new(resident: &Resident, no_signature: Option<NoSignature>, reveal: bool) -> Self {
        let shown = |value: String| Some(if reveal { value } else { MASK.to_owned() });
        let Pins { sign, auth, text, .. } = resident.pins.clone();
        Self {
            sign: if no_signature.is_none() { shown(sign) } else { None },
            auth: shown(auth),
            text: shown(text),
            reference_a: shown(resident.individual_number.clone()),
            reference_b: shown(resident.reference_b()),
        }
    }
}

/// The registrar's store.
#[derive(Debug)]
pub struct Registrar {
    pub(crate) store: Documents,
}

impl Registrar {
    /// Opens the register; a new one is filled from the file.
    pub async fn open(context: &ActorContext) -> anyhow::Result<Self> {
        let store = context.documents("authority/registrar").await?;
        let registrar = Self { store };
        if registrar.store.get::<Timestamp>("home", "first-start").await?.is_none() {
            registrar.fill(context.clock.civil()).await?;
        }
        Ok(registrar)
    }

    async fn fill(&self, now: Timestamp) -> anyhow::Result<()> {
        let residents = register::parse(register::RESIDENTS, now)?;
        let mut transaction = self.store.begin().await?;
        for resident in &residents {
            transaction.insert("resident", resident.id.as_str(), resident).await?;
        }
        let detail = serde_json::json!({ "residents": residents.len() });
        transaction.audit(&AuditEntry { time: now, action: "register.filled".to_owned(), detail }).await?;
        transaction.put("home", "first-start", &now).await?;
        Ok(transaction.commit().await?)
    }

    /// Everybody.
    pub async fn residents(&self) -> Result<Vec<Resident>, StoreError> {
        Ok(self.store.list("resident").await?.into_iter().map(|(_, resident)| resident).collect())
    }

    /// One of them.
    pub async fn resident(&self, id: &ResidentId) -> Result<Result<Resident, RegisterError>, StoreError> {
        let found = self.store.get("resident", id.as_str()).await?;
        Ok(found.ok_or_else(|| RegisterError::NotFound(id.clone())))
    }
}
