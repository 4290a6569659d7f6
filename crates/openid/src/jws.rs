//! JSON Web Signatures in compact form (RFC 7515, 7.1), ES256 only.
//!
//! The algorithm is that of the key. A header that names another is refused, and so is `none`: the header is
//! never asked how to verify.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::Signature;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::jwk::Jwk;

/// Most characters of a token that is looked at.
pub const COMPACT_CHARACTERS_MAX: usize = 8_192;
/// Octets of an ES256 signature (RFC 7518, 3.4).
pub const SIGNATURE_OCTETS: usize = 64;

/// Why a token says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Not three parts of base64url, no JSON header, or too long.
    #[error("not a token in compact form")]
    Malformed,
    /// `alg` is not the key's.
    #[error("the token is not signed with ES256")]
    Algorithm,
    /// `crit` names what nobody here understands (RFC 7515, 4.1.11).
    #[error("the token has a critical header parameter that is not understood")]
    Critical,
    /// No key of that `kid`.
    #[error("the token names a key that is not registered")]
    KeyUnknown,
    /// No key verifies it.
    #[error("the token's signature is wrong")]
    Signature,
    /// A token of another kind.
    #[error("the token is of another type")]
    Type,
}

tefuda_types::reasons! { JwsError {
    Malformed => "jws.malformed", Malformed;
    Algorithm => "jws.algorithm_refused", Policy;
    Critical => "jws.critical_header_unknown", Policy;
    KeyUnknown => "jws.key_unknown", Peer;
    Signature => "jws.signature_wrong", Peer;
    Type => "jws.type_wrong", Policy;
} }

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    #[serde(default, skip_serializing)]
    crit: Option<serde::de::IgnoredAny>,
}

/// A token that waits for its signature.
#[derive(Debug)]
pub struct Prepared {
    signing_input: String,
}

impl Prepared {
    /// Header and claims of a token.
    ///
    /// # Errors
    /// [`JwsError::Malformed`] for claims that have no JSON form.
    pub fn new(kid: &str, claims: &impl Serialize) -> Result<Self, JwsError> {
        Self::typed(kid, "JWT", claims)
    }

    /// The same with another `typ`, so that a token of one kind is none of another (RFC 8725, 3.11).
    ///
    /// # Errors
    /// As [`Prepared::new`].
    pub fn typed(kid: &str, typ: &str, claims: &impl Serialize) -> Result<Self, JwsError> {
        let header = Header {
            alg: "ES256".to_owned(),
            kid: Some(kid.to_owned()),
            typ: Some(typ.to_owned()),
            crit: None,
        };
        let part = |json: serde_json::Result<Vec<u8>>| {
            json.map(|octets| Base64UrlUnpadded::encode_string(&octets)).map_err(|_| JwsError::Malformed)
        };
        let (header, claims) = (part(serde_json::to_vec(&header))?, part(serde_json::to_vec(claims))?);
        Ok(Self { signing_input: format!("{header}.{claims}") })
    }

    /// What the key signs (RFC 7515, 5.1).
    #[must_use]
    pub fn to_be_signed(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    /// The token.
    #[must_use]
    pub fn assemble(self, signature: &[u8; SIGNATURE_OCTETS]) -> String {
        format!("{}.{}", self.signing_input, Base64UrlUnpadded::encode_string(signature))
    }
}

/// `r ‖ s` of a signature in DER, as key stores give it.
///
/// # Errors
/// [`JwsError::Signature`] for what is no such signature.
pub fn raw_signature(der: &[u8]) -> Result<[u8; SIGNATURE_OCTETS], JwsError> {
    let signature = Signature::from_der(der).map_err(|_| JwsError::Signature)?;
    signature.to_bytes().as_slice().try_into().map_err(|_| JwsError::Signature)
}

/// The payload of a token that one of the keys signed: the one that `kid` names, or any if it names none.
///
/// # Errors
/// [`JwsError`].
pub fn verify(compact: &str, keys: &[Jwk]) -> Result<Vec<u8>, JwsError> {
    Ok(verify_any(compact, keys)?.1)
}

/// The same for a token that says what it is.
///
/// # Errors
/// As [`verify`], and [`JwsError::Type`].
pub fn verify_typed(compact: &str, keys: &[Jwk], typ: &str) -> Result<Vec<u8>, JwsError> {
    let (header, payload) = verify_any(compact, keys)?;
    // Case does not matter in media types (RFC 7515, 4.1.9).
    if header.typ.is_some_and(|own| own.eq_ignore_ascii_case(typ)) {
        Ok(payload)
    } else {
        Err(JwsError::Type)
    }
}

fn verify_any(compact: &str, keys: &[Jwk]) -> Result<(Header, Vec<u8>), JwsError> {
    if compact.len() > COMPACT_CHARACTERS_MAX {
        return Err(JwsError::Malformed);
    }
    let (signing_input, signature) = compact.rsplit_once('.').ok_or(JwsError::Malformed)?;
    let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
    let decode = |part: &str| Base64UrlUnpadded::decode_vec(part).map_err(|_| JwsError::Malformed);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| JwsError::Malformed)?;
    if header.alg != "ES256" {
        return Err(JwsError::Algorithm);
    }
    if header.crit.is_some() {
        return Err(JwsError::Critical);
    }
    let named = |key: &&Jwk| header.kid.as_deref().is_none_or(|kid| kid == key.kid());
    let mut candidates = keys.iter().filter(named).peekable();
    if candidates.peek().is_none() {
        return Err(JwsError::KeyUnknown);
    }
    if candidates.any(|key| key.verifies(signing_input.as_bytes(), &signature)) {
        Ok((header, payload))
    } else {
        Err(JwsError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::{SigningKey, signature::Signer};

    fn pair(octet: u8) -> (SigningKey, Jwk) {
        let key = SigningKey::from_slice(&[octet; 32]).unwrap();
        let jwk = Jwk::from_point(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
        (key, jwk)
    }

    fn sign(key: &SigningKey, header: &str, payload: &str) -> String {
        let part = |text: &str| Base64UrlUnpadded::encode_string(text.as_bytes());
        let input = format!("{}.{}", part(header), part(payload));
        let signature: Signature = key.sign(input.as_bytes());
        format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes()))
    }

    #[test]
    fn a_token_is_prepared_signed_and_verified() {
        let (key, jwk) = pair(7);
        let prepared = Prepared::new(jwk.kid(), &serde_json::json!({ "a": 1 })).unwrap();
        let signature: Signature = key.sign(prepared.to_be_signed());
        let raw = raw_signature(signature.to_der().as_bytes()).unwrap();
        let compact = prepared.assemble(&raw);
        assert_eq!(verify(&compact, core::slice::from_ref(&jwk)).unwrap(), br#"{"a":1}"#);
        assert_eq!(verify(&compact, &[pair(8).1]), Err(JwsError::KeyUnknown));
        assert!(verify_typed(&compact, core::slice::from_ref(&jwk), "jwt").is_ok());
        assert_eq!(verify_typed(&compact, &[jwk], "logout+jwt"), Err(JwsError::Type));
    }

    #[test]
    fn the_header_decides_nothing() {
        let (key, jwk) = pair(7);
        let keys = [jwk];
        let cases = [
            (r#"{"alg":"ES256"}"#, None),
            (r#"{"alg":"none"}"#, Some(JwsError::Algorithm)),
            (r#"{"alg":"HS256"}"#, Some(JwsError::Algorithm)),
            (r#"{"alg":"RS256"}"#, Some(JwsError::Algorithm)),
            (r#"{"alg":"es256"}"#, Some(JwsError::Algorithm)),
            (r#"{"alg":"none","alg":"ES256"}"#, Some(JwsError::Malformed)),
            (r#"{"alg":"ES256","crit":["exp"]}"#, Some(JwsError::Critical)),
            (r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#, Some(JwsError::Critical)),
            (r#"{"alg":"ES256","kid":"../../etc/passwd"}"#, Some(JwsError::KeyUnknown)),
            (r#"{"alg":"ES256","kid":"' OR 1=1 --"}"#, Some(JwsError::KeyUnknown)),
            (r#"{"kid":"x"}"#, Some(JwsError::Malformed)),
            ("[]", Some(JwsError::Malformed)),
        ];
        for (header, error) in cases {
            assert_eq!(verify(&sign(&key, header, "{}"), &keys).err(), error, "{header}");
        }
    }

    #[test]
    fn changed_and_shapeless_tokens_are_refused() {
        let (key, jwk) = pair(7);
        let keys = [jwk];
        let token = sign(&key, r#"{"alg":"ES256"}"#, r#"{"sub":"a"}"#);
        let parts: Vec<&str> = token.split('.').collect();
        let swapped =
            format!("{}.{}.{}", parts[0], Base64UrlUnpadded::encode_string(br#"{"sub":"b"}"#), parts[2]);
        assert_eq!(verify(&swapped, &keys), Err(JwsError::Signature));
        assert_eq!(verify(&format!("{}.{}.", parts[0], parts[1]), &keys), Err(JwsError::Signature));
        let none = Base64UrlUnpadded::encode_string(&[0; 64]);
        assert_eq!(verify(&format!("{}.{}.{none}", parts[0], parts[1]), &keys), Err(JwsError::Signature));
        for shapeless in ["", ".", "..", "a.b", "a.b.c.d", &format!("{token}="), &"a".repeat(9_000)] {
            assert_eq!(verify(shapeless, &keys), Err(JwsError::Malformed), "{shapeless}");
        }
    }
}
