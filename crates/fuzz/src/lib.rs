//! What must hold for any octets that reach a parser or a chip: the bodies of the fuzz targets.
//!
//! `cargo xtask fuzz` runs them under libFuzzer; the tests replay `fuzz/corpus`, `fuzz/regressions` and mutations of
//! both through the same functions. A body panics when its property does not hold, and when its parser holds more
//! memory than its bound allows.
#![warn(missing_docs)]
#![expect(clippy::unwrap_used, reason = "a harness that cannot be set up, or finds a fault, ends loudly")]

mod application;
mod authority;
mod bound;
mod card;
mod commands;
mod contract;
mod element;
mod formats;
mod pieces;
mod tokens;

pub use application::application;
pub use bound::Bound;
pub use card::card;
pub use commands::{apdu, scp03, tlv};
pub use contract::contract;
pub use element::element;
pub use formats::{access_rules, certificate, crl, ocsp, pin_block};
pub use tokens::{jwe, jwk, jws, oidc};

/// Most octets of an input: more than any request may have but a list of revocations, which has megabytes.
pub const INPUT_OCTETS_MAX: usize = 20_000;

/// A target: any octets in, a panic if its property does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its corpus.
pub const TARGETS: [(&str, Target); 16] = [
    ("access_rules", access_rules),
    ("apdu", apdu),
    ("application", application),
    ("card", card),
    ("certificate", certificate),
    ("contract", contract),
    ("crl", crl),
    ("element", element),
    ("jwe", jwe),
    ("jwk", jwk),
    ("jws", jws),
    ("ocsp", ocsp),
    ("oidc", oidc),
    ("pin_block", pin_block),
    ("scp03", scp03),
    ("tlv", tlv),
];
