//! Distinguished names of the profiles.

use alloc::vec::Vec;
use const_oid::ObjectIdentifier;
use der::{Any, Tag, asn1::SetOfVec};
use tefuda_types::CertificateKind;
use x509_cert::{
    attr::AttributeTypeAndValue,
    name::{Name, RdnSequence, RelativeDistinguishedName},
};

use crate::oid;

/// Organisation in every name: recognisably not the real one.
pub const ORGANIZATION: &str = "TEFUDA-SANDBOX";
const OPERATOR: &str = "Japan Agency for Local Authority Information Systems";

/// One attribute a component, in this order. Country codes are `PrintableString`, the rest `UTF8String`, as
/// in the real certificates.
///
/// # Errors
/// [`der::Error`] for values that no string type takes.
pub fn distinguished_name(parts: &[(ObjectIdentifier, &str)]) -> der::Result<Name> {
    let components = parts
        .iter()
        .map(|(attribute, value)| {
            let tag = if *attribute == oid::COUNTRY { Tag::PrintableString } else { Tag::Utf8String };
            let value = Any::new(tag, value.as_bytes())?;
            let mut set = SetOfVec::new();
            set.insert(AttributeTypeAndValue { oid: *attribute, value })?;
            Ok(RelativeDistinguishedName::from(set))
        })
        .collect::<der::Result<Vec<_>>>()?;
    Ok(Name::hazmat_from_rdn_sequence(RdnSequence::from(components)))
}

/// What the CA of a kind calls itself.
#[must_use]
pub const fn unit(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::CardSign => "JPKI for digital signature",
        CertificateKind::CardAuth => "JPKI for user authentication",
        CertificateKind::PhoneSign => "JPKI for mobile digital signature",
        CertificateKind::PhoneAuth => "JPKI for mobile user authentication",
    }
}

const fn unit_ja(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::CardSign => "公的個人認証サービス署名用",
        CertificateKind::CardAuth => "公的個人認証サービス利用者証明用",
        CertificateKind::PhoneSign => "公的個人認証サービス移動端末署名用",
        CertificateKind::PhoneAuth => "公的個人認証サービス移動端末利用者証明用",
    }
}

/// Issuer and subject of every generation of a CA.
///
/// # Errors
/// [`der::Error`], which a constant name does not cause.
pub fn authority(kind: CertificateKind) -> der::Result<Name> {
    distinguished_name(&[
        (oid::COUNTRY, "JP"),
        (oid::ORGANIZATION, ORGANIZATION),
        (oid::ORGANIZATIONAL_UNIT, unit(kind)),
        (oid::ORGANIZATIONAL_UNIT, OPERATOR),
    ])
}

/// The CA's Japanese name, in `issuerAltName` of leaves and `subjectAltName` of the CA.
///
/// # Errors
/// [`der::Error`].
pub fn authority_ja(kind: CertificateKind) -> der::Result<Name> {
    distinguished_name(&[
        (oid::COUNTRY, "JP"),
        (oid::ORGANIZATION, "公的個人認証サービス"),
        (oid::ORGANIZATIONAL_UNIT, unit_ja(kind)),
        (oid::ORGANIZATIONAL_UNIT, "地方公共団体情報システム機構"),
    ])
}

/// The CRL distribution point of a municipality: a directory name, as in the real certificates.
///
/// # Errors
/// [`der::Error`].
pub fn distribution_point(kind: CertificateKind, prefecture: &str, municipality: &str) -> der::Result<Name> {
    let point = alloc::format!("{municipality} CRLDP");
    distinguished_name(&[
        (oid::COUNTRY, "JP"),
        (oid::ORGANIZATION, ORGANIZATION),
        (oid::ORGANIZATIONAL_UNIT, unit(kind)),
        (oid::ORGANIZATIONAL_UNIT, "CRL Distribution Points"),
        (oid::ORGANIZATIONAL_UNIT, prefecture),
        (oid::COMMON_NAME, &point),
    ])
}
