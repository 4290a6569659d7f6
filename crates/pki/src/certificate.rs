//! A certificate as received: its bytes, and what this crate asks of them.

use alloc::{string::String, vec::Vec};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::{
    Decode, Document, Encode, EncodePem,
    pem::{LineEnding, PemLabel},
};
use jiff::Timestamp;
use tefuda_types::{CertificateKind, Serial};
use thiserror::Error;
use x509_cert::{
    ext::pkix::{
        AuthorityKeyIdentifier, CertificatePolicies, ExtendedKeyUsage, KeyUsage, SubjectAltName,
        SubjectKeyIdentifier, name::GeneralName,
    },
    name::Name,
    time::Time,
};

use crate::{SignatureAlgorithm, encoding::distinguished, extension, oid, verify_signature};

/// Most octets of a certificate that is looked at: the largest real ones stay below 4,000.
pub const CERTIFICATE_OCTETS_MAX: usize = 16_384;

/// Why octets are no certificate of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not DER, not X.509, or larger than [`CERTIFICATE_OCTETS_MAX`].
    #[error("not an X.509 certificate in DER")]
    Malformed,
    /// An algorithm that the profiles do not have.
    #[error("an algorithm that the profiles do not have")]
    Algorithm,
}

tefuda_types::reasons! { CertificateError {
    Malformed => "certificate.malformed", Malformed;
    Algorithm => "certificate.algorithm_unsupported", Policy;
} }

/// A parsed certificate with the bytes that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    serial: Serial,
}

impl Certificate {
    /// From DER.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_OCTETS_MAX {
            return Err(CertificateError::Malformed);
        }
        let parsed: x509_cert::Certificate = distinguished(der).ok_or(CertificateError::Malformed)?;
        let serial = Serial::from_be_bytes(parsed.tbs_certificate().serial_number().as_bytes())
            .map_err(|_| CertificateError::Malformed)?;
        Ok(Self { der: der.to_vec(), parsed, serial })
    }

    /// From PEM.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let (label, document) = Document::from_pem(pem).map_err(|_| CertificateError::Malformed)?;
        x509_cert::Certificate::validate_pem_label(label).map_err(|_| CertificateError::Malformed)?;
        Self::from_der(document.as_bytes())
    }

    /// The bytes as received.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// As PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.parsed.to_pem(LineEnding::LF).unwrap_or_default()
    }

    /// The structure.
    #[must_use]
    pub const fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    /// Serial number.
    #[must_use]
    pub const fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Subject.
    #[must_use]
    pub fn subject(&self) -> &Name {
        self.parsed.tbs_certificate().subject()
    }

    /// Issuer.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        self.parsed.tbs_certificate().issuer()
    }

    /// Start of validity.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        timestamp(&self.parsed.tbs_certificate().validity().not_before)
    }

    /// End of validity.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        timestamp(&self.parsed.tbs_certificate().validity().not_after)
    }

    /// `SubjectPublicKeyInfo`, DER.
    #[must_use]
    pub fn public_spki(&self) -> Vec<u8> {
        self.parsed.tbs_certificate().subject_public_key_info().to_der().unwrap_or_default()
    }

    /// The subject public key bits, without algorithm.
    #[must_use]
    pub fn public_key_bits(&self) -> &[u8] {
        self.parsed.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes()
    }

    /// Key identifier of the subject, empty if there is none.
    #[must_use]
    pub fn key_id(&self) -> Vec<u8> {
        self.extension::<SubjectKeyIdentifier>().map(|id| id.0.as_bytes().to_vec()).unwrap_or_default()
    }

    /// Key identifier of the issuer, empty if there is none.
    #[must_use]
    pub fn issuer_key_id(&self) -> Vec<u8> {
        self.extension::<AuthorityKeyIdentifier>()
            .and_then(|id| id.key_identifier)
            .map(|id| id.as_bytes().to_vec())
            .unwrap_or_default()
    }

    /// An extension, if it is there once and well formed.
    #[must_use]
    pub fn extension<'a, T: Decode<'a> + AssociatedOid>(&'a self) -> Option<T> {
        self.parsed.tbs_certificate().get_extension::<T>().ok().flatten().map(|(_, value)| value)
    }

    /// Whether an extension is there, readable or not.
    #[must_use]
    pub fn has_extension(&self, id: ObjectIdentifier) -> bool {
        let extensions = self.parsed.tbs_certificate().extensions();
        extensions.into_iter().flatten().any(|extension| extension.extn_id == id)
    }

    pub(crate) fn extensions_stand_once(&self) -> bool {
        extension::stand_once(self.parsed.tbs_certificate().extensions().map_or(&[], Vec::as_slice))
    }

    /// Identifiers of the critical extensions.
    pub fn critical_extensions(&self) -> impl Iterator<Item = ObjectIdentifier> {
        let extensions = self.parsed.tbs_certificate().extensions();
        extensions
            .into_iter()
            .flatten()
            .filter(|extension| extension.critical)
            .map(|extension| extension.extn_id)
    }

    /// Whether it has a certificate policy.
    #[must_use]
    pub fn has_policy(&self, policy: ObjectIdentifier) -> bool {
        self.extension::<CertificatePolicies>().is_some_and(|policies| {
            policies.0.iter().any(|information| information.policy_identifier == policy)
        })
    }

    /// The kind that its policy says, if it says one. What it says is nothing until the path is validated.
    #[must_use]
    pub fn claimed_kind(&self) -> Option<CertificateKind> {
        CertificateKind::ALL.into_iter().find(|kind| self.has_policy(oid::policy(*kind)))
    }

    /// Key usage.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extension()
    }

    /// Whether an extended key usage is there.
    #[must_use]
    pub fn has_extended_key_usage(&self, purpose: ObjectIdentifier) -> bool {
        self.extension::<ExtendedKeyUsage>().is_some_and(|usage| usage.0.contains(&purpose))
    }

    /// Whether the signature holds under a public key.
    ///
    /// # Errors
    /// [`CertificateError::Algorithm`] for an algorithm that the profiles do not have.
    pub fn is_signed_by(&self, issuer_spki: &[u8]) -> Result<bool, CertificateError> {
        let algorithm = SignatureAlgorithm::from_oid(self.parsed.signature_algorithm().oid)
            .filter(|_| self.parsed.signature_algorithm() == self.parsed.tbs_certificate().signature())
            .ok_or(CertificateError::Algorithm)?;
        let message = self.parsed.tbs_certificate().to_der().map_err(|_| CertificateError::Malformed)?;
        // Whole octets only: with a number of unused bits, the same signature would have two encodings.
        let signature = self.parsed.signature().as_bytes();
        Ok(signature.is_some_and(|signature| verify_signature(algorithm, issuer_spki, &message, signature)))
    }

    /// A value in `subjectAltName` of a signature certificate.
    #[must_use]
    pub fn other_name(&self, id: ObjectIdentifier) -> Option<String> {
        let names = self.extension::<SubjectAltName>()?;
        names.0.iter().find_map(|name| match name {
            GeneralName::OtherName(other) if other.type_id == id => other
                .value
                .decode_as::<der::asn1::Utf8StringRef<'_>>()
                .ok()
                .map(|text| String::from(text.as_str())),
            _ => None,
        })
    }
}

pub(crate) fn timestamp(time: &Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
