//! Relying parties: who may ask, for what, and where the answer goes.

use serde::{Deserialize, Serialize};
use tefuda_openid::{AuthorizationTarget, ClientId, JwkError, JwkSet, RedirectUri, Scope, Scopes};
use tefuda_types::{Blame, Reason, ReasonCode, Timestamp};
use thiserror::Error;

use crate::policy::SCOPES;

/// Longest name, in characters: what fits the phone's page.
const NAME_CHARACTERS_MAX: usize = 80;
/// Longest purpose, in characters.
const PURPOSE_CHARACTERS_MAX: usize = 200;
/// Most addresses of one party.
const REDIRECT_URIS_MAX: usize = 20;

/// Why somebody is not registered, or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartyError {
    /// Empty, too long, or with characters that people cannot see.
    #[error("a name has 1 to 80 characters that can be seen")]
    Name,
    /// Too long, or with characters that people cannot see.
    #[error("a purpose has at most 200 characters that can be seen")]
    Purpose,
    /// None, too many, or one that is no `redirect_uri`.
    #[error("1 to 20 redirect URIs: https, or http on loopback, without user or fragment")]
    RedirectUri,
    /// An address for logout tokens that is none.
    #[error("a back-channel logout URI is https, or http on loopback, without user or fragment")]
    LogoutUri,
    /// A scope that does not exist.
    #[error("there is no such scope")]
    Scope,
    /// Nobody has this `client_id`.
    #[error("no relying party has this client_id")]
    NotFound,
    /// The address is not among those that were registered, character by character.
    #[error("the relying party did not register this redirect_uri")]
    OtherAddress,
}

tefuda_types::reasons! { PartyError {
    Name => "rp.name_malformed", Malformed;
    Purpose => "rp.purpose_malformed", Malformed;
    RedirectUri => "rp.redirect_uri_malformed", Malformed;
    LogoutUri => "rp.logout_uri_malformed", Malformed;
    Scope => "rp.scope_unknown", Policy;
    NotFound => "rp.not_found", Caller;
    OtherAddress => "rp.redirect_uri_unregistered", Policy;
} }

/// Why a registration is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// What it says of itself.
    #[error(transparent)]
    Party(#[from] PartyError),
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] JwkError),
}

impl Reason for RegistrationError {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Party(error) => error.code(),
            Self::Keys(error) => error.code(),
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Party(error) => error.blame(),
            Self::Keys(error) => error.blame(),
        }
    }
}

/// A registration as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// Shown to people.
    pub name: String,
    /// The same on English pages (OpenID Connect Dynamic Client Registration, 2.1).
    #[serde(rename = "name#en", default, skip_serializing_if = "Option::is_none")]
    pub name_en: Option<String>,
    /// Addresses for answers.
    pub redirect_uris: Vec<String>,
    /// Public keys for client assertions (RFC 7517, 5).
    pub jwks: serde_json::Value,
    /// What it may ask for, beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Why it asks, shown to people.
    #[serde(default)]
    pub purpose: String,
    /// The same on English pages.
    #[serde(rename = "purpose#en", default, skip_serializing_if = "Option::is_none")]
    pub purpose_en: Option<String>,
    /// Where it is told that a session ended (OpenID Connect Back-Channel Logout, 2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs `sid` there; it is always told.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
}

/// A registered relying party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelyingParty {
    /// Identifier.
    pub client_id: ClientId,
    /// Shown to people.
    pub name: String,
    /// The same on English pages (OpenID Connect Dynamic Client Registration, 2.1).
    #[serde(rename = "name#en", default, skip_serializing_if = "Option::is_none")]
    pub name_en: Option<String>,
    /// Addresses for answers.
    pub redirect_uris: Vec<RedirectUri>,
    /// Public keys for client assertions.
    pub jwks: JwkSet,
    /// What it may ask for.
    pub scopes: Scopes,
    /// Why it asks.
    pub purpose: String,
    /// The same on English pages.
    #[serde(rename = "purpose#en", default, skip_serializing_if = "Option::is_none")]
    pub purpose_en: Option<String>,
    /// Where it is told that a session ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<RedirectUri>,
    /// Whether it needs `sid` there.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// Civil time of registration.
    pub registered_at: Timestamp,
}

/// A relying party as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RelyingPartyView {
    /// Identifier.
    pub client_id: ClientId,
    /// Shown to people.
    pub name: String,
    /// The same on English pages (OpenID Connect Dynamic Client Registration, 2.1).
    #[serde(rename = "name#en", default, skip_serializing_if = "Option::is_none")]
    pub name_en: Option<String>,
    /// Addresses for answers.
    pub redirect_uris: Vec<RedirectUri>,
    /// What it may ask for.
    pub scopes: Scopes,
    /// Why it asks.
    pub purpose: String,
    /// The same on English pages.
    #[serde(rename = "purpose#en", default, skip_serializing_if = "Option::is_none")]
    pub purpose_en: Option<String>,
    /// Names of its keys.
    pub key_ids: Vec<String>,
    /// How it shows who it is.
    pub token_endpoint_auth_method: String,
    /// Where it is told that a session ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<RedirectUri>,
    /// Whether it needs `sid` there.
    #[serde(default)]
    pub backchannel_logout_session_required: bool,
    /// Civil time of registration.
    pub registered_at: Timestamp,
}

/// Characters that a person can see and that do not turn the text around them.
fn visible(text: &str) -> bool {
    let turning = |c: char| matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    !text.chars().any(|c| c.is_control() || turning(c))
}

/// A name that people are shown.
fn name_of(text: &str) -> Result<String, PartyError> {
    let name = text.trim();
    let fits = (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count()) && visible(name);
    if fits { Ok(name.to_owned()) } else { Err(PartyError::Name) }
}

/// A purpose that people are shown; it may be empty.
fn purpose_of(text: &str) -> Result<String, PartyError> {
    let purpose = text.trim();
    let fits = purpose.chars().count() <= PURPOSE_CHARACTERS_MAX && visible(purpose);
    if fits { Ok(purpose.to_owned()) } else { Err(PartyError::Purpose) }
}

impl Registration {
    /// Registers the party of a number: `RP00000001` is the first.
    ///
    /// # Errors
    /// [`RegistrationError`].
    pub fn accept(self, number: u32, now: Timestamp) -> Result<RelyingParty, RegistrationError> {
        let name = name_of(&self.name)?;
        let name_en = self.name_en.as_deref().map(name_of).transpose()?;
        let purpose = purpose_of(&self.purpose)?;
        let purpose_en = self.purpose_en.as_deref().map(purpose_of).transpose()?;
        if !(1..=REDIRECT_URIS_MAX).contains(&self.redirect_uris.len()) {
            return Err(PartyError::RedirectUri.into());
        }
        let redirect_uris = self
            .redirect_uris
            .iter()
            .map(|uri| uri.parse::<RedirectUri>().map_err(|_| PartyError::RedirectUri))
            .collect::<Result<Vec<_>, _>>()?;
        let openid = [Scopes::OPENID.to_owned()];
        let scopes = openid
            .iter()
            .chain(&self.scopes)
            .map(|scope| match scope.parse::<Scope>() {
                Ok(known) if SCOPES.contains(&known.as_str()) => Ok(known),
                _ => Err(PartyError::Scope),
            })
            .collect::<Result<Scopes, _>>()?;
        let logout_uri = self.backchannel_logout_uri.map(|uri| uri.parse::<RedirectUri>());
        Ok(RelyingParty {
            backchannel_logout_uri: logout_uri.transpose().map_err(|_| PartyError::LogoutUri)?,
            backchannel_logout_session_required: self.backchannel_logout_session_required,
            client_id: format!("RP{number:08}").parse().map_err(|_| PartyError::NotFound)?,
            name,
            name_en,
            redirect_uris,
            jwks: JwkSet::from_json(&self.jwks)?,
            scopes,
            purpose,
            purpose_en: purpose_en.filter(|purpose| !purpose.is_empty()),
            registered_at: now,
        })
    }
}

impl RelyingParty {
    /// That an answer may go where a request wants it.
    ///
    /// # Errors
    /// [`PartyError::OtherAddress`], to be shown on a page and never sent anywhere.
    pub fn expects(&self, target: &AuthorizationTarget) -> Result<(), PartyError> {
        if self.client_id == target.client_id && self.redirect_uris.contains(&target.redirect_uri) {
            Ok(())
        } else {
            Err(PartyError::OtherAddress)
        }
    }

    /// For lists.
    #[must_use]
    pub fn view(&self) -> RelyingPartyView {
        RelyingPartyView {
            client_id: self.client_id.clone(),
            name: self.name.clone(),
            name_en: self.name_en.clone(),
            redirect_uris: self.redirect_uris.clone(),
            scopes: self.scopes.clone(),
            purpose: self.purpose.clone(),
            purpose_en: self.purpose_en.clone(),
            key_ids: self.jwks.keys.iter().map(|key| key.kid().to_owned()).collect(),
            token_endpoint_auth_method: "private_key_jwt".to_owned(),
            backchannel_logout_uri: self.backchannel_logout_uri.clone(),
            backchannel_logout_session_required: self.backchannel_logout_session_required,
            registered_at: self.registered_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn registration() -> Registration {
        Registration {
            name: " 図書館 ".into(),
            name_en: Some(" Library ".into()),
            redirect_uris: vec!["https://rp.example/cb".into()],
            jwks: json!({ "keys": [{ "kty": "EC", "crv": "P-256",
                "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" }] }),
            scopes: vec![],
            purpose: "貸出".into(),
            purpose_en: Some("Borrow".into()),
            backchannel_logout_uri: Some("https://rp.example/logout".into()),
            backchannel_logout_session_required: true,
        }
    }

    #[test]
    fn a_party_is_registered_under_its_number() {
        let party = registration().accept(1, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(party.client_id.as_str(), "RP00000001");
        assert_eq!((party.name.as_str(), party.scopes.to_string().as_str()), ("図書館", "openid"));
        assert_eq!(
            (party.name_en.as_deref(), party.purpose_en.as_deref()),
            (Some("Library"), Some("Borrow"))
        );
    }

    #[test]
    fn a_party_that_was_stored_before_it_could_have_english_texts_is_read() {
        let party = registration().accept(1, Timestamp::UNIX_EPOCH).unwrap();
        let mut stored = serde_json::to_value(&party).unwrap();
        assert_eq!((&stored["name#en"], &stored["purpose#en"]), (&json!("Library"), &json!("Borrow")));
        let members = stored.as_object_mut().unwrap();
        members.remove("name#en");
        members.remove("purpose#en");
        let read: RelyingParty = serde_json::from_value(stored).unwrap();
        assert_eq!(read, RelyingParty { name_en: None, purpose_en: None, ..party });
    }

    #[test]
    fn what_people_would_be_shown_wrongly_is_refused() {
        let refused = |change: fn(&mut Registration)| {
            let mut registration = registration();
            change(&mut registration);
            registration.accept(1, Timestamp::UNIX_EPOCH).unwrap_err().code().to_string()
        };
        assert_eq!(refused(|own| own.name = "  ".into()), "rp.name_malformed");
        assert_eq!(refused(|own| own.name = "a\u{202E}b".into()), "rp.name_malformed");
        assert_eq!(refused(|own| own.name = "a".repeat(81)), "rp.name_malformed");
        assert_eq!(refused(|own| own.name_en = Some(String::new())), "rp.name_malformed");
        assert_eq!(refused(|own| own.name_en = Some("a\u{202E}b".into())), "rp.name_malformed");
        assert_eq!(refused(|own| own.purpose = "a\nb".into()), "rp.purpose_malformed");
        assert_eq!(refused(|own| own.purpose_en = Some("a".repeat(201))), "rp.purpose_malformed");
        assert_eq!(refused(|own| own.redirect_uris.clear()), "rp.redirect_uri_malformed");
        assert_eq!(
            refused(|own| own.redirect_uris.push("http://rp.example".into())),
            "rp.redirect_uri_malformed"
        );
        assert_eq!(refused(|own| own.scopes.push("address".into())), "rp.scope_unknown");
        let plain = |own: &mut Registration| own.backchannel_logout_uri = Some("http://rp.example/".into());
        assert_eq!(refused(plain), "rp.logout_uri_malformed");
        assert_eq!(refused(|own| own.jwks = json!({ "keys": [] })), "jwk.count");
    }

    #[test]
    fn addresses_are_the_same_character_by_character_or_not_at_all() {
        let party = registration().accept(1, Timestamp::UNIX_EPOCH).unwrap();
        let expects = |uri: &str| {
            let client_id = party.client_id.clone();
            party.expects(&AuthorizationTarget { client_id, redirect_uri: uri.parse().unwrap(), state: None })
        };
        assert_eq!(expects("https://rp.example/cb"), Ok(()));
        for other in [
            "https://rp.example/cb/",
            "https://rp.example/CB",
            "https://RP.example/cb",
            "https://rp.example:443/cb",
            "https://rp.example/cb?",
            "https://rp.example/cb?x=1",
            "https://rp.example/x/../cb",
            "https://rp.example/%63b",
            "https://rp.example//cb",
            "https://rp.example./cb",
            "https://rp.example.evil.example/cb",
            "https://evil.example/cb",
            "https://evil.example/?https://rp.example/cb",
            "https://xn--nxasmq6b.example/cb",
            "http://localhost/cb",
        ] {
            assert_eq!(expects(other), Err(PartyError::OtherAddress), "{other}");
        }
    }
}
