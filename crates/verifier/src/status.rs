//! Where a certificate stands, from lists that were fetched before anybody asked.

use std::{collections::BTreeMap, sync::Arc};
use tefuda_pki::{
    crl::{CrlError, EntryState, RevocationList, RevocationReason},
    path::{TrustStore, ValidatedCertificate},
};
use tefuda_protocol::statement::{CertificateReference, Heartbeat, Statement};
use tefuda_types::{CertificateKind, CertificateStatus, Serial, Timestamp};
use thiserror::Error;

use crate::{StatementError, verify_statement};

/// Beats that may be missed; when this many are, every status is not known.
pub const MISSED_BEATS_MAX: i64 = 2;
/// Longest interval between beats that is believed, in seconds of civil time.
pub const INTERVAL_SECONDS_MAX: i64 = 600;
/// How far this clock may be behind the authority's, in seconds. Further back, it counts as set back.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 2;

/// Why a certificate that hangs on a root is not relied on all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatusRefusal {
    /// On hold.
    #[error("the certificate is suspended")]
    Suspended,
    /// Ended for good.
    #[error("the certificate is revoked")]
    Revoked,
    /// No status data that are fresh enough.
    #[error("there are no status data that are fresh enough")]
    NotKnown,
}

tefuda_types::reasons! { StatusRefusal {
    Suspended => "certificate.suspended", Policy;
    Revoked => "certificate.revoked", Policy;
    NotKnown => "certificate.status_not_known", Backend;
} }

/// A list in a form in which certificates are found.
#[derive(Clone, Debug)]
struct Book {
    number: u64,
    base: Option<u64>,
    next_update: Timestamp,
    entries: BTreeMap<Serial, EntryState>,
}

impl From<RevocationList> for Book {
    fn from(list: RevocationList) -> Self {
        let entries = list.entries.into_iter().map(|entry| (entry.serial, entry.state)).collect();
        Self { number: list.number, base: list.base, next_update: list.next_update, entries }
    }
}

/// The lists of one CA generation. They are large and do not change: copies of the book share them.
#[derive(Clone, Debug, Default)]
struct Lists {
    full: Option<Arc<Book>>,
    delta: Option<Arc<Book>>,
}

/// What has to be fetched for the newest heartbeat to be lived up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Generation of the CA.
    pub generation: u32,
    /// Its full list.
    pub full: bool,
    /// Its delta.
    pub delta: bool,
}

/// Roots, lists and heartbeat of one kind of certificate.
///
/// Lists are kept by the key identifier of the generation that signed them: generations share a name. No list
/// and no beat replaces a newer one. Whoever fetches while others look up works on a copy, which is cheap, and
/// puts it in place when it has everything: a beat without the lists that it names makes all not known.
#[derive(Clone, Debug)]
pub struct StatusBook {
    trust: TrustStore,
    lists: BTreeMap<Vec<u8>, Lists>,
    beat: Option<Heartbeat>,
    newest_signed: Timestamp,
}

/// How a certificate is named in statements and heartbeats.
#[must_use]
pub fn reference(certificate: &ValidatedCertificate<'_>) -> CertificateReference {
    CertificateReference {
        kind: certificate.kind(),
        issuer_key_id: tefuda_types::hexadecimal(&certificate.root().key_id()),
        serial: certificate.certificate().serial().clone(),
    }
}

impl StatusBook {
    /// A book that knows nothing yet. `newest_signed` is what [`StatusBook::newest_signed`] of an earlier run
    /// said, or [`Timestamp::MIN`].
    #[must_use]
    pub fn new(kind: CertificateKind, newest_signed: Timestamp) -> Self {
        Self { trust: TrustStore::new(kind, []), lists: BTreeMap::new(), beat: None, newest_signed }
    }

    /// The roots.
    #[must_use]
    pub const fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// Adds roots. Those that are there stay; what is no root of this kind is left out.
    pub fn add_roots(&mut self, roots: impl IntoIterator<Item = tefuda_pki::Certificate>) {
        let mut all = self.trust.roots().to_vec();
        for root in roots {
            if !all.contains(&root) {
                all.push(root);
            }
        }
        self.trust = TrustStore::new(self.trust.kind(), all);
    }

    /// The latest signed time that was ever seen. A clock before it was set back.
    #[must_use]
    pub const fn newest_signed(&self) -> Timestamp {
        self.newest_signed
    }

    /// Takes a list, full or delta, unless it has a newer one of the same generation; tells whether it did.
    ///
    /// # Errors
    /// [`CrlError`] for what no root of this kind signed.
    pub fn take_list(&mut self, der: &[u8]) -> Result<bool, CrlError> {
        let list = RevocationList::verify(der, &self.trust)?;
        let lists = self.lists.entry(list.issuer_key_id.clone()).or_default();
        let slot = if list.base.is_some() { &mut lists.delta } else { &mut lists.full };
        if slot.as_ref().is_some_and(|own| own.number >= list.number) {
            return Ok(false);
        }
        self.newest_signed = self.newest_signed.max(list.this_update);
        *slot = Some(Arc::new(list.into()));
        Ok(true)
    }

    /// Takes a heartbeat unless it has a newer one; tells whether it did.
    ///
    /// # Errors
    /// [`StatementError`] for what no delegate of a root of this kind signed.
    pub fn take_heartbeat(&mut self, statement: &Statement<Heartbeat>) -> Result<bool, StatementError> {
        let beat = verify_statement(statement, &self.trust, |beat: &Heartbeat| beat.time)?;
        if self.beat.as_ref().is_some_and(|own| own.time >= beat.time) {
            return Ok(false);
        }
        self.newest_signed = self.newest_signed.max(beat.time);
        self.beat = Some(beat);
        Ok(true)
    }

    /// Whether the newest heartbeat names a generation whose root is not here.
    #[must_use]
    pub fn wants_roots(&self) -> bool {
        let known = |key_id: &str| {
            self.trust.roots().iter().any(|root| tefuda_types::hexadecimal(&root.key_id()) == key_id)
        };
        self.named().any(|state| !known(&state.issuer_key_id))
    }

    /// Lists that are older than the newest heartbeat names, generation by generation.
    pub fn wanted(&self) -> impl Iterator<Item = Wanted> {
        self.named().filter_map(|state| {
            let lists = self.lists_of(&state.issuer_key_id);
            let behind = |book: Option<&Book>, named| book.is_none_or(|book| book.number < named);
            let full = behind(lists.and_then(|lists| lists.full.as_deref()), state.full);
            let delta = behind(lists.and_then(|lists| lists.delta.as_deref()), state.delta);
            (full || delta).then_some(Wanted { generation: state.generation, full, delta })
        })
    }

    fn named(&self) -> impl Iterator<Item = &tefuda_protocol::statement::ListState> {
        let kind = self.trust.kind();
        let all = self.beat.iter().flat_map(|beat| &beat.lists);
        all.filter(move |state| state.kind == kind)
    }

    fn lists_of(&self, issuer_key_id: &str) -> Option<&Lists> {
        self.lists
            .iter()
            .find(|(key_id, _)| tefuda_types::hexadecimal(key_id) == issuer_key_id)
            .map(|(_, lists)| lists)
    }

    /// Where a certificate stands at a civil time.
    #[must_use]
    pub fn status(&self, certificate: &CertificateReference, at: Timestamp) -> CertificateStatus {
        self.entry(certificate, at).unwrap_or(CertificateStatus::NotKnown)
    }

    /// That a certificate is in force at a civil time.
    ///
    /// # Errors
    /// [`StatusRefusal`]; not known is one.
    pub fn require_valid(
        &self,
        certificate: &CertificateReference,
        at: Timestamp,
    ) -> Result<(), StatusRefusal> {
        match self.status(certificate, at) {
            CertificateStatus::Valid => Ok(()),
            CertificateStatus::Suspended => Err(StatusRefusal::Suspended),
            CertificateStatus::Revoked => Err(StatusRefusal::Revoked),
            CertificateStatus::NotKnown => Err(StatusRefusal::NotKnown),
        }
    }

    /// `None` for everything that makes a status not known.
    fn entry(&self, certificate: &CertificateReference, at: Timestamp) -> Option<CertificateStatus> {
        let beat = self.beat.as_ref()?;
        let interval = i64::from(beat.interval_seconds).min(INTERVAL_SECONDS_MAX);
        let set_back = at.as_second() < self.newest_signed.as_second() - CLOCK_TOLERANCE_SECONDS;
        let missed = at.as_second() > beat.time.as_second() + MISSED_BEATS_MAX * interval;
        if set_back || missed || certificate.kind != self.trust.kind() {
            return None;
        }
        let named = self.named().find(|state| state.issuer_key_id == certificate.issuer_key_id)?;
        let lists = self.lists_of(&certificate.issuer_key_id)?;
        let (full, delta) = (lists.full.as_deref()?, lists.delta.as_deref()?);
        let behind = full.number < named.full || delta.number < named.delta;
        // A delta completes every full list from its base on; before that something is missing between them.
        if behind || at > full.next_update || delta.base.is_none_or(|base| base > full.number) {
            return None;
        }
        let changed = if delta.number < full.number {
            None
        } else if at > delta.next_update {
            return None;
        } else {
            delta.entries.get(&certificate.serial)
        };
        Some(match changed.or_else(|| full.entries.get(&certificate.serial)) {
            None | Some(EntryState::Removed) => CertificateStatus::Valid,
            Some(EntryState::Revoked(RevocationReason::CertificateHold)) => CertificateStatus::Suspended,
            Some(EntryState::Revoked(_)) => CertificateStatus::Revoked,
        })
    }
}
