//! What people see, in Chromium: every page in both languages, as a newcomer, by keyboard alone, by those who
//! err, and by those who mean harm.
//!
//! Things are found by role and accessible name, as the catalogue of texts has it, or by `data-step` and
//! `data-reason`; never by class or place. `cargo xtask test` installs Chromium and runs these without a network;
//! the screenshots stay under `target/screenshots`.
#![expect(clippy::disallowed_types, reason = "chromedriver is a process, screenshots are files")]

#[cfg(test)]
mod browser;
#[cfg(test)]
mod finding;
#[cfg(test)]
mod keyboard;
#[cfg(test)]
mod looking;
#[cfg(test)]
#[path = "../it/peer.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod peer;
#[cfg(test)]
#[path = "../it/phones.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod phones;
#[cfg(test)]
#[path = "../it/system.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod system;

#[cfg(test)]
mod acts;
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod consoles;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod room;
#[cfg(test)]
mod sensors;
#[cfg(test)]
mod story;
#[cfg(test)]
mod traffic;
