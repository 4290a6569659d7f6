//! From a profile to a certificate, in boulder's order: draft, lint over the finished bytes, sign once.

use alloc::{vec, vec::Vec};
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{BitString, GeneralizedTime, Null, UtcTime},
};
use jiff::{Timestamp, civil::Date};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use tefuda_types::Serial;
use thiserror::Error;
use x509_cert::{
    Version,
    ext::{Extension, Extensions, pkix::BasicConstraints},
    name::Name,
    serial_number::SerialNumber,
    time::{Time, Validity},
};

use crate::{Certificate, CertificateError, SignatureAlgorithm, key, oid, profile::Period};

/// Least octets of a random serial number that say nothing about the next (64 bits; CA/Browser Forum
/// requirement 7.1 as good practice).
pub const SERIAL_OCTETS: usize = 8;

/// Why a draft is not to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DraftError {
    /// A value that the structure does not take.
    #[error("a value does not fit the certificate: {0}")]
    Encoding(der::Error),
    /// The public key is not of a kind that the profile has.
    #[error("the public key is not one that the profile has")]
    PublicKey,
    /// A signature certificate without its holder's attributes.
    #[error("a signature certificate needs its holder's attributes")]
    Attributes,
    /// It ends before it begins, or its dates cannot be written.
    #[error("the period of validity is not one")]
    Period,
    /// The finished draft breaks a rule.
    #[error("the draft breaks the rule {0}")]
    Lint(&'static str),
}

tefuda_types::reasons! { DraftError {
    Encoding(_) => "issuance.value_unencodable", Malformed;
    PublicKey => "issuance.public_key_refused", Policy;
    Attributes => "issuance.attributes_missing", Caller;
    Period => "issuance.period_invalid", Policy;
    Lint(_) => "issuance.lint_failed", Policy;
} }

impl From<der::Error> for DraftError {
    fn from(error: der::Error) -> Self {
        Self::Encoding(error)
    }
}

/// `TBSCertificate` (RFC 5280, 4.1), version 3.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3")]
    extensions: Extensions,
}

/// A certificate that nobody has signed or looked at yet.
#[derive(Clone, Debug)]
pub struct Draft {
    tbs: TbsCertificate,
    algorithm: SignatureAlgorithm,
}

/// A draft whose finished form keeps every rule. Only such a one can be signed.
#[derive(Debug)]
pub struct Linted {
    to_be_signed: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

/// The identifier of a signature algorithm: NULL parameters for RSA, none for ECDSA.
pub(crate) fn algorithm_identifier(algorithm: SignatureAlgorithm) -> AlgorithmIdentifierOwned {
    match algorithm {
        SignatureAlgorithm::Rsa2048Sha256 => {
            AlgorithmIdentifierOwned { oid: oid::SHA256_WITH_RSA, parameters: Some(Any::from(Null)) }
        }
        SignatureAlgorithm::EcdsaP256Sha256 => {
            AlgorithmIdentifierOwned { oid: oid::ECDSA_WITH_SHA256, parameters: None }
        }
    }
}

/// `UTCTime` up to 2049, `GeneralizedTime` after (RFC 5280, 4.1.2.5).
pub(crate) fn time(timestamp: Timestamp) -> Result<Time, DraftError> {
    let seconds = u64::try_from(timestamp.as_second()).map_err(|_| DraftError::Period)?;
    let since_epoch = core::time::Duration::from_secs(seconds);
    match UtcTime::from_unix_duration(since_epoch) {
        Ok(utc) => Ok(Time::UtcTime(utc)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since_epoch)?)),
    }
}

impl Draft {
    pub(crate) fn new(
        algorithm: SignatureAlgorithm,
        serial: &Serial,
        issuer: Name,
        subject: Name,
        spki: &[u8],
        period: Period,
        extensions: Vec<Extension>,
    ) -> Result<Self, DraftError> {
        let validity = Validity::new(time(period.not_before)?, time(period.not_after)?);
        let subject_public_key_info =
            SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| DraftError::PublicKey)?;
        key::check(&subject_public_key_info)?;
        let tbs = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(serial.as_be_bytes())?,
            signature: algorithm_identifier(algorithm),
            issuer,
            validity,
            subject,
            subject_public_key_info,
            extensions,
        };
        Ok(Self { tbs, algorithm })
    }

    /// Looks at the draft as the world will: encoded, with a filler signature of the right length, decoded.
    ///
    /// # Errors
    /// [`DraftError::Lint`] with the name of the first rule that is broken.
    pub fn lint(self) -> Result<Linted, DraftError> {
        let filler = match self.algorithm {
            SignatureAlgorithm::Rsa2048Sha256 => vec![0; 256],
            SignatureAlgorithm::EcdsaP256Sha256 => vec![0; 72],
        };
        let to_be_signed = self.tbs.to_der()?;
        let linted = Linted { to_be_signed, algorithm: self.algorithm };
        let certificate = linted.assemble_bytes(&filler).map_err(|_| DraftError::Lint("decodes"))?;
        let certificate = Certificate::from_der(&certificate).map_err(|_| DraftError::Lint("decodes"))?;
        match RULES.iter().find(|(_, holds)| !holds(&certificate)) {
            Some((rule, _)) => Err(DraftError::Lint(rule)),
            None => Ok(linted),
        }
    }
}

impl Linted {
    /// What the CA's key signs.
    #[must_use]
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// The certificate. The draft is used up: it is signed once.
    ///
    /// # Errors
    /// [`CertificateError`] if the signature does not fit.
    pub fn assemble(self, signature: &[u8]) -> Result<Certificate, CertificateError> {
        let der = self.assemble_bytes(signature).map_err(|_| CertificateError::Malformed)?;
        Certificate::from_der(&der)
    }

    fn assemble_bytes(&self, signature: &[u8]) -> der::Result<Vec<u8>> {
        assemble(&self.to_be_signed, self.algorithm, signature)
    }
}

/// `SEQUENCE { tbs, algorithm, signature }`: the outer form of certificates, CRLs and OCSP responses.
pub(crate) fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> der::Result<Vec<u8>> {
    #[derive(Sequence)]
    struct SignedObject {
        tbs: Any,
        algorithm: AlgorithmIdentifierOwned,
        signature: BitString,
    }
    let tbs = Any::from_der(tbs)?;
    SignedObject {
        tbs,
        algorithm: algorithm_identifier(algorithm),
        signature: BitString::from_bytes(signature)?,
    }
    .to_der()
}

type Rule = (&'static str, fn(&Certificate) -> bool);

/// Rules over the finished certificate, each with its name.
const RULES: &[Rule] = &[
    ("serial has at least 64 bits", |certificate| {
        certificate.serial().as_be_bytes().len() >= SERIAL_OCTETS - 1
    }),
    ("ends after it begins", |certificate| certificate.not_after() > certificate.not_before()),
    ("lives at most eleven years", |certificate| {
        let lifetime = certificate.not_after().duration_since(certificate.not_before());
        lifetime.as_hours() <= 24 * 366 * 11 && certificate.not_after() < latest()
    }),
    ("key is RSA-2048 or P-256", |certificate| {
        let spki = certificate.parsed().tbs_certificate().subject_public_key_info();
        match spki.algorithm.oid {
            // A modulus of 256 octets with a sign octet, and the exponent 65537, in DER: 270 octets.
            oid::RSA_ENCRYPTION => certificate.public_key_bits().len() == 270,
            oid::EC_PUBLIC_KEY => certificate.public_key_bits().len() == 65,
            _ => false,
        }
    }),
    ("extensions stand once", Certificate::extensions_stand_once),
    ("key usage is critical", |certificate| certificate.critical_extensions().any(|id| id == oid::KEY_USAGE)),
    ("only a CA signs certificates", |certificate| {
        let authority = certificate.extension::<BasicConstraints>().is_some_and(|constraints| constraints.ca);
        certificate.key_usage().is_some_and(|usage| usage.key_cert_sign() == authority)
    }),
    ("subject key identifier is there", |certificate| certificate.key_id().len() == 20),
    ("signature certificates name their holder", |certificate| {
        let named = certificate.other_name(oid::JPKI_NAME).is_some_and(|name| !name.is_empty());
        certificate.claimed_kind().is_none_or(|kind| kind.is_signature() == named)
    }),
    ("substitutes are marked character by character", |certificate| {
        let fits = |text, marks| match (certificate.other_name(text), certificate.other_name(marks)) {
            (Some(text), Some(marks)) => text.chars().count() == marks.len(),
            (None, None) => true,
            _ => false,
        };
        fits(oid::JPKI_NAME, oid::JPKI_NAME_SUBSTITUTES)
            && fits(oid::JPKI_ADDRESS, oid::JPKI_ADDRESS_SUBSTITUTES)
    }),
];

fn latest() -> Timestamp {
    crate::validity::end_of_day(Date::constant(2150, 1, 1)).unwrap_or(Timestamp::MAX)
}
