//! The user-verification token: the phone's operating system tells the element that an enrolled finger or
//! face was there, for one challenge and one transaction.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tefuda_types::Secret;

use crate::transaction::TransactionHash;

/// HMAC-SHA256 over `"TEFUDA-UV-1" ‖ 00 ‖ challenge ‖ transaction hash ‖ set number (u32, big endian)`.
pub type UserVerificationToken = [u8; 32];

/// The token for a challenge, a transaction and the number of the enrolled set.
#[must_use]
pub fn token(
    key: &Secret<[u8; 32]>,
    challenge: &[u8; 16],
    transaction: &TransactionHash,
    set_number: u32,
) -> UserVerificationToken {
    mac(key, challenge, transaction, set_number).finalize().into_bytes().into()
}

/// Whether a token is the one, compared in constant time.
#[must_use]
pub fn verify(
    key: &Secret<[u8; 32]>,
    challenge: &[u8; 16],
    transaction: &TransactionHash,
    set_number: u32,
    token: &[u8],
) -> bool {
    mac(key, challenge, transaction, set_number).verify_slice(token).is_ok()
}

fn mac(
    key: &Secret<[u8; 32]>,
    challenge: &[u8; 16],
    transaction: &TransactionHash,
    set_number: u32,
) -> Hmac<Sha256> {
    Hmac::<Sha256>::new(&(*key.expose()).into_padded())
        .chain_update(b"TEFUDA-UV-1\0")
        .chain_update(challenge)
        .chain_update(transaction)
        .chain_update(set_number.to_be_bytes())
}

/// HMAC takes keys up to its block of 64 octets, padded with zeros (RFC 2104, 2).
trait IntoPadded {
    fn into_padded(self) -> hmac::digest::Key<Hmac<Sha256>>;
}

impl IntoPadded for [u8; 32] {
    fn into_padded(self) -> hmac::digest::Key<Hmac<Sha256>> {
        let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
        key.iter_mut().zip(self).for_each(|(padded, octet)| *padded = octet);
        key
    }
}
