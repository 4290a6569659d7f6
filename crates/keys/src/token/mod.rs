//! Keys in a hardware security module, by PKCS #11.
//!
//! A key is made in the token and stays there; what is kept outside is its public half, and no signature leaves that
//! does not hold under it. A session that is lost is opened again, a token that came back is found again, and what
//! waits for it is bounded in number and in time.

mod error;
mod module;
mod session;
mod spki;
mod worker;

use aws_lc_rs::digest::{SHA256, digest};
use cryptoki::object::Attribute;
use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tefuda_pki::{SignatureAlgorithm, Signer, SignerError};
use tefuda_types::{Reason, Secret};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

pub use error::TokenError;
pub use spki::of_modulus as rsa_spki;
pub use worker::{SESSIONS, WAITING_MAX};

use worker::{Act, Workers};

/// Octets of `CKA_ID`.
const ID_OCTETS: usize = 16;

/// What a key is called in a token: `CKA_LABEL`, with `CKA_ID` drawn from it. A private key and its public half have
/// the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyLabel(String);

impl KeyLabel {
    /// Of a role's key space, which has a name of its own, so that two homes on one token share no key.
    pub(crate) fn new(role: &str, space: &str, name: &str) -> Self {
        Self(format!("tefuda/{role}/{space}/{name}"))
    }

    fn attributes(&self) -> Vec<Attribute> {
        let id = digest(&SHA256, self.0.as_bytes()).as_ref().iter().copied().take(ID_OCTETS).collect();
        vec![Attribute::Label(self.0.clone().into_bytes()), Attribute::Id(id)]
    }
}

impl fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A token of a hardware security module, logged in.
pub struct Token {
    label: String,
    workers: Workers,
    /// Told in the log when it begins and when it ends.
    is_away: AtomicBool,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.label)
    }
}

impl Token {
    /// Opens the token of a label through the PKCS #11 library at a path, with the PIN of its user. A process has one
    /// such library.
    ///
    /// # Errors
    /// [`TokenError`]: above all that the token is absent, or does not take the PIN.
    pub fn open(module: &Path, label: &str, pin: &Secret<String>) -> Result<Arc<Self>, TokenError> {
        let workers = Workers::start(module, label, pin)?;
        let token = Self { label: label.to_owned(), workers, is_away: AtomicBool::new(false) };
        token.ready()?;
        tracing::info!(token = label, "keys are in a token");
        Ok(Arc::new(token))
    }

    /// What the token is called.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// That the token is there and lets us work.
    ///
    /// # Errors
    /// [`TokenError`], as an act would have. That much waits for it makes it no less ready.
    pub fn ready(&self) -> Result<(), TokenError> {
        match self.ask(Act::Probe) {
            Err(TokenError::Busy) if !self.is_away.load(Ordering::Relaxed) => Ok(()),
            told => told.map(drop),
        }
    }

    /// A signing key's `SubjectPublicKeyInfo`, made in the token if it has none of the name.
    pub(crate) fn ensure(
        &self,
        key: &KeyLabel,
        algorithm: SignatureAlgorithm,
    ) -> Result<Vec<u8>, TokenError> {
        self.ask(Act::Ensure(key.clone(), algorithm))
    }

    /// 32 octets that only this token makes of `input`.
    pub(crate) fn derive(&self, key: &KeyLabel, input: &[u8]) -> Result<Secret<Vec<u8>>, TokenError> {
        self.ask(Act::Derive(key.clone(), input.to_vec())).map(Secret::new)
    }

    fn ask(&self, act: Act) -> Result<Vec<u8>, TokenError> {
        let outcome = waiting(|| self.workers.ask(act));
        match &outcome {
            Ok(_) if self.is_away.swap(false, Ordering::Relaxed) => {
                tracing::info!(token = self.label, "the token is back");
            }
            // Others are being answered.
            Err(TokenError::Busy) => {}
            Err(error) if error.is_about_a_key() || !self.is_away.swap(true, Ordering::Relaxed) => {
                tracing::error!(token = self.label, reason = %error.code(), %error, "the token fails");
            }
            _ => {}
        }
        outcome
    }
}

/// Waits without keeping other tasks of a runtime from going on, where it has threads for them.
fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    let runtime = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if matches!(runtime, Ok(RuntimeFlavor::MultiThread)) { block_in_place(wait) } else { wait() }
}

/// A signing key in a token, by its name and its registered public half.
#[derive(Clone, Debug)]
pub struct TokenKey {
    token: Arc<Token>,
    label: KeyLabel,
    algorithm: SignatureAlgorithm,
    spki: Arc<[u8]>,
}

impl TokenKey {
    pub(crate) fn new(
        token: Arc<Token>,
        label: KeyLabel,
        algorithm: SignatureAlgorithm,
        spki: &[u8],
    ) -> Self {
        Self { token, label, algorithm, spki: spki.into() }
    }

    pub(crate) fn public_bits(&self) -> &[u8] {
        spki::bits(&self.spki)
    }
}

impl Signer for TokenKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let act = Act::Sign {
            key: self.label.clone(),
            algorithm: self.algorithm,
            registered: Arc::clone(&self.spki),
            message: message.to_vec(),
        };
        // Why not is in the log, when it begins.
        self.token.ask(act).map_err(|_| SignerError)
    }
}
