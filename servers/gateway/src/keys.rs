//! Keys that sign ID tokens and logout tokens: one signs, those before it are published while their tokens may live.

use serde::Serialize;
use std::sync::{Arc, RwLock};
use tefuda_gateway::{SigningKey, current, published, retire, rotation_is_due};
use tefuda_keys::{KeyError, KeySpace, RoleKey};
use tefuda_openid::{Jwk, JwkError, JwkSet, JwsError, jws};
use tefuda_pki::{SignatureAlgorithm, Signer, SignerError};
use tefuda_store::{Documents, StoreError};
use tefuda_types::{Secret, Timestamp};
use thiserror::Error;

use crate::store::KEYS;

/// Why no ID token is signed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key space failed.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The key could not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What it gave is no signature of ES256.
    #[error(transparent)]
    Token(#[from] JwsError),
    /// A key of the space is no P-256 key.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// There is no key that signs.
    #[error("no key signs ID tokens")]
    NoKey,
}

tefuda_types::reasons! { SigningError {
    Store(_) => "gateway.store_unavailable", Backend;
    Keys(_) => "gateway.keys_unavailable", Backend;
    Signer(_) => "gateway.signer_unavailable", Backend;
    Token(_) => "gateway.token_unsignable", Backend;
    Key(_) => "gateway.key_malformed", Backend;
    NoKey => "gateway.no_signing_key", Backend;
} }

/// A key as it is used.
#[derive(Clone, Debug)]
struct Loaded {
    record: SigningKey,
    jwk: Jwk,
    key: Arc<RoleKey>,
}

/// All signing keys.
#[derive(Debug)]
pub struct Keys {
    space: KeySpace,
    loaded: RwLock<Vec<Loaded>>,
}

impl Keys {
    /// Loads the keys; a new gateway makes its first.
    pub async fn open(space: KeySpace, store: &Documents, now: Timestamp) -> Result<Self, SigningError> {
        let keys = Self { space, loaded: RwLock::default() };
        keys.load(store).await?;
        keys.rotate_if_due(store, now).await?;
        Ok(keys)
    }

    async fn load(&self, store: &Documents) -> Result<(), SigningError> {
        let mut loaded = Vec::new();
        for (_, record) in store.list::<SigningKey>(KEYS).await? {
            let name = format!("signing-{}", record.number);
            let key = self.space.signer(&name, SignatureAlgorithm::EcdsaP256Sha256)?;
            let jwk = Jwk::from_point(key.public_key())?;
            loaded.push(Loaded { record, jwk, key: Arc::new(key) });
        }
        if let Ok(mut keys) = self.loaded.write() {
            *keys = loaded;
        }
        Ok(())
    }

    fn all(&self) -> Vec<Loaded> {
        self.loaded.read().map(|keys| keys.clone()).unwrap_or_default()
    }

    fn records(&self) -> Vec<SigningKey> {
        self.all().iter().map(|loaded| loaded.record).collect()
    }

    fn current(&self) -> Result<Loaded, SigningError> {
        let number = current(&self.records()).map(|key| key.number);
        self.all().into_iter().find(|own| Some(own.record.number) == number).ok_or(SigningError::NoKey)
    }

    /// The next key signs from now on. Gives its `kid`.
    pub async fn rotate(&self, store: &Documents, now: Timestamp) -> Result<String, SigningError> {
        let mut transaction = store.begin().await?;
        let stored: Vec<SigningKey> =
            transaction.list(KEYS).await?.into_iter().map(|(_, record)| record).collect();
        for record in retire(&stored, now) {
            transaction.put(KEYS, &format!("{:08}", record.number), &record).await?;
        }
        transaction.commit().await?;
        self.load(store).await?;
        Ok(self.current()?.jwk.kid().to_owned())
    }

    /// Rotates when the key has signed for long enough.
    pub async fn rotate_if_due(&self, store: &Documents, now: Timestamp) -> Result<(), SigningError> {
        if rotation_is_due(&self.records(), now) {
            self.rotate(store, now).await?;
        }
        Ok(())
    }

    /// What relying parties verify with.
    pub fn published(&self, now: Timestamp) -> JwkSet {
        let records = self.records();
        let numbers: Vec<u32> = published(&records, now).map(|key| key.number).collect();
        let loaded = self.all().into_iter().filter(|own| numbers.contains(&own.record.number));
        JwkSet { keys: loaded.map(|own| own.jwk).collect() }
    }

    /// Signs a token of a type.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<Secret<String>, SigningError> {
        let current = self.current()?;
        let prepared = jws::Prepared::typed(current.jwk.kid(), typ, claims)?;
        let signature = current.key.sign(prepared.to_be_signed())?;
        Ok(Secret::new(prepared.assemble(&jws::raw_signature(&signature)?)))
    }
}
