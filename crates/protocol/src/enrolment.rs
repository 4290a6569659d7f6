//! The application for a phone's certificates.

use serde::{Deserialize, Serialize};
use tefuda_types::{CertificateKind, Family, Timestamp};

use crate::{
    Bytes, Signed, SignedMessage,
    attestation::AttestedKeys,
    device::CertificateView,
    statement::{Link, Statement, WalletInstance},
};

/// What the holder applies for. Signed by the *card's* signature key
/// (RSASSA-PKCS1-v1_5 with SHA-256 over context, zero octet and payload).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Chosen by the phone before it is sent, so that sending twice is harmless.
    pub id: String,
    /// The phone's name, shown to the holder in lists.
    pub phone: String,
    /// Family of the phone: the next phone of a family replaces the last.
    pub family: Family,
    /// Model, as in the catalogue.
    pub model: String,
    /// Version of the portal app.
    pub app_version: String,
    /// Both kinds, or the signature certificate alone.
    pub kinds: Vec<CertificateKind>,
    /// Keys of the element, with this application's nonce.
    pub keys: AttestedKeys,
    /// 16 octets, in every attestation.
    pub nonce: Bytes,
    /// SHA-256 of the recovery code as printed; absent when only the signature certificate is applied for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_code_hash: Option<Bytes>,
    /// Civil time on the phone.
    pub created_at: Timestamp,
}

impl SignedMessage for Application {
    const CONTEXT: &'static str = "TEFUDA-APPLICATION-1";
}

/// `POST /api/applications`: repeated with the same id it gives the same answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplicationRequest {
    /// The card's signature certificate, DER.
    pub certificate: Bytes,
    /// The application, signed by the card.
    pub application: Signed<Application>,
}

/// Where an application stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ApplicationState {
    /// Waits for the next opening.
    Pending {
        /// Civil time at which it will be decided.
        decision_at: Timestamp,
    },
    /// Certificates are issued and wait to be registered.
    Approved {
        /// Civil time after which it ends unfinished.
        register_until: Timestamp,
    },
    /// The element confirmed the certificates.
    Registered,
    /// Decided against.
    Refused {
        /// Reason code.
        reason: String,
    },
    /// Nobody finished it in time.
    Expired,
}

/// `GET /api/applications/{id}` and the answer to sending one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplicationView {
    /// The application.
    pub id: String,
    /// Where it stands.
    #[serde(flatten)]
    pub state: ApplicationState,
    /// Issued certificates, with PEM, once approved.
    pub certificates: Vec<CertificateView>,
}

/// `GET /api/office`: whether applications are decided now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Office {
    /// Whether it is open.
    pub open: bool,
    /// When an application that came in now would be decided: now, or when it opens next. Civil time.
    pub decision_at: Timestamp,
}

/// What the wallet receives at registration and renewal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WalletStatements {
    /// For this phone's authentication certificate.
    pub wallet_instance: Statement<WalletInstance>,
    /// To earlier and other authentication certificates of the person.
    pub links: Vec<Statement<Link>>,
}

/// `POST /api/pin-resets`: the card was shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PinResetRequest {
    /// The card's certificate of the same purpose as the password, DER.
    pub certificate: Bytes,
    /// For the signature password: signed by the card's signature key, as an application is. For the
    /// authentication PIN, which needs no password of the card: by the common application's key through
    /// INTERNAL AUTHENTICATE over the SHA-256 of the bytes to be signed.
    pub reset: Signed<PinReset>,
}

/// The answer: names the reset in [`SessionPurpose::ResetPin`](crate::device::SessionPurpose).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PinResetGrant {
    /// Identifier of the grant.
    pub grant: String,
}

/// That a password of an element may be set anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinReset {
    /// Chosen by the phone.
    pub id: String,
    /// Which element.
    pub element: tefuda_types::ElementId,
    /// Which password.
    pub pin: tefuda_types::PinKind,
    /// Civil time on the phone.
    pub created_at: Timestamp,
}

impl SignedMessage for PinReset {
    const CONTEXT: &'static str = "TEFUDA-PIN-RESET-1";
}
