//! A role's signing key, wherever it is.

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom as Rng,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use tefuda_pki::{SignatureAlgorithm, Signer, SignerError};

use crate::{KeyError, TokenKey};

/// A signing key of a role.
#[derive(Debug)]
pub enum RoleKey {
    /// In memory, from a sealed file.
    Software(Box<SoftwareKey>),
    /// In a token; here is its name.
    Token(TokenKey),
}

impl RoleKey {
    /// The public point of a P-256 key (SEC 1, uncompressed), or the modulus and exponent of an RSA key in DER.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        match self {
            Self::Software(key) => key.public_key(),
            Self::Token(key) => key.public_bits(),
        }
    }
}

impl Signer for RoleKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        match self {
            Self::Software(key) => key.algorithm(),
            Self::Token(key) => key.algorithm(),
        }
    }

    fn public_spki(&self) -> &[u8] {
        match self {
            Self::Software(key) => key.public_spki(),
            Self::Token(key) => key.public_spki(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match self {
            Self::Software(key) => key.sign(message),
            Self::Token(key) => key.sign(message),
        }
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

/// A signing key in memory.
pub struct SoftwareKey {
    pair: Pair,
    spki: Vec<u8>,
}

impl core::fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SoftwareKey(…)")
    }
}

impl SoftwareKey {
    pub(crate) fn generate(algorithm: SignatureAlgorithm) -> Result<Vec<u8>, KeyError> {
        let document = match algorithm {
            SignatureAlgorithm::Rsa2048Sha256 => RsaKeyPair::generate(KeySize::Rsa2048).and_then(|pair| {
                let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der()?;
                Ok(der.as_ref().to_vec())
            }),
            SignatureAlgorithm::EcdsaP256Sha256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &Rng::new())
                    .map(|document| document.as_ref().to_vec())
            }
            _ => return Err(KeyError::Generation),
        };
        document.map_err(|_| KeyError::Generation)
    }

    pub(crate) fn from_pkcs8(algorithm: SignatureAlgorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            SignatureAlgorithm::Rsa2048Sha256 => RsaKeyPair::from_pkcs8(pkcs8).map(Pair::Rsa),
            _ => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).map(Pair::P256),
        }
        .map_err(|_| KeyError::Sealed)?;
        let spki = match &pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::P256(pair) => pair.public_key().as_der(),
        }
        .map_err(|_| KeyError::Sealed)?
        .as_ref()
        .to_vec();
        Ok(Self { pair, spki })
    }

    fn public_key(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::P256(pair) => pair.public_key().as_ref(),
        }
    }
}

impl Signer for SoftwareKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        match &self.pair {
            Pair::Rsa(_) => SignatureAlgorithm::Rsa2048Sha256,
            Pair::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
        }
    }

    fn public_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &Rng::new(), message, &mut signature)
                    .map_err(|_| SignerError)?;
                Ok(signature)
            }
            Pair::P256(pair) => pair
                .sign(&Rng::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignerError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_verify() {
        for algorithm in [SignatureAlgorithm::Rsa2048Sha256, SignatureAlgorithm::EcdsaP256Sha256] {
            let key = SoftwareKey::from_pkcs8(algorithm, &SoftwareKey::generate(algorithm).unwrap()).unwrap();
            let signature = key.sign(b"message").unwrap();
            assert!(tefuda_pki::verify_signature(algorithm, key.public_spki(), b"message", &signature));
            assert!(!tefuda_pki::verify_signature(algorithm, key.public_spki(), b"massage", &signature));
        }
    }
}
