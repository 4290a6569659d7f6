//! What browsers and relying parties send to the gateway, and what a relying party gets from it.

use std::sync::OnceLock;

use base64ct::{Base64UrlUnpadded, Encoding};
use tefuda_openid::{
    Asked, AuthorizationRequest, AuthorizationTarget, ClientAssertion, ClientId, Jwk, JwkSet, Metadata,
    Parameters, Returned, TokenAnswer, TokenRequest,
    jwe::{self, DecryptionKey, EncryptionKeys},
    jws, verify_id_token, verify_logout_token,
};
use tefuda_silicon::engine::P256Key;
use tefuda_types::{Secret, Timestamp};

use crate::Bound;

/// The shortest parameter has two characters (`&a`) and becomes two texts, 48 octets and what they hold, but there
/// are 40 at most; each value is then copied once.
const FORM: Bound = Bound { octets: 16_384, octets_for_each: 8 };
/// Header, payload and signature, each decoded beside its characters; then claims, whose shortest member has two
/// characters (`1,`) and becomes one JSON value of 32 octets in a vector that grows.
const TOKEN: Bound = Bound { octets: 16_384, octets_for_each: 128 };

const ISSUER: &str = "http://localhost:8482/api/realms/main";
const CLIENT: &str = "RP00000001";
/// In the middle of what the seeds of the corpora say.
const NOW_SECONDS: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW_SECONDS).unwrap()
}

fn provider() -> &'static Metadata {
    static PROVIDER: OnceLock<Metadata> = OnceLock::new();
    PROVIDER.get_or_init(|| Metadata {
        issuer: ISSUER.to_owned(),
        authorization_endpoint: format!("{ISSUER}/auth"),
        token_endpoint: format!("{ISSUER}/token"),
        jwks_uri: format!("{ISSUER}/certs"),
        authorization_response_iss_parameter_supported: true,
    })
}

/// Parameters of authorization and token endpoint, and of the way back: what is refused is refused in a word of the
/// standards, and what is taken is what was sent.
pub fn oidc(octets: &[u8]) {
    let Ok(text) = core::str::from_utf8(octets) else { return };
    let parsed = FORM.hold(octets.len(), || {
        let parameters = Parameters::parse(text).ok()?;
        if let Ok(request) = AuthorizationRequest::parse(&parameters) {
            let target = AuthorizationTarget::parse(&parameters).unwrap();
            assert_eq!((target.client_id, target.redirect_uri), (request.client_id, request.redirect_uri));
        }
        let _ = TokenRequest::parse(&parameters, false);
        let _ = Returned::parse(text, provider(), "s");
        Some(parameters)
    });
    let Some(parameters) = parsed else { return };
    if let Err(error) = AuthorizationRequest::parse(&parameters) {
        assert!(!error.wire().as_str().is_empty());
    }
    if let Ok(request) = TokenRequest::parse(&parameters, false) {
        assert_eq!(parameters.one("code").unwrap(), Some(request.code.expose().as_str()));
        assert!(TokenRequest::parse(&parameters, true).is_err());
    }
}

fn signing_key() -> &'static (P256Key, JwkSet) {
    static KEY: OnceLock<(P256Key, JwkSet)> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = P256Key::from_bytes(&[7; 32]).unwrap();
        let keys = JwkSet { keys: vec![Jwk::from_point(&key.public_sec1()).unwrap()] };
        (key, keys)
    })
}

/// A token that no key of the set signed is refused by all who take tokens. One with a header or with claims that
/// were made up, but signed, says at most what it says.
pub fn jws(octets: &[u8]) {
    let Ok(text) = core::str::from_utf8(octets) else { return };
    claims_of(text, octets.len(), false);
    if !is_json(octets) {
        return;
    }
    let part = Base64UrlUnpadded::encode_string(octets);
    let header = Base64UrlUnpadded::encode_string(br#"{"alg":"ES256","typ":"logout+jwt"}"#);
    claims_of(&signed(&format!("{header}.{part}")), octets.len(), true);
    let token = signed(&format!("{part}.e30"));
    if let Ok(payload) = TOKEN.hold(token.len(), || jws::verify(&token, &signing_key().1.keys)) {
        assert_eq!(payload, b"{}");
        let other = Jwk::from_point(&P256Key::from_bytes(&[8; 32]).unwrap().public_sec1()).unwrap();
        assert!(jws::verify(&token, &[other]).is_err());
    }
}

/// What is no JSON is refused before anything else is looked at, which needs no signature to be tried.
fn is_json(octets: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(octets).is_ok()
}

fn signed(input: &str) -> String {
    let signature = signing_key().0.sign_sha256(input.as_bytes());
    format!("{input}.{}", Base64UrlUnpadded::encode_string(&signature))
}

fn claims_of(token: &str, octets: usize, is_signed: bool) {
    let (_, keys) = signing_key();
    assert!(jws::verify(token, &[]).is_err());
    let client: ClientId = CLIENT.parse().unwrap();
    let answer = TokenAnswer { access_token: "a".to_owned(), id_token: token.to_owned(), expires_in: 0 };
    let asked =
        Asked { state: "s".to_owned(), nonce: "n".to_owned(), code_verifier: Secret::new(String::new()) };
    let (assertion, id_token, logout) = TOKEN.hold(octets.max(token.len()), || {
        let peeked = ClientAssertion::peek_unverified(token).ok();
        let assertion = peeked.and_then(|client| {
            ClientAssertion::verify(token, &client, keys, &[ISSUER], now()).ok().map(|own| (client, own))
        });
        let id_token = verify_id_token(&answer, keys, (provider(), &client), &asked, now()).ok();
        (assertion, id_token, verify_logout_token(token, keys, (provider(), &client), now()).ok())
    });
    if let Some((claimed, assertion)) = &assertion {
        assert_eq!(claimed, assertion.client_id());
        assert!(assertion.expires() > now() && !assertion.jti().is_empty());
    }
    assert!(id_token.as_ref().is_none_or(|claims| claims.iss == ISSUER && claims.nonce.as_str() == "n"));
    assert!(logout.as_ref().is_none_or(|claims| claims.iss == ISSUER && claims.aud == client));
    // One token is never both.
    assert!(id_token.is_none() || logout.is_none());
    let taken = assertion.is_some() || id_token.is_some() || logout.is_some();
    assert!(is_signed || !taken, "nobody signed it");
}

/// What was not sealed to a key does not open, whatever its header says; what was opens to itself.
pub fn jwe(octets: &[u8]) {
    let Ok(text) = core::str::from_utf8(octets) else { return };
    let key = DecryptionKey::from_scalar(&Secret::new([7; 32])).unwrap();
    let open = |token: &str| TOKEN.hold(token.len(), || key.open(token));
    assert!(open(text).is_err());
    if !is_json(octets) {
        return;
    }
    let token = Secret::new(text.to_owned());
    let sealed = jwe::encrypt(&token, &key.public(), &Secret::new([5; 32]), [6; 12]).unwrap();
    let sealed = sealed.expose();
    let opened = open(sealed);
    if sealed.len() <= jws::COMPACT_CHARACTERS_MAX {
        assert_eq!(opened.unwrap().expose(), octets);
    } else {
        assert!(opened.is_err());
    }
    let (own, rest) = sealed.split_once('.').unwrap();
    let header = Base64UrlUnpadded::encode_string(octets);
    assert!(header == own || open(&format!("{header}.{rest}")).is_err());
    if let Ok(keys) = TOKEN.hold(octets.len(), || serde_json::from_slice::<EncryptionKeys>(octets)) {
        for to in &keys.keys {
            let _ = jwe::encrypt(&token, to, &Secret::new([5; 32]), [6; 12]).is_ok();
        }
    }
}

/// Keys that are taken are public, and are given again as they were.
pub fn jwk(octets: &[u8]) {
    let Ok(value) = TOKEN.hold(octets.len(), || serde_json::from_slice(octets)) else { return };
    if let Ok(key) = TOKEN.hold(octets.len(), || Jwk::from_json(&value)) {
        let told = serde_json::to_value(&key).unwrap();
        assert!(told.get("d").is_none());
        assert_eq!(Jwk::from_json(&told), Ok(key));
    }
    if let Ok(keys) = TOKEN.hold(octets.len(), || JwkSet::from_json(&value)) {
        assert_eq!(JwkSet::from_json(&serde_json::to_value(&keys).unwrap()), Ok(keys));
    }
}
