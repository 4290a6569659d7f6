//! The wallet's face: commands parsed, held against the applet's life, then carried out.

mod biometrics;
mod keys;
mod password;
mod signing;

use tefuda_apdu::{Command, Response, StatusWord};
use tefuda_protocol::{
    element::{SealedPin, instruction, object},
    sealed::PinPurpose,
    transaction::{Method, TransactionHash},
};
use tefuda_silicon::Silicon;

use crate::{
    KeyKinds,
    holder::status,
    memory::{Fault, Persistent},
    session::Volatile,
};

pub(crate) use keys::{attest, load_certificates};

/// Octets of a user-verification token.
const TOKEN_OCTETS: usize = 32;

/// A token with what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Presence {
    set: u32,
    token: [u8; TOKEN_OCTETS],
}

/// A command of the wallet, parsed.
#[derive(Debug)]
enum Instruction {
    GetData(u16),
    GenerateKeys(KeyKinds, [u8; 16]),
    Challenge,
    PresentPin(PinPurpose, SealedPin),
    PresentToken(TransactionHash, Presence),
    Missed,
    Enrol(Presence, String),
    Adopt(Presence, String),
    RemoveBiometrics,
    Confirm(String),
    SignLogin(Method, String),
    SignMessage(Vec<u8>, Option<String>),
}

impl Instruction {
    fn parse(command: &Command) -> Result<Self, Fault> {
        if command.cla & !0x03 != 0x80 {
            return Err(StatusWord::WRONG_CLA.into());
        }
        let Command { p1, p2, data, .. } = command;
        Ok(match (command.ins, *p1, *p2) {
            (instruction::GET_DATA, ..) => Self::GetData(u16::from_be_bytes([*p1, *p2])),
            (instruction::GENERATE_KEYS, 0x00, kinds) => {
                Self::GenerateKeys(key_kinds(kinds)?, exactly(data)?)
            }
            (instruction::GET_CHALLENGE, 0x00, 0x00) => Self::Challenge,
            (instruction::PRESENT_PIN, 0x00, purpose) => {
                let sealed = SealedPin::from_bytes(data).ok_or(StatusWord::WRONG_LENGTH)?;
                Self::PresentPin(pin_purpose(purpose)?, sealed)
            }
            (instruction::PRESENT_TOKEN, 0x00, 0x00) => {
                let (hash, rest) = data.split_first_chunk::<32>().ok_or(StatusWord::WRONG_LENGTH)?;
                let (presence, []) = Presence::take(rest)? else {
                    return Err(StatusWord::WRONG_LENGTH.into());
                };
                Self::PresentToken(*hash, presence)
            }
            (instruction::PRESENT_TOKEN, 0x01, 0x00) => Self::Missed,
            (instruction::BIOMETRICS, 0x00, 0x00) => {
                let (presence, body) = Presence::take(data)?;
                Self::Enrol(presence, text(body)?)
            }
            (instruction::BIOMETRICS, 0x01, 0x00) => {
                let (presence, body) = Presence::take(data)?;
                Self::Adopt(presence, text(body)?)
            }
            (instruction::BIOMETRICS, 0x02, 0x00) => Self::RemoveBiometrics,
            (instruction::CONFIRM, 0x00, 0x00) => Self::Confirm(text(data)?),
            (instruction::SIGN, 0x01, 0x01) => Self::SignLogin(Method::Pin, text(data)?),
            (instruction::SIGN, 0x01, 0x02) => Self::SignLogin(Method::Biometrics, text(data)?),
            (instruction::SIGN, 0x03, 0x00) => Self::SignMessage(data.clone(), None),
            (instruction::SIGN, 0x03, 0x01) => {
                let (length, rest) = data.split_first_chunk::<2>().ok_or(StatusWord::WRONG_LENGTH)?;
                let length = usize::from(u16::from_be_bytes(*length));
                let (payload, body) = rest.split_at_checked(length).ok_or(StatusWord::WRONG_LENGTH)?;
                Self::SignMessage(payload.to_vec(), Some(text(body)?))
            }
            (ins, ..) if is_known(ins) => return Err(StatusWord::WRONG_P1P2.into()),
            _ => return Err(StatusWord::WRONG_INS.into()),
        })
    }

    /// What is left of the applet after a sensor event: it says so, and nothing else.
    const fn outlives_tampering(&self) -> bool {
        matches!(
            self,
            Self::GetData(object::STATUS | object::ELEMENT_CERTIFICATE) | Self::SignMessage(_, None)
        )
    }
}

const fn is_known(ins: u8) -> bool {
    use instruction::{BIOMETRICS, CONFIRM, GENERATE_KEYS, GET_CHALLENGE, PRESENT_PIN, PRESENT_TOKEN, SIGN};
    matches!(ins, BIOMETRICS | CONFIRM | GENERATE_KEYS | GET_CHALLENGE | PRESENT_PIN | PRESENT_TOKEN | SIGN)
}

impl Presence {
    /// Set number (4) ‖ token (32), and what follows.
    fn take(data: &[u8]) -> Result<(Self, &[u8]), Fault> {
        let (set, rest) = data.split_first_chunk::<4>().ok_or(StatusWord::WRONG_LENGTH)?;
        let (token, rest) = rest.split_first_chunk::<TOKEN_OCTETS>().ok_or(StatusWord::WRONG_LENGTH)?;
        Ok((Self { set: u32::from_be_bytes(*set), token: *token }, rest))
    }
}

fn exactly<const N: usize>(data: &[u8]) -> Result<[u8; N], Fault> {
    data.try_into().map_err(|_| Fault::Refused(StatusWord::WRONG_LENGTH))
}

fn text(octets: &[u8]) -> Result<String, Fault> {
    String::from_utf8(octets.to_vec()).map_err(|_| Fault::Refused(StatusWord::WRONG_DATA))
}

const fn key_kinds(p2: u8) -> Result<KeyKinds, Fault> {
    Ok(match p2 {
        1 => KeyKinds::Sign,
        2 => KeyKinds::Auth,
        3 => KeyKinds::Both,
        _ => return Err(Fault::Refused(StatusWord::WRONG_P1P2)),
    })
}

const fn pin_purpose(p2: u8) -> Result<PinPurpose, Fault> {
    Ok(match p2 {
        1 => PinPurpose::VerifySign,
        2 => PinPurpose::VerifyAuth,
        3 => PinPurpose::SetSign,
        4 => PinPurpose::SetAuth,
        _ => return Err(Fault::Refused(StatusWord::WRONG_P1P2)),
    })
}

/// The applet as a command on one channel meets it.
pub(crate) struct Wallet<'a, S> {
    pub(crate) persistent: &'a mut Persistent<S>,
    pub(crate) volatile: &'a mut Volatile,
    pub(crate) channel: u8,
}

impl<S: Silicon> Wallet<'_, S> {
    /// Answers a command.
    pub(crate) fn respond(&mut self, command: &Command) -> Result<Response, Fault> {
        let instruction = Instruction::parse(command)?;
        if !self.persistent.applet()?.wallet {
            return Err(StatusWord::NOT_FOUND.into());
        }
        if self.persistent.memory().tampered && !instruction.outlives_tampering() {
            return Err(StatusWord::CONDITIONS.into());
        }
        match instruction {
            Instruction::GetData(object) => self.get_data(object),
            Instruction::GenerateKeys(kinds, nonce) => self.generate_keys(kinds, nonce),
            Instruction::Challenge => {
                let challenge = self.persistent.random();
                self.volatile.begin(self.channel, challenge);
                Ok(Response::ok(challenge.to_vec()))
            }
            Instruction::PresentPin(purpose, sealed) => self.present_pin(purpose, &sealed),
            Instruction::PresentToken(hash, presence) => self.present_token(&hash, &presence),
            Instruction::Missed => self.missed(),
            Instruction::Enrol(presence, body) => self.enrol(&presence, body),
            Instruction::Adopt(presence, body) => self.adopt(&presence, body),
            Instruction::RemoveBiometrics => self.remove_biometrics(),
            Instruction::Confirm(body) => self.confirm(body),
            Instruction::SignLogin(method, body) => self.sign_login(method, body),
            Instruction::SignMessage(payload, None) => self.sign_message(&payload),
            Instruction::SignMessage(payload, Some(body)) => self.sign_message_with_password(&payload, body),
        }
    }

    fn get_data(&self, object: u16) -> Result<Response, Fault> {
        let memory = self.persistent.memory();
        let applet = self.persistent.applet()?;
        let json = |value: Result<Vec<u8>, serde_json::Error>| {
            value.map_err(|_| Fault::Refused(StatusWord::MEMORY_FAILURE))
        };
        Ok(Response::ok(match object {
            object::STATUS => status(memory, applet).to_bytes(),
            object::ELEMENT_CERTIFICATE => json(serde_json::to_vec(&memory.identity.certificate))?,
            object::PIN_ENTRY_KEY => json(serde_json::to_vec(&memory.identity.pin_entry))?,
            object::SIGN_CERTIFICATE => certificate(applet.holder.sign.as_ref()),
            object::AUTH_CERTIFICATE => certificate(applet.holder.auth.as_ref()),
            _ => return Err(StatusWord::DATA_NOT_FOUND.into()),
        }))
    }
}

fn certificate(credential: Option<&crate::holder::Credential>) -> Vec<u8> {
    credential.map(|credential| credential.certificate.0.clone()).unwrap_or_default()
}
