//! Certificates, paths, lists and OCSP, with throw-away keys and with what real cards carry.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what it expects by panicking, and shows where certificates differ"
)]

mod abuse;
mod fixture;
mod hostile;
mod lists;
mod paths;
mod profile;
mod wycheproof;
