//! The card, driven by APDUs as readers drive it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by panicking")]

mod abuse;
mod abuse_keys;
mod abuse_power;
mod fixture;
mod power;
mod reading;
mod scripts;
mod vectors;
