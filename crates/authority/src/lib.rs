//! The issuing authority: register, certification, status, and the rules of what ends when.
//!
//! Pure: what is stored and the time come in, what is to be stored and signed goes out.
#![warn(missing_docs)]

pub mod calendar;
pub mod era;
pub mod issuance;
pub mod matrix;
pub mod register;
pub mod repertoire;
pub mod status;
