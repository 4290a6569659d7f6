//! X.509 profiles of the four certificate kinds, path validation, CRL, delta CRL and OCSP (RFC 5280, 6960, 9654).
//!
//! Nothing here holds a key: what is to be signed goes out as bytes ([`draft::Linted::to_be_signed`],
//! [`crl::CrlDraft::to_be_signed`], [`ocsp::ResponseDraft::to_be_signed`]) and comes back as a signature.
//! The four kinds have four trust stores, which are never mixed; an issuer is found by key identifier and
//! signature, never by name, because all generations of a CA share one.
#![no_std]
#![warn(missing_docs)]
extern crate alloc;

pub mod certificate;
pub mod crl;
pub mod draft;
mod encoding;
mod extension;
mod key;
pub mod name;
pub mod ocsp;
pub mod oid;
pub mod path;
pub mod profile;
mod signer;
pub mod validity;
mod verify;

pub use certificate::{Certificate, CertificateError};
pub use signer::{SignatureAlgorithm, Signer, SignerError};
pub use verify::verify_signature;
