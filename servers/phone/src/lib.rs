//! Phones as an HTTP actor, one host name each.
//!
//! A phone is a folder: `os.json` is what its operating system keeps (model, sensor), `keys` what it seals,
//! `element` the die of its secure element, `store.db` what its applications remember. A factory reset clears
//! the last of these and nothing else.

mod acts;
mod authority;
mod chips;
mod enrol;
mod error;
mod factory;
mod field;
mod login;
mod pages;
mod phone;
mod phones;
mod routes;
mod sessions;
mod status;
mod tap;

pub use error::PhoneError;
pub use field::{CardField, Holding};
pub use phones::Phones;
pub use routes::router;
