//! The phone's own interface, on its own host, for the command line and for its pages.
//!
//! A phone's passwords never come through here in clear. Whatever needs one is an [`Act`]: the caller opens
//! a PIN session, shows its transaction to the person, seals what is typed to the element's key, and sends
//! the blocks. The *card's* password comes in clear, for the moment in which the card is held.

use serde::{Deserialize, Serialize};
use tefuda_types::{Family, PinKind, ResidentId, Timestamp};

use crate::{
    Bytes, Signed,
    attestation::{ElementCertificate, KeyAttestation},
    device::{CertificateView, Deletion},
    sealed::PinPurpose,
    transaction::Transaction,
};

/// `POST /api/pin-sessions`: something that the person must agree to with a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "act")]
pub enum Act {
    /// Step 4: both passwords of the phone. Needs [`PinPurpose::SetSign`] and [`PinPurpose::SetAuth`]; for a
    /// renewal of the signature certificate alone, [`PinPurpose::VerifySign`]. Gives [`Progress`].
    SetPins,
    /// Step 5: the tap on the notification. Needs [`PinPurpose::VerifySign`]. Gives [`Progress`].
    Register,
    /// Step 6. Needs [`PinPurpose::VerifyAuth`]. Gives [`PhoneStatus`].
    EnrolBiometrics,
    /// The card was shown ([`CardShown`]). Needs the purpose that sets this password. Gives [`PhoneStatus`].
    ResetPin {
        /// Which password.
        kind: PinKind,
    },
    /// Needs the purposes that verify and set this password. Gives [`PhoneStatus`].
    ChangePin {
        /// Which password.
        kind: PinKind,
    },
    /// Needs [`PinPurpose::VerifySign`]. Gives [`RecoveryCode`].
    RecoveryCode,
    /// Needs [`PinPurpose::VerifyAuth`]. Gives [`LoginOutcome`](crate::login::LoginOutcome).
    Login {
        /// The gateway's request, `{gateway origin}/login/{request}`.
        request_url: String,
    },
}

/// An open PIN session. A new one ends the last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PinSession {
    /// Identifier.
    pub id: String,
    /// What the person is asked to agree to; its hash is sealed with each password.
    pub transaction: Transaction,
    /// The element's challenge, 16 octets.
    pub challenge: Bytes,
    /// The element's PIN-entry key, SEC 1 uncompressed P-256.
    pub pin_entry_key: Bytes,
    /// The maker's word for the element.
    pub element: Signed<ElementCertificate>,
    /// The element's word for the PIN-entry key.
    pub pin_entry_attestation: Signed<KeyAttestation>,
    /// The passwords that are wanted, in this order.
    pub purposes: Vec<PinPurpose>,
}

/// `POST /api/pin-sessions/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SealedPins {
    /// One block for each purpose, in the session's order.
    pub blocks: Vec<Bytes>,
}

/// `POST /api/enrolment`: step 1, or going on where it stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolmentStart {
    /// Who enrols.
    pub resident: ResidentId,
}

/// `POST /api/enrolment/card` (steps 2 and 3) and `POST /api/pin-reset` (the card for a forgotten password).
#[derive(Serialize, Deserialize)]
pub struct CardShown {
    /// Whose card is held against the phone.
    pub resident: ResidentId,
    /// The card's signature password, where the act needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_sign_pin: Option<String>,
    /// For a reset: which of the phone's passwords.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<PinKind>,
    /// Go on although one try of the card's password is left.
    #[serde(default)]
    pub risk_last_try: bool,
}

impl core::fmt::Debug for CardShown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CardShown({})", self.resident)
    }
}

/// What enrolment needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// The card and its signature password.
    Card,
    /// The phone's passwords: an [`Act::SetPins`] session.
    Pins,
    /// The decision of the authority; ask again (`GET /api/enrolment`).
    Decision,
    /// The tap on the notification: an [`Act::Register`] session.
    Register,
    /// Nothing: registered.
    Nothing,
}

/// One of the six steps and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `1` to `6`.
    pub step: u8,
    /// `done`, `waiting` or `refused`.
    pub outcome: String,
    /// Reason code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where enrolment stands: the answer of `GET /api/enrolment` and of each step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// State of the phone.
    pub state: PhoneState,
    /// What is needed next.
    pub next: Next,
    /// Steps so far.
    pub steps: Vec<Step>,
    /// Certificates, once registered.
    pub certificates: Vec<CertificateView>,
    /// In the first complete answer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_code: Option<String>,
    /// When a pending application will be decided, civil time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_at: Option<Timestamp>,
    /// Whether this answer was given before.
    #[serde(default)]
    pub repeated: bool,
    /// Advice about guessable passwords: stable codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
}

/// States of a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhoneState {
    /// Nobody enrolled, or an enrolment not yet sent.
    Empty,
    /// Applied, not decided.
    Applied,
    /// Decided for; certificates wait to be registered.
    Approved,
    /// In use.
    Registered,
    /// Reported lost.
    Stopped,
    /// Given up by its holder.
    Retired,
    /// The element confirmed that the holder's keys are gone.
    Wiped,
    /// A sensor event destroyed the holder's keys.
    Tampered,
}

/// Biometrics in place of the authentication PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Biometrics {
    /// Not enrolled.
    #[default]
    None,
    /// In use.
    Enrolled,
    /// The set of fingers or faces changed, or misses used up the limit: the PIN is needed first.
    Stale,
}

/// Tries left in the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// Signature password, of five.
    pub sign: u8,
    /// Authentication PIN, of three.
    pub auth: u8,
}

/// `GET /api/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PhoneStatus {
    /// Name.
    pub name: String,
    /// Model, as in the catalogue.
    pub model: String,
    /// Family.
    pub family: Family,
    /// Where its pages and this interface are.
    pub url: String,
    /// State.
    pub state: PhoneState,
    /// Where the removal of its data stands.
    pub deletion: Deletion,
    /// Biometrics.
    pub biometrics: Biometrics,
    /// Certificates.
    pub certificates: Vec<CertificateView>,
    /// Tries left; absent before passwords are set.
    pub retries: Option<Retries>,
    /// Documents in the wallet.
    pub documents: Vec<String>,
}

/// A recovery code, shown once.
#[derive(Serialize, Deserialize)]
#[expect(missing_debug_implementations, reason = "a recovery code has no way into a log")]
pub struct RecoveryCode {
    /// As printed.
    pub recovery_code: String,
}

/// `POST /api/biometrics/{enroll|change|remove}` without a password; enrolment is [`Act::EnrolBiometrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finger {
    /// The first enrolled finger or face.
    #[serde(rename = "1")]
    First,
    /// The second.
    #[serde(rename = "2")]
    Second,
    /// One that is not enrolled.
    Unknown,
}

/// `POST /api/logins/biometric`: approves a login with the sensor. Gives
/// [`LoginOutcome`](crate::login::LoginOutcome).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BiometricLogin {
    /// The gateway's request, `{gateway origin}/login/{request}`.
    pub request_url: String,
    /// What touches the emulated sensor.
    pub finger: Finger,
}
