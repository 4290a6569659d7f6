//! What the authority states about certificates: whose wallet, which other ones are the same person's, and that
//! status data are current.

use p256::ecdsa::Signature;
use tefuda_pki::{Certificate, SignatureAlgorithm, Signer};
use tefuda_protocol::{
    Bytes, Signed, SignedMessage,
    statement::{CertificateReference, Heartbeat, Link, ListState, WalletInstance},
};
use tefuda_types::{CertificateKind, Timestamp};
use thiserror::Error;

use crate::status::Series;

/// Seconds of civil time after which the next sign of life is due.
pub const HEARTBEAT_SECONDS: u32 = 5;
/// Most links that a wallet receives: the newest ones.
const LINKS_MAX: usize = 64;

/// Why nothing is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The key store could not sign.
    #[error("the key store could not sign the statement")]
    Signer,
    /// The message has no JSON form.
    #[error("the statement cannot be written")]
    Encoding,
}

tefuda_types::reasons! { StatementError {
    Signer => "statement.signer_unavailable", Backend;
    Encoding => "statement.unencodable", Backend;
} }

/// Signs a message with a P-256 key, `r ‖ s`.
///
/// # Errors
/// [`StatementError`].
pub fn sign<T: SignedMessage>(message: &T, signer: &dyn Signer) -> Result<Signed<T>, StatementError> {
    if signer.algorithm() != SignatureAlgorithm::EcdsaP256Sha256 {
        return Err(StatementError::Signer);
    }
    let (payload, to_be_signed) = Signed::prepare(message).map_err(|_| StatementError::Encoding)?;
    let der = signer.sign(&to_be_signed).map_err(|_| StatementError::Signer)?;
    let signature = Signature::from_der(&der).map_err(|_| StatementError::Signer)?;
    Ok(Signed::assemble(payload, Bytes(signature.to_bytes().to_vec())))
}

/// Names a certificate.
#[must_use]
pub fn reference(kind: CertificateKind, certificate: &Certificate) -> CertificateReference {
    let issuer_key_id = tefuda_types::hexadecimal(&certificate.issuer_key_id());
    CertificateReference { kind, issuer_key_id, serial: certificate.serial().clone() }
}

/// Which wallet a phone's authentication certificate belongs to.
#[must_use]
pub fn wallet_instance(certificate: &Certificate, wallet_key: Bytes, now: Timestamp) -> WalletInstance {
    let certificate = reference(CertificateKind::PhoneAuth, certificate);
    WalletInstance { certificate, wallet_key, issued_at: now }
}

/// One hop from a phone's authentication certificate to each other one of the same person, newest first.
#[must_use]
pub fn links(
    certificate: &Certificate,
    others: &[(CertificateKind, Certificate)],
    now: Timestamp,
) -> Vec<Link> {
    let own = reference(CertificateKind::PhoneAuth, certificate);
    let mut others: Vec<_> = others.iter().filter(|(kind, _)| !kind.is_signature()).collect();
    others.sort_by_key(|(_, other)| core::cmp::Reverse(other.not_before()));
    others
        .into_iter()
        .map(|(kind, other)| reference(*kind, other))
        .filter(|linked| *linked != own)
        .take(LINKS_MAX)
        .map(|linked| Link { certificate: own.clone(), linked, issued_at: now })
        .collect()
}

/// Where the lists of one generation stand.
#[must_use]
pub fn list_state(kind: CertificateKind, generation: u32, root: &Certificate, series: &Series) -> ListState {
    let issuer_key_id = tefuda_types::hexadecimal(&root.key_id());
    ListState { kind, generation, issuer_key_id, full: series.full, delta: series.delta }
}

/// A sign of life.
#[must_use]
pub const fn heartbeat(lists: Vec<ListState>, now: Timestamp) -> Heartbeat {
    Heartbeat { time: now, interval_seconds: HEARTBEAT_SECONDS, lists }
}
