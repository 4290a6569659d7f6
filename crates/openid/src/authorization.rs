//! The authorization request (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1).

use crate::{ClientId, CodeChallenge, Nonce, Parameters, RedirectUri, RequestError, Scopes, State};

/// Most words in `acr_values`, `ui_locales` and `prompt`.
const WORDS_MAX: usize = 10;

/// To whom an answer would go. Until it is known that the relying party registered this address, nobody is
/// sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationTarget {
    /// Who says it asks.
    pub client_id: ClientId,
    /// Where it wants the answer.
    pub redirect_uri: RedirectUri,
    /// Given back with an error too, if the request has a proper one.
    pub state: Option<State>,
}

impl AuthorizationTarget {
    /// The part of a request that decides whether it may be answered by a redirect.
    ///
    /// # Errors
    /// [`RequestError`], to be shown on a page and never sent anywhere.
    pub fn parse(parameters: &Parameters) -> Result<Self, RequestError> {
        Ok(Self {
            client_id: parameters.parsed("client_id")?,
            redirect_uri: parameters.parsed("redirect_uri")?,
            state: parameters.parsed("state").ok(),
        })
    }
}

/// A request that keeps every rule of this flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes.
    pub redirect_uri: RedirectUri,
    /// For what, `openid` among it.
    pub scopes: Scopes,
    /// Given back.
    pub state: State,
    /// Goes into the ID token.
    pub nonce: Nonce,
    /// Whoever redeems the code must answer it.
    pub code_challenge: CodeChallenge,
    /// Authentication context classes that the relying party would like, best first; words of other
    /// providers among them.
    pub acr_values: Vec<String>,
    /// Languages for pages, best first.
    pub ui_locales: Vec<String>,
}

impl AuthorizationRequest {
    /// Parses and validates a request.
    ///
    /// `max_age` is checked and always kept, as every login is new; `login_hint` and `id_token_hint` are not
    /// looked at, as the phone says who it is; of `prompt` only `none` makes a difference.
    ///
    /// # Errors
    /// [`RequestError`], to be told to the relying party.
    pub fn parse(parameters: &Parameters) -> Result<Self, RequestError> {
        if parameters.one("request")?.is_some() {
            return Err(RequestError::RequestObject);
        }
        if parameters.one("request_uri")?.is_some() {
            return Err(RequestError::RequestUri);
        }
        if parameters.one("registration")?.is_some() {
            return Err(RequestError::Registration);
        }
        if parameters.required("response_type")? != "code" {
            return Err(RequestError::ResponseType);
        }
        if parameters.one("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(RequestError::ResponseMode);
        }
        let scopes: Scopes = parameters.parsed("scope")?;
        if !scopes.has(Scopes::OPENID) {
            return Err(RequestError::ScopeWithoutOpenid);
        }
        if parameters.required("code_challenge_method")? != "S256" {
            return Err(RequestError::ChallengeMethod);
        }
        for unused in ["login_hint", "id_token_hint", "display", "claims", "claims_locales"] {
            parameters.one(unused)?;
        }
        let request = Self {
            client_id: parameters.parsed("client_id")?,
            redirect_uri: parameters.parsed("redirect_uri")?,
            scopes,
            state: parameters.parsed("state")?,
            nonce: parameters.parsed("nonce")?,
            code_challenge: parameters.parsed("code_challenge")?,
            acr_values: parameters.words("acr_values", WORDS_MAX)?,
            ui_locales: parameters.words("ui_locales", WORDS_MAX)?,
        };
        max_age(parameters)?;
        prompt(parameters)?;
        Ok(request)
    }
}

fn max_age(parameters: &Parameters) -> Result<(), RequestError> {
    let malformed = |_| RequestError::Malformed("max_age");
    parameters.one("max_age")?.map(|seconds| seconds.parse::<u32>().map_err(malformed)).transpose()?;
    Ok(())
}

fn prompt(parameters: &Parameters) -> Result<(), RequestError> {
    let words = parameters.words("prompt", WORDS_MAX)?;
    if !words.iter().any(|word| word == "none") {
        Ok(())
    } else if words.len() == 1 {
        Err(RequestError::LoginRequired)
    } else {
        Err(RequestError::Malformed("prompt"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OAuthError;

    const GOOD: &[(&str, &str)] = &[
        ("response_type", "code"),
        ("client_id", "RP00000001"),
        ("redirect_uri", "https://rp.example/cb"),
        ("scope", "openid"),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];

    fn parse(changes: &[(&str, Option<&str>)], added: &str) -> Result<AuthorizationRequest, RequestError> {
        let mut pairs: Vec<(&str, &str)> = GOOD.to_vec();
        for (name, value) in changes {
            pairs.retain(|(own, _)| own != name);
            pairs.extend(value.map(|value| (*name, value)));
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(pairs).finish() + added;
        AuthorizationRequest::parse(&Parameters::parse(&form)?)
    }

    #[test]
    fn a_good_request_is_taken() {
        let request = parse(
            &[("acr_values", Some("aal3 crl")), ("ui_locales", Some("ja en"))],
            "&max_age=0&prompt=login%20consent&login_hint=x&unknown=1&unknown=2",
        )
        .unwrap();
        assert_eq!(request.acr_values, ["aal3", "crl"]);
        assert_eq!(request.ui_locales, ["ja", "en"]);
        assert_eq!(request.scopes.to_string(), "openid");
    }

    #[test]
    fn each_parameter_is_needed_once_and_as_the_flow_has_it() {
        for (name, _) in GOOD {
            let missing = parse(&[(name, None)], "").unwrap_err();
            assert!(matches!(missing, RequestError::Missing(which) if which == *name), "{name}: {missing}");
            let empty = parse(&[(name, Some(""))], "").unwrap_err();
            assert!(matches!(empty, RequestError::Missing(which) if which == *name), "{name}: {empty}");
            let twice = parse(&[], &format!("&{name}=x")).unwrap_err();
            assert!(matches!(twice, RequestError::Repeated(which) if which == *name), "{name}: {twice}");
        }
    }

    #[test]
    fn what_the_flow_does_not_have_is_refused_in_the_words_of_the_standards() {
        let cases = [
            ("response_type", "token", OAuthError::UnsupportedResponseType),
            ("response_type", "code id_token", OAuthError::UnsupportedResponseType),
            ("response_mode", "fragment", OAuthError::InvalidRequest),
            ("scope", "profile", OAuthError::InvalidScope),
            ("code_challenge_method", "plain", OAuthError::InvalidRequest),
            ("code_challenge", "short", OAuthError::InvalidRequest),
            ("nonce", "nön", OAuthError::InvalidRequest),
            ("prompt", "none", OAuthError::LoginRequired),
            ("prompt", "none login", OAuthError::InvalidRequest),
            ("max_age", "-1", OAuthError::InvalidRequest),
            ("request", "e30", OAuthError::RequestNotSupported),
            ("request_uri", "https://rp.example/r", OAuthError::RequestUriNotSupported),
            ("registration", "{}", OAuthError::RegistrationNotSupported),
        ];
        for (name, value, word) in cases {
            let error = parse(&[(name, Some(value))], "").unwrap_err();
            assert_eq!(error.wire(), word, "{name}={value}: {error}");
        }
    }

    #[test]
    fn floods_are_refused() {
        assert_eq!(parse(&[], &"&a=b".repeat(40)).unwrap_err(), RequestError::TooLarge);
        assert_eq!(parse(&[("state", Some(&"s".repeat(20_000)))], "").unwrap_err(), RequestError::TooLarge);
    }
}
