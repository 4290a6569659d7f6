use alloc::{string::String, vec, vec::Vec};
use const_oid::ObjectIdentifier;
use der::{
    Encode, Sequence,
    asn1::{Any, BitString, Ia5String, OctetString, Utf8StringRef},
};
use x509_cert::{
    ext::{
        Extension,
        pkix::{
            AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, CrlDistributionPoints,
            ExtendedKeyUsage, SubjectKeyIdentifier,
            certpolicy::{PolicyInformation, PolicyQualifierInfo},
            crl::dp::DistributionPoint,
            name::{DistributionPointName, GeneralName, GeneralNames, OtherName},
        },
    },
    name::Name,
    serial_number::SerialNumber,
};

use crate::oid;

/// Where the real certificates point for their practice statement.
const CPS_URL: &str = "http://www.jpki.go.jp/cps.html";

pub(crate) fn extension(id: ObjectIdentifier, critical: bool, value: &impl Encode) -> der::Result<Extension> {
    Ok(Extension { extn_id: id, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// Whether no extension is there twice (RFC 5280, 4.2): of two that contradict each other, no reader knows
/// which one another reader took.
pub(crate) fn stand_once(extensions: &[Extension]) -> bool {
    let mut seen = Vec::new();
    extensions.iter().all(|extension| {
        let new = !seen.contains(&extension.extn_id);
        seen.push(extension.extn_id);
        new
    })
}

/// Bits of `KeyUsage` from the left (RFC 5280, 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    DigitalSignature,
    DigitalSignatureNonRepudiation,
    CertificateAndCrlSign,
}

pub(crate) fn key_usage(usage: Usage) -> der::Result<Extension> {
    let (octet, unused) = match usage {
        Usage::DigitalSignature => (0b1000_0000, 7),
        Usage::DigitalSignatureNonRepudiation => (0b1100_0000, 6),
        Usage::CertificateAndCrlSign => (0b0000_0110, 1),
    };
    extension(oid::KEY_USAGE, true, &BitString::new(unused, vec![octet])?)
}

pub(crate) fn authority_constraints() -> der::Result<Extension> {
    extension(oid::BASIC_CONSTRAINTS, true, &BasicConstraints { ca: true, path_len_constraint: None })
}

pub(crate) fn leaf_constraints() -> der::Result<Extension> {
    extension(oid::BASIC_CONSTRAINTS, true, &BasicConstraints { ca: false, path_len_constraint: None })
}

pub(crate) fn subject_key_identifier(key_id: &[u8]) -> der::Result<Extension> {
    extension(oid::SUBJECT_KEY_IDENTIFIER, false, &SubjectKeyIdentifier(OctetString::new(key_id)?))
}

/// Key identifier alone, as in CRLs.
pub(crate) fn authority_key_identifier(key_id: &[u8]) -> der::Result<Extension> {
    let identifier = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(key_id)?),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &identifier)
}

/// Key identifier, issuer and serial, as in leaves.
pub(crate) fn full_authority_key_identifier(
    key_id: &[u8],
    issuer: &Name,
    serial: &SerialNumber,
) -> der::Result<Extension> {
    let identifier = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(key_id)?),
        authority_cert_issuer: Some(vec![GeneralName::DirectoryName(issuer.clone())]),
        authority_cert_serial_number: Some(serial.clone()),
    };
    extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &identifier)
}

pub(crate) fn policy(policy: ObjectIdentifier) -> der::Result<Extension> {
    let qualifier = PolicyQualifierInfo {
        policy_qualifier_id: oid::QUALIFIER_CPS,
        qualifier: Some(Any::encode_from(&Ia5String::new(CPS_URL)?)?),
    };
    let information =
        PolicyInformation { policy_identifier: policy, policy_qualifiers: Some(vec![qualifier]) };
    extension(oid::CERTIFICATE_POLICIES, true, &CertificatePolicies(vec![information]))
}

pub(crate) fn directory_name(id: ObjectIdentifier, name: Name) -> der::Result<Extension> {
    let names: GeneralNames = vec![GeneralName::DirectoryName(name)];
    extension(id, false, &names)
}

fn distribution_points(name: GeneralName) -> CrlDistributionPoints {
    CrlDistributionPoints(vec![DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![name])),
        reasons: None,
        crl_issuer: None,
    }])
}

pub(crate) fn crl_distribution_point(name: Name) -> der::Result<Extension> {
    extension(oid::CRL_DISTRIBUTION_POINTS, false, &distribution_points(GeneralName::DirectoryName(name)))
}

pub(crate) fn freshest_crl(url: &str) -> der::Result<Extension> {
    let name = GeneralName::UniformResourceIdentifier(Ia5String::new(url)?);
    extension(oid::FRESHEST_CRL, false, &distribution_points(name))
}

pub(crate) fn extended_key_usage(purpose: ObjectIdentifier) -> der::Result<Extension> {
    extension(oid::EXT_KEY_USAGE, false, &ExtendedKeyUsage(vec![purpose]))
}

pub(crate) fn ocsp_access(url: &str) -> der::Result<Extension> {
    #[derive(Sequence)]
    struct AccessDescription {
        method: ObjectIdentifier,
        location: GeneralName,
    }
    let location = GeneralName::UniformResourceIdentifier(Ia5String::new(url)?);
    extension(
        oid::AUTHORITY_INFO_ACCESS,
        false,
        &vec![AccessDescription { method: oid::ACCESS_OCSP, location }],
    )
}

pub(crate) fn ocsp_nocheck() -> der::Result<Extension> {
    extension(oid::OCSP_NOCHECK, false, &der::asn1::Null)
}

/// `otherName`s with a `UTF8String` each, in the order given.
pub(crate) fn other_names(names: &[(ObjectIdentifier, String)]) -> der::Result<Extension> {
    let names = names
        .iter()
        .map(|(type_id, value)| {
            let value = Any::encode_from(&Utf8StringRef::new(value)?)?;
            Ok(GeneralName::OtherName(OtherName { type_id: *type_id, value }))
        })
        .collect::<der::Result<Vec<GeneralName>>>()?;
    extension(oid::SUBJECT_ALT_NAME, false, &names)
}
