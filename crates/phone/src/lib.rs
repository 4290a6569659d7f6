//! The phone's three layers, without its server: the operating system, the portal application that enrols, and
//! the wallet that logs in.
//!
//! The phone sees no password of its own element in clear: what is typed is sealed where it is typed. The
//! *card's* signature password passes through [`card`] for the moment in which the card is held.
#![warn(missing_docs)]

pub mod advice;
pub mod card;
pub mod catalogue;
pub mod enrolment;
pub mod memory;
pub mod os;
pub mod password;
pub mod recovery;
pub mod seal;
pub mod standing;
pub mod wallet;
