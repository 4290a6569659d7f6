use alloc::vec::Vec;
use thiserror::Error;

/// How a CA, a responder or a statement signer signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// `sha256WithRSAEncryption`, RSA-2048 (RFC 4055, 5).
    Rsa2048Sha256,
    /// `ecdsa-with-SHA256` on P-256 (RFC 5758, 3.2); signatures in DER.
    EcdsaP256Sha256,
}

/// A private key that is somewhere else: in a sealed file, in a hardware module.
///
/// Nothing in this crate holds a key; what is to be signed goes out as bytes and comes back as a signature.
pub trait Signer: Send + Sync {
    /// The algorithm of the key.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// `SubjectPublicKeyInfo` of the key, DER.
    fn public_spki(&self) -> &[u8];

    /// Signs a message (it is hashed here, not by the caller).
    ///
    /// # Errors
    /// [`SignerError`] when the key store fails; the same message may be signed again later.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// The key store could not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the key store could not sign")]
pub struct SignerError;
