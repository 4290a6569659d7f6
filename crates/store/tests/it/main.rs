//! What every store must do, on each database that there is.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod abuse;
mod contract;
mod server;
mod servers_away;
