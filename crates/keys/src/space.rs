use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tefuda_pki::{SignatureAlgorithm, Signer};
use tefuda_store::files;
use tefuda_types::{Environment, Secret};

use crate::{RoleKey, SystemRandom, Token, TokenError, TokenKey, key::SoftwareKey, token::KeyLabel};

/// File of the name that a key space has in its token.
const SPACE: &str = "space";
/// The token's key that what lies in files is sealed with.
const SEALING: &str = "sealing";

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
    /// The token says no.
    #[error(transparent)]
    Token(#[from] TokenError),
}

tefuda_types::reasons! { KeyError {
    SandboxOnly => "keys.sandbox_only", Policy;
    Sealed => "keys.sealed", Policy;
    Generation => "keys.generation_failed", Backend;
    Io(_) => "keys.unavailable", Backend;
    Token(_) => "keys.token_unavailable", Backend;
} }

/// Where the keys of a process are.
#[derive(Clone, Debug, Default)]
pub enum KeyStore {
    /// In sealed files, for the sandbox.
    #[default]
    Files,
    /// In a token.
    Token(Arc<Token>),
}

impl KeyStore {
    /// Whether keys may be there at all.
    ///
    /// # Errors
    /// [`KeyError::SandboxOnly`] for files in production.
    pub const fn allowed_in(&self, environment: Environment) -> Result<(), KeyError> {
        match (self, environment) {
            (Self::Files, Environment::Production) => Err(KeyError::SandboxOnly),
            _ => Ok(()),
        }
    }

    /// The key space of a role.
    ///
    /// # Errors
    /// As [`KeyStore::allowed_in`], and [`KeyError::Io`], [`KeyError::Token`].
    pub fn open(
        &self,
        folder: &Path,
        role: &'static str,
        environment: Environment,
    ) -> Result<KeySpace, KeyError> {
        match self {
            Self::Files => KeySpace::open(folder, role, environment),
            Self::Token(token) => KeySpace::in_token(folder, role, token),
        }
    }

    /// That keys can be used now.
    ///
    /// # Errors
    /// [`TokenError`]: which token is away, and why.
    pub fn ready(&self) -> Result<(), TokenError> {
        match self {
            Self::Files => Ok(()),
            Self::Token(token) => token.ready(),
        }
    }
}

/// A role's keys: each in a file that only this role's secret opens; or the signing keys in a token, and in files
/// their public halves and what only this token's secret opens.
#[derive(Debug)]
pub struct KeySpace {
    folder: PathBuf,
    role: &'static str,
    secret: Secret<[u8; 32]>,
    token: Option<InToken>,
}

/// Where the signing keys of a key space are.
#[derive(Debug)]
struct InToken {
    token: Arc<Token>,
    space: String,
}

impl KeySpace {
    /// The key space of a role; its secret is made on first use.
    ///
    /// # Errors
    /// [`KeyError::SandboxOnly`] in production, [`KeyError::Io`].
    pub fn open(folder: &Path, role: &'static str, environment: Environment) -> Result<Self, KeyError> {
        KeyStore::Files.allowed_in(environment)?;
        let secret = Secret::new(files::secret(&folder.join("secret"))?);
        Ok(Self { folder: folder.to_owned(), role, secret, token: None })
    }

    /// The key space of a role whose signing keys are in a token. What else it keeps is sealed by what that token
    /// alone can make.
    ///
    /// # Errors
    /// [`KeyError::Io`], [`KeyError::Token`].
    pub fn in_token(folder: &Path, role: &'static str, token: &Arc<Token>) -> Result<Self, KeyError> {
        let file = folder.join(SPACE);
        let space = match files::read(&file)? {
            Some(name) => String::from_utf8(name).map_err(|_| KeyError::Sealed)?,
            None => {
                let name: String = tefuda_types::hexadecimal(&SystemRandom::octets::<8>());
                files::write(&file, name.as_bytes())?;
                name
            }
        };
        let sealing = token.derive(&KeyLabel::new(role, &space, SEALING), role.as_bytes())?;
        let secret = Secret::new(sealing.expose().as_slice().try_into().map_err(|_| KeyError::Sealed)?);
        let token = Some(InToken { token: Arc::clone(token), space });
        Ok(Self { folder: folder.to_owned(), role, secret, token })
    }

    /// A signing key by its name, made if there is none. Private octets never leave this call unsealed, nor a token.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn signer(&self, name: &str, algorithm: SignatureAlgorithm) -> Result<RoleKey, KeyError> {
        if let Some(InToken { token, space }) = &self.token {
            let label = KeyLabel::new(self.role, space, name);
            let spki = self.public_half(token, name, &label, algorithm)?;
            return Ok(RoleKey::Token(TokenKey::new(Arc::clone(token), label, algorithm, &spki)));
        }
        let pkcs8 = self.blob(name, || SoftwareKey::generate(algorithm))?;
        let key = SoftwareKey::from_pkcs8(algorithm, pkcs8.expose())?;
        Ok(RoleKey::Software(Box::new(key)))
    }

    /// The signing key that something in use was made with: a certificate, a published key.
    ///
    /// # Errors
    /// [`KeyError::Sealed`] when it is another one, and as [`KeySpace::signer`].
    pub fn registered(
        &self,
        name: &str,
        algorithm: SignatureAlgorithm,
        spki: &[u8],
    ) -> Result<RoleKey, KeyError> {
        let key = self.signer(name, algorithm)?;
        if key.public_spki() == spki { Ok(key) } else { Err(KeyError::Sealed) }
    }

    /// Where its signing keys are, for those who read the audit log.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.token {
            Some(InToken { token, .. }) => format!("token {}", token.label()),
            None => "sealed files".to_owned(),
        }
    }

    /// What is registered of a key in a token; one that is not registered yet is made.
    fn public_half(
        &self,
        token: &Token,
        name: &str,
        label: &KeyLabel,
        algorithm: SignatureAlgorithm,
    ) -> Result<Vec<u8>, KeyError> {
        let path = self.folder.join(format!("{name}.pub"));
        if let Some(registered) = files::read(&path)? {
            return Ok(registered);
        }
        let made = token.ensure(label, algorithm)?;
        files::write(&path, &made)?;
        tracing::info!(key = %label, token = token.label(), "a key was made in the token");
        Ok(made)
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
        let registered =
            |name, spki: &[u8]| registrar.registered(name, SignatureAlgorithm::EcdsaP256Sha256, spki);
        assert_eq!(registered("k", key.public_spki()).unwrap().public_spki(), key.public_spki());
        assert!(matches!(registered("l", key.public_spki()), Err(KeyError::Sealed)), "another key");
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
}
