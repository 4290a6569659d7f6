//! What is done with an element: each step whole, from SELECT on, so that it can be done again.

use super::{bench::Bench, facts::Facts};
use crate::{
    fixture::{Secured, guess, hash, keys, open_as, token, type_in},
    story::{REGISTER, make, personalise, put, story, wipe},
};
use tefuda_apdu::{
    StatusWord,
    globalplatform::{delete, store_data},
    scp03::{Mode, SecurityLevel, StaticKeys},
    tlv,
};
use tefuda_element::{
    KeyKinds,
    host::{self, HostError},
};
use tefuda_protocol::{
    element::{
        AUTHORITY_DOMAIN_AID, DOMAIN_MODULE_AID, INITIAL_KEY_VERSION, ISSUER_DOMAIN_AID, WALLET_AID, object,
    },
    sealed::PinPurpose,
    transaction::TransactionKind,
};
use tefuda_types::PinKind;

pub const LOGIN: (TransactionKind, &str) = (TransactionKind::Login, "log in at the library");
const CHANGE: (TransactionKind, &str) = (TransactionKind::ChangePin, "change the password");
const SET: (TransactionKind, &str) = (TransactionKind::SetPin, "set the password");
const WAY: (Mode, SecurityLevel) = (Mode::S16, SecurityLevel::FULL);
/// Number of the set of fingers that is enrolled.
pub const SET_NUMBER: u32 = 1;

/// The operator's domain, and the authority's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Operator,
    Authority,
}

impl Whose {
    pub const fn aid(self) -> &'static [u8; 8] {
        match self {
            Self::Operator => &ISSUER_DOMAIN_AID,
            Self::Authority => &AUTHORITY_DOMAIN_AID,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// On the wallet's face.
    Verify(PinKind, &'static str),
    /// On the contactless side.
    Tap(PinKind, &'static str),
    /// The old and the new.
    Change(PinKind, [&'static str; 2]),
    /// For the first time, or after a grant.
    Set(PinKind, &'static str),
    /// The authority lets a password be set anew: the holder showed the card.
    Grant(PinKind),
    /// The operating system's token, or something else in its place.
    Finger {
        right: bool,
    },
    Generate(KeyKinds, u8),
    /// The signature password, consent, and the certificates of the keys that wait in the story.
    Register,
    /// A secure channel, and no more.
    Open(Whose),
    /// A wrong authentication.
    Guess(Whose),
    /// A domain's owner puts keys in place of the present ones.
    PutKey(Whose, u8),
    /// The operator makes the authority's domain.
    Create,
    /// The operator gives the authority's domain its first keys.
    GiveKeys(u8),
    Wipe(u64),
    Sensor,
    /// The service manager removes the applet.
    Delete,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Done,
    /// Wrong, with the tries that are left if they are told.
    Wrong(Option<u8>),
    Refused,
    Torn,
}

impl<T> From<Result<T, HostError>> for Told {
    fn from(outcome: Result<T, HostError>) -> Self {
        match outcome {
            Ok(_) => Self::Done,
            Err(HostError::Torn) => Self::Torn,
            Err(HostError::PinWrong { left } | HostError::BiometricsMissed { left }) => {
                Self::Wrong(Some(left))
            }
            Err(_) => Self::Refused,
        }
    }
}

impl From<StatusWord> for Told {
    fn from(status: StatusWord) -> Self {
        match (status, status.as_tries_left()) {
            (StatusWord::OK, _) => Self::Done,
            (StatusWord::MEMORY_FAILURE, _) => Self::Torn,
            (StatusWord(0x6300), _) => Self::Wrong(None),
            (_, Some(left)) if left > 0 => Self::Wrong(Some(left)),
            _ => Self::Refused,
        }
    }
}

impl Step {
    /// The domain whose secure channel the step opens.
    pub const fn channel(self) -> Option<Whose> {
        match self {
            Self::Open(whose) | Self::Guess(whose) | Self::PutKey(whose, _) => Some(whose),
            Self::Create | Self::GiveKeys(_) => Some(Whose::Operator),
            Self::Grant(_) | Self::Register | Self::Wipe(_) | Self::Delete => Some(Whose::Authority),
            _ => None,
        }
    }

    pub fn act(self, bench: &mut Bench, before: &Facts) -> Told {
        match self {
            Self::Verify(kind, password) => type_at(bench, LOGIN, &[(verifies(kind), password)]),
            Self::Tap(kind, password) => tap(bench, kind, password),
            Self::Change(kind, [old, new]) => {
                type_at(bench, CHANGE, &[(verifies(kind), old), (sets(kind), new)])
            }
            Self::Set(kind, new) => type_at(bench, SET, &[(sets(kind), new)]),
            Self::Finger { right } => finger(bench, right),
            Self::Generate(kinds, nonce) => {
                at_wallet(bench, |bench| host::generate_keys(&mut bench.wired, kinds, &[nonce; 16]))
            }
            Self::Register => register(bench, before),
            Self::Guess(whose) => guess(&mut bench.wired, whose.aid(), 0).into(),
            Self::Sensor => bench.sensor_event(),
            _ => self.manage(bench, before),
        }
    }

    /// What is done inside a secure channel.
    fn manage(self, bench: &mut Bench, before: &Facts) -> Told {
        let Some(whose) = self.channel() else { return Told::Refused };
        let Some((version, present)) = present(before, whose) else { return Told::Refused };
        let mut channel = match open_as(&mut bench.wired, whose.aid(), (version, &present), WAY) {
            Ok(channel) => channel,
            Err(status) => return status.into(),
        };
        let commands = match self {
            Self::Grant(kind) => vec![
                personalise(&WALLET_AID),
                store_data(&tlv::encode(object::STORE_RESET_GRANT, &[sets(kind) as u8])),
            ],
            Self::PutKey(_, value) => vec![put(version, version, keys(value), &present)],
            Self::Create => vec![make(&DOMAIN_MODULE_AID, &AUTHORITY_DOMAIN_AID, &[])],
            Self::GiveKeys(value) => {
                vec![personalise(&AUTHORITY_DOMAIN_AID), put(0, INITIAL_KEY_VERSION, keys(value), &present)]
            }
            Self::Register => vec![personalise(&WALLET_AID), store_data(&story().certificates)],
            Self::Wipe(number) => vec![story().wipe(&wipe(number))],
            Self::Delete => vec![delete(&crate::story::aid(&WALLET_AID))],
            _ => Vec::new(),
        };
        send_all(&mut channel, &commands)
    }
}

fn send_all(channel: &mut Secured<'_>, commands: &[tefuda_apdu::Command]) -> Told {
    for command in commands {
        let status = channel.send(command).status;
        if !status.is_ok() {
            return status.into();
        }
    }
    Told::Done
}

/// Version and value of a domain's keys as they are.
pub fn present(facts: &Facts, whose: Whose) -> Option<(u8, StaticKeys)> {
    let set = facts.domains[whose as usize].as_ref()?;
    Some((u8::try_from(set.version).unwrap(), keys(set.keys)))
}

pub const fn verifies(kind: PinKind) -> PinPurpose {
    match kind {
        PinKind::Sign => PinPurpose::VerifySign,
        PinKind::Auth => PinPurpose::VerifyAuth,
    }
}

const fn sets(kind: PinKind) -> PinPurpose {
    match kind {
        PinKind::Sign => PinPurpose::SetSign,
        PinKind::Auth => PinPurpose::SetAuth,
    }
}

/// With the wallet's face selected, if it is there and would begin a session.
fn at_wallet<T>(bench: &mut Bench, act: impl FnOnce(&mut Bench) -> Result<T, HostError>) -> Told {
    let ready = host::select_wallet(&mut bench.wired).and_then(|()| host::challenge(&mut bench.wired));
    match ready {
        Ok(_) => act(bench).into(),
        Err(error) => Err::<T, _>(error).into(),
    }
}

fn type_at(bench: &mut Bench, text: (TransactionKind, &str), typed: &[(PinPurpose, &str)]) -> Told {
    at_wallet(bench, |bench| type_in(&mut bench.wired, text, typed))
}

fn tap(bench: &mut Bench, kind: PinKind, password: &str) -> Told {
    let id = match kind {
        PinKind::Sign => 0x9B,
        PinKind::Auth => 0x98,
    };
    let mut status = |command: &[u8]| {
        let answer = bench.field.process(command);
        Told::from(StatusWord(u16::from_be_bytes([answer[answer.len() - 2], answer[answer.len() - 1]])))
    };
    let aid = tefuda_card::personalisation::JPKI_AID;
    let select = [&[0x00, 0xA4, 0x04, 0x0C, u8::try_from(aid.len()).unwrap()], aid].concat();
    match status(&select) {
        Told::Done => {
            let length = u8::try_from(password.len()).unwrap();
            status(&[&[0x00, 0x20, 0x00, id, length], password.as_bytes()].concat())
        }
        other => other,
    }
}

fn finger(bench: &mut Bench, right: bool) -> Told {
    at_wallet(bench, |bench| {
        let challenge = host::challenge(&mut bench.wired)?;
        let login = hash(LOGIN.0, LOGIN.1);
        let token = if right { token(challenge, &login, SET_NUMBER) } else { [0; 32] };
        host::present_token(&mut bench.wired, &login, SET_NUMBER, &token)
    })
}

/// The service manager's part is the same again when the answer was lost.
fn register(bench: &mut Bench, before: &Facts) -> Told {
    let holder = before.core.holder.as_ref();
    let typed = holder.and_then(|holder| holder.passwords[0].as_ref());
    let typed = typed.map(|password| String::from_utf8(password.value.clone()).unwrap());
    let waits = holder.is_some_and(|holder| !holder.pending.is_null());
    if let (true, Some(password)) = (waits, typed) {
        let consent = at_wallet(bench, |bench| {
            type_in(&mut bench.wired, REGISTER, &[(PinPurpose::VerifySign, &password)])?;
            host::confirm_registration(&mut bench.wired, REGISTER.1)
        });
        if consent != Told::Done {
            return consent;
        }
    }
    Step::Register.manage(bench, before)
}
