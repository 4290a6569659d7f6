use tefuda_pki::{Certificate, oid, path::PathError, path::TrustStore};
use tefuda_protocol::{SignedMessage, SignedMessageError, attestation::verify_p256, statement::Statement};
use tefuda_types::{Blame, Reason, ReasonCode, Timestamp};
use thiserror::Error;

/// Why a statement of the authority says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// No CA of this kind delegated its signer.
    #[error("the statement's signer: {0}")]
    Signer(#[from] PathError),
    /// The signature does not hold, or what was signed is no such statement.
    #[error(transparent)]
    Message(#[from] SignedMessageError),
}

impl Reason for StatementError {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Signer(error) => error.code(),
            Self::Message(error) => error.code(),
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Signer(error) => error.blame(),
            Self::Message(error) => error.blame(),
        }
    }
}

/// The message of a statement whose signer was delegated by a CA of the store's kind when it signed.
///
/// A statement outlives its signer's certificate, which is good for a month; so the signer is validated at
/// the time that the statement gives, not at the time of looking.
///
/// # Errors
/// [`StatementError`].
pub fn verify_statement<T: SignedMessage>(
    statement: &Statement<T>,
    trust: &TrustStore,
    signed_at: impl FnOnce(&T) -> Timestamp,
) -> Result<T, StatementError> {
    let signer = Certificate::from_der(&statement.signer.0).map_err(PathError::Certificate)?;
    let message = statement
        .signed
        .verify(|message, signature| verify_p256(signer.public_key_bits(), message, signature))?;
    trust.validate_delegated(&signer, oid::EKU_STATEMENT_SIGNING, signed_at(&message))?;
    Ok(message)
}
