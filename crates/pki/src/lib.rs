//! X.509 profiles of the four certificate kinds, path validation, CRL, delta CRL and OCSP (RFC 5280, 6960, 9654).
#![no_std]
#![warn(missing_docs)]
extern crate alloc;

mod signer;

pub use signer::{SignatureAlgorithm, Signer, SignerError};
