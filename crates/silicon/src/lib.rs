//! The emulated die under card and element: randomness, key engine, sealed pages and a fuse counter.
//!
//! [`Silicon`] is what cannot exist here, simulated at its byte interface: a file-backed die for real, a
//! seeded and power-cutting one in [`testing`]. [`Vault`] is what a chip keeps on it: one state, sealed,
//! which a power cut leaves either old or new, and which cannot be put back unnoticed.
#![warn(missing_docs)]

mod die;
pub mod engine;
pub mod testing;
mod vault;

pub use die::{PowerCut, Silicon, SiliconRng};
pub use vault::{PowerUp, Vault};
