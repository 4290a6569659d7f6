//! Certificate revocation lists: full and delta (RFC 5280, 5).
//!
//! One series of numbers a CA generation. A full list points to its delta (`freshestCRL`) and names no
//! distribution point of its own; a delta has a critical `deltaCRLIndicator` and completes every full list
//! from its base up to its own number.

use alloc::{vec, vec::Vec};
use der::{Decode, Encode, asn1::Uint};
use tefuda_types::{Serial, Timestamp};
use thiserror::Error;
use x509_cert::{
    Version,
    crl::{CertificateList, RevokedCert, TbsCertList},
    ext::{
        Extension,
        pkix::{AuthorityKeyIdentifier, CrlReason},
    },
    serial_number::SerialNumber,
};

use crate::{
    Certificate, SignatureAlgorithm,
    certificate::timestamp,
    draft::{DraftError, algorithm_identifier, assemble, time},
    encoding::distinguished,
    extension, oid,
    path::TrustStore,
    verify_signature,
};

/// Most octets of a list that is looked at: some 400,000 entries.
pub const CRL_OCTETS_MAX: usize = 16 * 1024 * 1024;

/// Why a certificate was revoked or put on hold (RFC 5280, 5.3.1, as far as the authority uses them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RevocationReason {
    /// None is given.
    Unspecified,
    /// The holder's key is compromised.
    KeyCompromise,
    /// The holder's attributes changed.
    AffiliationChanged,
    /// Replaced by another.
    Superseded,
    /// No longer needed.
    CessationOfOperation,
    /// On hold; may come back.
    CertificateHold,
}

impl RevocationReason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
    ];

    /// The name in the standard: `keyCompromise`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
        }
    }

    /// From the name in the standard.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    pub(crate) const fn code(self) -> CrlReason {
        match self {
            Self::Unspecified => CrlReason::Unspecified,
            Self::KeyCompromise => CrlReason::KeyCompromise,
            Self::AffiliationChanged => CrlReason::AffiliationChanged,
            Self::Superseded => CrlReason::Superseded,
            Self::CessationOfOperation => CrlReason::CessationOfOperation,
            Self::CertificateHold => CrlReason::CertificateHold,
        }
    }

    pub(crate) const fn from_code(code: CrlReason) -> Self {
        match code {
            CrlReason::KeyCompromise => Self::KeyCompromise,
            CrlReason::AffiliationChanged => Self::AffiliationChanged,
            CrlReason::Superseded => Self::Superseded,
            CrlReason::CessationOfOperation => Self::CessationOfOperation,
            CrlReason::CertificateHold => Self::CertificateHold,
            _ => Self::Unspecified,
        }
    }
}

/// What a list says of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Revoked or on hold.
    Revoked(RevocationReason),
    /// A hold was lifted (`removeFromCRL`); in deltas only.
    Removed,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which certificate.
    pub serial: Serial,
    /// Since when, civil time.
    pub since: Timestamp,
    /// What.
    pub state: EntryState,
}

/// Full or delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// A complete list, with the address of its delta.
    Full {
        /// Where the delta is.
        freshest: alloc::string::String,
    },
    /// Changes since a full list.
    Delta {
        /// Number of that full list.
        base: u64,
    },
}

/// A list before it is signed.
#[derive(Debug)]
pub struct CrlDraft {
    to_be_signed: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

/// Period of a list.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Number in the CA's series.
    pub number: u64,
    /// As of when.
    pub this_update: Timestamp,
    /// When the next one is due at the latest.
    pub next_update: Timestamp,
}

impl CrlDraft {
    /// A list of a CA generation.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn new(
        issuer: &Certificate,
        kind: &ListKind,
        update: Update,
        entries: &[Entry],
    ) -> Result<Self, DraftError> {
        let algorithm = SignatureAlgorithm::Rsa2048Sha256;
        let mut extensions = vec![extension::authority_key_identifier(&issuer.key_id())?];
        extensions.push(extension::extension(oid::CRL_NUMBER, false, &number(update.number)?)?);
        match kind {
            ListKind::Full { freshest } => extensions.push(extension::freshest_crl(freshest)?),
            ListKind::Delta { base } => {
                extensions.push(extension::extension(oid::DELTA_CRL_INDICATOR, true, &number(*base)?)?);
            }
        }
        let revoked = entries.iter().map(entry).collect::<Result<Vec<_>, DraftError>>()?;
        let list: TbsCertList = TbsCertList {
            version: Version::V2,
            signature: algorithm_identifier(algorithm),
            issuer: issuer.subject().clone(),
            this_update: time(update.this_update)?,
            next_update: Some(time(update.next_update)?),
            revoked_certificates: (!revoked.is_empty()).then_some(revoked),
            crl_extensions: Some(extensions),
        };
        Ok(Self { to_be_signed: list.to_der()?, algorithm })
    }

    /// What the CA's key signs.
    #[must_use]
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// The list, DER.
    ///
    /// # Errors
    /// [`DraftError::Encoding`].
    pub fn assemble(self, signature: &[u8]) -> Result<Vec<u8>, DraftError> {
        Ok(assemble(&self.to_be_signed, self.algorithm, signature)?)
    }
}

fn number(number: u64) -> der::Result<Uint> {
    Uint::new(&number.to_be_bytes())
}

fn entry(entry: &Entry) -> Result<RevokedCert, DraftError> {
    let reason = match entry.state {
        EntryState::Revoked(RevocationReason::Unspecified) => None,
        EntryState::Revoked(reason) => Some(reason.code()),
        EntryState::Removed => Some(CrlReason::RemoveFromCRL),
    };
    let extensions = reason
        .map(|reason| extension::extension(oid::REASON_CODE, false, &reason))
        .transpose()?
        .map(|extension| vec![extension]);
    Ok(RevokedCert {
        serial_number: SerialNumber::new(entry.serial.as_be_bytes())?,
        revocation_date: time(entry.since)?,
        crl_entry_extensions: extensions,
    })
}

/// Why a list is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CrlError {
    /// Not DER, not a list, or too large.
    #[error("not a certificate revocation list in DER")]
    Malformed,
    /// Nobody in the trust store signed it.
    #[error("no CA of this kind signed the list")]
    UnknownIssuer,
    /// A critical extension that is not understood.
    #[error("the list has a critical extension that is not understood")]
    UnknownCritical,
    /// It has no number, or no date of the next.
    #[error("the list has no number or no next update")]
    Unnumbered,
}

tefuda_types::reasons! { CrlError {
    Malformed => "crl.malformed", Malformed;
    UnknownIssuer => "crl.issuer_unknown", Policy;
    UnknownCritical => "crl.critical_extension_unknown", Policy;
    Unnumbered => "crl.unnumbered", Policy;
} }

/// A list whose signature holds under a generation of the trust store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Key identifier of the generation that signed it.
    pub issuer_key_id: Vec<u8>,
    /// Number in its series.
    pub number: u64,
    /// Number of the full list that this delta starts from; none for a full list.
    pub base: Option<u64>,
    /// As of when.
    pub this_update: Timestamp,
    /// When the next is due.
    pub next_update: Timestamp,
    /// Lines, in the order received.
    pub entries: Vec<Entry>,
}

impl RevocationList {
    /// Parses a list and verifies it against the generations of one kind.
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn verify(der: &[u8], trust: &TrustStore) -> Result<Self, CrlError> {
        if der.len() > CRL_OCTETS_MAX {
            return Err(CrlError::Malformed);
        }
        let list: CertificateList = distinguished(der).ok_or(CrlError::Malformed)?;
        let tbs = &list.tbs_cert_list;
        let extensions = tbs.crl_extensions.as_deref().unwrap_or_default();
        let identifier: AuthorityKeyIdentifier =
            decode(extensions, oid::AUTHORITY_KEY_IDENTIFIER).ok_or(CrlError::UnknownIssuer)?;
        let key_id = identifier.key_identifier.ok_or(CrlError::UnknownIssuer)?;
        let root = trust.root(key_id.as_bytes()).ok_or(CrlError::UnknownIssuer)?;
        let message = tbs.to_der().map_err(|_| CrlError::Malformed)?;
        let algorithm =
            SignatureAlgorithm::from_oid(list.signature_algorithm.oid).ok_or(CrlError::UnknownIssuer)?;
        let signature = list.signature.as_bytes().ok_or(CrlError::Malformed)?;
        let signed = verify_signature(algorithm, &root.public_spki(), &message, signature);
        if !signed || list.signature_algorithm != tbs.signature || tbs.issuer != *root.subject() {
            return Err(CrlError::UnknownIssuer);
        }
        let understood = [oid::DELTA_CRL_INDICATOR, oid::CRL_NUMBER, oid::AUTHORITY_KEY_IDENTIFIER];
        let unknown = |extension: &Extension| extension.critical && !understood.contains(&extension.extn_id);
        // Our lists are about everything that a generation issued. One of a part of it must say so critically
        // (RFC 5280, 5.2.5), and is not believed if it says so in passing either.
        let partial = |extension: &Extension| extension.extn_id == oid::ISSUING_DISTRIBUTION_POINT;
        if extensions.iter().any(|extension| unknown(extension) || partial(extension)) {
            return Err(CrlError::UnknownCritical);
        }
        let base = list_number(extensions, oid::DELTA_CRL_INDICATOR);
        let delta = extensions.iter().any(|extension| extension.extn_id == oid::DELTA_CRL_INDICATOR);
        // A delta whose base cannot be read must not pass for a full list.
        if delta != base.is_some() || !extension::stand_once(extensions) {
            return Err(CrlError::Malformed);
        }
        Ok(Self {
            issuer_key_id: key_id.as_bytes().to_vec(),
            number: list_number(extensions, oid::CRL_NUMBER).ok_or(CrlError::Unnumbered)?,
            base,
            this_update: timestamp(&tbs.this_update),
            next_update: tbs.next_update.as_ref().map(timestamp).ok_or(CrlError::Unnumbered)?,
            entries: entries(tbs.revoked_certificates.as_deref().unwrap_or_default())?,
        })
    }
}

fn decode<'a, T: Decode<'a>>(extensions: &'a [Extension], id: const_oid::ObjectIdentifier) -> Option<T> {
    let extension = extensions.iter().find(|extension| extension.extn_id == id)?;
    T::from_der(extension.extn_value.as_bytes()).ok()
}

fn list_number(extensions: &[Extension], id: const_oid::ObjectIdentifier) -> Option<u64> {
    let number: Uint = decode(extensions, id)?;
    let octets = number.as_bytes();
    (octets.len() <= 8).then(|| octets.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
}

fn entries(revoked: &[RevokedCert]) -> Result<Vec<Entry>, CrlError> {
    revoked
        .iter()
        .map(|revoked| {
            let extensions = revoked.crl_entry_extensions.as_deref().unwrap_or_default();
            if extensions.iter().any(|extension| extension.critical) {
                return Err(CrlError::UnknownCritical);
            }
            let state = match decode::<CrlReason>(extensions, oid::REASON_CODE) {
                Some(CrlReason::RemoveFromCRL) => EntryState::Removed,
                Some(code) => EntryState::Revoked(RevocationReason::from_code(code)),
                None => EntryState::Revoked(RevocationReason::Unspecified),
            };
            let serial =
                Serial::from_be_bytes(revoked.serial_number.as_bytes()).map_err(|_| CrlError::Malformed)?;
            Ok(Entry { serial, since: timestamp(&revoked.revocation_date), state })
        })
        .collect()
}
