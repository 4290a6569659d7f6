use alloc::vec::Vec;

use super::{
    DIVERSIFICATION_OCTETS, EXTERNAL_AUTHENTICATE, INITIALIZE_UPDATE, Mode, SECURE_MESSAGING, Scp03Error,
    SecurityLevel, StaticKeys,
    crypto::{Derivation, Session, equal},
};
use crate::{Command, Response, StatusWord};

/// INITIALIZE UPDATE is sent; the card's challenge is awaited.
#[derive(Debug)]
pub struct HostChallenged {
    mode: Mode,
    host_challenge: Vec<u8>,
}

/// EXTERNAL AUTHENTICATE is sent; the card's consent is awaited.
#[derive(Debug)]
pub struct HostAuthenticating(Session);

/// An open channel.
#[derive(Debug)]
pub struct HostSession(Session);

/// A command is under way; its response is awaited.
#[derive(Debug)]
pub struct HostAwaiting(Session);

impl HostChallenged {
    /// Begins with a fresh challenge of the mode's length, for a key set.
    ///
    /// # Errors
    /// [`Scp03Error::Malformed`] for a challenge of another length.
    pub fn begin(mode: Mode, key_version: u8, host_challenge: &[u8]) -> Result<(Self, Command), Scp03Error> {
        if host_challenge.len() != mode.octets() {
            return Err(Scp03Error::Malformed);
        }
        let command =
            Command::new(0x80, INITIALIZE_UPDATE, key_version, 0x00).with_data(host_challenge).with_le(256);
        Ok((Self { mode, host_challenge: host_challenge.to_vec() }, command))
    }

    /// The element that answered: its key diversification data.
    ///
    /// # Errors
    /// [`Scp03Error::Malformed`].
    pub fn diversification(response: &Response) -> Result<[u8; DIVERSIFICATION_OCTETS], Scp03Error> {
        response.data.first_chunk().copied().ok_or(Scp03Error::Malformed)
    }

    /// Checks that the card has the keys, and proves that the host has them.
    ///
    /// # Errors
    /// [`Scp03Error::Refused`], [`Scp03Error::Malformed`], [`Scp03Error::Cryptogram`].
    pub fn authenticate(
        self,
        keys: &StaticKeys,
        level: SecurityLevel,
        response: &Response,
    ) -> Result<(HostAuthenticating, Command), Scp03Error> {
        if !response.status.is_ok() {
            return Err(Scp03Error::Refused);
        }
        let octets = self.mode.octets();
        let after_key_information = DIVERSIFICATION_OCTETS + 3;
        let (_, i) =
            (response.data.get(DIVERSIFICATION_OCTETS), response.data.get(after_key_information - 1));
        if i.is_none_or(|i| i & 0x01 != self.mode.bit()) {
            return Err(Scp03Error::Malformed);
        }
        let rest = response.data.get(after_key_information..).ok_or(Scp03Error::Malformed)?;
        let (card_challenge, rest) = rest.split_at_checked(octets).ok_or(Scp03Error::Malformed)?;
        let card_cryptogram = rest.get(..octets).ok_or(Scp03Error::Malformed)?;
        let context = [self.host_challenge.as_slice(), card_challenge].concat();
        let mut session = Session::derive(keys, self.mode, &context)?;
        if !equal(&session.cryptogram(Derivation::CardCryptogram, &context)?, card_cryptogram) {
            return Err(Scp03Error::Cryptogram);
        }
        let cryptogram = session.cryptogram(Derivation::HostCryptogram, &context)?;
        let plain = Command::new(0x80, EXTERNAL_AUTHENTICATE, level.0, 0x00).with_data(cryptogram);
        let command = authenticated(&mut session, &plain)?;
        session.level = level;
        Ok((HostAuthenticating(session), command))
    }
}

impl HostAuthenticating {
    /// The channel is open if the card consents.
    ///
    /// # Errors
    /// [`Scp03Error::Refused`].
    pub fn open(self, response: &Response) -> Result<HostSession, Scp03Error> {
        if response.status == StatusWord::OK { Ok(HostSession(self.0)) } else { Err(Scp03Error::Refused) }
    }
}

impl HostSession {
    /// Protects a command.
    ///
    /// # Errors
    /// [`Scp03Error::Malformed`] if it is too long with its MAC.
    pub fn wrap(self, command: &Command) -> Result<(HostAwaiting, Command), Scp03Error> {
        let mut session = self.0;
        session.count();
        let data = session.encrypt_command(&command.data)?;
        let wrapped = authenticated(&mut session, &Command { data, ..command.clone() })?;
        Ok((HostAwaiting(session), wrapped))
    }
}

impl HostAwaiting {
    /// Takes the protection of the response away. A response that is not the card's closes the channel.
    ///
    /// # Errors
    /// [`Scp03Error::Mac`].
    pub fn unwrap(self, response: &Response) -> Result<(HostSession, Response), Scp03Error> {
        let plain = self.0.open(response)?;
        Ok((HostSession(self.0), plain))
    }
}

/// The command with secure-messaging class, its MAC behind the data. Le is not part of what is authenticated.
fn authenticated(session: &mut Session, command: &Command) -> Result<Command, Scp03Error> {
    let cla = command.cla | SECURE_MESSAGING;
    let length = command.data.len() + session.mode.octets();
    let lc = length_octets(length)?;
    let header = [&[cla, command.ins, command.p1, command.p2][..], &lc].concat();
    let mac = session.chain(&header, &command.data)?;
    let data = [command.data.as_slice(), &mac].concat();
    Ok(Command { cla, data, le: None, ..command.clone() })
}

/// Lc as it goes over the wire: one octet, or three.
pub(super) fn length_octets(length: usize) -> Result<Vec<u8>, Scp03Error> {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) => Ok([short].to_vec()),
        (_, Ok(long)) => Ok([&[0][..], &long.to_be_bytes()].concat()),
        _ => Err(Scp03Error::Malformed),
    }
}
