//! The phone's core in front of a real element.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod abuse;
mod fixture;
