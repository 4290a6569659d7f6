//! The whole path, from outside: every test starts the program and talks to it as anyone would.
//!
//! Tests that need other people's programs are ignored by default; `cargo xtask test` installs those and
//! runs them in a network namespace of their own.
#![expect(clippy::disallowed_types, reason = "what the processes print is kept in files")]

#[cfg(test)]
mod cards;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod cutting_off;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hours;
#[cfg(test)]
mod login;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod phones;
#[cfg(test)]
mod portal;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod residents;
#[cfg(test)]
#[path = "../../../store/tests/it/server.rs"]
mod server;
#[cfg(test)]
#[path = "../../../keys/tests/it/softhsm.rs"]
mod softhsm;
#[cfg(test)]
mod status;
#[cfg(test)]
mod system;
#[cfg(test)]
mod table;
#[cfg(test)]
mod token;
