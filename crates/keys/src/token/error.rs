//! What a token says no with, and which of it a new session can mend.

use cryptoki::error::{Error, RvError};

/// Why a token does not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The PKCS #11 library does not load, or does not start.
    #[error("the PKCS #11 module cannot be used: {0}")]
    Module(String),
    /// One process talks to one PKCS #11 library.
    #[error("this process uses another PKCS #11 module")]
    OtherModule,
    /// No slot has the token.
    #[error("token {0} is in no slot")]
    Absent(String),
    /// Two slots have a token of this label.
    #[error("more than one token is called {0}")]
    Ambiguous(String),
    /// The token does not take the PIN. It is not tried a second time: tries are counted.
    #[error("the token does not take the PIN")]
    Pin,
    /// Sessions end as soon as they are opened.
    #[error("the token's session was lost, and so was the next one")]
    SessionLost,
    /// As much waits for the token as may.
    #[error("too much waits for the token")]
    Busy,
    /// The token did not answer in time.
    #[error("the token did not answer in time")]
    Silent,
    /// The token is there, the key is not.
    #[error("the token has no key {0}")]
    KeyMissing(String),
    /// The token's key of this name is not the one that is registered.
    #[error("the token's key {0} is another one than is registered")]
    KeyWrong(String),
    /// A key that could leave the token, or was outside it once.
    #[error("the token would give its key {0} out, or has it from outside")]
    KeyExportable(String),
    /// The token cannot, or may not.
    #[error("the token refuses: {0}")]
    Refused(String),
}

tefuda_types::reasons! { TokenError {
    Module(_) => "keys.module_unusable", Backend;
    OtherModule => "keys.other_module", Backend;
    Absent(_) => "keys.token_absent", Backend;
    Ambiguous(_) => "keys.token_ambiguous", Backend;
    Pin => "keys.token_pin_refused", Backend;
    SessionLost => "keys.token_session_lost", Backend;
    Busy => "keys.token_busy", Backend;
    Silent => "keys.token_silent", Backend;
    KeyMissing(_) => "keys.key_missing", Backend;
    KeyWrong(_) => "keys.key_wrong", Backend;
    KeyExportable(_) => "keys.key_exportable", Backend;
    Refused(_) => "keys.token_refused", Backend;
} }

impl TokenError {
    /// Whether other keys of the token go on.
    pub(super) const fn is_about_a_key(&self) -> bool {
        matches!(self, Self::KeyMissing(_) | Self::KeyWrong(_) | Self::KeyExportable(_) | Self::Refused(_))
    }
}

/// What happened to an act.
#[derive(Debug)]
pub(super) enum Fault {
    /// Worth another session, and at last another start of the module.
    Lost(TokenError),
    /// It stays so.
    Told(TokenError),
}

impl From<TokenError> for Fault {
    fn from(error: TokenError) -> Self {
        Self::Told(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let Error::Pkcs11(code, function) = &error else {
            return Self::Told(TokenError::Refused(error.to_string()));
        };
        match code {
            RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
            | RvError::UserPinNotInitialized => Self::Told(TokenError::Pin),
            // SoftHSM says "object handle" and "general error" of a token that is gone; others say it plainly.
            RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::ObjectHandleInvalid
            | RvError::KeyHandleInvalid
            | RvError::OperationActive
            | RvError::UserNotLoggedIn
            | RvError::DeviceRemoved
            | RvError::DeviceError
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SlotIdInvalid
            | RvError::CryptokiNotInitialized
            | RvError::GeneralError
            | RvError::FunctionFailed => Self::Lost(TokenError::SessionLost),
            _ => Self::Told(TokenError::Refused(format!("{function}: {code:?}"))),
        }
    }
}
