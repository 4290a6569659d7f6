//! Path validation for one-tier roots: which generation of which CA issued a certificate, and whether it
//! may be relied on for what it says (RFC 5280, 6, with the profile's rules).

use alloc::vec::Vec;
use tefuda_types::{CertificateKind, Timestamp};
use thiserror::Error;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsages};

use crate::{Certificate, CertificateError, key, oid};

/// Why a certificate proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathError {
    /// Not a certificate.
    #[error("not a certificate: {0}")]
    Certificate(CertificateError),
    /// No generation of this kind's CA issued it.
    #[error("no CA of this kind issued the certificate")]
    UnknownIssuer,
    /// Its validity has not begun.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// Its validity, or its CA's, has ended.
    #[error("the certificate has expired")]
    Expired,
    /// Its policy is another kind's.
    #[error("the certificate's policy is another kind's")]
    WrongPolicy,
    /// Its key may not be used for what its kind is for.
    #[error("the certificate's key usage is another's")]
    WrongUsage,
    /// A critical extension that nobody here understands.
    #[error("the certificate has a critical extension that is not understood")]
    UnknownCritical,
}

tefuda_types::reasons! { PathError {
    Certificate(_) => "certificate.unreadable", Malformed;
    UnknownIssuer => "certificate.issuer_unknown", Policy;
    NotYetValid => "certificate.not_yet_valid", Policy;
    Expired => "certificate.expired", Policy;
    WrongPolicy => "certificate.wrong_policy", Policy;
    WrongUsage => "certificate.wrong_usage", Policy;
    UnknownCritical => "certificate.critical_extension_unknown", Policy;
} }

impl From<CertificateError> for PathError {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error)
    }
}

/// The roots of one kind, generation by generation.
#[derive(Clone, Debug)]
pub struct TrustStore {
    kind: CertificateKind,
    roots: Vec<Certificate>,
}

/// A certificate whose path was validated, with the root that it hangs on.
#[derive(Debug, PartialEq, Eq)]
pub struct ValidatedCertificate<'a> {
    certificate: &'a Certificate,
    root: &'a Certificate,
    kind: CertificateKind,
}

impl<'a> ValidatedCertificate<'a> {
    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &'a Certificate {
        self.certificate
    }

    /// The generation of the CA that issued it.
    #[must_use]
    pub const fn root(&self) -> &'a Certificate {
        self.root
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> CertificateKind {
        self.kind
    }
}

/// Critical extensions that this module looks at.
const UNDERSTOOD: [const_oid::ObjectIdentifier; 4] =
    [oid::KEY_USAGE, oid::BASIC_CONSTRAINTS, oid::CERTIFICATE_POLICIES, oid::EXT_KEY_USAGE];

impl TrustStore {
    /// A store of one kind. What is not a self-signed CA of that kind is left out.
    #[must_use]
    pub fn new(kind: CertificateKind, roots: impl IntoIterator<Item = Certificate>) -> Self {
        let expected = crate::name::authority(kind).ok();
        let roots = roots
            .into_iter()
            .filter(|root| is_root(root) && expected.as_ref() == Some(root.subject()))
            .collect();
        Self { kind, roots }
    }

    /// Kind of the store.
    #[must_use]
    pub const fn kind(&self) -> CertificateKind {
        self.kind
    }

    /// The generations, in the order given.
    #[must_use]
    pub fn roots(&self) -> &[Certificate] {
        &self.roots
    }

    /// The generation whose key identifier a signed object names, if the signature holds: names do not tell
    /// generations apart.
    #[must_use]
    pub fn root(&self, key_id: &[u8]) -> Option<&Certificate> {
        self.roots.iter().find(|root| root.key_id() == key_id)
    }

    fn issuer(&self, certificate: &Certificate) -> Result<&Certificate, PathError> {
        let root = self.root(&certificate.issuer_key_id()).ok_or(PathError::UnknownIssuer)?;
        if certificate.issuer() == root.subject() && certificate.is_signed_by(&root.public_spki())? {
            Ok(root)
        } else {
            Err(PathError::UnknownIssuer)
        }
    }

    /// Validates a holder's certificate of this store's kind at a civil time.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn validate<'a>(
        &'a self,
        certificate: &'a Certificate,
        at: Timestamp,
    ) -> Result<ValidatedCertificate<'a>, PathError> {
        let root = self.common_checks(certificate, at)?;
        if !certificate.has_policy(oid::policy(self.kind)) {
            return Err(PathError::WrongPolicy);
        }
        let usage = certificate.key_usage().ok_or(PathError::WrongUsage)?.0;
        let expected = if self.kind.is_signature() {
            KeyUsages::DigitalSignature | KeyUsages::NonRepudiation
        } else {
            KeyUsages::DigitalSignature.into()
        };
        // Signature certificates have no extended usage at all.
        let purpose = certificate.has_extension(oid::EXT_KEY_USAGE);
        let purpose_fits = purpose != self.kind.is_signature()
            && (!purpose || certificate.has_extended_key_usage(oid::EKU_CLIENT_AUTH));
        if usage != expected || !purpose_fits {
            return Err(PathError::WrongUsage);
        }
        Ok(ValidatedCertificate { certificate, root, kind: self.kind })
    }

    /// Validates a delegated certificate (OCSP responder, statement signer) by its purpose.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn validate_delegated<'a>(
        &'a self,
        certificate: &'a Certificate,
        purpose: const_oid::ObjectIdentifier,
        at: Timestamp,
    ) -> Result<ValidatedCertificate<'a>, PathError> {
        let root = self.common_checks(certificate, at)?;
        let signs = certificate.key_usage().is_some_and(|usage| usage.0 == KeyUsages::DigitalSignature);
        if !signs || !certificate.has_extended_key_usage(purpose) {
            return Err(PathError::WrongUsage);
        }
        Ok(ValidatedCertificate { certificate, root, kind: self.kind })
    }

    fn common_checks<'a>(
        &'a self,
        certificate: &Certificate,
        at: Timestamp,
    ) -> Result<&'a Certificate, PathError> {
        let root = self.issuer(certificate)?;
        if at < certificate.not_before() || at < root.not_before() {
            return Err(PathError::NotYetValid);
        }
        if at > certificate.not_after() || at > root.not_after() {
            return Err(PathError::Expired);
        }
        if certificate.critical_extensions().any(|id| !UNDERSTOOD.contains(&id)) {
            return Err(PathError::UnknownCritical);
        }
        if !certificate.extensions_stand_once() {
            return Err(CertificateError::Malformed.into());
        }
        // What is there and cannot be read is not taken for what one would like it to say.
        let authority = certificate.has_extension(oid::NAME_CONSTRAINTS)
            || certificate.has_extension(oid::BASIC_CONSTRAINTS)
                && certificate.extension::<BasicConstraints>().is_none_or(|constraints| constraints.ca);
        if authority {
            return Err(PathError::WrongUsage);
        }
        if key::has_our_form(certificate.parsed().tbs_certificate().subject_public_key_info()) {
            Ok(root)
        } else {
            Err(CertificateError::Algorithm.into())
        }
    }
}

/// Whether a certificate is a root: a CA of one tier whose extensions say nothing that this module does not
/// read (RFC 5280, 6.1 leaves them to whoever installs it; here they bind).
fn is_root(root: &Certificate) -> bool {
    let constraints = root.extension::<BasicConstraints>();
    let usage = root.key_usage();
    let key_id = root.key_id();
    root.subject() == root.issuer()
        && root.critical_extensions().any(|id| id == oid::BASIC_CONSTRAINTS)
        && root.critical_extensions().all(|id| UNDERSTOOD.contains(&id))
        && root.extensions_stand_once()
        && !root.has_extension(oid::NAME_CONSTRAINTS)
        && !root.has_extension(oid::EXT_KEY_USAGE)
        && !key_id.is_empty()
        && (!root.has_extension(oid::AUTHORITY_KEY_IDENTIFIER) || root.issuer_key_id() == key_id)
        && constraints.is_some_and(|constraints| constraints.ca)
        && usage.is_some_and(|usage| usage.key_cert_sign() && usage.crl_sign())
        && key::has_our_form(root.parsed().tbs_certificate().subject_public_key_info())
        && root.is_signed_by(&root.public_spki()) == Ok(true)
}

#[cfg(test)]
mod limbo;
