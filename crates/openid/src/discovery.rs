use serde::{Deserialize, Serialize};

/// Authorization endpoint below the issuer.
pub const PATH_AUTHORIZATION: &str = "/protocol/openid-connect/auth";
/// Token endpoint below the issuer.
pub const PATH_TOKEN: &str = "/protocol/openid-connect/token";
/// UserInfo endpoint below the issuer.
pub const PATH_USERINFO: &str = "/protocol/openid-connect/userinfo";
/// Key set below the issuer.
pub const PATH_CERTS: &str = "/protocol/openid-connect/certs";
/// Discovery document below the issuer (OpenID Connect Discovery, 4).
pub const PATH_DISCOVERY: &str = "/.well-known/openid-configuration";

/// Metadata of the provider (OpenID Connect Discovery, 3; RFC 8414, 2; RFC 9207, 3; OpenID Connect Back-Channel
/// Logout, 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are the standards' own, clause by clause in the list above")]
pub struct Discovery {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: String,
    pub jwks_uri: String,
    pub scopes_supported: Vec<String>,
    pub response_types_supported: Vec<String>,
    pub response_modes_supported: Vec<String>,
    pub grant_types_supported: Vec<String>,
    pub acr_values_supported: Vec<String>,
    pub subject_types_supported: Vec<String>,
    pub id_token_signing_alg_values_supported: Vec<String>,
    pub token_endpoint_auth_methods_supported: Vec<String>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    pub code_challenge_methods_supported: Vec<String>,
    pub claims_supported: Vec<String>,
    pub ui_locales_supported: Vec<String>,
    pub prompt_values_supported: Vec<String>,
    pub claims_parameter_supported: bool,
    pub request_parameter_supported: bool,
    pub request_uri_parameter_supported: bool,
    pub authorization_response_iss_parameter_supported: bool,
    pub backchannel_logout_supported: bool,
    pub backchannel_logout_session_supported: bool,
}

impl Discovery {
    /// The document of an issuer that knows these scopes and authentication context classes.
    #[must_use]
    pub fn new(issuer: &str, scopes: &[&str], acr_values: &[&str]) -> Self {
        let below = |path: &str| format!("{issuer}{path}");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: below(PATH_AUTHORIZATION),
            token_endpoint: below(PATH_TOKEN),
            userinfo_endpoint: below(PATH_USERINFO),
            jwks_uri: below(PATH_CERTS),
            scopes_supported: words(scopes),
            response_types_supported: words(&["code"]),
            response_modes_supported: words(&["query"]),
            grant_types_supported: words(&["authorization_code"]),
            acr_values_supported: words(acr_values),
            subject_types_supported: words(&["pairwise"]),
            id_token_signing_alg_values_supported: words(&["ES256"]),
            token_endpoint_auth_methods_supported: words(&["private_key_jwt"]),
            token_endpoint_auth_signing_alg_values_supported: words(&["ES256"]),
            code_challenge_methods_supported: words(&["S256"]),
            claims_supported: words(&[
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "amr",
                "at_hash",
                "sid",
            ]),
            ui_locales_supported: words(&["ja", "en"]),
            prompt_values_supported: words(&["login", "consent", "select_account"]),
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
        }
    }
}
