//! What a card remembers: applications, files, passwords, keys.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tefuda_types::Bytes;

/// File identifier inside an application (ISO 7816-4, 7.3).
pub type FileId = u16;

/// What must have been verified, since power-on and selection, before a file may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Nothing.
    Free,
    /// Any one of these passwords.
    AnyOf(Vec<FileId>),
    /// No command reaches it.
    Never,
}

impl Access {
    /// Whether the passwords that are verified suffice.
    #[must_use]
    pub fn is_granted(&self, verified: &BTreeSet<FileId>) -> bool {
        match self {
            Self::Free => true,
            Self::AnyOf(passwords) => passwords.iter().any(|password| verified.contains(password)),
            Self::Never => false,
        }
    }
}

/// What a password may consist of when it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alphabet {
    /// Exactly four digits.
    FourDigits,
    /// 6 to 16 of A-Z and 0-9.
    SignaturePassword,
    /// Cannot be changed.
    Fixed,
}

impl Alphabet {
    /// Whether a new password is well formed.
    #[must_use]
    pub fn admits(self, password: &[u8]) -> bool {
        match self {
            Self::FourDigits => password.len() == 4 && password.iter().all(u8::is_ascii_digit),
            Self::SignaturePassword => {
                (6..=16).contains(&password.len())
                    && password.iter().all(|octet| octet.is_ascii_digit() || octet.is_ascii_uppercase())
            }
            Self::Fixed => false,
        }
    }
}

/// A password or reference number with its tries.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    /// The value, in ASCII.
    pub value: Bytes,
    /// Wrong tries left.
    pub left: u8,
    /// Wrong tries after a right one.
    pub limit: u8,
    /// What it may be changed to.
    pub alphabet: Alphabet,
}

impl core::fmt::Debug for Password {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Password {}/{}", self.left, self.limit)
    }
}

/// A private key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateKey {
    /// PKCS #8.
    pub pkcs8: Bytes,
    /// What its use demands.
    pub usable: Access,
}

impl core::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PrivateKey {:?}", self.usable)
    }
}

/// An elementary file, or what stands in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum File {
    /// Transparent: bytes at offsets.
    Transparent {
        /// What READ BINARY gives.
        content: Bytes,
        /// Before it gives it.
        readable: Access,
    },
    /// Linear: numbered records from 1.
    Records {
        /// What READ RECORD gives.
        records: Vec<Bytes>,
        /// Before it gives it.
        readable: Access,
    },
    /// A password.
    Password(Password),
    /// A private key.
    PrivateKey(PrivateKey),
}

/// How an application's passwords are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeDialect {
    /// CHANGE REFERENCE DATA, `00 24 01 80` (ISO 7816-4, 11.5.7).
    Iso,
    /// CHANGE KEY, `80 32 00 80` (JICSAP).
    Jicsap,
}

/// An application with its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Application identifier.
    pub aid: Bytes,
    /// Files by identifier.
    pub files: BTreeMap<FileId, File>,
    /// How passwords are changed.
    pub change: ChangeDialect,
    /// The key of `80 2A 00 00`, which names none: the application's own, for proofs of presence.
    pub presence_key: Option<FileId>,
    /// iPhone tokens answer the last-command indicator `80 FC 00 00`.
    pub last_command_indicator: bool,
}

impl Application {
    /// A file's password.
    #[must_use]
    pub fn password(&self, id: FileId) -> Option<&Password> {
        if let Some(File::Password(password)) = self.files.get(&id) { Some(password) } else { None }
    }

    /// A file's password, to count a try or to change it.
    pub fn password_mut(&mut self, id: FileId) -> Option<&mut Password> {
        if let Some(File::Password(password)) = self.files.get_mut(&id) { Some(password) } else { None }
    }

    /// A file's bytes, whatever their access condition.
    #[must_use]
    pub fn content(&self, id: FileId) -> Option<&[u8]> {
        if let Some(File::Transparent { content, .. }) = self.files.get(&id) {
            Some(&content.0)
        } else {
            None
        }
    }
}

/// All that a card remembers. The number of its form is the first field, so that every past form can
/// still be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Form of this structure.
    pub form: u32,
    /// Applications in the order of the selection.
    pub applications: Vec<Application>,
    /// Data objects of the master file, by tag.
    pub data_objects: BTreeMap<u16, Bytes>,
}

impl Memory {
    /// The present form.
    pub const FORM: u32 = 1;

    /// Position of the application with an identifier.
    #[must_use]
    pub fn find(&self, aid: &[u8]) -> Option<usize> {
        self.applications.iter().position(|application| application.aid.0 == aid)
    }
}
