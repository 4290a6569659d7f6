//! The issuing authority: register, certification, status, and the rules of what ends when.
//!
//! Pure: what is stored and the time come in, what is to be stored and signed goes out.
#![warn(missing_docs)]

pub mod application;
pub mod arrival;
pub mod calendar;
pub mod console;
pub mod device;
pub mod era;
pub mod issuance;
pub mod matrix;
pub mod pin_reset;
mod refusal;
pub mod register;
pub mod repertoire;
pub mod statement;
pub mod status;
pub mod tsm;

pub use refusal::Refusal;
