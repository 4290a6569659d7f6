//! What phone, authority and gateway say to one another, and what a holder's keys sign.
//!
//! Two rules hold for everything here. What is signed is a context string, a zero octet and the bytes
//! exactly as they were sent ([`Signed`]): no receiver ever encodes again before it verifies. And what a
//! person agrees to is a [`Transaction`](transaction::Transaction) whose hash goes with the PIN block into
//! the element, so that consent and signature are one.
#![warn(missing_docs)]

pub mod account;
pub mod attestation;
pub mod device;
pub mod element;
pub mod enrolment;
pub mod login;
pub mod phone;
pub mod sealed;
mod signed;
pub mod statement;
pub mod transaction;
pub mod user_verification;

pub use signed::{Signed, SignedMessage, SignedMessageError};
pub use tefuda_types::Bytes;
