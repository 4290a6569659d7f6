//! Enrolment: the six steps as states, each of which survives a stop.
//!
//! Every state names what comes next. Nothing is issued twice: identifier and nonce of the application are chosen
//! before anything is sent, the element gives the same keys for the same nonce, and the authority the same answer
//! for the same identifier.

use serde::{Deserialize, Serialize};
use tefuda_element::KeyKinds;
use tefuda_protocol::{
    Signed, SignedMessageError,
    attestation::AttestedKeys,
    device::CertificateView,
    element::AppletStatus,
    enrolment::{Application, ApplicationRequest, ApplicationState, ApplicationView},
    phone::{Next, Step},
    sealed::PinPurpose,
    transaction::{Transaction, TransactionKind},
};
use tefuda_types::{Bytes, CertificateKind, Family, PhoneName, ResidentId, Timestamp};
use thiserror::Error;

use crate::card;

/// Why an enrolment does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnrolmentError {
    /// Another step is next.
    #[error("this step is not the next one")]
    WrongStep,
    /// Nobody began.
    #[error("nobody has begun to enrol on this phone")]
    NotBegun,
    /// The phone is somebody else's.
    #[error("the phone is enrolled, or being enrolled, by somebody else")]
    PhoneInUse,
    /// The authority has not decided.
    #[error("the application is decided on {0}")]
    Pending(Timestamp),
    /// Nobody registered in time.
    #[error("the application ended because nobody finished it")]
    Ended,
    /// The element holds nobody's keys any more.
    #[error("a sensor event ended the phone's element for good")]
    Tampered,
}

tefuda_types::reasons! { EnrolmentError {
    WrongStep => "enrol.wrong_step", Caller;
    NotBegun => "enrol.not_begun", Caller;
    PhoneInUse => "enrol.phone_in_use", Policy;
    Pending(_) => "enrol.pending", Policy;
    Ended => "enrol.ended", Policy;
    Tampered => "phone.tampered", Policy;
} }

/// Where an enrolment stands on the phone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "stage")]
pub enum Stage {
    /// Step 1 is done: the phone may enrol, and keys are made in the element.
    Begun,
    /// Steps 2 and 3: the card signed the application.
    Signed {
        /// What will be sent.
        request: Box<ApplicationRequest>,
    },
    /// Step 4: the passwords are in the element; the application is on its way.
    Sending {
        /// What is sent, again if need be.
        request: Box<ApplicationRequest>,
    },
    /// Step 5: the authority has it.
    Sent {
        /// Where it stands there.
        #[serde(flatten)]
        state: ApplicationState,
        /// What it issued.
        certificates: Vec<CertificateView>,
    },
    /// The certificates are in the element.
    Done,
}

/// Who a phone is, as an application says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    /// Name.
    pub phone: &'a PhoneName,
    /// Family.
    pub family: Family,
    /// Model, as in the catalogue.
    pub model: &'a str,
    /// Version of the portal app.
    pub app_version: &'a str,
}

/// An enrolment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolment {
    /// Who enrols.
    pub resident: ResidentId,
    /// Identifier of the application.
    pub application: String,
    /// Nonce of keys and attestations.
    pub nonce: [u8; 16],
    /// What is applied for.
    pub kinds: Vec<CertificateKind>,
    /// SHA-256 of the recovery code; none where only the signature certificate is renewed.
    pub recovery_code_hash: Option<Bytes>,
    /// Where it stands.
    pub stage: Stage,
}

impl Enrolment {
    /// Step 1, for both certificates with a recovery code, or for the signature certificate alone without one.
    #[must_use]
    pub fn begin(resident: ResidentId, nonce: [u8; 16], recovery_code_hash: Option<Bytes>) -> Self {
        let kinds = match recovery_code_hash {
            Some(_) => vec![CertificateKind::PhoneSign, CertificateKind::PhoneAuth],
            None => vec![CertificateKind::PhoneSign],
        };
        let application = tefuda_types::hexadecimal(&nonce);
        Self { resident, application, nonce, kinds, recovery_code_hash, stage: Stage::Begun }
    }

    /// Whether only the signature certificate is applied for.
    #[must_use]
    pub fn is_renewal(&self) -> bool {
        !self.kinds.contains(&CertificateKind::PhoneAuth)
    }

    /// The keys that the element makes for it.
    #[must_use]
    pub fn key_kinds(&self) -> KeyKinds {
        if self.is_renewal() { KeyKinds::Sign } else { KeyKinds::Both }
    }

    /// Whether nothing more comes of it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        use ApplicationState::{Expired, Refused};
        matches!(self.stage, Stage::Done | Stage::Sent { state: Refused { .. } | Expired, .. })
    }

    /// Whether the authority knows of it and may still hand certificates out.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        use ApplicationState::{Expired, Refused};
        match self.stage {
            Stage::Sending { .. } => true,
            Stage::Sent { ref state, .. } => !matches!(state, Refused { .. } | Expired),
            Stage::Begun | Stage::Signed { .. } | Stage::Done => false,
        }
    }

    /// Step 3: what the card will sign, and its bytes.
    ///
    /// # Errors
    /// [`SignedMessageError::Malformed`] if the application has no JSON form.
    pub fn application(
        &self,
        device: &Device<'_>,
        keys: AttestedKeys,
        created_at: Timestamp,
    ) -> Result<(Bytes, Vec<u8>), SignedMessageError> {
        Signed::prepare(&Application {
            id: self.application.clone(),
            phone: device.phone.to_string(),
            family: device.family,
            model: device.model.to_owned(),
            app_version: device.app_version.to_owned(),
            kinds: self.kinds.clone(),
            keys,
            nonce: self.nonce.to_vec().into(),
            recovery_code_hash: self.recovery_code_hash.clone(),
            created_at,
        })
    }

    /// The card has signed.
    ///
    /// # Errors
    /// [`EnrolmentError::WrongStep`] once passwords are set.
    pub fn signed(self, payload: Bytes, card: card::Signed) -> Result<Self, EnrolmentError> {
        let (Stage::Begun | Stage::Signed { .. }) = self.stage else {
            return Err(EnrolmentError::WrongStep);
        };
        let request = Box::new(ApplicationRequest {
            certificate: card.certificate.into(),
            application: Signed::assemble(payload, card.signature.into()),
        });
        Ok(Self { stage: Stage::Signed { request }, ..self })
    }

    /// Step 4 is done.
    ///
    /// # Errors
    /// [`EnrolmentError::WrongStep`] without the card's signature.
    pub fn passwords_set(self) -> Result<Self, EnrolmentError> {
        match self.stage {
            Stage::Signed { request } => Ok(Self { stage: Stage::Sending { request }, ..self }),
            _ => Err(EnrolmentError::WrongStep),
        }
    }

    /// What the authority says of the application.
    #[must_use]
    pub fn answered(self, view: ApplicationView) -> Self {
        Self { stage: Stage::Sent { state: view.state, certificates: view.certificates }, ..self }
    }

    /// The authority refused it with a reason.
    #[must_use]
    pub fn refused(self, reason: String) -> Self {
        let state = ApplicationState::Refused { reason };
        Self { stage: Stage::Sent { state, certificates: Vec::new() }, ..self }
    }

    /// The element holds the certificates.
    #[must_use]
    pub fn done(self) -> Self {
        Self { stage: Stage::Done, ..self }
    }

    /// The certificates that wait to be registered.
    ///
    /// # Errors
    /// [`EnrolmentError`] says why there are none.
    pub fn to_register(&self) -> Result<&[CertificateView], EnrolmentError> {
        match &self.stage {
            Stage::Sent { state: ApplicationState::Pending { decision_at }, .. } => {
                Err(EnrolmentError::Pending(*decision_at))
            }
            Stage::Sent { state: ApplicationState::Expired, .. } => Err(EnrolmentError::Ended),
            Stage::Sent {
                state: ApplicationState::Approved { .. } | ApplicationState::Registered,
                certificates,
            } => Ok(certificates),
            _ => Err(EnrolmentError::WrongStep),
        }
    }

    /// When a pending application will be decided, civil time.
    #[must_use]
    pub const fn decision_at(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Sent { state: ApplicationState::Pending { decision_at }, .. } => Some(*decision_at),
            _ => None,
        }
    }

    /// What is needed next.
    #[must_use]
    pub const fn next(&self) -> Next {
        match &self.stage {
            Stage::Begun => Next::Card,
            Stage::Signed { .. } => Next::Pins,
            Stage::Sending { .. } | Stage::Sent { state: ApplicationState::Pending { .. }, .. } => {
                Next::Decision
            }
            Stage::Sent {
                state: ApplicationState::Approved { .. } | ApplicationState::Registered, ..
            } => Next::Register,
            Stage::Sent { state: ApplicationState::Refused { .. } | ApplicationState::Expired, .. }
            | Stage::Done => Next::Nothing,
        }
    }

    /// The steps so far and how each ended; the sixth is told where biometrics are enrolled.
    #[must_use]
    pub fn steps(&self, biometrics: bool) -> Vec<Step> {
        let step = |step, outcome: &str| Step { step, outcome: outcome.to_owned(), reason: None };
        let done_up_to = match &self.stage {
            Stage::Begun => 1,
            Stage::Signed { .. } => 3,
            Stage::Sending { .. } | Stage::Sent { .. } => 4,
            Stage::Done => 5,
        };
        let mut steps: Vec<Step> = (1..=done_up_to).map(|number| step(number, "done")).collect();
        match &self.stage {
            Stage::Sent { state: ApplicationState::Refused { reason }, .. } => {
                steps.push(Step { reason: Some(reason.clone()), ..step(5, "refused") });
            }
            Stage::Sent { state: ApplicationState::Expired, .. } => {
                let reason = tefuda_types::Reason::code(&EnrolmentError::Ended).as_str().to_owned();
                steps.push(Step { reason: Some(reason), ..step(5, "refused") });
            }
            Stage::Sending { .. } | Stage::Sent { .. } => steps.push(step(5, "waiting")),
            Stage::Begun | Stage::Signed { .. } => {}
            Stage::Done if biometrics => steps.push(step(6, "done")),
            Stage::Done => {}
        }
        steps
    }

    /// Step 4 as a transaction: the passwords that the element wants for this application. Those that it
    /// knows already (a renewal, or a phone that was set back to its factory state) are asked for instead.
    ///
    /// # Errors
    /// [`EnrolmentError::WrongStep`] before the card has signed.
    pub fn password_transaction(
        &self,
        phone: &PhoneName,
        element: &AppletStatus,
    ) -> Result<(Transaction, Vec<PinPurpose>), EnrolmentError> {
        let Stage::Signed { request } = &self.stage else { return Err(EnrolmentError::WrongStep) };
        let purpose = |tries: Option<u8>, verify, set| if tries.is_some() { verify } else { set };
        let mut purposes = vec![purpose(element.sign_tries, PinPurpose::VerifySign, PinPurpose::SetSign)];
        if !self.is_renewal() {
            purposes.push(purpose(element.auth_tries, PinPurpose::VerifyAuth, PinPurpose::SetAuth));
        }
        let shown = PasswordsShown {
            act: "set-passwords",
            phone,
            application: &self.application,
            birth_date: card::birth_date(&request.certificate.0),
        };
        Ok((transaction(TransactionKind::SetPin, &shown), purposes))
    }

    /// Step 5 as a transaction: the certificates that the holder takes.
    ///
    /// # Errors
    /// As [`Enrolment::to_register`].
    pub fn register_transaction(&self, phone: &PhoneName) -> Result<Transaction, EnrolmentError> {
        let certificates = self.to_register()?;
        let lines = certificates.iter().map(|c| format!("{} {}", c.kind, c.serial)).collect();
        let shown =
            RegisterShown { act: "register", phone, application: &self.application, certificates: lines };
        Ok(transaction(TransactionKind::Register, &shown))
    }
}

/// What the person sees in step 4.
#[derive(Serialize)]
struct PasswordsShown<'a> {
    act: &'static str,
    phone: &'a PhoneName,
    application: &'a str,
    /// So that a password which tells it can be advised against.
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_date: Option<String>,
}

/// What the person sees in step 5.
#[derive(Serialize)]
struct RegisterShown<'a> {
    act: &'static str,
    phone: &'a PhoneName,
    application: &'a str,
    certificates: Vec<String>,
}

/// A transaction whose body is the JSON of what is shown.
pub(crate) fn transaction(kind: TransactionKind, shown: &impl Serialize) -> Transaction {
    Transaction { kind, body: serde_json::to_string(shown).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: ApplicationState) -> ApplicationView {
        ApplicationView { id: "a".to_owned(), state, certificates: Vec::new() }
    }

    fn begun() -> Enrolment {
        Enrolment::begin("hanako".parse().unwrap(), [7; 16], Some(vec![1; 32].into()))
    }

    fn signed() -> Enrolment {
        let card = card::Signed { certificate: vec![1], signature: vec![2] };
        begun().signed(b"payload".to_vec().into(), card).unwrap()
    }

    #[test]
    fn the_steps_come_in_their_order_only() {
        assert_eq!(begun().next(), Next::Card);
        assert!(matches!(begun().passwords_set(), Err(EnrolmentError::WrongStep)));
        assert!(matches!(begun().to_register(), Err(EnrolmentError::WrongStep)));
        let sending = signed().passwords_set().unwrap();
        assert_eq!((signed().next(), sending.next()), (Next::Pins, Next::Decision));
        let again = card::Signed { certificate: vec![1], signature: vec![2] };
        assert!(sending.clone().signed(Bytes::default(), again).is_err());
        let decision_at = "2026-11-25T08:00:00+09:00".parse().unwrap();
        let pending = sending.answered(view(ApplicationState::Pending { decision_at }));
        assert_eq!(pending.decision_at(), Some(decision_at));
        assert_eq!(pending.to_register(), Err(EnrolmentError::Pending(decision_at)));
        let approved = pending.answered(view(ApplicationState::Approved { register_until: decision_at }));
        assert_eq!(approved.next(), Next::Register);
        let done = approved.done();
        assert_eq!((done.next(), done.steps(true).len()), (Next::Nothing, 6));
        assert!(done.is_over());
    }

    #[test]
    fn a_refusal_is_told_with_its_step_and_reason() {
        let refused = signed().passwords_set().unwrap().refused("certificate.revoked".to_owned());
        let last = refused.steps(false).pop().unwrap();
        assert_eq!((last.step, last.outcome.as_str()), (5, "refused"));
        assert_eq!(last.reason.as_deref(), Some("certificate.revoked"));
        assert!(refused.is_over() && !refused.is_under_way());
        let ended = signed().passwords_set().unwrap().answered(view(ApplicationState::Expired));
        assert_eq!(ended.to_register(), Err(EnrolmentError::Ended));
    }

    #[test]
    fn every_state_survives_a_stop() {
        let until = "2026-12-25T08:00:00+09:00".parse().unwrap();
        let states = [
            begun(),
            signed(),
            signed().passwords_set().unwrap(),
            signed()
                .passwords_set()
                .unwrap()
                .answered(view(ApplicationState::Approved { register_until: until })),
            begun().done(),
        ];
        for state in states {
            let kept = serde_json::to_string(&state).unwrap();
            let read: Enrolment = serde_json::from_str(&kept).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), kept);
            assert_eq!(read.next(), state.next());
        }
    }

    #[test]
    fn passwords_that_the_element_knows_are_asked_for_instead() {
        use tefuda_protocol::element::Holding;
        let phone = "android".parse().unwrap();
        let fresh = AppletStatus {
            holding: Holding::Empty,
            sign_tries: None,
            auth_tries: None,
            pending: Some([7; 16]),
            biometric_set: None,
            biometric_misses_left: 5,
            last_command: 0,
        };
        let known = AppletStatus { sign_tries: Some(5), auth_tries: Some(3), ..fresh };
        let purposes = |status| signed().password_transaction(&phone, status).unwrap().1;
        assert_eq!(purposes(&fresh), [PinPurpose::SetSign, PinPurpose::SetAuth]);
        assert_eq!(purposes(&known), [PinPurpose::VerifySign, PinPurpose::VerifyAuth]);
        assert!(begun().password_transaction(&phone, &fresh).is_err());
    }
}
