use alloc::vec::Vec;

use super::{
    EXTERNAL_AUTHENTICATE, Mode, SECURE_MESSAGING, Scp03Error, SecurityLevel, StaticKeys,
    crypto::{Derivation, Session, derive, equal},
    host::length_octets,
};
use crate::{Aid, Command, Response};

/// INITIALIZE UPDATE is answered; the host's proof is awaited.
#[derive(Debug)]
pub struct CardChallenged {
    session: Session,
    host_cryptogram: Vec<u8>,
}

/// An open channel.
#[derive(Debug)]
pub struct CardSession(Session);

/// A command was taken; its response is awaited from the applet.
#[derive(Debug)]
pub struct CardAnswering(Session);

impl CardChallenged {
    /// The pseudo-random challenge of a sequence counter (Amendment D, 6.2.2.1). A domain that never uses a
    /// counter twice never gives a challenge twice.
    ///
    /// # Errors
    /// [`Scp03Error::Keys`], which keys that were checked do not cause.
    pub fn challenge(
        keys: &StaticKeys,
        mode: Mode,
        sequence: [u8; 3],
        domain: &Aid,
    ) -> Result<Vec<u8>, Scp03Error> {
        let context = [&sequence, domain.as_bytes()].concat();
        derive(keys.enc(), Derivation::CardChallenge, &context, mode.octets())
    }

    /// Answers INITIALIZE UPDATE: diversification data, key information, challenge, cryptogram and sequence
    /// counter.
    ///
    /// # Errors
    /// [`Scp03Error::Malformed`] for challenges of another length than the mode's.
    pub fn begin(
        keys: &StaticKeys,
        mode: Mode,
        (diversification, key_version): (&[u8; 10], u8),
        (host_challenge, card_challenge): (&[u8], &[u8]),
        sequence: [u8; 3],
    ) -> Result<(Self, Response), Scp03Error> {
        if host_challenge.len() != mode.octets() || card_challenge.len() != mode.octets() {
            return Err(Scp03Error::Malformed);
        }
        let context = [host_challenge, card_challenge].concat();
        let session = Session::derive(keys, mode, &context)?;
        let cryptogram = session.cryptogram(Derivation::CardCryptogram, &context)?;
        let host_cryptogram = session.cryptogram(Derivation::HostCryptogram, &context)?;
        // i: R-MAC and R-ENCRYPTION supported, pseudo-random challenge.
        let key_information = [key_version, 0x03, 0x70 | mode.bit()];
        let data = [diversification, &key_information[..], card_challenge, &cryptogram, &sequence].concat();
        Ok((Self { session, host_cryptogram }, Response::ok(data)))
    }

    /// Takes EXTERNAL AUTHENTICATE. A level below the floor is refused although the keys are right.
    ///
    /// # Errors
    /// [`Scp03Error::Malformed`], [`Scp03Error::Mac`], [`Scp03Error::Cryptogram`], [`Scp03Error::Level`].
    pub fn authenticate(
        mut self,
        command: &Command,
        floor: SecurityLevel,
    ) -> Result<CardSession, Scp03Error> {
        if command.cla & !0x03 != 0x84 || command.ins != EXTERNAL_AUTHENTICATE {
            return Err(Scp03Error::Malformed);
        }
        let cryptogram = verified(&mut self.session, command)?;
        if !equal(&cryptogram, &self.host_cryptogram) {
            return Err(Scp03Error::Cryptogram);
        }
        let level = SecurityLevel::from_p1(command.p1)
            .filter(|level| level.reaches(floor))
            .ok_or(Scp03Error::Level)?;
        self.session.level = level;
        Ok(CardSession(self.session))
    }
}

impl CardSession {
    /// Takes the protection of a command away. One that is not the host's next closes the channel.
    ///
    /// # Errors
    /// [`Scp03Error::Malformed`], [`Scp03Error::Mac`].
    pub fn unwrap(self, command: &Command) -> Result<(CardAnswering, Command), Scp03Error> {
        let mut session = self.0;
        if command.cla & SECURE_MESSAGING == 0 {
            return Err(Scp03Error::Malformed);
        }
        session.count();
        let data = verified(&mut session, command)?;
        let data = session.decrypt_command(&data)?;
        let plain = Command { cla: command.cla & !SECURE_MESSAGING, data, ..command.clone() };
        Ok((CardAnswering(session), plain))
    }
}

impl CardAnswering {
    /// Protects the applet's response.
    ///
    /// # Errors
    /// [`Scp03Error::Keys`], which a session that was opened does not cause.
    pub fn wrap(self, response: Response) -> Result<(CardSession, Response), Scp03Error> {
        let wrapped = self.0.protect(response)?;
        Ok((CardSession(self.0), wrapped))
    }
}

/// The data before the MAC, if the MAC is the next in the chain.
fn verified(session: &mut Session, command: &Command) -> Result<Vec<u8>, Scp03Error> {
    let length = command.data.len().checked_sub(session.mode.octets()).ok_or(Scp03Error::Mac)?;
    let (data, mac) = command.data.split_at(length);
    let lc = length_octets(command.data.len())?;
    let header = [&[command.cla, command.ins, command.p1, command.p2][..], &lc].concat();
    if equal(&session.chain(&header, data)?, mac) { Ok(data.to_vec()) } else { Err(Scp03Error::Mac) }
}
