//! A security domain on a channel: SCP03 and its velocity check. What a secured command does is in
//! [`manage`](crate::manage).

use tefuda_apdu::{
    Aid, Command, Response, StatusWord,
    globalplatform::{DELETE, GET_STATUS, INSTALL, PUT_KEY, STORE_DATA},
    scp03::{
        CardChallenged, CardSession, EXTERNAL_AUTHENTICATE, INITIALIZE_UPDATE, Mode, Scp03Error,
        SecurityLevel,
    },
};
use tefuda_protocol::element::{AUTHORITY_DOMAIN_AID, ISSUER_DOMAIN_AID};
use tefuda_silicon::Silicon;

use crate::{
    manage::{Management, Target},
    memory::{Domain, Fault, KeySet, Persistent},
    session::Volatile,
};

/// Level of protection that both domains demand.
const FLOOR: SecurityLevel = SecurityLevel::FULL;
/// Host authentication failed (GlobalPlatform, table 11-85 of EXTERNAL AUTHENTICATE).
const AUTHENTICATION_FAILED: StatusWord = StatusWord(0x6300);
/// Largest sequence counter, 24 bits.
const SEQUENCE_MAX: u32 = 0x00FF_FFFF;

impl Domain {
    pub(crate) const fn aid(self) -> [u8; 8] {
        match self {
            Self::Issuer => ISSUER_DOMAIN_AID,
            Self::Authority => AUTHORITY_DOMAIN_AID,
        }
    }
}

/// The key set that a session stands on: its generation and the sequence counter it was begun with.
type Basis = (u32, u32);

/// Where the secure channel stands.
#[derive(Debug)]
enum Secure {
    Closed,
    Challenged(CardChallenged, Basis),
    Open(CardSession, Basis, Target),
}

/// A selected domain.
#[derive(Debug)]
pub(crate) struct DomainSelection {
    domain: Domain,
    secure: Secure,
}

impl DomainSelection {
    pub(crate) const fn new(domain: Domain) -> Self {
        Self { domain, secure: Secure::Closed }
    }

    /// Answers a command. Whatever does not fit the state of the secure channel closes it.
    pub(crate) fn respond<S: Silicon>(
        &mut self,
        persistent: &mut Persistent<S>,
        volatile: &mut Volatile,
        command: &Command,
    ) -> Result<Response, Fault> {
        let secure = std::mem::replace(&mut self.secure, Secure::Closed);
        // MACs are over the class with channel number zero, whichever channel the command came on (GlobalPlatform,
        // E.4.4; Amendment D, 6.2.4): the number is put into the class after that and taken out before.
        let command = &Command { cla: command.cla & !0x03, ..command.clone() };
        match (command.cla, command.ins, secure) {
            (0x80, INITIALIZE_UPDATE, _) => self.initialize_update(persistent, command),
            (0x84, EXTERNAL_AUTHENTICATE, Secure::Challenged(challenged, basis)) => {
                self.external_authenticate(persistent, challenged, basis, command)
            }
            (0x84, EXTERNAL_AUTHENTICATE, Secure::Closed) => Err(StatusWord::CONDITIONS.into()),
            (_, _, Secure::Open(session, basis, target)) => {
                self.secured(persistent, volatile, (session, basis, target), command)
            }
            (0x80 | 0x84, DELETE | GET_STATUS | INSTALL | PUT_KEY | STORE_DATA, _) => {
                Err(StatusWord::SECURITY_STATUS.into())
            }
            (0x00 | 0x80 | 0x84, ..) => Err(StatusWord::WRONG_INS.into()),
            _ => Err(StatusWord::WRONG_CLA.into()),
        }
    }

    /// The sequence counter is spent before it is answered, so that no challenge comes twice.
    fn initialize_update<S: Silicon>(
        &mut self,
        persistent: &mut Persistent<S>,
        command: &Command,
    ) -> Result<Response, Fault> {
        let mode = match (command.p2, command.data.len()) {
            (0x00, 8) => Mode::S8,
            (0x00, 16) => Mode::S16,
            (0x00, _) => return Err(StatusWord::WRONG_LENGTH.into()),
            _ => return Err(StatusWord::WRONG_P1P2.into()),
        };
        let domain = self.domain;
        let present = persistent.memory().key_set(domain).ok_or(StatusWord::DATA_NOT_FOUND)?;
        if command.p1 != 0 && command.p1 != present.version {
            return Err(StatusWord::DATA_NOT_FOUND.into());
        }
        if present.failures >= KeySet::FAILURES_MAX {
            return Err(StatusWord::BLOCKED.into());
        }
        let (keys, version, generation) = (present.keys()?, present.version, present.generation);
        let sequence = change_keys(persistent, domain, |set| {
            set.sequence =
                (set.sequence < SEQUENCE_MAX).then(|| set.sequence + 1).ok_or(StatusWord::CONDITIONS)?;
            Ok(set.sequence)
        })?;
        let [_, counter @ ..] = sequence.to_be_bytes();
        let aid = Aid::new(&domain.aid()).ok_or(StatusWord::NOT_FOUND)?;
        let challenge = CardChallenged::challenge(&keys, mode, counter, &aid)?;
        let element = persistent.memory().identity.element;
        let (challenged, response) = CardChallenged::begin(
            &keys,
            mode,
            (element.as_bytes(), version),
            (&command.data, &challenge),
            counter,
        )?;
        self.secure = Secure::Challenged(challenged, (generation, sequence));
        Ok(response)
    }

    /// Counts the failure, makes that durable, and only then compares. A right proof costs as many writes.
    fn external_authenticate<S: Silicon>(
        &mut self,
        persistent: &mut Persistent<S>,
        challenged: CardChallenged,
        basis: Basis,
        command: &Command,
    ) -> Result<Response, Fault> {
        change_keys(persistent, self.domain, |set| {
            if (set.generation, set.sequence) != basis {
                // Another channel began a session, or put a key, since.
                return Err(StatusWord::CONDITIONS.into());
            }
            if set.failures >= KeySet::FAILURES_MAX {
                return Err(StatusWord::BLOCKED.into());
            }
            set.failures += 1;
            Ok(())
        })?;
        let session = challenged.authenticate(command, FLOOR);
        change_keys(persistent, self.domain, |set| {
            if matches!(session, Ok(_) | Err(Scp03Error::Level)) {
                set.failures = 0;
            }
            Ok(())
        })?;
        let session = session.map_err(|error| match error {
            Scp03Error::Level => StatusWord::CONDITIONS,
            _ => AUTHENTICATION_FAILED,
        })?;
        self.secure = Secure::Open(session, basis, Target::Own);
        Ok(StatusWord::OK.into())
    }

    fn secured<S: Silicon>(
        &mut self,
        persistent: &mut Persistent<S>,
        volatile: &mut Volatile,
        (session, basis, target): (CardSession, Basis, Target),
        command: &Command,
    ) -> Result<Response, Fault> {
        let generation =
            |persistent: &Persistent<S>| persistent.memory().key_set(self.domain).map(|set| set.generation);
        if generation(persistent) != Some(basis.0) {
            return Err(StatusWord::CONDITIONS.into());
        }
        let (answering, plain) = session.unwrap(command).map_err(|_| StatusWord::SECURE_MESSAGING)?;
        let mut management = Management { persistent, volatile, domain: self.domain, target };
        let response = match management.carry_out(&plain) {
            Ok(response) => response,
            Err(Fault::Refused(status)) => status.into(),
            Err(Fault::PowerCut) => return Err(Fault::PowerCut),
        };
        let target = management.target;
        let (session, response) = answering.wrap(response)?;
        // A key that this very session put does not end it.
        let basis = (generation(persistent).unwrap_or(basis.0), basis.1);
        self.secure = Secure::Open(session, basis, target);
        Ok(response)
    }
}

fn change_keys<S: Silicon, T>(
    persistent: &mut Persistent<S>,
    domain: Domain,
    change: impl FnOnce(&mut KeySet) -> Result<T, Fault>,
) -> Result<T, Fault> {
    persistent.update(|memory| change(memory.key_set_mut(domain).ok_or(StatusWord::DATA_NOT_FOUND)?))
}
