//! The token request and its answer (RFC 6749, 4.1.3 and 5.1).

use tefuda_types::Secret;

use crate::{ClientId, CodeVerifier, Parameters, RedirectUri, RequestError, Scopes};

/// `client_assertion_type` (RFC 7523, 2.2).
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest code that is looked at, in characters.
const CODE_CHARACTERS_MAX: usize = 255;

/// A request to redeem a code.
#[derive(Debug)]
pub struct TokenRequest {
    /// The code.
    pub code: Secret<String>,
    /// The same as in the authorization request.
    pub redirect_uri: RedirectUri,
    /// Answers the request's challenge.
    pub code_verifier: CodeVerifier,
    /// Who the relying party says it is, beside its assertion.
    pub client_id: Option<ClientId>,
    /// What shows that.
    pub client_assertion: Secret<String>,
}

impl TokenRequest {
    /// Parses and validates a request. `other_authentication` tells whether the request came with an
    /// `Authorization` header: a client shows who it is in one way only (RFC 6749, 2.3).
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(parameters: &Parameters, other_authentication: bool) -> Result<Self, RequestError> {
        if other_authentication || parameters.one("client_secret")?.is_some() {
            return Err(RequestError::ClientAuthentication);
        }
        if parameters.required("grant_type")? != "authorization_code" {
            return Err(RequestError::GrantType);
        }
        let assertion_type = parameters.one("client_assertion_type")?;
        let assertion = parameters.one("client_assertion")?;
        let (Some(CLIENT_ASSERTION_TYPE), Some(assertion)) = (assertion_type, assertion) else {
            return Err(RequestError::ClientAuthentication);
        };
        let code = parameters.required("code")?;
        if code.len() > CODE_CHARACTERS_MAX {
            return Err(RequestError::Malformed("code"));
        }
        Ok(Self {
            code: Secret::new(code.to_owned()),
            redirect_uri: parameters.parsed("redirect_uri")?,
            code_verifier: parameters.parsed("code_verifier")?,
            client_id: parameters.one("client_id")?.map(str::parse).transpose()?,
            client_assertion: Secret::new(assertion.to_owned()),
        })
    }
}

/// What a code gives.
#[derive(Debug)]
pub struct TokenResponse {
    /// Opaque, for the UserInfo endpoint.
    pub access_token: Secret<String>,
    /// Seconds of wire time for which it is good.
    pub expires_in_seconds: i64,
    /// Who logged in, signed.
    pub id_token: Secret<String>,
    /// What was granted.
    pub scopes: Scopes,
    /// For the person's certificates at the authority, encrypted to it; with the scope `certificates` only.
    pub certificates_token: Option<Secret<String>>,
}

impl TokenResponse {
    /// The body of the answer: the one way on which tokens leave.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut body = serde_json::json!({
            "access_token": self.access_token.expose(),
            "token_type": "Bearer",
            "expires_in": self.expires_in_seconds,
            "id_token": self.id_token.expose(),
            "scope": self.scopes.to_string(),
        });
        if let (Some(body), Some(token)) = (body.as_object_mut(), &self.certificates_token) {
            body.insert("certificates_token".to_owned(), token.expose().as_str().into());
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OAuthError;

    fn form(changes: &[(&str, &str)]) -> Parameters {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", "c"),
            ("redirect_uri", "https://rp.example/cb"),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", "a.b.c"),
        ];
        for (name, value) in changes {
            pairs.retain(|(own, _)| own != name);
            pairs.push((name, value));
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        Parameters::parse(&form.extend_pairs(pairs).finish()).unwrap()
    }

    #[test]
    fn one_way_of_authentication_and_one_grant() {
        assert!(TokenRequest::parse(&form(&[]), false).is_ok());
        let cases: [(&[(&str, &str)], OAuthError); 8] = [
            (&[("grant_type", "client_credentials")], OAuthError::UnsupportedGrantType),
            (&[("grant_type", "")], OAuthError::InvalidRequest),
            (&[("client_secret", "s")], OAuthError::InvalidClient),
            (&[("client_assertion_type", "x")], OAuthError::InvalidClient),
            (&[("client_assertion", "")], OAuthError::InvalidClient),
            (&[("code", "")], OAuthError::InvalidRequest),
            (&[("code_verifier", "short")], OAuthError::InvalidRequest),
            (&[("redirect_uri", "x")], OAuthError::InvalidRequest),
        ];
        for (changes, word) in cases {
            assert_eq!(TokenRequest::parse(&form(changes), false).unwrap_err().wire(), word, "{changes:?}");
        }
        let header = TokenRequest::parse(&form(&[]), true).unwrap_err();
        assert_eq!(header.wire(), OAuthError::InvalidClient);
    }
}
