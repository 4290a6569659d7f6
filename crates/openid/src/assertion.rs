//! How a relying party shows at the token endpoint who it is: `private_key_jwt` (RFC 7523, 2.2 and 3; OpenID
//! Connect Core, 9).

use serde::Deserialize;
use tefuda_types::{Blame, Reason, ReasonCode, Timestamp};
use thiserror::Error;

use crate::{ClientId, JwkSet, JwsError, jws};

/// Longest life of an assertion, in seconds. Authlib makes them for an hour.
pub const ASSERTION_LIFETIME_SECONDS_MAX: i64 = 3_600;
/// How far a relying party's clock may be off, in seconds.
const LEEWAY_SECONDS: i64 = 60;
/// Longest `jti`, in characters.
pub const JTI_CHARACTERS_MAX: usize = 255;

/// Why the claims of an assertion do not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// A claim that is needed is missing or of another type.
    #[error("the assertion lacks one of iss, sub, aud, exp, iat and jti")]
    Incomplete,
    /// `iss` and `sub` are not the relying party.
    #[error("iss and sub of the assertion are not the client_id")]
    Issuer,
    /// `aud` is another's, or a list.
    #[error("aud of the assertion is not the issuer or the token endpoint as one string")]
    Audience,
    /// `exp` has passed.
    #[error("the assertion has expired")]
    Expired,
    /// `iat` or `nbf` is still to come.
    #[error("the assertion is of the future")]
    Future,
    /// Longer than [`ASSERTION_LIFETIME_SECONDS_MAX`].
    #[error("the assertion lives longer than an hour")]
    LivesTooLong,
    /// Its `jti` was used before.
    #[error("the assertion was used before")]
    Replayed,
}

tefuda_types::reasons! { ClaimsError {
    Incomplete => "client_assertion.incomplete", Malformed;
    Issuer => "client_assertion.issuer_wrong", Policy;
    Audience => "client_assertion.audience_wrong", Policy;
    Expired => "client_assertion.expired", Policy;
    Future => "client_assertion.not_yet_valid", Policy;
    LivesTooLong => "client_assertion.lives_too_long", Policy;
    Replayed => "client_assertion.replayed", Policy;
} }

/// Why an assertion proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// It is not signed as it should be.
    #[error(transparent)]
    Token(#[from] JwsError),
    /// It is, and says something else.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

impl Reason for AssertionError {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Token(error) => error.code(),
            Self::Claims(error) => error.code(),
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Token(error) => error.blame(),
            Self::Claims(error) => error.blame(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: serde_json::Value,
    exp: f64,
    iat: f64,
    #[serde(default)]
    nbf: Option<f64>,
    jti: String,
}

/// An assertion that a relying party's key signed, for this provider, now. It is good for one use: whoever
/// gets it has to remember [`ClientAssertion::jti`] until [`ClientAssertion::expires`].
#[derive(Debug, PartialEq, Eq)]
pub struct ClientAssertion {
    client_id: ClientId,
    jti: String,
    expires: Timestamp,
}

impl ClientAssertion {
    /// Who an assertion says it is from, to find the keys. Never act on it.
    ///
    /// # Errors
    /// [`JwsError::Malformed`].
    pub fn peek_unverified(compact: &str) -> Result<ClientId, AssertionError> {
        use base64ct::{Base64UrlUnpadded, Encoding};
        #[derive(Deserialize)]
        struct Subject {
            sub: String,
        }
        if compact.len() > jws::COMPACT_CHARACTERS_MAX {
            return Err(JwsError::Malformed.into());
        }
        let payload = compact.split('.').nth(1).ok_or(JwsError::Malformed)?;
        let payload = Base64UrlUnpadded::decode_vec(payload).map_err(|_| JwsError::Malformed)?;
        let subject: Subject = serde_json::from_slice(&payload).map_err(|_| ClaimsError::Incomplete)?;
        Ok(subject.sub.parse().map_err(|_| ClaimsError::Issuer)?)
    }

    /// Verifies an assertion at a wire time. `audiences` are the issuer and the token endpoint.
    ///
    /// # Errors
    /// [`AssertionError`].
    pub fn verify(
        compact: &str,
        client_id: &ClientId,
        keys: &JwkSet,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<Self, AssertionError> {
        let payload = jws::verify(compact, &keys.keys)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| ClaimsError::Incomplete)?;
        if claims.iss != client_id.as_str() || claims.sub != client_id.as_str() {
            return Err(ClaimsError::Issuer.into());
        }
        // A single string: an assertion that is good at several providers can be replayed at one by another.
        if !claims.aud.as_str().is_some_and(|audience| audiences.contains(&audience)) {
            return Err(ClaimsError::Audience.into());
        }
        if !(1..=JTI_CHARACTERS_MAX).contains(&claims.jti.len()) {
            return Err(ClaimsError::Incomplete.into());
        }
        let (expires, issued) = (seconds(claims.exp), seconds(claims.iat));
        let now = now.as_second();
        if expires.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(ClaimsError::Expired.into());
        }
        let begins = claims.nbf.map_or(issued, seconds).max(issued);
        if begins.saturating_sub(LEEWAY_SECONDS) > now {
            return Err(ClaimsError::Future.into());
        }
        if expires.saturating_sub(issued) > ASSERTION_LIFETIME_SECONDS_MAX {
            return Err(ClaimsError::LivesTooLong.into());
        }
        let expires = Timestamp::from_second(expires.saturating_add(LEEWAY_SECONDS))
            .map_err(|_| ClaimsError::LivesTooLong)?;
        Ok(Self { client_id: client_id.clone(), jti: claims.jti, expires })
    }

    /// Who it is from.
    #[must_use]
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// Its identifier, unique for the relying party.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// Wire time from which on it is refused anyway.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }
}

/// `NumericDate` can have a fraction (RFC 7519, 2). What is out of range ends up at the edge of it.
fn seconds(date: f64) -> i64 {
    date as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwk::Jwk;
    use base64ct::{Base64UrlUnpadded, Encoding};
    use p256::ecdsa::{Signature, SigningKey, signature::Signer};
    use serde_json::{Value, json};

    const NOW: i64 = 1_800_000_000;
    const ISSUER: &str = "http://localhost:8482/api/realms/main";

    fn verify(change: impl FnOnce(&mut Value)) -> Result<ClientAssertion, AssertionError> {
        let mut claims = json!({ "iss": "RP00000001", "sub": "RP00000001", "aud": ISSUER,
            "exp": NOW + 60, "iat": NOW, "jti": "j" });
        change(&mut claims);
        let key = SigningKey::from_slice(&[9; 32]).unwrap();
        let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let input = format!("{}.{}", part(&json!({ "alg": "ES256" })), part(&claims));
        let signature: Signature = key.sign(input.as_bytes());
        let compact = format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes()));
        let jwk = Jwk::from_point(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
        let client_id = "RP00000001".parse().unwrap();
        let now = Timestamp::from_second(NOW).unwrap();
        let token = format!("{ISSUER}/protocol/openid-connect/token");
        ClientAssertion::verify(&compact, &client_id, &JwkSet { keys: vec![jwk] }, &[ISSUER, &token], now)
    }

    #[test]
    fn good_assertions_are_taken() {
        assert_eq!(verify(|_| ()).unwrap().jti(), "j");
        let endpoint = format!("{ISSUER}/protocol/openid-connect/token");
        assert!(verify(|claims| claims["aud"] = json!(endpoint)).is_ok());
        assert!(verify(|claims| claims["exp"] = json!(NOW + 3_600)).is_ok());
        assert!(verify(|claims| claims["exp"] = json!(NOW as f64 + 59.5)).is_ok());
    }

    #[test]
    fn every_claim_is_checked() {
        let cases = [
            ("iss", json!("RP00000002"), ClaimsError::Issuer),
            ("sub", json!("RP00000002"), ClaimsError::Issuer),
            ("aud", json!("https://other.example"), ClaimsError::Audience),
            ("aud", json!([ISSUER]), ClaimsError::Audience),
            ("aud", json!(format!("{ISSUER}/")), ClaimsError::Audience),
            ("exp", json!(NOW - 60), ClaimsError::Expired),
            ("exp", json!(NOW + 3_601), ClaimsError::LivesTooLong),
            ("exp", json!(1e300), ClaimsError::LivesTooLong),
            ("exp", json!("tomorrow"), ClaimsError::Incomplete),
            ("iat", json!(NOW + 61), ClaimsError::Future),
            ("nbf", json!(NOW + 61), ClaimsError::Future),
            ("jti", json!(""), ClaimsError::Incomplete),
            ("jti", json!("j".repeat(256)), ClaimsError::Incomplete),
            ("jti", Value::Null, ClaimsError::Incomplete),
        ];
        for (claim, value, error) in cases {
            let refused = verify(|claims| claims[claim] = value.clone());
            assert_eq!(refused, Err(error.into()), "{claim}: {value}");
        }
    }
}
