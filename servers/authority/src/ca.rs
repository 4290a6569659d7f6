//! One certification authority: its generations, its serials, what it issued, and where that stands.

use serde::{Deserialize, Serialize};
use std::sync::{Arc, RwLock};
use tefuda_authority::{
    matrix::Action,
    status::{Standing, StandingError},
};
use tefuda_keys::{KeyError, KeySpace, RoleKey, SystemRandom};
use tefuda_pki::{
    Certificate, CertificateError, SignatureAlgorithm, Signer, SignerError,
    draft::{DraftError, SERIAL_OCTETS},
    ocsp::IssuerId,
    path::TrustStore,
    profile::{self, Period},
};
use tefuda_store::{AuditEntry, Documents, StoreError, SystemClock, Transaction};
use tefuda_types::{Bytes, CertificateKind, CertificateStatus, Clock, ElementId, Serial, Timestamp};
use tefuda_web::ActorContext;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::{
    at_hand::AtHand,
    issuing::Queue,
    published::{Mark, Published},
};

/// Seconds of half the life of the first generation: it must have been there when the oldest card was issued,
/// and still be there when the newest phone's certificate ends.
const FIRST_GENERATION_HALF_SECONDS: i64 = 2_000 * 86_400;
/// Seconds of a later generation's life: ten years.
const GENERATION_SECONDS: i64 = 3_650 * 86_400;

/// Why a CA does not do as asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaError {
    /// Its store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its keys failed.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The key store could not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The draft is not to be signed.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// What it signed is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The status does not change that way.
    #[error(transparent)]
    Standing(#[from] StandingError),
    /// What it has let out cannot be remembered.
    #[error("what was published cannot be remembered: {0}")]
    Published(#[from] std::io::Error),
    /// Its store is older than what it has let out.
    #[error("the store is older than what the CA has published")]
    Behind,
    /// It never issued that serial.
    #[error("no certificate with serial {0} was issued")]
    NotFound(Serial),
    /// What was to be written for several requests at once was not written.
    #[error(transparent)]
    Together(Arc<Self>),
}

tefuda_types::reasons! { CaError {
    Store(_) => "ca.store_unavailable", Backend;
    Keys(_) => "ca.keys_unavailable", Backend;
    Signer(_) => "ca.signer_unavailable", Backend;
    Draft(_) => "ca.draft_refused", Policy;
    Certificate(_) => "ca.certificate_malformed", Backend;
    Standing(_) => "certificate.status_unchangeable", Policy;
    Published(_) => "ca.published_unwritable", Backend;
    Behind => "ca.store_behind", Policy;
    NotFound(_) => "certificate.not_found", Caller;
    Together(_) => "ca.batch_failed", Backend;
} }

/// A generation of a CA: one key, the common name.
#[derive(Debug)]
pub struct Generation {
    /// From 1.
    pub number: u32,
    /// Self-signed.
    pub certificate: Certificate,
    /// How OCSP requests name it.
    pub ocsp: IssuerId,
    /// Its key.
    pub signer: RoleKey,
}

/// A certificate as the CA keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// Generation that issued it.
    pub generation: u32,
    /// Whose.
    pub holder: String,
    /// The element that has the key, of phones' certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<ElementId>,
    /// DER.
    pub der: Bytes,
    /// Serial number.
    pub serial: Serial,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Where it stands.
    pub standing: Standing,
    /// Number of the status change that brought it there; 0 if none did.
    #[serde(default)]
    pub change: u64,
}

/// A CA with its own store and keys.
#[derive(Debug)]
pub struct Ca {
    kind: CertificateKind,
    pub(crate) store: Documents,
    pub(crate) keys: KeySpace,
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) published: Published,
    generations: RwLock<Vec<Arc<Generation>>>,
    /// Lists and delegated certificates are made by one at a time.
    pub(crate) making: Mutex<()>,
    /// Who waits for a certificate.
    pub(crate) queue: Queue,
    /// What its responder has at hand.
    pub(crate) at_hand: AtHand,
}

impl Ca {
    /// Opens a CA; a new one makes its first generation.
    pub async fn open(kind: CertificateKind, context: &ActorContext) -> Result<Self, CaError> {
        let role = match kind {
            CertificateKind::CardSign => "ca-card-sign",
            CertificateKind::CardAuth => "ca-card-auth",
            CertificateKind::PhoneSign => "ca-phone-sign",
            CertificateKind::PhoneAuth => "ca-phone-auth",
        };
        let place = format!("authority/{role}");
        let ca = Self {
            kind,
            store: context.documents(&place).await?,
            keys: context.key_space(&format!("{place}/keys"), role)?,
            clock: Arc::clone(&context.clock),
            published: Published::open(context.home.join(&place).join("published"))?,
            generations: RwLock::default(),
            making: Mutex::default(),
            queue: Queue::default(),
            at_hand: AtHand::default(),
        };
        ca.published.require_reached(&ca.mark().await?)?;
        ca.load_generations().await?;
        if ca.generations().is_empty() {
            let now = ca.clock.civil().as_second();
            ca.add_generation(now - FIRST_GENERATION_HALF_SECONDS, now + FIRST_GENERATION_HALF_SECONDS)
                .await?;
        }
        Ok(ca)
    }

    /// All generations, oldest first.
    pub fn generations(&self) -> Vec<Arc<Generation>> {
        self.generations.read().map(|generations| generations.clone()).unwrap_or_default()
    }

    /// The generation that issues now.
    pub fn newest(&self) -> Result<Arc<Generation>, CaError> {
        self.generations().pop().ok_or(CaError::Keys(KeyError::Generation))
    }

    /// The next generation under the same name. Earlier ones go on signing their lists.
    pub async fn rotate(&self) -> Result<Arc<Generation>, CaError> {
        let now = self.clock.civil().as_second();
        self.add_generation(now, now + GENERATION_SECONDS).await?;
        self.newest()
    }

    async fn load_generations(&self) -> Result<(), CaError> {
        let mut loaded = Vec::new();
        for (_, (number, der)) in self.store.list::<(u32, Bytes)>("generation").await? {
            let certificate = Certificate::from_der(&der.0)?;
            let (name, spki) = (key_name(number), certificate.public_spki());
            let signer = self.keys.registered(&name, SignatureAlgorithm::Rsa2048Sha256, &spki)?;
            let ocsp = IssuerId::of(&certificate);
            loaded.push(Arc::new(Generation { number, certificate, ocsp, signer }));
        }
        if let Ok(mut generations) = self.generations.write() {
            *generations = loaded;
        }
        Ok(())
    }

    async fn add_generation(&self, from: i64, until: i64) -> Result<(), CaError> {
        // Two at once would give one number to two of them.
        let _one_at_a_time = self.making.lock().await;
        let number = u32::try_from(self.generations().len() + 1).unwrap_or(u32::MAX);
        let keys = self.keys.place();
        let mut transaction = self.store.begin().await?;
        let detail = serde_json::json!({ "generation": number, "keys": keys });
        self.audit(&mut transaction, "generation.begun", detail).await?;
        transaction.commit().await?;
        // A key that a cut left behind is this generation's: nothing was signed with it that anybody has.
        let signer = self.keys.signer(&key_name(number), SignatureAlgorithm::Rsa2048Sha256)?;
        let second = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let period = Period { not_before: second(from), not_after: second(until) };
        let linted = profile::authority(self.kind, &random_serial(), signer.public_spki(), period)?.lint()?;
        let signature = signer.sign(linted.to_be_signed())?;
        let certificate = linted.assemble(&signature)?;
        let mut transaction = self.store.begin().await?;
        let id = format!("{number:04}");
        transaction.insert("generation", &id, &(number, Bytes(certificate.as_der().to_vec()))).await?;
        let key_id: String = tefuda_types::hexadecimal(&certificate.key_id());
        let detail = serde_json::json!({ "generation": number, "key_id": key_id, "keys": keys });
        self.audit(&mut transaction, "generation.made", detail).await?;
        transaction.commit().await?;
        tracing::info!(kind = %self.kind, generation = number, key_id, keys, "a CA has a generation");
        self.load_generations().await
    }

    /// Adds to this CA's audit log.
    pub async fn audit(
        &self,
        transaction: &mut Transaction,
        action: &str,
        detail: serde_json::Value,
    ) -> Result<(), StoreError> {
        transaction.audit(&self.entry(action, detail)).await
    }

    /// An entry of it.
    pub(crate) fn entry(&self, action: &str, detail: serde_json::Value) -> AuditEntry {
        AuditEntry { time: self.clock.civil(), action: action.to_owned(), detail }
    }

    /// A certificate that it issued.
    pub async fn find(&self, serial: &Serial) -> Result<Option<Issued>, CaError> {
        Ok(self.store.get("certificate", &serial.to_string()).await?)
    }

    /// Certificates of a holder, newest first.
    pub async fn of_holder(&self, holder: &str) -> Result<Vec<Issued>, CaError> {
        self.select(|issued| issued.holder == holder).await
    }

    /// Certificates of a phone, newest first.
    pub async fn of_device(&self, element: ElementId) -> Result<Vec<Issued>, CaError> {
        self.select(|issued| issued.device == Some(element)).await
    }

    async fn select(&self, wanted: impl Fn(&Issued) -> bool) -> Result<Vec<Issued>, CaError> {
        let all = self.store.list::<Issued>("certificate").await?;
        let mut found: Vec<Issued> = all.into_iter().map(|(_, issued)| issued).filter(wanted).collect();
        // A card that was made twice has two of one moment: the one that stayed comes first.
        found.sort_by_key(|issued| {
            let ended = issued.standing.status() == CertificateStatus::Revoked;
            (std::cmp::Reverse(issued.not_before), ended)
        });
        Ok(found)
    }

    /// Its roots, as a verifier trusts them.
    pub fn trust(&self) -> TrustStore {
        TrustStore::new(self.kind, self.generations().iter().map(|generation| generation.certificate.clone()))
    }

    /// The certificate of the generation that issued another, DER.
    pub fn issuer_of(&self, issued: &Issued) -> Result<Arc<Generation>, CaError> {
        let issuer = |generation: &&Arc<Generation>| generation.number == issued.generation;
        self.generations().iter().find(issuer).cloned().ok_or(CaError::Keys(KeyError::Generation))
    }

    /// Changes where a certificate stands. Doing it twice is doing it once.
    pub async fn act(&self, serial: &Serial, action: Action) -> Result<Issued, CaError> {
        let id = serial.to_string();
        let mut transaction = self.store.begin().await?;
        let mut issued: Issued =
            transaction.get("certificate", &id).await?.ok_or_else(|| CaError::NotFound(serial.clone()))?;
        let Some(standing) = issued.standing.after(self.kind, action, self.clock.civil())? else {
            return Ok(issued);
        };
        let changes: u64 = transaction.get("counter", "changes").await?.unwrap_or_default();
        issued.standing = standing;
        issued.change = changes + 1;
        transaction.put("certificate", &id, &issued).await?;
        transaction.put("counter", "changes", &issued.change).await?;
        let detail = serde_json::json!({ "serial": id, "standing": issued.standing });
        self.audit(&mut transaction, "certificate.status", detail).await?;
        transaction.commit().await?;
        self.at_hand.changed();
        self.published.remember(&Mark { changes: issued.change, ..Mark::default() })?;
        Ok(issued)
    }
}

/// What the key of a generation is called.
fn key_name(generation: u32) -> String {
    format!("generation-{generation}")
}

/// 64 random bits, positive, without a leading zero octet.
pub fn random_serial() -> Serial {
    loop {
        let mut octets = SystemRandom::octets::<SERIAL_OCTETS>();
        if let Some(first) = octets.first_mut() {
            *first &= 0x7F;
        }
        if octets.first() != Some(&0)
            && let Ok(serial) = Serial::from_be_bytes(&octets)
        {
            return serial;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// How many serial numbers are looked at.
    const MANY: u32 = 1_000_000;

    #[test]
    fn abuse_d10_serial_numbers_do_not_tell_the_next() {
        let mut seen = BTreeSet::new();
        let mut ones = [0_u32; 64];
        for _ in 0..MANY {
            let serial = random_serial();
            let octets: [u8; SERIAL_OCTETS] = serial.as_be_bytes().try_into().unwrap();
            let number = u64::from_be_bytes(octets);
            ones.iter_mut().enumerate().for_each(|(bit, ones)| *ones += u32::from(number >> bit & 1 == 1));
            assert!(seen.insert(number), "a million of 63 bits do not meet");
        }
        // Five standard deviations, but for the top octet, which is positive and not zero.
        let half = MANY / 2;
        assert!(ones[..56].iter().all(|ones| ones.abs_diff(half) < 2_500), "{ones:?}");
        assert!(ones[63] == 0 && ones[56..63].iter().all(|ones| ones.abs_diff(half) < 10_000), "{ones:?}");
    }
}
