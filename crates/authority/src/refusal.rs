use tefuda_pki::path::PathError;
use tefuda_protocol::{SignedMessageError, attestation::AttestationError};
use tefuda_types::{Blame, IdentifierError, Reason, ReasonCode};
use thiserror::Error;

use crate::{application::EnrolError, issuance::IssuanceError};

/// Why the registrar says no: each part keeps the reason that it has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A name that is none.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// The card's certificate proves nothing.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A signature that does not hold, or signed bytes that are no message.
    #[error(transparent)]
    Message(#[from] SignedMessageError),
    /// The element's attestations prove nothing.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// No certificate is issued to this person.
    #[error(transparent)]
    Issuance(#[from] IssuanceError),
    /// A rule of enrolment.
    #[error(transparent)]
    Enrol(#[from] EnrolError),
}

impl Reason for Refusal {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Identifier(inner) => inner.code(),
            Self::Path(inner) => inner.code(),
            Self::Message(inner) => inner.code(),
            Self::Attestation(inner) => inner.code(),
            Self::Issuance(inner) => inner.code(),
            Self::Enrol(inner) => inner.code(),
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Identifier(inner) => inner.blame(),
            Self::Path(inner) => inner.blame(),
            Self::Message(inner) => inner.blame(),
            Self::Attestation(inner) => inner.blame(),
            Self::Issuance(inner) => inner.blame(),
            Self::Enrol(inner) => inner.blame(),
        }
    }
}
