//! The phone's secure element: a GlobalPlatform card with the operator's and the authority's security domains,
//! the access rules, and the holder's applet with its two faces.
//!
//! [`host`] is the phone's side.
#![warn(missing_docs)]

pub mod host;

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
