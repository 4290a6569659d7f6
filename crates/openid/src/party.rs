//! The relying party's side: the request that it makes, and what it believes of the answers.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tefuda_types::{Blame, Reason, ReasonCode, Secret, Timestamp};
use thiserror::Error;

use crate::{
    ClientId, IdTokenClaims, JwkSet, JwsError, LOGOUT_EVENT, LOGOUT_TYPE, LogoutTokenClaims, Parameters,
    RedirectUri, access_token_hash, jws,
};

/// How far the provider's clock may be off, in seconds.
const LEEWAY_SECONDS: i64 = 60;
/// Life of a client assertion, in seconds.
const ASSERTION_SECONDS: i64 = 60;
/// Longest age of a logout token, in seconds.
const LOGOUT_TOKEN_SECONDS_MAX: i64 = 300;

/// What a relying party needs of a provider's metadata (OpenID Connect Discovery, 3). Whatever else a provider says
/// of itself is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the members are the standard's own")]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Why what a provider says does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdTokenError {
    /// A claim or parameter that is needed is missing or of another type.
    #[error("the provider's answer lacks what it needs")]
    Incomplete,
    /// Of another provider (also RFC 9207, 2.4).
    #[error("the answer is of another provider")]
    Issuer,
    /// For another relying party.
    #[error("the token is for another relying party")]
    Audience,
    /// Its time has passed, or is to come.
    #[error("the token is not good now")]
    Time,
    /// Not the answer to this request.
    #[error("the answer does not belong to the request of this browser")]
    Nonce,
    /// Not the access token that came with it.
    #[error("the access token does not belong to the ID token")]
    AccessToken,
    /// No logout token, or one for nobody (OpenID Connect Back-Channel Logout, 2.6).
    #[error("the token is no logout token")]
    Event,
}

tefuda_types::reasons! { IdTokenError {
    Incomplete => "id_token.incomplete", Peer;
    Issuer => "id_token.issuer_wrong", Peer;
    Audience => "id_token.audience_wrong", Peer;
    Time => "id_token.not_valid_now", Peer;
    Nonce => "id_token.nonce_wrong", Peer;
    AccessToken => "id_token.access_token_differs", Peer;
    Event => "logout_token.event_missing", Peer;
} }

/// Why an answer of the provider is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is not signed as it should be.
    #[error(transparent)]
    Token(#[from] JwsError),
    /// It is, and says something else.
    #[error(transparent)]
    Claims(#[from] IdTokenError),
}

impl Reason for AnswerError {
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

/// What a relying party keeps of a request until its answer comes.
#[derive(Debug)]
pub struct Asked {
    /// Given back.
    pub state: String,
    /// In the ID token.
    pub nonce: String,
    /// Answers the challenge.
    pub code_verifier: Secret<String>,
}

/// A request to log somebody in.
#[derive(Debug)]
pub struct AuthorizationCall<'a> {
    /// Who asks.
    pub client_id: &'a ClientId,
    /// Where the answer goes.
    pub redirect_uri: &'a RedirectUri,
    /// For what.
    pub scope: &'a str,
    /// What kind of login, if it matters.
    pub acr_values: Option<&'a str>,
    /// Languages of pages.
    pub ui_locales: &'a str,
}

impl AuthorizationCall<'_> {
    /// Where the browser is sent (OpenID Connect Core, 3.1.2.1; RFC 7636, 4.3).
    #[must_use]
    pub fn url(&self, provider: &Metadata, asked: &Asked) -> String {
        let challenge = Sha256::digest(asked.code_verifier.expose().as_bytes());
        let challenge = Base64UrlUnpadded::encode_string(&challenge);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id.as_str())
            .append_pair("redirect_uri", self.redirect_uri.as_str())
            .append_pair("scope", self.scope)
            .append_pair("state", &asked.state)
            .append_pair("nonce", &asked.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("ui_locales", self.ui_locales);
        if let Some(acr_values) = self.acr_values {
            query.append_pair("acr_values", acr_values);
        }
        let joint = if provider.authorization_endpoint.contains('?') { '&' } else { '?' };
        format!("{}{joint}{}", provider.authorization_endpoint, query.finish())
    }
}

/// How the browser came back.
#[derive(Debug)]
pub enum Returned {
    /// With a code.
    Code(Secret<String>),
    /// With an error, and what the provider says of it.
    Error {
        /// Word of the standards.
        error: String,
        /// For developers; begins with a reason code here.
        description: String,
    },
}

impl Returned {
    /// Reads the parameters of a redirect that this request caused.
    ///
    /// # Errors
    /// [`IdTokenError::Nonce`] for another `state`, [`IdTokenError::Issuer`], [`IdTokenError::Incomplete`].
    pub fn parse(query: &str, provider: &Metadata, state: &str) -> Result<Self, IdTokenError> {
        let parameters = Parameters::parse(query).map_err(|_| IdTokenError::Incomplete)?;
        let one = |name| parameters.one(name).map_err(|_| IdTokenError::Incomplete);
        if one("state")? != Some(state) {
            return Err(IdTokenError::Nonce);
        }
        let issuer = one("iss")?;
        let missing = issuer.is_none() && provider.authorization_response_iss_parameter_supported;
        if missing || issuer.is_some_and(|issuer| issuer != provider.issuer) {
            return Err(IdTokenError::Issuer);
        }
        match (one("code")?, one("error")?) {
            (Some(code), None) => Ok(Self::Code(Secret::new(code.to_owned()))),
            (None, Some(error)) => Ok(Self::Error {
                error: error.to_owned(),
                description: one("error_description")?.unwrap_or_default().to_owned(),
            }),
            _ => Err(IdTokenError::Incomplete),
        }
    }
}

/// What the token endpoint gave (RFC 6749, 5.1; OpenID Connect Core, 3.1.3.3).
#[derive(Deserialize)]
#[expect(missing_debug_implementations, reason = "tokens have no way into a log")]
pub struct TokenAnswer {
    /// Opaque.
    pub access_token: String,
    /// Signed.
    pub id_token: String,
    /// Seconds for which the access token is good.
    #[serde(default)]
    pub expires_in: i64,
}

/// Claims of a client assertion for a provider (RFC 7523, 3), to be signed.
#[must_use]
pub fn assertion_claims(client_id: &ClientId, issuer: &str, jti: &str, now: Timestamp) -> serde_json::Value {
    let issued = now.as_second();
    serde_json::json!({ "iss": client_id, "sub": client_id, "aud": issuer, "jti": jti, "iat": issued,
        "exp": issued + ASSERTION_SECONDS })
}

/// Claims that any provider's ID token has (OpenID Connect Core, 2); ours says more.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    auth_time: Option<i64>,
    #[serde(default)]
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    #[serde(default)]
    at_hash: Option<String>,
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    events: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// For this relying party and no other.
    fn is(&self, client_id: &ClientId) -> bool {
        match self {
            Self::One(own) => own == client_id.as_str(),
            Self::Several(own) => matches!(own.as_slice(), [own] if own == client_id.as_str()),
        }
    }
}

/// The claims of an ID token that is the answer to a request, now (OpenID Connect Core, 3.1.3.7). A claim that a
/// provider may leave out is empty.
///
/// # Errors
/// [`AnswerError`].
pub fn verify_id_token(
    tokens: &TokenAnswer,
    keys: &JwkSet,
    (provider, client_id): (&Metadata, &ClientId),
    asked: &Asked,
    now: Timestamp,
) -> Result<IdTokenClaims, AnswerError> {
    let payload = jws::verify(&tokens.id_token, &keys.keys)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| IdTokenError::Incomplete)?;
    if claims.iss != provider.issuer {
        return Err(IdTokenError::Issuer.into());
    }
    let authorized = claims.azp.as_deref().is_none_or(|azp| azp == client_id.as_str());
    if !claims.aud.is(client_id) || !authorized {
        return Err(IdTokenError::Audience.into());
    }
    let now = now.as_second();
    let late = claims.exp.saturating_add(LEEWAY_SECONDS) <= now;
    if late || claims.iat.saturating_sub(LEEWAY_SECONDS) > now {
        return Err(IdTokenError::Time.into());
    }
    // A logout token is no ID token, whoever signed it.
    if claims.nonce.as_deref() != Some(asked.nonce.as_str()) || claims.events.is_some() {
        return Err(IdTokenError::Nonce.into());
    }
    if claims.at_hash.as_ref().is_some_and(|hash| *hash != access_token_hash(&tokens.access_token)) {
        return Err(IdTokenError::AccessToken.into());
    }
    Ok(IdTokenClaims {
        iss: claims.iss,
        sub: claims.sub,
        aud: client_id.clone(),
        exp: claims.exp,
        iat: claims.iat,
        auth_time: claims.auth_time.unwrap_or(claims.iat),
        nonce: asked.nonce.parse().map_err(|_| IdTokenError::Nonce)?,
        acr: claims.acr.unwrap_or_default(),
        amr: claims.amr,
        at_hash: claims.at_hash.unwrap_or_default(),
        sid: claims.sid.unwrap_or_default(),
    })
}

/// The claims of a logout token (OpenID Connect Back-Channel Logout, 2.6). It is good for one use: whoever gets it
/// has to remember its `jti` until it ends.
///
/// # Errors
/// [`AnswerError`].
pub fn verify_logout_token(
    compact: &str,
    keys: &JwkSet,
    (provider, client_id): (&Metadata, &ClientId),
    now: Timestamp,
) -> Result<LogoutTokenClaims, AnswerError> {
    let payload = match jws::verify_typed(compact, &keys.keys, LOGOUT_TYPE) {
        // Providers may leave `typ` out (2.4); the event tells the token all the same.
        Err(JwsError::Type) => jws::verify(compact, &keys.keys)?,
        other => other?,
    };
    let claims: LogoutTokenClaims = serde_json::from_slice(&payload).map_err(|_| IdTokenError::Incomplete)?;
    if claims.iss != provider.issuer {
        return Err(IdTokenError::Issuer.into());
    }
    if claims.aud != *client_id {
        return Err(IdTokenError::Audience.into());
    }
    let now = now.as_second();
    let old = now.saturating_sub(claims.iat) > LOGOUT_TOKEN_SECONDS_MAX;
    let late = claims.exp.saturating_add(LEEWAY_SECONDS) <= now;
    if old || late || claims.iat.saturating_sub(LEEWAY_SECONDS) > now {
        return Err(IdTokenError::Time.into());
    }
    let for_nobody = claims.sub.is_none() && claims.sid.is_none();
    let event = claims.events.get(LOGOUT_EVENT).is_some_and(serde_json::Value::is_object);
    if for_nobody || !event || claims.nonce.is_some() || claims.jti.is_empty() {
        return Err(IdTokenError::Event.into());
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Jwk;
    use p256::ecdsa::{Signature, SigningKey, signature::Signer};
    use serde_json::{Value, json};

    const NOW: i64 = 1_800_000_000;
    const ISSUER: &str = "http://localhost:8482/api/realms/main";

    fn provider() -> Metadata {
        Metadata {
            issuer: ISSUER.into(),
            authorization_endpoint: format!("{ISSUER}/auth"),
            token_endpoint: format!("{ISSUER}/token"),
            jwks_uri: format!("{ISSUER}/certs"),
            authorization_response_iss_parameter_supported: true,
        }
    }

    fn asked() -> Asked {
        Asked { state: "s".into(), nonce: "n".into(), code_verifier: Secret::new("v".repeat(43)) }
    }

    fn signed(typ: &str, claims: &Value) -> (String, JwkSet) {
        let key = SigningKey::from_slice(&[9; 32]).unwrap();
        let jwk = Jwk::from_point(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
        let prepared = jws::Prepared::typed(jwk.kid(), typ, claims).unwrap();
        let signature: Signature = key.sign(prepared.to_be_signed());
        let token = prepared.assemble(signature.to_bytes().as_slice().try_into().unwrap());
        (token, JwkSet { keys: vec![jwk] })
    }

    fn id_token(change: impl FnOnce(&mut Value)) -> Result<IdTokenClaims, AnswerError> {
        let mut claims = json!({ "iss": ISSUER, "sub": "p", "aud": "RP1", "exp": NOW + 60, "iat": NOW,
            "nonce": "n", "at_hash": access_token_hash("a"), "acr": "aal3" });
        change(&mut claims);
        let (id_token, keys) = signed("JWT", &claims);
        let tokens = TokenAnswer { access_token: "a".into(), id_token, expires_in: 300 };
        let now = Timestamp::from_second(NOW).unwrap();
        verify_id_token(&tokens, &keys, (&provider(), &"RP1".parse().unwrap()), &asked(), now)
    }

    #[test]
    fn an_id_token_is_for_this_request_of_this_party_now() {
        assert_eq!(id_token(|_| ()).unwrap().acr, "aal3");
        assert!(id_token(|claims| claims["aud"] = json!(["RP1"])).is_ok());
        assert!(id_token(|claims| claims["at_hash"] = Value::Null).is_ok());
        let cases = [
            ("iss", json!("https://evil.example"), IdTokenError::Issuer),
            ("aud", json!("RP2"), IdTokenError::Audience),
            ("aud", json!(["RP1", "RP2"]), IdTokenError::Audience),
            ("azp", json!("RP2"), IdTokenError::Audience),
            ("exp", json!(NOW - 60), IdTokenError::Time),
            ("iat", json!(NOW + 61), IdTokenError::Time),
            ("nonce", json!("other"), IdTokenError::Nonce),
            ("nonce", Value::Null, IdTokenError::Nonce),
            ("events", json!({ LOGOUT_EVENT: {} }), IdTokenError::Nonce),
            ("at_hash", json!("x"), IdTokenError::AccessToken),
            ("sub", Value::Null, IdTokenError::Incomplete),
        ];
        for (claim, value, error) in cases {
            assert_eq!(
                id_token(|claims| claims[claim] = value.clone()),
                Err(error.into()),
                "{claim}: {value}"
            );
        }
    }

    fn logout(typ: &str, change: impl FnOnce(&mut Value)) -> Result<LogoutTokenClaims, AnswerError> {
        let party = "RP1".parse().unwrap();
        let claims = LogoutTokenClaims::new((ISSUER, &party), ("p", "sid"), "j".into(), NOW, NOW + 120);
        let mut claims = serde_json::to_value(claims).unwrap();
        change(&mut claims);
        let (token, keys) = signed(typ, &claims);
        verify_logout_token(&token, &keys, (&provider(), &party), Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn a_logout_token_says_so_and_names_somebody() {
        assert_eq!(logout(LOGOUT_TYPE, |_| ()).unwrap().sid.as_deref(), Some("sid"));
        assert!(logout("JWT", |_| ()).is_ok(), "typ may be left out");
        let cases = [
            ("iss", json!("https://evil.example"), IdTokenError::Issuer),
            ("aud", json!("RP2"), IdTokenError::Audience),
            ("iat", json!(NOW - 301), IdTokenError::Time),
            ("events", json!({}), IdTokenError::Event),
            ("events", json!({ LOGOUT_EVENT: "x" }), IdTokenError::Event),
            ("nonce", json!("n"), IdTokenError::Event),
            ("jti", json!(""), IdTokenError::Event),
            ("events", Value::Null, IdTokenError::Incomplete),
        ];
        for (claim, value, error) in cases {
            let refused = logout(LOGOUT_TYPE, |claims| claims[claim] = value.clone());
            assert_eq!(refused, Err(error.into()), "{claim}: {value}");
        }
        let for_nobody = logout(LOGOUT_TYPE, |claims| {
            claims.as_object_mut().unwrap().remove("sub");
            claims.as_object_mut().unwrap().remove("sid");
        });
        assert_eq!(for_nobody, Err(IdTokenError::Event.into()));
    }

    #[test]
    fn a_browser_comes_back_with_its_own_state_from_its_own_provider() {
        let iss = "&iss=http%3A%2F%2Flocalhost%3A8482%2Fapi%2Frealms%2Fmain";
        let parse = |query: &str| Returned::parse(query, &provider(), "s");
        assert!(matches!(parse(&format!("code=c&state=s{iss}")), Ok(Returned::Code(_))));
        let Ok(Returned::Error { error, .. }) = parse(&format!("error=access_denied&state=s{iss}")) else {
            panic!("an error is an answer")
        };
        assert_eq!(error, "access_denied");
        for (query, wrong) in [
            (format!("code=c&state=t{iss}"), IdTokenError::Nonce),
            (format!("code=c{iss}"), IdTokenError::Nonce),
            ("code=c&state=s".to_owned(), IdTokenError::Issuer),
            ("code=c&state=s&iss=https://evil.example".to_owned(), IdTokenError::Issuer),
            (format!("code=c&error=x&state=s{iss}"), IdTokenError::Incomplete),
            (format!("state=s{iss}"), IdTokenError::Incomplete),
            (format!("code=c&code=d&state=s{iss}"), IdTokenError::Incomplete),
        ] {
            assert_eq!(parse(&query).err(), Some(wrong), "{query}");
        }
    }

    #[test]
    fn a_request_has_everything_that_the_flow_needs() {
        let redirect_uri = "http://localhost:8483/callback".parse().unwrap();
        let client_id = "RP1".parse().unwrap();
        let call = AuthorizationCall {
            client_id: &client_id,
            redirect_uri: &redirect_uri,
            scope: "openid sessions",
            acr_values: Some("aal3"),
            ui_locales: "ja",
        };
        let url = call.url(&provider(), &asked());
        let query = url.split_once('?').unwrap().1;
        let request = crate::AuthorizationRequest::parse(&Parameters::parse(query).unwrap()).unwrap();
        assert_eq!((request.acr_values, request.ui_locales), (vec!["aal3".into()], vec!["ja".into()]));
    }
}
