use alloc::vec::Vec;
use core::fmt;
use thiserror::Error;

use crate::{Command, Response};

/// Answer to reset (ISO 7816-3, 8), as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atr(pub Vec<u8>);

/// The chip's side of the contacts: bytes in, bytes out.
///
/// Total: every byte string has an answer, and none makes a chip panic.
pub trait Chip: Send {
    /// Power is applied, or the reset line pulled: volatile state is gone.
    fn power_on(&mut self) -> Atr;
    /// What the chip answers to a reset, without one.
    fn atr(&self) -> Atr;
    /// Power is cut.
    fn power_off(&mut self);
    /// Answers one command APDU with response data and status word.
    fn process(&mut self, command: &[u8]) -> Vec<u8>;
}

/// The reader's side of the contacts: synchronous, for a blocking thread.
pub trait Transceive {
    /// Sends one command APDU and waits for the response.
    ///
    /// # Errors
    /// [`LinkError`] when the chip is gone or what it says is no response APDU.
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError>;

    /// Sends a command built from its parts.
    ///
    /// # Errors
    /// As [`Transceive::transceive`].
    fn send(&mut self, command: &Command) -> Result<Response, LinkError> {
        self.transceive(&command.to_bytes())
    }
}

impl<T: Transceive + ?Sized> Transceive for &mut T {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        (**self).transceive(command)
    }
}

impl<T: Transceive + ?Sized> Transceive for alloc::boxed::Box<T> {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        (**self).transceive(command)
    }
}

/// Why no response came.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The chip left the field or lost power in the middle.
    #[error("the chip is no longer there")]
    Torn,
    /// Fewer than two octets came back.
    #[error("the chip answered with less than a status word")]
    Truncated,
    /// The reader failed below the protocol.
    #[error("the reader failed")]
    Reader,
}

tefuda_types::reasons! { LinkError {
    Torn => "chip.torn", Peer;
    Truncated => "chip.truncated", Peer;
    Reader => "reader.failed", Backend;
} }

/// Application identifier, 5 to 16 octets (ISO 7816-4, 12.2.3).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Aid(Vec<u8>);

impl Aid {
    /// An identifier from its octets, if there are 5 to 16 of them.
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        (5..=16).contains(&octets.len()).then(|| Self(octets.to_vec()))
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Aid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}
