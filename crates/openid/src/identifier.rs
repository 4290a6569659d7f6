//! Identifiers of the protocol, made by parsing only.

use base64ct::{Base64UrlUnpadded, Encoding};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tefuda_types::Secret;
use url::{Host, Url};

use crate::RequestError;

/// Longest `client_id`, `redirect_uri`, `state` and `nonce`, in characters (the Digital Authentication App's
/// authorization parameters).
const CHARACTERS_MAX: usize = 255;
/// Lengths of `code_verifier` and `code_challenge`, in characters (RFC 7636, 4.1 and 4.2).
const PKCE_CHARACTERS: core::ops::RangeInclusive<usize> = 43..=128;
/// Longest scope, in characters.
const SCOPE_CHARACTERS_MAX: usize = 64;
/// Most scopes in a request.
const SCOPES_MAX: usize = 20;

fn printable(text: &str) -> bool {
    (1..=CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(|octet| matches!(octet, b' '..=b'~'))
}

fn is_client_id(text: &str) -> bool {
    (1..=CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

fn is_code_challenge(text: &str) -> bool {
    let base64url = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    PKCE_CHARACTERS.contains(&text.len()) && text.bytes().all(base64url)
}

/// `scope-token` of RFC 6749 (3.3).
fn is_scope(text: &str) -> bool {
    let allowed = |octet: u8| matches!(octet, b'!' | b'#'..=b'[' | b']'..=b'~');
    (1..=SCOPE_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        // RFC 6761, 6.3: names below `localhost` are loopback too.
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn is_redirect_uri(text: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b'\\' | b'"' | b'<' | b'>' | b'#');
    if !(1..=CHARACTERS_MAX).contains(&text.len()) || !text.bytes().all(plain) {
        return false;
    }
    let Ok(url) = Url::parse(text) else { return false };
    let anonymous = url.username().is_empty() && url.password().is_none();
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => anonymous,
        ("http", Some(host)) => anonymous && is_loopback(&host),
        _ => false,
    }
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $parameter:literal, $accepts:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = RequestError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if $accepts(text) { Ok(Self(text.to_owned())) } else { Err(RequestError::Malformed($parameter)) }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_type! {
    /// `client_id`: letters and digits, as `RP00000001`.
    ClientId, "client_id", is_client_id
}
text_type! {
    /// `state`: the relying party's, given back as it came.
    State, "state", printable
}
text_type! {
    /// `nonce`: the relying party's, in the ID token as it came.
    Nonce, "nonce", printable
}
text_type! {
    /// `code_challenge` of PKCE S256 (RFC 7636, 4.2).
    CodeChallenge, "code_challenge", is_code_challenge
}
text_type! {
    /// One scope.
    Scope, "scope", is_scope
}
text_type! {
    /// `redirect_uri`: https, or http on loopback; no user, no fragment. Two are the same only if they are the
    /// same character by character (RFC 9700, 2.1).
    RedirectUri, "redirect_uri", is_redirect_uri
}

impl RedirectUri {
    /// The URI with parameters added to its query, whatever else is in that.
    #[must_use]
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        let added = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let joint = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{joint}{added}", self.0)
    }

    /// Scheme, host and port: what a person is shown.
    #[must_use]
    pub fn origin(&self) -> String {
        Url::parse(&self.0).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }
}

/// `scope`: several, in the order given, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Scope of every request of OpenID Connect.
    pub const OPENID: &'static str = "openid";

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether one is among them.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own.as_str() == scope)
    }

    /// Those that others have too, in this order.
    #[must_use]
    pub fn within(&self, others: &Self) -> Self {
        Self(self.0.iter().filter(|scope| others.has(scope.as_str())).cloned().collect())
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut own = Self::default();
        for scope in scopes {
            if !own.has(scope.as_str()) {
                own.0.push(scope);
            }
        }
        own
    }
}

impl FromStr for Scopes {
    type Err = RequestError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scopes: Self = text.split(' ').map(str::parse::<Scope>).collect::<Result<_, _>>()?;
        if scopes.0.len() > SCOPES_MAX { Err(RequestError::Malformed("scope")) } else { Ok(scopes) }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.0.iter().map(Scope::as_str).collect();
        f.write_str(&texts.join(" "))
    }
}

/// `code_verifier`: what shows that the one who redeems a code is the one who asked for it (RFC 7636, 4.1).
#[derive(Debug)]
pub struct CodeVerifier(Secret<String>);

impl CodeVerifier {
    /// `BASE64URL(SHA-256(code_verifier))` (RFC 7636, 4.6).
    #[must_use]
    pub fn answers(&self, challenge: &CodeChallenge) -> bool {
        Base64UrlUnpadded::encode_string(&Sha256::digest(self.0.expose().as_bytes())) == challenge.as_str()
    }
}

impl FromStr for CodeVerifier {
    type Err = RequestError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreserved =
            |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~');
        if PKCE_CHARACTERS.contains(&text.len()) && text.bytes().all(unreserved) {
            Ok(Self(Secret::new(text.to_owned())))
        } else {
            Err(RequestError::Malformed("code_verifier"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_are_https_or_loopback_and_plain() {
        let good = [
            "https://rp.example/cb",
            "https://rp.example/cb?a=b",
            "https://rp.example:8443/",
            "http://localhost:3901/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:9/cb",
            "http://shop.localhost:8490/cb",
        ];
        for uri in good {
            assert!(uri.parse::<RedirectUri>().is_ok(), "{uri}");
        }
        let bad = [
            "",
            "/cb",
            "rp.example/cb",
            "http://rp.example/cb",
            "http://localhost.rp.example/cb",
            "http://127.0.0.1.rp.example/cb",
            "http://localhost@rp.example/cb",
            "https://user@rp.example/cb",
            "https://user:secret@rp.example/cb",
            "https://rp.example/cb#fragment",
            "https://rp.example/cb#",
            "https://rp.example/\\evil",
            "https://rp.example/c b",
            "https://rp.example/\tcb",
            "https://rp.example/\u{440}",
            "https://",
            "javascript:alert(1)",
            "data:text/html,x",
            "com.example.app:/cb",
            "ftp://rp.example/cb",
        ];
        for uri in bad {
            assert_eq!(uri.parse::<RedirectUri>(), Err(RequestError::Malformed("redirect_uri")), "{uri}");
        }
        let long = format!("https://rp.example/{}", "a".repeat(240));
        assert!(long.parse::<RedirectUri>().is_err());
    }

    #[test]
    fn parameters_are_added_to_what_is_there() {
        let plain: RedirectUri = "https://rp.example/cb".parse().unwrap();
        assert_eq!(plain.with(&[("state", "a b&c")]), "https://rp.example/cb?state=a+b%26c");
        let query: RedirectUri = "https://rp.example/cb?x=1".parse().unwrap();
        assert_eq!(query.with(&[("code", "c")]), "https://rp.example/cb?x=1&code=c");
        assert_eq!(query.origin(), "https://rp.example");
    }

    #[test]
    fn alphabets_and_lengths_are_kept() {
        assert!("RP00000001".parse::<ClientId>().is_ok());
        assert!("RP-1".parse::<ClientId>().is_err());
        assert!("".parse::<ClientId>().is_err());
        assert!("a".repeat(255).parse::<State>().is_ok());
        assert!("a".repeat(256).parse::<State>().is_err());
        assert!("tab\there".parse::<Nonce>().is_err());
        assert!("é".parse::<Nonce>().is_err());
        assert!("a".repeat(42).parse::<CodeChallenge>().is_err());
        assert!(format!("{}+", "a".repeat(42)).parse::<CodeChallenge>().is_err());
        assert!("openid  name".parse::<Scopes>().is_err());
        assert!("open\"id".parse::<Scopes>().is_err());
        assert_eq!("openid name openid".parse::<Scopes>().unwrap().to_string(), "openid name");
    }

    #[test]
    fn the_example_of_rfc_7636_answers_its_challenge() {
        let verifier: CodeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".parse().unwrap();
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse().unwrap();
        assert!(verifier.answers(&challenge));
        let other: CodeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl".parse().unwrap();
        assert!(!other.answers(&challenge));
        assert!(!format!("{verifier:?}").contains("dBjft"));
    }
}
