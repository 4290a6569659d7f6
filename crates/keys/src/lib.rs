//! Randomness of the host and sealed software keys behind `Signer`.
//!
//! A role's keys are sealed under that role's own secret: a key space that is opened with another's gives
//! nothing. Software keys are for the sandbox; production refuses them (hardware modules come by PKCS #11).

mod random;
mod space;

pub use random::SystemRandom;
pub use space::{KeyError, KeySpace, SoftwareKey};
pub use tefuda_types::Environment;
