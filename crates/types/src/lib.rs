//! Words that every crate shares: validated identifiers, secrets, the two clocks, and reason codes.
//!
//! Nothing here knows a protocol. Identifiers are made by parsing only; secrets cannot be printed,
//! cloned or serialised; every refusal anywhere carries a stable [`ReasonCode`].
#![no_std]
#![warn(missing_docs)]
extern crate alloc;

mod bytes;
mod certificate;
mod clock;
mod environment;
mod hexadecimal;
mod identifier;
mod individual_number;
mod reason;
mod secret;

pub use bytes::Bytes;
pub use certificate::{CertificateKind, CertificateStatus, Family, PinKind, Serial};
pub use clock::{Clock, FixedClock, JST, civil_day, jst};
pub use environment::Environment;
pub use hexadecimal::{from_hexadecimal, hexadecimal};
pub use identifier::{ElementId, IdentifierError, PhoneName, ResidentId};
pub use individual_number::IndividualNumber;
pub use jiff::Timestamp;
pub use reason::{Blame, Reason, ReasonCode};
pub use secret::Secret;
