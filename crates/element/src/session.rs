//! What the wallet's face forgets when power goes: the PIN session and the holder's consent to register.

use tefuda_apdu::StatusWord;
use tefuda_protocol::{
    sealed::PinPurpose,
    transaction::{Method, Transaction, TransactionHash, TransactionKind},
};

use crate::memory::Fault;

/// A session of one channel: a challenge, and what was given for one transaction.
#[derive(Debug)]
pub(crate) struct PinSession {
    channel: u8,
    pub(crate) challenge: [u8; 16],
    transaction: Option<TransactionHash>,
    presented: Vec<PinPurpose>,
    /// The signature password was given.
    pub(crate) sign: bool,
    /// The authentication PIN, or a token in its place, was given.
    pub(crate) auth: Option<Method>,
}

/// The wallet's volatile state. There is one session at most, whichever channel began it.
#[derive(Debug, Default)]
pub(crate) struct Volatile {
    session: Option<PinSession>,
    /// The holder agreed that the authority's domain loads the certificates.
    pub(crate) confirmed: bool,
}

impl Volatile {
    /// Begins a session; the last one is over.
    pub(crate) fn begin(&mut self, channel: u8, challenge: [u8; 16]) {
        let (presented, sign, auth) = (Vec::new(), false, None);
        self.session = Some(PinSession { channel, challenge, transaction: None, presented, sign, auth });
    }

    /// Ends the session of a channel.
    pub(crate) fn end(&mut self, channel: u8) {
        self.session.take_if(|session| session.channel == channel);
    }

    /// Takes the session of a channel out: whoever goes on with it puts it back.
    pub(crate) fn take(&mut self, channel: u8) -> Result<PinSession, Fault> {
        let session = self.session.take_if(|session| session.channel == channel);
        session.ok_or(Fault::Refused(StatusWord::CONDITIONS))
    }

    pub(crate) fn put_back(&mut self, session: PinSession) {
        self.session = Some(session);
    }

    /// Takes the session out for its one use: the text must be the one that was agreed to.
    pub(crate) fn spend(
        &mut self,
        channel: u8,
        kind: TransactionKind,
        body: String,
    ) -> Result<(PinSession, TransactionHash), Fault> {
        let session = self.take(channel)?;
        let hash = session.check(kind, body)?;
        Ok((session, hash))
    }
}

impl PinSession {
    /// Ties the session to the transaction of the first thing that is presented.
    pub(crate) fn bind(&mut self, transaction: &TransactionHash) -> Result<(), Fault> {
        if self.transaction.get_or_insert(*transaction) == transaction {
            Ok(())
        } else {
            Err(StatusWord::CONDITIONS.into())
        }
    }

    /// Takes a purpose, once.
    pub(crate) fn present(&mut self, purpose: PinPurpose) -> Result<(), Fault> {
        if self.presented.contains(&purpose) {
            return Err(StatusWord::CONDITIONS.into());
        }
        self.presented.push(purpose);
        Ok(())
    }

    /// The hash of a text, if it is the one that was agreed to.
    pub(crate) fn check(&self, kind: TransactionKind, body: String) -> Result<TransactionHash, Fault> {
        let agreed = self.transaction.ok_or(StatusWord::CONDITIONS)?;
        let hash = Transaction { kind, body }.hash();
        if hash == agreed { Ok(hash) } else { Err(StatusWord::WRONG_DATA.into()) }
    }
}
