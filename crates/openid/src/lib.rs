//! OAuth 2.0 and OpenID Connect messages and their validation, for the one flow that there is: authorization
//! code with PKCE S256 and `private_key_jwt`.
//!
//! Nothing here knows a person, a policy or a key that signs: a token is prepared here, signed elsewhere and
//! assembled here ([`jws::Prepared`]). What is parsed is valid; what is not is a [`RequestError`] with the word
//! that the standards have for it ([`OAuthError`]).
#![warn(missing_docs)]

mod assertion;
mod authorization;
mod claims;
mod discovery;
mod error;
mod identifier;
pub mod jwe;
pub mod jwk;
pub mod jws;
mod logout;
mod parameters;
mod party;
mod token;

pub use assertion::{
    ASSERTION_LIFETIME_SECONDS_MAX, AssertionError, ClaimsError, ClientAssertion, JTI_CHARACTERS_MAX,
};
pub use authorization::{AuthorizationRequest, AuthorizationTarget};
pub use claims::{IdTokenClaims, UserInfo, access_token_hash};
pub use discovery::{Discovery, PATH_AUTHORIZATION, PATH_CERTS, PATH_DISCOVERY, PATH_TOKEN, PATH_USERINFO};
pub use error::{OAuthError, RequestError, error_description};
pub use identifier::{ClientId, CodeChallenge, CodeVerifier, Nonce, RedirectUri, Scope, Scopes, State};
pub use jwk::{Jwk, JwkError, JwkSet};
pub use jws::JwsError;
pub use logout::{LOGOUT_EVENT, LOGOUT_TYPE, LogoutTokenClaims};
pub use parameters::Parameters;
pub use party::{
    AnswerError, Asked, AuthorizationCall, IdTokenError, Metadata, Returned, TokenAnswer, assertion_claims,
    verify_id_token, verify_logout_token,
};
pub use token::{CLIENT_ASSERTION_TYPE, TokenRequest, TokenResponse};
