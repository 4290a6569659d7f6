//! What goes into each kind of certificate, extension by extension as in the real ones.

use alloc::{string::String, vec, vec::Vec};
use der::Decode;
use sha1::{Digest, Sha1};
use spki::SubjectPublicKeyInfoOwned;
use tefuda_types::{CertificateKind, Serial, Timestamp};
use x509_cert::{ext::Extension, name::Name, serial_number::SerialNumber};

use crate::{
    Certificate, SignatureAlgorithm,
    draft::{Draft, DraftError},
    extension::{self, Usage},
    name, oid,
};

/// When a certificate is good, civil time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First moment.
    pub not_before: Timestamp,
    /// Last moment.
    pub not_after: Timestamp,
}

/// What a signature certificate says of its holder, in the certificate's repertoire of characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Name.
    pub name: String,
    /// `0` or `1` for each of its characters: whether it stands for another.
    pub name_substitutes: String,
    /// Era digit and `YYYYMMDD`.
    pub birth_date: String,
    /// `1`, `2` or `3`.
    pub sex: String,
    /// Address.
    pub address: String,
    /// As for the name.
    pub address_substitutes: String,
}

impl core::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Attributes(…)")
    }
}

/// Where the holder lives, in romaji, as names of the distribution points have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Municipality {
    /// `Tokyo-to`.
    pub prefecture: String,
    /// `Kiyose-shi`.
    pub city: String,
}

/// A holder's certificate.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Which of the four.
    pub kind: CertificateKind,
    /// Common name: an opaque identifier, never a name.
    pub common_name: String,
    /// Names the distribution point, and the subject's localities in signature certificates.
    pub municipality: Municipality,
    /// Of signature certificates.
    pub attributes: Option<Attributes>,
    /// Where the OCSP responder is, for authentication certificates.
    pub ocsp_url: String,
}

/// Key identifier: SHA-1 over the public key bits (RFC 5280, 4.2.1.2, method 1).
///
/// # Errors
/// [`DraftError::PublicKey`].
pub fn key_identifier(spki: &[u8]) -> Result<Vec<u8>, DraftError> {
    let info = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| DraftError::PublicKey)?;
    Ok(Sha1::digest(info.subject_public_key.raw_bytes()).to_vec())
}

/// A generation of a CA: one tier, self-signed, sharing its name with the others.
///
/// # Errors
/// [`DraftError`].
pub fn authority(
    kind: CertificateKind,
    serial: &Serial,
    spki: &[u8],
    period: Period,
) -> Result<Draft, DraftError> {
    let name = name::authority(kind)?;
    let extensions = vec![
        extension::key_usage(Usage::CertificateAndCrlSign)?,
        extension::directory_name(oid::SUBJECT_ALT_NAME, name::authority_ja(kind)?)?,
        extension::authority_constraints()?,
        extension::crl_distribution_point(name.clone())?,
        extension::subject_key_identifier(&key_identifier(spki)?)?,
    ];
    Draft::new(SignatureAlgorithm::Rsa2048Sha256, serial, name.clone(), name, spki, period, extensions)
}

/// A holder's certificate under a generation of its CA.
///
/// # Errors
/// [`DraftError`].
pub fn leaf(
    leaf: &Leaf,
    issuer: &Certificate,
    serial: &Serial,
    spki: &[u8],
    period: Period,
) -> Result<Draft, DraftError> {
    let kind = leaf.kind;
    let Municipality { prefecture, city } = &leaf.municipality;
    let signature = kind.is_signature();
    let mut extensions = Vec::new();
    let subject = if signature {
        let attributes = leaf.attributes.as_ref().ok_or(DraftError::Attributes)?;
        extensions.push(extension::key_usage(Usage::DigitalSignatureNonRepudiation)?);
        extensions.push(alternative_names(attributes)?);
        name::distinguished_name(&[
            (oid::COUNTRY, "JP"),
            (oid::LOCALITY, prefecture),
            (oid::LOCALITY, city),
            (oid::COMMON_NAME, &leaf.common_name),
        ])?
    } else {
        extensions.push(extension::key_usage(Usage::DigitalSignature)?);
        extensions.push(extension::extended_key_usage(oid::EKU_CLIENT_AUTH)?);
        name::distinguished_name(&[(oid::COUNTRY, "JP"), (oid::COMMON_NAME, &leaf.common_name)])?
    };
    extensions.push(extension::policy(oid::policy(kind))?);
    extensions.push(extension::directory_name(oid::ISSUER_ALT_NAME, name::authority_ja(kind)?)?);
    extensions.push(extension::crl_distribution_point(name::distribution_point(kind, prefecture, city)?)?);
    if !signature {
        extensions.push(extension::ocsp_access(&leaf.ocsp_url)?);
    }
    let issuer_serial = SerialNumber::new(issuer.serial().as_be_bytes())?;
    extensions.push(extension::full_authority_key_identifier(
        &issuer.key_id(),
        issuer.subject(),
        &issuer_serial,
    )?);
    extensions.push(extension::subject_key_identifier(&key_identifier(spki)?)?);
    issued(issuer, serial, subject, spki, period, extensions)
}

/// A delegated OCSP responder (RFC 6960, 4.2.2.2): short-lived, never asked about itself.
///
/// # Errors
/// [`DraftError`].
pub fn ocsp_responder(
    issuer: &Certificate,
    serial: &Serial,
    spki: &[u8],
    period: Period,
) -> Result<Draft, DraftError> {
    delegated(issuer, "OCSP Responder", oid::EKU_OCSP_SIGNING, serial, spki, period)
}

/// A delegated signer of statements about certificates of this CA.
///
/// # Errors
/// [`DraftError`].
pub fn statement_signer(
    issuer: &Certificate,
    serial: &Serial,
    spki: &[u8],
    period: Period,
) -> Result<Draft, DraftError> {
    delegated(issuer, "Statement Signer", oid::EKU_STATEMENT_SIGNING, serial, spki, period)
}

fn delegated(
    issuer: &Certificate,
    common_name: &str,
    purpose: const_oid::ObjectIdentifier,
    serial: &Serial,
    spki: &[u8],
    period: Period,
) -> Result<Draft, DraftError> {
    let subject = name::distinguished_name(&[
        (oid::COUNTRY, "JP"),
        (oid::ORGANIZATION, name::ORGANIZATION),
        (oid::COMMON_NAME, common_name),
    ])?;
    let extensions = vec![
        extension::leaf_constraints()?,
        extension::key_usage(Usage::DigitalSignature)?,
        extension::extended_key_usage(purpose)?,
        extension::ocsp_nocheck()?,
        extension::authority_key_identifier(&issuer.key_id())?,
        extension::subject_key_identifier(&key_identifier(spki)?)?,
    ];
    issued(issuer, serial, subject, spki, period, extensions)
}

fn issued(
    issuer: &Certificate,
    serial: &Serial,
    subject: Name,
    spki: &[u8],
    period: Period,
    extensions: Vec<Extension>,
) -> Result<Draft, DraftError> {
    let name = issuer.subject().clone();
    Draft::new(SignatureAlgorithm::Rsa2048Sha256, serial, name, subject, spki, period, extensions)
}

/// In the order in which the real certificates have them.
fn alternative_names(attributes: &Attributes) -> Result<Extension, DraftError> {
    let names = [
        (oid::JPKI_NAME, attributes.name.clone()),
        (oid::JPKI_BIRTH_DATE, attributes.birth_date.clone()),
        (oid::JPKI_SEX, attributes.sex.clone()),
        (oid::JPKI_ADDRESS, attributes.address.clone()),
        (oid::JPKI_NAME_SUBSTITUTES, attributes.name_substitutes.clone()),
        (oid::JPKI_ADDRESS_SUBSTITUTES, attributes.address_substitutes.clone()),
    ];
    Ok(extension::other_names(&names)?)
}
