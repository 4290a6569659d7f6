//! Readers: the virtual PC/SC protocol (vpcd) and PC/SC hardware behind a feature.

mod contact;
#[cfg(feature = "pcsc")]
pub mod hardware;
mod observed;
pub mod vpcd;

pub use contact::{Contact, SharedChip};
pub use observed::{Observer, observed};
