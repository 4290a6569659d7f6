//! Signed statements of the authority: which wallet a certificate belongs to, which certificates are the
//! same person's, and that status data are current.
//!
//! A statement is signed (ECDSA P-256, SHA-256, `r ‖ s`) by a delegated signer whose certificate, issued by
//! the CA of the certificate that the statement is about, travels with it.

use serde::{Deserialize, Serialize};
use tefuda_types::{CertificateKind, Serial, Timestamp};

use crate::{Bytes, Signed, SignedMessage};

/// Names a certificate without its bytes: issuers of one name differ by key identifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CertificateReference {
    /// Which of the four kinds.
    pub kind: CertificateKind,
    /// Key identifier of the issuing CA's generation, lower-case hex.
    pub issuer_key_id: String,
    /// Serial number.
    pub serial: Serial,
}

/// A statement with its signer's certificate (DER).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Statement<T: SignedMessage> {
    /// The delegated signer.
    pub signer: Bytes,
    /// The message.
    pub signed: Signed<T>,
}

/// The wallet-instance key that belongs to a phone's authentication certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletInstance {
    /// The authentication certificate.
    pub certificate: CertificateReference,
    /// SEC 1 uncompressed P-256 public key.
    pub wallet_key: Bytes,
    /// Civil time of issue.
    pub issued_at: Timestamp,
}

impl SignedMessage for WalletInstance {
    const CONTEXT: &'static str = "TEFUDA-WALLET-INSTANCE-1";
}

/// One hop: two authentication certificates of the same person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The certificate that the wallet holds.
    pub certificate: CertificateReference,
    /// An earlier, or another still valid, authentication certificate of the same person.
    pub linked: CertificateReference,
    /// Civil time of issue.
    pub issued_at: Timestamp,
}

impl SignedMessage for Link {
    const CONTEXT: &'static str = "TEFUDA-LINK-1";
}

/// Where the lists of one CA generation stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListState {
    /// Kind of the CA.
    pub kind: CertificateKind,
    /// Its generation, from 1.
    pub generation: u32,
    /// Key identifier, lower-case hex.
    pub issuer_key_id: String,
    /// Number of the newest full CRL.
    pub full: u64,
    /// Number of the newest delta CRL.
    pub delta: u64,
}

/// A sign of life: status data up to here are complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Civil time of the beat.
    pub time: Timestamp,
    /// Seconds after which the next beat is due.
    pub interval_seconds: u32,
    /// Every CA generation whose certificates may still be valid.
    pub lists: Vec<ListState>,
}

impl SignedMessage for Heartbeat {
    const CONTEXT: &'static str = "TEFUDA-HEARTBEAT-1";
}
