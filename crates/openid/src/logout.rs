use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::ClientId;

/// `typ` of a logout token (OpenID Connect Back-Channel Logout, 2.4).
pub const LOGOUT_TYPE: &str = "logout+jwt";
/// The event that makes a token a logout token.
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Claims of a logout token (OpenID Connect Back-Channel Logout, 2.4). Times are seconds of wire time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutTokenClaims {
    /// Issuer.
    pub iss: String,
    /// Audience: the one relying party.
    pub aud: ClientId,
    /// Issue.
    pub iat: i64,
    /// End.
    pub exp: i64,
    /// Its identifier: a token is good once.
    pub jti: String,
    /// Whose sessions, as the relying party knows the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// [`LOGOUT_EVENT`] with an empty object.
    pub events: BTreeMap<String, serde_json::Value>,
    /// Never there: with a nonce it would be an ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<serde_json::Value>,
}

impl LogoutTokenClaims {
    /// Claims from issuer and audience, subject and session, and times.
    #[must_use]
    pub fn new(
        (issuer, client_id): (&str, &ClientId),
        (sub, session): (&str, &str),
        jti: String,
        issued: i64,
        expires: i64,
    ) -> Self {
        Self {
            iss: issuer.to_owned(),
            aud: client_id.clone(),
            iat: issued,
            exp: expires,
            jti,
            sub: Some(sub.to_owned()),
            sid: Some(session.to_owned()),
            events: BTreeMap::from([(LOGOUT_EVENT.to_owned(), serde_json::json!({}))]),
            nonce: None,
        }
    }
}
