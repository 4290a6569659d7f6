//! The phone's secure element: a GlobalPlatform card with the operator's and the authority's security domains,
//! the access rules, and the holder's applet with its two faces.
//!
//! A command is parsed, held against the life of what it is for, and only then carried out. What must survive
//! a power cut is committed to the die before anybody is told; what must not survive one is kept apart.
//! [`host`] is the phone's side: plain functions over whatever can transceive.
#![warn(missing_docs)]

mod applet;
mod contactless;
mod domain;
mod element;
pub mod factory;
mod holder;
pub mod host;
mod manage;
mod memory;
mod session;
mod wipe;

pub use element::{Element, ElementError, contactless, wired};

/// Which keys are made: P2 of GENERATE KEYS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyKinds {
    /// The signature key alone.
    Sign = 1,
    /// The authentication key and the wallet-instance key.
    Auth = 2,
    /// All three.
    Both = 3,
}
