use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ClientId, Nonce};

/// Claims of an ID token (OpenID Connect Core, 2). Times are seconds of wire time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdTokenClaims {
    /// Issuer.
    pub iss: String,
    /// Subject, another one for each relying party.
    pub sub: String,
    /// Audience: the one relying party.
    pub aud: ClientId,
    /// End.
    pub exp: i64,
    /// Issue.
    pub iat: i64,
    /// When the person proved presence to the phone's element.
    pub auth_time: i64,
    /// The request's.
    pub nonce: Nonce,
    /// Authentication context class.
    pub acr: String,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// Left half of the access token's hash (3.1.3.6).
    pub at_hash: String,
    /// Session at the provider (OpenID Connect Front-Channel Logout, 3).
    pub sid: String,
}

/// What the UserInfo endpoint answers (OpenID Connect Core, 5.3.2). There are no attributes yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// Subject, the same as in the ID token.
    pub sub: String,
}

/// `at_hash` of an access token for ES256: base64url of the left half of its SHA-256.
#[must_use]
pub fn access_token_hash(access_token: &str) -> String {
    let hash = Sha256::digest(access_token.as_bytes());
    let (left, _) = hash.split_at(hash.len() / 2);
    Base64UrlUnpadded::encode_string(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_hashes_as_it_says() {
        // OpenID Connect Core, A.4.
        let hash = access_token_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(hash, "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
