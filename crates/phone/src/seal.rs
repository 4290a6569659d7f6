//! Sealing what is typed, where it is typed: for the element alone, and only if its maker vouches for it.

use rand_core::CryptoRng;
use tefuda_protocol::{
    attestation::{AttestationError, AttestedKeys, KeyUsage},
    phone::{PinSession, SealedPins},
    sealed::{Binding, PUBLIC_KEY_OCTETS, PinBlock, PinBlockError},
};
use tefuda_types::{Blame, Bytes, Reason, ReasonCode, Secret};
use thiserror::Error;

/// Why nothing was sealed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key is not one that a maker and an element vouch for.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// The password cannot be sealed.
    #[error(transparent)]
    Block(#[from] PinBlockError),
}

impl Reason for SealError {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Attestation(error) => error.code(),
            Self::Block(error) => error.code(),
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Attestation(error) => error.blame(),
            Self::Block(error) => error.blame(),
        }
    }
}

/// The session's PIN-entry key, if the maker vouches for the element, the element for the key, and the
/// session names that key.
fn attested_key(session: &PinSession, maker_root: &[u8]) -> Result<Vec<u8>, AttestationError> {
    let keys =
        AttestedKeys { element: session.element.clone(), keys: vec![session.pin_entry_attestation.clone()] };
    // The PIN-entry key is older than any application: its attestation carries no nonce of one.
    let verified = keys.verify(maker_root, &[])?;
    let spki = &verified.key(KeyUsage::PinEntry)?.public_key.0;
    let point = spki.len().checked_sub(PUBLIC_KEY_OCTETS).and_then(|start| spki.get(start..));
    point
        .filter(|point| *point == session.pin_entry_key.0)
        .map(<[u8]>::to_vec)
        .ok_or(AttestationError::NotBound)
}

/// Seals passwords, one for each purpose of the session in its order, together with the hash of the
/// transaction as this side shows it.
///
/// # Errors
/// [`SealError`].
pub fn seal<R: CryptoRng>(
    session: &PinSession,
    maker_root: &[u8],
    passwords: &[Secret<Vec<u8>>],
    rng: &mut R,
) -> Result<SealedPins, SealError> {
    let key = attested_key(session, maker_root)?;
    let challenge = session.challenge.0.as_slice().try_into().map_err(|_| PinBlockError::Malformed)?;
    let transaction = session.transaction.hash();
    if passwords.len() != session.purposes.len() {
        return Err(PinBlockError::Malformed.into());
    }
    let mut blocks = Vec::new();
    for (purpose, password) in session.purposes.iter().zip(passwords) {
        let binding = Binding { challenge, transaction, purpose: *purpose };
        let block = PinBlock::seal(&key, &binding, password, rng)?;
        blocks.push(Bytes(block.as_bytes().to_vec()));
    }
    Ok(SealedPins { blocks })
}
