//! The element, driven by APDUs as the phone, the authority and readers drive it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by panicking")]

mod abuse;
mod abuse_channel;
mod abuse_power;
mod biometrics;
mod channels;
mod contactless;
mod fixture;
mod forms;
mod life;
mod passwords;
mod power;
mod story;
mod tearing;
mod total;
