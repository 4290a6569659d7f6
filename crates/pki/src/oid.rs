//! Object identifiers of the profiles.

use const_oid::ObjectIdentifier;
use tefuda_types::CertificateKind;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// Common name.
pub const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");
/// Country.
pub const COUNTRY: ObjectIdentifier = oid("2.5.4.6");
/// Locality.
pub const LOCALITY: ObjectIdentifier = oid("2.5.4.7");
/// Organisation.
pub const ORGANIZATION: ObjectIdentifier = oid("2.5.4.10");
/// Organisational unit.
pub const ORGANIZATIONAL_UNIT: ObjectIdentifier = oid("2.5.4.11");

/// `sha256WithRSAEncryption`.
pub const SHA256_WITH_RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
/// `ecdsa-with-SHA256`.
pub const ECDSA_WITH_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
/// `rsaEncryption`.
pub const RSA_ENCRYPTION: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
/// `id-ecPublicKey`.
pub const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
/// The curve P-256.
pub const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
/// SHA-1, for OCSP certificate ids.
pub const SHA1: ObjectIdentifier = oid("1.3.14.3.2.26");
/// SHA-256.
pub const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");

/// `authorityInfoAccess`.
pub const AUTHORITY_INFO_ACCESS: ObjectIdentifier = oid("1.3.6.1.5.5.7.1.1");
/// Access method OCSP.
pub const ACCESS_OCSP: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1");
/// Basic OCSP response.
pub const OCSP_BASIC: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.1");
/// OCSP nonce.
pub const OCSP_NONCE: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.2");
/// `id-pkix-ocsp-nocheck`.
pub const OCSP_NOCHECK: ObjectIdentifier = oid("1.3.6.1.5.5.7.48.1.5");
/// Extended key usage OCSP signing.
pub const EKU_OCSP_SIGNING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.9");
/// Extended key usage client authentication.
pub const EKU_CLIENT_AUTH: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.2");
/// Extended key usage of the statement signer: an arc of our own under the documentation arc
/// (docs/decisions/0006).
pub const EKU_STATEMENT_SIGNING: ObjectIdentifier = oid("1.3.6.1.4.1.32473.1.1");
/// CPS qualifier.
pub const QUALIFIER_CPS: ObjectIdentifier = oid("1.3.6.1.5.5.7.2.1");

/// `subjectKeyIdentifier`.
pub const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.14");
/// `keyUsage`.
pub const KEY_USAGE: ObjectIdentifier = oid("2.5.29.15");
/// `subjectAltName`.
pub const SUBJECT_ALT_NAME: ObjectIdentifier = oid("2.5.29.17");
/// `issuerAltName`.
pub const ISSUER_ALT_NAME: ObjectIdentifier = oid("2.5.29.18");
/// `basicConstraints`.
pub const BASIC_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.19");
/// `cRLNumber`.
pub const CRL_NUMBER: ObjectIdentifier = oid("2.5.29.20");
/// `reasonCode`.
pub const REASON_CODE: ObjectIdentifier = oid("2.5.29.21");
/// `deltaCRLIndicator`.
pub const DELTA_CRL_INDICATOR: ObjectIdentifier = oid("2.5.29.27");
/// `nameConstraints`.
pub const NAME_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.30");
/// `cRLDistributionPoints`.
pub const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = oid("2.5.29.31");
/// `certificatePolicies`.
pub const CERTIFICATE_POLICIES: ObjectIdentifier = oid("2.5.29.32");
/// `authorityKeyIdentifier`.
pub const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.35");
/// `extKeyUsage`.
pub const EXT_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37");
/// `issuingDistributionPoint`.
pub const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = oid("2.5.29.28");
/// `freshestCRL`.
pub const FRESHEST_CRL: ObjectIdentifier = oid("2.5.29.46");

/// Name in the certificate's repertoire.
pub const JPKI_NAME: ObjectIdentifier = oid("1.2.392.200149.8.5.5.1");
/// Positions of substituted characters in the name.
pub const JPKI_NAME_SUBSTITUTES: ObjectIdentifier = oid("1.2.392.200149.8.5.5.2");
/// Sex: `1`, `2`, `3`.
pub const JPKI_SEX: ObjectIdentifier = oid("1.2.392.200149.8.5.5.3");
/// Birth date: era digit and `YYYYMMDD`.
pub const JPKI_BIRTH_DATE: ObjectIdentifier = oid("1.2.392.200149.8.5.5.4");
/// Address in the certificate's repertoire.
pub const JPKI_ADDRESS: ObjectIdentifier = oid("1.2.392.200149.8.5.5.5");
/// Positions of substituted characters in the address.
pub const JPKI_ADDRESS_SUBSTITUTES: ObjectIdentifier = oid("1.2.392.200149.8.5.5.6");

/// The certificate policy of a kind.
///
/// The card's are those of the real test environment. The phone's were not found in a public source: two
/// numbers of our own choice beside them (docs/decisions/0006).
#[must_use]
pub const fn policy(kind: CertificateKind) -> ObjectIdentifier {
    match kind {
        CertificateKind::CardSign => oid("1.2.392.200149.8.5.1.0.20"),
        CertificateKind::CardAuth => oid("1.2.392.200149.8.5.1.0.30"),
        CertificateKind::PhoneSign => oid("1.2.392.200149.8.5.1.0.40"),
        CertificateKind::PhoneAuth => oid("1.2.392.200149.8.5.1.0.50"),
    }
}
