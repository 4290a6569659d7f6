//! The gateway, driven over HTTP as relying parties, browsers and phones drive it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by panicking")]

mod account;
mod authorization;
mod ends;
#[path = "../../../../crates/verifier/tests/it/fixture.rs"]
mod fixture;
mod languages;
mod persons;
mod refusals;
mod tokens;
mod world;
