//! Randomness of the host, and keys behind `Signer`: in sealed files, or in a hardware security module.
//!
//! A role's keys are its own: a key space that is opened with another's secret gives nothing. Keys in files are for
//! the sandbox; production refuses them and takes a token, by PKCS #11.

mod key;
mod random;
mod space;
mod token;

pub use key::{RoleKey, SoftwareKey};
pub use random::SystemRandom;
pub use space::{KeyError, KeySpace, KeyStore};
pub use tefuda_types::Environment;
pub use token::{SESSIONS, Token, TokenError, TokenKey, WAITING_MAX, rsa_spki};
