//! PIN sessions: the person agrees to a transaction with passwords that only the element opens.

use serde::Serialize;
use std::sync::PoisonError;
use tefuda_element::host;
use tefuda_keys::SystemRandom;
use tefuda_phone::{
    enrolment::EnrolmentError,
    os::App,
    recovery::{self, ENTROPY_OCTETS},
    wallet::{self, WalletError},
};
use tefuda_protocol::{
    Signed,
    device::{DeviceAction, DeviceRequest},
    login::LoginOutcome,
    phone::{Act, PinSession, Progress, RecoveryCode, SealedPins},
    sealed::{PUBLIC_KEY_OCTETS, PinBlock, PinPurpose},
    transaction::Transaction,
    user_verification,
};
use tefuda_types::{Bytes, Clock, Timestamp};
use tefuda_web::Problem;

use crate::{
    error::PhoneError,
    phone::{Phone, fresh_id},
};

/// Seconds of wire time for which a session may lie open: a person reads and types in it.
const SESSION_SECONDS: i64 = 300;

/// An open session.
#[derive(Debug)]
pub(crate) struct Open {
    id: String,
    pub(crate) act: Act,
    pub(crate) transaction: Transaction,
    pub(crate) challenge: [u8; 16],
    purposes: Vec<PinPurpose>,
    opened_at: Timestamp,
}

/// What an act gives.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Given {
    Progress(Box<Progress>),
    Status(Box<tefuda_protocol::phone::PhoneStatus>),
    Recovery(RecoveryCode),
    Login(LoginOutcome),
}

/// Which application of the phone does it.
const fn app_of(act: &Act) -> App {
    match act {
        Act::Login { .. } | Act::RecoveryCode => App::Wallet,
        Act::SetPins
        | Act::Register
        | Act::EnrolBiometrics
        | Act::ResetPin { .. }
        | Act::ChangePin { .. } => App::Portal,
    }
}

impl Phone {
    /// `POST /api/pin-sessions`.
    pub(crate) async fn open_session(&self, act: Act) -> Result<PinSession, Problem> {
        let _act = self.acts.lock().await;
        let (transaction, purposes) = self.agreement(&act).await?;
        let (challenge, element, pin_entry_attestation) = self
            .wallet(app_of(&act), |wallet| {
                let element = host::element_certificate(wallet)?;
                let attestation = host::pin_entry_attestation(wallet)?;
                Ok((host::challenge(wallet)?, element, attestation))
            })
            .await?;
        let spki = pin_entry_attestation.peek_unverified()?.public_key;
        let point = spki.0.len().checked_sub(PUBLIC_KEY_OCTETS).and_then(|start| spki.0.get(start..));
        let open =
            Open { id: fresh_id(), act, transaction, challenge, purposes, opened_at: self.clock().wire() };
        let session = PinSession {
            id: open.id.clone(),
            transaction: open.transaction.clone(),
            challenge: Bytes(challenge.to_vec()),
            pin_entry_key: point.unwrap_or_default().to_vec().into(),
            element,
            pin_entry_attestation,
            purposes: open.purposes.clone(),
        };
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        Ok(session)
    }

    /// What the person is asked to agree to, and with which passwords.
    async fn agreement(&self, act: &Act) -> Result<(Transaction, Vec<PinPurpose>), Problem> {
        let memory = self.memory().await?;
        let enrolment = || memory.enrolment.as_ref().ok_or(EnrolmentError::NotBegun);
        match act {
            Act::SetPins => {
                let element = self.element_status().await?.ok_or(PhoneError::NoElement)?;
                Ok(enrolment()?.password_transaction(&self.name, &element)?)
            }
            Act::Register => {
                Ok((enrolment()?.register_transaction(&self.name)?, vec![PinPurpose::VerifySign]))
            }
            Act::Login { request_url } => {
                Ok((self.login_transaction(request_url).await?, vec![PinPurpose::VerifyAuth]))
            }
            Act::ResetPin { kind } if memory.resetting != Some(*kind) => {
                Err(WalletError::CardNotShown.into())
            }
            Act::EnrolBiometrics | Act::ResetPin { .. } | Act::ChangePin { .. } | Act::RecoveryCode => {
                if memory.wallet.is_none() {
                    return Err(WalletError::NotRegistered.into());
                }
                wallet::own_transaction(act, &self.name).ok_or_else(|| WalletError::NotRegistered.into())
            }
        }
    }

    /// Takes the session that is named, if it is the open one and not too old. It is over then in any case.
    fn take_session(&self, id: &str, sealed: &SealedPins) -> Result<(Open, Vec<PinBlock>), Problem> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let open = session.take_if(|open| open.id == id).ok_or(PhoneError::SessionNotFound)?;
        drop(session);
        if self.clock().wire().duration_since(open.opened_at).as_secs() > SESSION_SECONDS {
            return Err(PhoneError::SessionExpired.into());
        }
        if sealed.blocks.len() != open.purposes.len() {
            return Err(PhoneError::BlocksMissing.into());
        }
        let blocks = sealed.blocks.iter().map(|block| PinBlock::from_bytes(&block.0));
        Ok((open, blocks.collect::<Result<Vec<_>, _>>()?))
    }

    /// `POST /api/pin-sessions/{id}`: the blocks go to the element as they are.
    pub(crate) async fn complete_session(&self, id: &str, sealed: &SealedPins) -> Result<Given, Problem> {
        let _act = self.acts.lock().await;
        let (open, blocks) = self.take_session(id, sealed)?;
        let presented = {
            let (hash, purposes) = (open.transaction.hash(), open.purposes.clone());
            self.wallet(app_of(&open.act), move |wallet| {
                purposes
                    .iter()
                    .zip(&blocks)
                    .try_for_each(|(purpose, block)| host::present_pin(wallet, *purpose, &hash, block))
            })
            .await
        };
        if let Err(problem) = presented {
            if let Act::Login { .. } = open.act {
                self.happened("login", None, Some(problem.reason().to_owned())).await?;
            }
            return Err(problem);
        }
        self.agreed(open).await
    }

    /// What follows from the consent that the element holds now.
    async fn agreed(&self, open: Open) -> Result<Given, Problem> {
        match open.act {
            Act::SetPins => {
                let memory = self.memory().await?;
                let memory = self.changed(memory, |enrolment| enrolment.passwords_set()).await?;
                let memory = self.send(memory).await?;
                Ok(Given::Progress(Box::new(self.progress(memory, false).await?)))
            }
            Act::Register => {
                let body = open.transaction.body;
                self.wallet(App::Portal, move |wallet| host::confirm_registration(wallet, &body)).await?;
                let memory = self.load_certificates(self.memory().await?).await?;
                Ok(Given::Progress(Box::new(self.progress(memory, false).await?)))
            }
            Act::EnrolBiometrics => {
                self.enrol_biometrics(open).await?;
                self.given_status().await
            }
            Act::ResetPin { .. } => {
                let mut memory = self.memory().await?;
                memory.resetting = None;
                memory.happened(self.now(), "reset-password", None, None);
                self.keep(&memory).await?;
                self.given_status().await
            }
            Act::ChangePin { .. } => {
                self.happened("change-password", None, None).await?;
                self.given_status().await
            }
            Act::RecoveryCode => self.new_recovery_code(open.transaction).await.map(Given::Recovery),
            Act::Login { ref request_url } => {
                let request_url = request_url.clone();
                self.login_with_pin(&request_url, open).await.map(Given::Login)
            }
        }
    }

    async fn given_status(&self) -> Result<Given, Problem> {
        Ok(Given::Status(Box::new(self.shown(&self.look().await?)?)))
    }

    /// The sensor is touched by an enrolled finger while the PIN is given.
    async fn enrol_biometrics(&self, open: Open) -> Result<(), Problem> {
        let set = self.os().sensor.set_number();
        let key = self.user_verification_key()?;
        let token = user_verification::token(&key, &open.challenge, &open.transaction.hash(), set);
        let body = open.transaction.body;
        self.wallet(App::Portal, move |wallet| host::enrol_biometrics(wallet, set, &token, &body)).await?;
        Ok(self.happened("enrol-biometrics", None, None).await?)
    }

    /// Only the hash of the code leaves the phone.
    async fn new_recovery_code(&self, transaction: Transaction) -> Result<RecoveryCode, Problem> {
        let element = self.element()?;
        let code = recovery::code(&SystemRandom::octets::<ENTROPY_OCTETS>());
        let action = DeviceAction::RecoveryCode { hash: recovery::hash(&code) };
        let nonce = self.authority().nonce(element).await?;
        let payload = wallet::device_message(element, action, nonce)?;
        let (bytes, body) = (payload.0.clone(), transaction.body);
        let signature = self.wallet(App::Wallet, move |wallet| {
            host::sign_device_message_with_password(wallet, &bytes, &body)
        });
        let message = Signed::assemble(payload, signature.await?.into());
        self.authority().tell(element, &DeviceRequest { message }).await?;
        let mut memory = self.memory().await?;
        memory.recovery_code_shown = true;
        memory.happened(self.now(), "recovery-code", None, None);
        self.keep(&memory).await?;
        Ok(RecoveryCode { recovery_code: code.expose().clone() })
    }
}
