//! Between phone and authority after enrolment: messages of the element, sessions into the element, and
//! what the authority knows about a phone.

use serde::{Deserialize, Serialize};
use tefuda_types::{CertificateKind, CertificateStatus, ElementId, Serial, Timestamp};

use crate::{Bytes, Signed, SignedMessage, enrolment::WalletStatements};

/// What a phone asks in its own name, without the person's password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum DeviceAction {
    /// Revoke both certificates and wipe: the holder gives the phone up.
    Retire,
    /// The phone was found: lift the hold of the authentication certificate, revoke the signature certificate.
    Lift,
    /// The element reported a sensor event. Signed by the *attestation* key: the wallet instance is destroyed.
    Tampered,
    /// A new recovery code (its SHA-256).
    RecoveryCode {
        /// SHA-256 of the code as printed.
        hash: Bytes,
    },
    /// Statements for the wallet: wallet instance and links.
    Statements,
}

/// Signed by the wallet-instance key through the element's device operation, whose context it carries.
///
/// The element signs [`Signed::prepare`]'s bytes; the authority's nonce makes it good once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceMessage {
    /// The element that speaks.
    pub element: ElementId,
    /// What it asks.
    #[serde(flatten)]
    pub action: DeviceAction,
    /// From `GET /api/devices/{element}/nonce`.
    pub nonce: Bytes,
}

impl SignedMessage for DeviceMessage {
    const CONTEXT: &'static str = "TEFUDA-DEVICE-1";
}

/// `POST /api/devices/{element}/messages`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// The message.
    pub message: Signed<DeviceMessage>,
}

/// `GET /api/devices/{element}/nonce`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceNonce {
    /// Good for one message, 16 octets.
    pub nonce: Bytes,
}

/// The answer to a device message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceReply {
    /// Where the phone stands now.
    pub device: DeviceView,
    /// For [`DeviceAction::Statements`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<WalletStatements>,
}

/// `POST /api/stops`: who found or wrote down the recovery code stops that phone.
#[derive(Deserialize, Serialize)]
#[expect(missing_debug_implementations, reason = "a recovery code has no way into a log")]
pub struct StopRequest {
    /// As printed at enrolment.
    pub recovery_code: String,
}

/// What a live session into the element is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "purpose")]
pub enum SessionPurpose {
    /// Operator's domain: create the supplementary domain and store the access rules.
    Provision,
    /// Service manager: replace the keys of the supplementary domain and install the applet.
    HandOver,
    /// Service manager: load the certificates of an approved application.
    Register {
        /// The application.
        application: String,
    },
    /// Service manager: let a password be set anew after the card was shown.
    ResetPin {
        /// The reset that the registrar granted.
        grant: String,
    },
    /// Service manager: carry out what is open for this element (wipe).
    Commands,
}

/// `POST /api/element-sessions`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionOpen {
    /// Which element is at the other end of the pipe.
    pub element: ElementId,
    /// What for.
    #[serde(flatten)]
    pub purpose: SessionPurpose,
}

/// `POST /api/element-sessions/{session}`: what the element answered, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionAnswers {
    /// Response APDUs.
    pub responses: Vec<Bytes>,
}

/// The authority's turn in a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionTurn {
    /// Identifier of the session.
    pub session: String,
    /// Command APDUs to send to the element, in order; empty when it is over.
    pub commands: Vec<Bytes>,
    /// Whether the session is over and its purpose reached.
    pub done: bool,
}

/// A certificate as lists and status answers show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateView {
    /// Which kind.
    pub kind: CertificateKind,
    /// Serial number.
    pub serial: Serial,
    /// Start of validity, civil time.
    pub not_before: Timestamp,
    /// End of validity, civil time.
    pub not_after: Timestamp,
    /// What is known.
    pub status: CertificateStatus,
    /// RFC 5280 reason when suspended or revoked, as `keyCompromise`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Civil time as of which the status holds.
    pub as_of: Timestamp,
    /// The certificate in PEM.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pem: String,
}

/// Where the removal of a phone's data stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deletion {
    /// Not ordered.
    #[default]
    None,
    /// Ordered, not yet carried out.
    Ordered,
    /// The element confirmed it.
    Confirmed,
}

/// A notice in a phone's inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Rising number.
    pub number: u64,
    /// Civil time.
    pub time: Timestamp,
    /// Stable code, as `application.approved`.
    pub code: String,
}

/// `GET /api/devices/{element}`: what the authority tells a phone about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceView {
    /// The element.
    pub element: ElementId,
    /// Certificates of the phone, newest of each kind first.
    pub certificates: Vec<CertificateView>,
    /// Where the removal stands.
    pub deletion: Deletion,
    /// Whether commands wait for a session of purpose [`SessionPurpose::Commands`].
    pub commands_waiting: bool,
    /// Notices, oldest first.
    pub notices: Vec<Notice>,
}
