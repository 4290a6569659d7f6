//! Secure Channel Protocol 03 (GlobalPlatform Card Specification 2.3, Amendment D), both sides.
//!
//! Each state of a channel is a type; a step consumes it. A message whose MAC does not hold leaves no state to
//! go on with: the channel is closed.

mod card;
mod crypto;
mod host;

use alloc::vec::Vec;
use tefuda_types::Secret;
use thiserror::Error;

pub use card::{CardAnswering, CardChallenged, CardSession};
pub use crypto::diversify;
pub use host::{HostAuthenticating, HostAwaiting, HostChallenged, HostSession};

/// Instruction INITIALIZE UPDATE.
pub const INITIALIZE_UPDATE: u8 = 0x50;
/// Instruction EXTERNAL AUTHENTICATE.
pub const EXTERNAL_AUTHENTICATE: u8 = 0x82;
/// Class bit of secure messaging.
const SECURE_MESSAGING: u8 = 0x04;
/// Octets of key diversification data.
const DIVERSIFICATION_OCTETS: usize = 10;

/// Length of challenges, cryptograms and MACs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Eight octets.
    S8,
    /// Sixteen octets.
    S16,
}

impl Mode {
    /// Octets of challenges, cryptograms and MACs.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::S8 => 8,
            Self::S16 => 16,
        }
    }

    /// Bit of the `i` parameter.
    const fn bit(self) -> u8 {
        match self {
            Self::S8 => 0,
            Self::S16 => 1,
        }
    }
}

/// What a session protects: P1 of EXTERNAL AUTHENTICATE.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecurityLevel(u8);

impl core::fmt::Debug for SecurityLevel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

impl SecurityLevel {
    /// Command MAC alone.
    pub const C_MAC: Self = Self(0x01);
    /// Command MAC and encryption.
    pub const C_DECRYPTION: Self = Self(0x03);
    /// Command and response MAC.
    pub const R_MAC: Self = Self(0x11);
    /// Command MAC and encryption, response MAC.
    pub const C_DECRYPTION_R_MAC: Self = Self(0x13);
    /// All four.
    pub const FULL: Self = Self(0x33);

    /// The level that a P1 names, if the protocol has it (Amendment D, 7.1.2).
    #[must_use]
    pub const fn from_p1(p1: u8) -> Option<Self> {
        match p1 {
            0x01 | 0x03 | 0x11 | 0x13 | 0x33 => Some(Self(p1)),
            _ => None,
        }
    }

    /// Whether it protects all that another does.
    #[must_use]
    pub const fn reaches(self, floor: Self) -> bool {
        self.0 & floor.0 == floor.0
    }

    const fn command_encryption(self) -> bool {
        self.0 & 0x02 != 0
    }

    const fn response_mac(self) -> bool {
        self.0 & 0x10 != 0
    }

    const fn response_encryption(self) -> bool {
        self.0 & 0x20 != 0
    }
}

/// Why a channel does not open, or is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Scp03Error {
    /// Keys are AES keys of 16, 24 or 32 octets, all of one length.
    #[error("the keys are not AES keys of one length")]
    Keys,
    /// A message without the parts that it must have.
    #[error("the message has not the parts of its kind")]
    Malformed,
    /// The other side does not have the keys.
    #[error("the cryptogram is wrong")]
    Cryptogram,
    /// A message was altered, repeated, moved or cut.
    #[error("the message authentication code is wrong")]
    Mac,
    /// A security level below the floor.
    #[error("the security level is too low")]
    Level,
    /// The card refused to open the channel.
    #[error("the card refused the channel")]
    Refused,
}

tefuda_types::reasons! { Scp03Error {
    Keys => "scp03.keys_malformed", Caller;
    Malformed => "scp03.malformed", Malformed;
    Cryptogram => "scp03.cryptogram_wrong", Peer;
    Mac => "scp03.mac_wrong", Peer;
    Level => "scp03.level_too_low", Policy;
    Refused => "scp03.refused", Peer;
} }

/// The static keys of a security domain.
#[derive(Debug)]
pub struct StaticKeys {
    enc: Secret<Vec<u8>>,
    mac: Secret<Vec<u8>>,
    dek: Secret<Vec<u8>>,
}

impl StaticKeys {
    /// Three AES keys of one length.
    ///
    /// # Errors
    /// [`Scp03Error::Keys`].
    pub fn new(enc: &[u8], mac: &[u8], dek: &[u8]) -> Result<Self, Scp03Error> {
        if !matches!(enc.len(), 16 | 24 | 32) || mac.len() != enc.len() || dek.len() != enc.len() {
            return Err(Scp03Error::Keys);
        }
        let keep = |key: &[u8]| Secret::new(key.to_vec());
        Ok(Self { enc: keep(enc), mac: keep(mac), dek: keep(dek) })
    }

    /// Channel encryption key.
    #[must_use]
    pub fn enc(&self) -> &[u8] {
        self.enc.expose()
    }

    /// Channel MAC key.
    #[must_use]
    pub fn mac(&self) -> &[u8] {
        self.mac.expose()
    }

    /// Data encryption key, for keys that are put.
    #[must_use]
    pub fn dek(&self) -> &[u8] {
        self.dek.expose()
    }

    /// Encrypts a key for PUT KEY: AES-CBC, zero IV, no padding (Amendment D, 7.2).
    ///
    /// # Errors
    /// [`Scp03Error::Malformed`] if it is not whole blocks.
    pub fn wrap_key(&self, key: &[u8]) -> Result<Vec<u8>, Scp03Error> {
        crypto::cbc_encrypt(self.dek(), &[0; 16], key)
    }

    /// Undoes [`StaticKeys::wrap_key`].
    ///
    /// # Errors
    /// [`Scp03Error::Malformed`] if it is not whole blocks.
    pub fn unwrap_key(&self, key: &[u8]) -> Result<Vec<u8>, Scp03Error> {
        crypto::cbc_decrypt(self.dek(), &[0; 16], key)
    }

    /// Key check value: the first three octets of a block of `01` under the key (Amendment D, 7.2).
    ///
    /// # Errors
    /// [`Scp03Error::Keys`].
    pub fn check_value(key: &[u8]) -> Result<[u8; 3], Scp03Error> {
        let [a, b, c, ..] = crypto::encrypt_block(key, &[1; 16])?;
        Ok([a, b, c])
    }
}

#[cfg(test)]
mod tests;
