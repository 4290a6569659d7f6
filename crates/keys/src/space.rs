use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    encoding::AsDer,
    rand::SystemRandom as Rng,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use tefuda_pki::{SignatureAlgorithm, Signer, SignerError};
use tefuda_store::files;
use tefuda_types::{Environment, Secret};

use crate::SystemRandom;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Production keeps no keys in software.
    #[error("sealed software keys are for the sandbox only")]
    SandboxOnly,
    /// The file is another role's, or damaged.
    #[error("the key does not open: it is another role's, or damaged")]
    Sealed,
    /// The library made none.
    #[error("no key could be made")]
    Generation,
    /// The file system says no.
    #[error("the key's file failed: {0}")]
    Io(#[from] io::Error),
}

tefuda_types::reasons! { KeyError {
    SandboxOnly => "keys.sandbox_only", Policy;
    Sealed => "keys.sealed", Policy;
    Generation => "keys.generation_failed", Backend;
    Io(_) => "keys.unavailable", Backend;
} }

/// A role's keys in a folder, each in a file that only this role's secret opens.
#[derive(Debug)]
pub struct KeySpace {
    folder: PathBuf,
    role: &'static str,
    secret: Secret<[u8; 32]>,
}

impl KeySpace {
    /// The key space of a role; its secret is made on first use.
    ///
    /// # Errors
    /// [`KeyError::SandboxOnly`] in production, [`KeyError::Io`].
    pub fn open(folder: &Path, role: &'static str, environment: Environment) -> Result<Self, KeyError> {
        if environment == Environment::Production {
            return Err(KeyError::SandboxOnly);
        }
        let secret = Secret::new(files::secret(&folder.join("secret"))?);
        Ok(Self { folder: folder.to_owned(), role, secret })
    }

    /// A signing key by its name, made if there is none. Private octets never leave this call unsealed.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn signer(&self, name: &str, algorithm: SignatureAlgorithm) -> Result<SoftwareKey, KeyError> {
        let pkcs8 = self.blob(name, || SoftwareKey::generate(algorithm))?;
        SoftwareKey::from_pkcs8(algorithm, pkcs8.expose())
    }

    /// A secret of 32 octets by its name, made if there is none.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn secret(&self, name: &str) -> Result<Secret<[u8; 32]>, KeyError> {
        let blob = self.blob(name, || Ok(SystemRandom::octets::<32>().to_vec()))?;
        Ok(Secret::new(blob.expose().as_slice().try_into().map_err(|_| KeyError::Sealed)?))
    }

    /// Octets by name, made by `make` if there are none, sealed on disk.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn blob(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Vec<u8>, KeyError>,
    ) -> Result<Secret<Vec<u8>>, KeyError> {
        let path = self.folder.join(format!("{name}.key"));
        if let Some(sealed) = files::read(&path)? {
            return self.unseal(name, sealed);
        }
        let blob = make()?;
        files::write(&path, &self.seal(name, &blob)?)?;
        Ok(Secret::new(blob))
    }

    fn cipher(&self) -> Result<LessSafeKey, KeyError> {
        UnboundKey::new(&AES_256_GCM, self.secret.expose())
            .map(LessSafeKey::new)
            .map_err(|_| KeyError::Sealed)
    }

    /// Role and name are authenticated, so that a file cannot be passed off as another.
    fn label(&self, name: &str) -> Aad<Vec<u8>> {
        Aad::from(format!("{}/{name}", self.role).into_bytes())
    }

    fn seal(&self, name: &str, blob: &[u8]) -> Result<Vec<u8>, KeyError> {
        let nonce = SystemRandom::octets::<NONCE_LEN>();
        let mut sealed = blob.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.label(name), &mut sealed)
            .map_err(|_| KeyError::Sealed)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn unseal(&self, name: &str, sealed: Vec<u8>) -> Result<Secret<Vec<u8>>, KeyError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(KeyError::Sealed)?;
        let mut blob = sealed.to_vec();
        let length = self
            .cipher()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), self.label(name), &mut blob)
            .map_err(|_| KeyError::Sealed)?
            .len();
        blob.truncate(length);
        Ok(Secret::new(blob))
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
    fn generate(algorithm: SignatureAlgorithm) -> Result<Vec<u8>, KeyError> {
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

    fn from_pkcs8(algorithm: SignatureAlgorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
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

    /// The public point of a P-256 key (SEC 1, uncompressed), or the modulus and exponent of an RSA key in DER.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
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
    fn a_key_space_opens_for_its_own_role_only() {
        let folder = std::env::temp_dir().join(format!("tefuda-keys-{}", std::process::id()));
        let open = |role: &str, name| KeySpace::open(&folder.join(role), name, Environment::Sandbox).unwrap();
        let registrar = open("registrar", "registrar");
        let key = registrar.signer("k", SignatureAlgorithm::EcdsaP256Sha256).unwrap();
        let again = registrar.signer("k", SignatureAlgorithm::EcdsaP256Sha256).unwrap();
        assert_eq!(key.public_spki(), again.public_spki());
        let stolen = std::fs::read(folder.join("registrar/k.key")).unwrap();
        let operator = open("operator", "operator");
        std::fs::write(folder.join("operator/k.key"), stolen).unwrap();
        assert!(matches!(operator.signer("k", SignatureAlgorithm::EcdsaP256Sha256), Err(KeyError::Sealed)));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn abuse_m09_production_opens_no_sandbox_keys_and_makes_none() {
        let folder = std::env::temp_dir().join(format!("tefuda-keys-production-{}", std::process::id()));
        let open = |environment| KeySpace::open(&folder.join("ca"), "ca", environment);
        let refused = open(Environment::Production).map(drop).unwrap_err();
        assert_eq!(tefuda_types::Reason::code(&refused).as_str(), "keys.sandbox_only");
        assert!(!folder.exists(), "nothing was made");
        let sandbox = open(Environment::Sandbox).unwrap();
        let key = sandbox.signer("k", SignatureAlgorithm::EcdsaP256Sha256).unwrap();
        assert!(matches!(open(Environment::Production), Err(KeyError::SandboxOnly)), "keys that are there");
        let again = open(Environment::Sandbox).unwrap().signer("k", SignatureAlgorithm::EcdsaP256Sha256);
        assert_eq!(again.unwrap().public_spki(), key.public_spki(), "which are as they were");
        std::fs::remove_dir_all(folder).unwrap();
    }

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
