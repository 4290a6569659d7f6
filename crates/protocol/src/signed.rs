use core::marker::PhantomData;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::Bytes;

/// A message that is signed as it stands.
pub trait SignedMessage: Serialize + DeserializeOwned {
    /// Says what is being signed, so that a signature for one purpose is none for another.
    const CONTEXT: &'static str;
}

/// The bytes of a message and a signature over `CONTEXT ‖ 00 ‖ bytes`.
///
/// The message itself can be had only through [`Signed::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Signed<T: SignedMessage> {
    payload: Bytes,
    signature: Bytes,
    #[serde(skip)]
    message: PhantomData<T>,
}

/// Why a signed message gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignedMessageError {
    /// The signature is not the expected signer's over these bytes.
    #[error("the signature does not fit the message")]
    Signature,
    /// The signature holds, and the bytes are no such message.
    #[error("the signed bytes are not the message they claim to be")]
    Malformed,
}

tefuda_types::reasons! { SignedMessageError {
    Signature => "message.signature_wrong", Peer;
    Malformed => "message.malformed", Malformed;
} }

impl<T: SignedMessage> Signed<T> {
    /// The bytes that travel, and the bytes to sign: first half of signing outside.
    ///
    /// # Errors
    /// [`SignedMessageError::Malformed`] if the message has no JSON form.
    pub fn prepare(message: &T) -> Result<(Bytes, Vec<u8>), SignedMessageError> {
        let payload = serde_json::to_vec(message).map_err(|_| SignedMessageError::Malformed)?;
        let to_be_signed = to_be_signed::<T>(&payload);
        Ok((Bytes(payload), to_be_signed))
    }

    /// Second half of signing outside.
    #[must_use]
    pub const fn assemble(payload: Bytes, signature: Bytes) -> Self {
        Self { payload, signature, message: PhantomData }
    }

    /// The message, if `check(to_be_signed, signature)` holds.
    ///
    /// # Errors
    /// [`SignedMessageError`].
    pub fn verify(&self, check: impl FnOnce(&[u8], &[u8]) -> bool) -> Result<T, SignedMessageError> {
        if !check(&to_be_signed::<T>(&self.payload.0), &self.signature.0) {
            return Err(SignedMessageError::Signature);
        }
        serde_json::from_slice(&self.payload.0).map_err(|_| SignedMessageError::Malformed)
    }

    /// The message without a check, to find out whose key must have signed it. Never act on it.
    ///
    /// # Errors
    /// [`SignedMessageError::Malformed`].
    pub fn peek_unverified(&self) -> Result<T, SignedMessageError> {
        serde_json::from_slice(&self.payload.0).map_err(|_| SignedMessageError::Malformed)
    }

    /// The signed bytes, as received.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload.0
    }
}

fn to_be_signed<T: SignedMessage>(payload: &[u8]) -> Vec<u8> {
    [T::CONTEXT.as_bytes(), &[0], payload].concat()
}
