//! Keys of the card-surface records: the card-verifiable CA and the signer of records below it.

use tefuda_card::face::{SignDigestInfo, card_verifiable_certificate};
use tefuda_keys::{KeyError, KeySpace, SystemRandom};
use tefuda_pki::SignerError;
use tefuda_silicon::engine::RsaKey;

/// Key identifier of the sandbox's card-verifiable CA: `6…` as of test cards.
pub const CA_ID: [u8; 16] = *b"6990001\x08\x05001\0\0\0\0";
/// Key identifier of the signer of records.
pub const RECORDS_ID: [u8; 16] = *b"6990002\x08\x05001\0\0\0\0";

/// The two keys, and the certificate of the second under the first.
#[derive(Debug)]
pub struct FaceKeys {
    records: RsaKey,
    /// `7F21`.
    pub certificate: Vec<u8>,
}

impl FaceKeys {
    /// Opens the keys, making them if there are none. They pad what no standard length has, so they live in
    /// the chips' key engine.
    pub fn open(space: &KeySpace) -> Result<Self, KeyError> {
        let authority = key(space, "card-verifiable-ca")?;
        let records = key(space, "records")?;
        let sign = |digest_info: &[u8]| sign(&authority, digest_info);
        let spki = records.public_spki().map_err(|_| KeyError::Generation)?;
        let certificate =
            card_verifiable_certificate(&sign as &SignDigestInfo<'_>, &CA_ID, &RECORDS_ID, &spki)
                .map_err(|_| KeyError::Generation)?;
        Ok(Self { records, certificate })
    }

    /// Signs a `DigestInfo` of a record.
    pub fn sign_record(&self, digest_info: &[u8]) -> Result<Vec<u8>, SignerError> {
        sign(&self.records, digest_info)
    }
}

fn key(space: &KeySpace, name: &str) -> Result<RsaKey, KeyError> {
    let pkcs8 = space.blob(name, || {
        let key = RsaKey::generate(&mut SystemRandom).map_err(|_| KeyError::Generation)?;
        key.to_pkcs8().map(|der| der.expose().clone()).map_err(|_| KeyError::Generation)
    })?;
    RsaKey::from_pkcs8(pkcs8.expose()).map_err(|_| KeyError::Sealed)
}

fn sign(key: &RsaKey, digest_info: &[u8]) -> Result<Vec<u8>, SignerError> {
    key.sign_verbatim(digest_info, &mut SystemRandom).map_err(|_| SignerError)
}
