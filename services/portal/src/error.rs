//! What keeps the portal from doing as asked, and where one can go from there.

use tefuda_openid::{AnswerError, IdTokenError, JwsError};
use tefuda_pki::SignerError;
use tefuda_store::StoreError;
use tefuda_types::ReasonCode;
use tefuda_web::{ClientError, Problem};
use thiserror::Error;

/// Why the portal does not do as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PortalError {
    /// No gateway knows the portal yet.
    #[error("the portal is not registered at the gateway")]
    NotRegistered,
    /// The provider's metadata are another's.
    #[error("the provider's metadata are another provider's")]
    OtherProvider,
    /// The answer of a login came in a browser that did not begin it.
    #[error("the login was begun in another browser, or too long ago")]
    OtherBrowser,
    /// The provider gave no tokens for the code.
    #[error("the provider gave no tokens for the code")]
    TokenRefused,
    /// The provider said no, and nothing that is known here.
    #[error("the provider did not log the person in")]
    LoginRefused,
    /// Two live sessions are in one browser: a page of another name may have put one there.
    #[error("the browser shows two sessions at once")]
    SessionsAmbiguous,
    /// The session is over.
    #[error("the session has ended")]
    SessionEnded,
    /// The portal's key could not sign.
    #[error("the portal's key cannot sign")]
    Signer,
}

tefuda_types::reasons! { PortalError {
    NotRegistered => "portal.not_registered", Backend;
    OtherProvider => "portal.provider_differs", Peer;
    OtherBrowser => "portal.login_of_another_browser", Policy;
    TokenRefused => "portal.token_refused", Peer;
    LoginRefused => "portal.login_refused", Policy;
    SessionsAmbiguous => "portal.sessions_ambiguous", Policy;
    SessionEnded => "portal.session_ended", Policy;
    Signer => "portal.signer_unavailable", Backend;
} }

impl From<SignerError> for PortalError {
    fn from(_: SignerError) -> Self {
        Self::Signer
    }
}

impl From<JwsError> for PortalError {
    fn from(_: JwsError) -> Self {
        Self::Signer
    }
}

/// A refusal on its way to a page.
#[derive(Debug)]
pub struct Refused {
    /// What is told.
    pub problem: Problem,
    /// Where to go: address and text, the main way first.
    pub ways: Vec<(&'static str, &'static str)>,
}

/// The front page, and the login.
const FRONT: (&str, &str) = ("/", "portal-to-front");
const LOGIN: (&str, &str) = ("/login", "portal-log-in-again");
/// A login on the phone itself.
const STRONG_LOGIN: (&str, &str) = ("/login?strong=1", "portal-log-in-strongly");
const STRONGER_LOGIN_NEEDED: &str = "me.stronger_login_needed";

macro_rules! refusals {
    ($($error:ty),*) => {$(
        impl From<$error> for Refused {
            fn from(error: $error) -> Self {
                Self { problem: error.into(), ways: vec![LOGIN, FRONT] }
            }
        }
    )*};
}

refusals!(PortalError, AnswerError, IdTokenError, StoreError);

impl From<ClientError> for Refused {
    fn from(error: ClientError) -> Self {
        let way = if error.reason() == STRONGER_LOGIN_NEEDED { STRONG_LOGIN } else { LOGIN };
        Self { problem: error.into(), ways: vec![way, FRONT] }
    }
}

impl Refused {
    /// What the provider said, under its own reason code if it is one of ours.
    pub fn by_provider(description: &str) -> Self {
        let code = description.split(':').next().unwrap_or_default();
        let known = tefuda_pages::Refusal::all(tefuda_pages::Language::English);
        match known.into_iter().find(|refusal| refusal.code == code) {
            Some(refusal) => Self {
                problem: Problem::passed_on(
                    axum::http::StatusCode::CONFLICT,
                    tefuda_web::ProblemBody { reason: refusal.code, message: description.to_owned() },
                ),
                ways: vec![LOGIN, FRONT],
            },
            None => PortalError::LoginRefused.into(),
        }
    }

    /// Whether it says that the login behind the session has ended.
    pub fn ends_session(&self) -> bool {
        let over = [
            ReasonCode::new("grant.access_token_refused"),
            ReasonCode::new("me.certificate_ended"),
            ReasonCode::new("portal.session_ended"),
        ];
        over.iter().any(|code| code.as_str() == self.problem.reason())
    }
}
