//! What is wrong with a request, and the word for it in the answer.

use tefuda_types::ReasonCode;
use thiserror::Error;

/// Error words of RFC 6749 (4.1.2.1, 5.2), RFC 6750 (3.1) and OpenID Connect Core (3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthError {
    /// `invalid_request`.
    InvalidRequest,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `invalid_scope`.
    InvalidScope,
    /// `access_denied`.
    AccessDenied,
    /// `server_error`.
    ServerError,
    /// `login_required`.
    LoginRequired,
    /// `request_not_supported`.
    RequestNotSupported,
    /// `request_uri_not_supported`.
    RequestUriNotSupported,
    /// `registration_not_supported`.
    RegistrationNotSupported,
    /// `invalid_client`.
    InvalidClient,
    /// `invalid_grant`.
    InvalidGrant,
    /// `unsupported_grant_type`.
    UnsupportedGrantType,
    /// `invalid_token`.
    InvalidToken,
    /// `insufficient_scope`.
    InsufficientScope,
}

impl OAuthError {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }

    /// Status of the answer of a token or UserInfo endpoint (RFC 6749, 5.2; RFC 6750, 3.1).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::AccessDenied | Self::InsufficientScope => 403,
            Self::ServerError => 500,
            Self::InvalidRequest
            | Self::UnsupportedResponseType
            | Self::InvalidScope
            | Self::LoginRequired
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::RegistrationNotSupported
            | Self::InvalidGrant
            | Self::UnsupportedGrantType => 400,
        }
    }
}

/// `error_description`: the reason code and a sentence for developers, in the characters that RFC 6749
/// (4.1.2.1) allows.
#[must_use]
pub fn error_description(code: ReasonCode, sentence: &str) -> String {
    let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    format!("{code}: {sentence}").chars().filter(allowed).collect()
}

/// Why a request of a relying party is not taken. The name is the parameter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// More octets or parameters than a request of this flow can need.
    #[error("the request is too large")]
    TooLarge,
    /// A parameter stands twice (RFC 6749, 3.1).
    #[error("the parameter {0} stands more than once")]
    Repeated(&'static str),
    /// A parameter that this flow needs is missing or empty.
    #[error("the parameter {0} is missing")]
    Missing(&'static str),
    /// A parameter has another alphabet or length.
    #[error("the parameter {0} is not one")]
    Malformed(&'static str),
    /// `response_type` other than `code`.
    #[error("response_type can be code only")]
    ResponseType,
    /// `response_mode` other than `query`.
    #[error("response_mode can be query only")]
    ResponseMode,
    /// `code_challenge_method` other than `S256`.
    #[error("code_challenge_method can be S256 only")]
    ChallengeMethod,
    /// `scope` without `openid`.
    #[error("the scope openid is missing")]
    ScopeWithoutOpenid,
    /// `request` (OpenID Connect Core, 6.1).
    #[error("request objects are not supported")]
    RequestObject,
    /// `request_uri` (OpenID Connect Core, 6.2).
    #[error("request objects by reference are not supported")]
    RequestUri,
    /// `registration` (OpenID Connect Core, 7.2.1).
    #[error("registration by request is not supported")]
    Registration,
    /// `prompt=none`: there is never a session, so a login is always needed.
    #[error("every login asks the phone, so prompt=none cannot succeed")]
    LoginRequired,
    /// `grant_type` other than `authorization_code`.
    #[error("grant_type can be authorization_code only")]
    GrantType,
    /// A client authenticates by `private_key_jwt` and nothing else.
    #[error("client authentication is by private_key_jwt only")]
    ClientAuthentication,
}

tefuda_types::reasons! { RequestError {
    TooLarge => "openid.request_too_large", Malformed;
    Repeated(_) => "openid.parameter_repeated", Malformed;
    Missing(_) => "openid.parameter_missing", Malformed;
    Malformed(_) => "openid.parameter_malformed", Malformed;
    ResponseType => "openid.response_type_unsupported", Policy;
    ResponseMode => "openid.response_mode_unsupported", Policy;
    ChallengeMethod => "openid.challenge_method_unsupported", Policy;
    ScopeWithoutOpenid => "openid.scope_without_openid", Policy;
    RequestObject => "openid.request_object_unsupported", Policy;
    RequestUri => "openid.request_uri_unsupported", Policy;
    Registration => "openid.registration_unsupported", Policy;
    LoginRequired => "openid.login_required", Policy;
    GrantType => "openid.grant_type_unsupported", Policy;
    ClientAuthentication => "openid.client_authentication_unsupported", Policy;
} }

impl RequestError {
    /// The word of the standards for it.
    #[must_use]
    pub const fn wire(self) -> OAuthError {
        match self {
            Self::TooLarge
            | Self::Repeated(_)
            | Self::Missing(_)
            | Self::Malformed(_)
            | Self::ResponseMode
            | Self::ChallengeMethod => OAuthError::InvalidRequest,
            Self::ResponseType => OAuthError::UnsupportedResponseType,
            Self::ScopeWithoutOpenid => OAuthError::InvalidScope,
            Self::RequestObject => OAuthError::RequestNotSupported,
            Self::RequestUri => OAuthError::RequestUriNotSupported,
            Self::Registration => OAuthError::RegistrationNotSupported,
            Self::LoginRequired => OAuthError::LoginRequired,
            Self::GrantType => OAuthError::UnsupportedGrantType,
            Self::ClientAuthentication => OAuthError::InvalidClient,
        }
    }
}
