use alloc::vec::Vec;
use core::fmt;

use crate::LinkError;

/// Status word SW1-SW2 (ISO 7816-4, 5.6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// Done.
    pub const OK: Self = Self(0x9000);
    /// Wrong length.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// Logical channel not supported.
    pub const CHANNEL_NOT_SUPPORTED: Self = Self(0x6881);
    /// Command incompatible with the file's structure.
    pub const INCOMPATIBLE_FILE: Self = Self(0x6981);
    /// Security status not satisfied.
    pub const SECURITY_STATUS: Self = Self(0x6982);
    /// Authentication method blocked.
    pub const BLOCKED: Self = Self(0x6983);
    /// Reference data not usable.
    pub const REFERENCE_NOT_USABLE: Self = Self(0x6984);
    /// Conditions of use not satisfied.
    pub const CONDITIONS: Self = Self(0x6985);
    /// No current file.
    pub const NO_CURRENT_FILE: Self = Self(0x6986);
    /// Incorrect secure-messaging data objects.
    pub const SECURE_MESSAGING: Self = Self(0x6988);
    /// Incorrect data field.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// Function not supported.
    pub const FUNCTION_NOT_SUPPORTED: Self = Self(0x6A81);
    /// File or application not found.
    pub const NOT_FOUND: Self = Self(0x6A82);
    /// Record not found.
    pub const RECORD_NOT_FOUND: Self = Self(0x6A83);
    /// Not enough memory.
    pub const NO_MEMORY: Self = Self(0x6A84);
    /// Incorrect P1-P2.
    pub const WRONG_P1P2: Self = Self(0x6A86);
    /// Referenced data not found.
    pub const DATA_NOT_FOUND: Self = Self(0x6A88);
    /// Offset outside the file.
    pub const WRONG_OFFSET: Self = Self(0x6B00);
    /// Instruction not supported.
    pub const WRONG_INS: Self = Self(0x6D00);
    /// Class not supported.
    pub const WRONG_CLA: Self = Self(0x6E00);
    /// No precise diagnosis: the memory failed.
    pub const MEMORY_FAILURE: Self = Self(0x6581);

    /// `63Cx`: x tries left, at most 15 (ISO 7816-4, 11.5.1).
    #[must_use]
    pub const fn tries_left(tries: u8) -> Self {
        Self(0x63C0 | (tries & 0x0F) as u16)
    }

    /// The tries left, if this status word tells them.
    #[must_use]
    pub const fn as_tries_left(self) -> Option<u8> {
        if self.0 & 0xFFF0 == 0x63C0 { Some((self.0 & 0x0F) as u8) } else { None }
    }

    /// Whether the command was done.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0x9000
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

/// A response APDU: data, then the status word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Response data, often empty.
    pub data: Vec<u8>,
    /// How it ended.
    pub status: StatusWord,
}

impl Response {
    /// A response with data and `9000`.
    #[must_use]
    pub const fn ok(data: Vec<u8>) -> Self {
        Self { data, status: StatusWord::OK }
    }

    /// A response of a status word alone.
    #[must_use]
    pub const fn status(status: StatusWord) -> Self {
        Self { data: Vec::new(), status }
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.data.clone();
        bytes.extend_from_slice(&self.status.0.to_be_bytes());
        bytes
    }

    /// From the wire.
    ///
    /// # Errors
    /// [`LinkError::Truncated`] for fewer than two octets.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LinkError> {
        let (data, status) = bytes.split_last_chunk::<2>().ok_or(LinkError::Truncated)?;
        Ok(Self { data: data.to_vec(), status: StatusWord(u16::from_be_bytes(*status)) })
    }
}

impl From<StatusWord> for Response {
    fn from(status: StatusWord) -> Self {
        Self::status(status)
    }
}
