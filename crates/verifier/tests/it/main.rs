//! A throw-away authority and its phones, verified from outside.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod fixture;
mod logins;
mod statuses;
