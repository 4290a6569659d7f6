//! The applets of the physical card, their personalisation, and reading a card.
//!
//! A card is data: [`file::Application`]s with files, passwords and keys, each with its access condition.
//! [`applet`] decides what a command means for an application, without effect; [`Card`] carries it out, and
//! commits to its die whatever must survive a power cut before anybody is told.
#![warn(missing_docs)]

pub mod applet;
mod chip;
pub mod face;
pub mod file;
pub mod personalisation;
pub mod read;

pub use chip::{Card, CardError, PublicKeys, sign};
