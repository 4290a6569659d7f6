//! The portal at a real gateway, driven as browsers and gateways drive it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what it expects by panicking")]

mod attacks;
#[path = "../../../../crates/verifier/tests/it/fixture.rs"]
#[expect(dead_code, reason = "the portal needs few of its forgeries")]
mod fixture;
mod logins;
mod provider;
mod visitor;
#[path = "../../../../servers/gateway/tests/it/world.rs"]
#[expect(dead_code, reason = "the portal needs little of what a gateway is tried with")]
mod world;
