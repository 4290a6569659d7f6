//! What this actor itself has to say no to.

use tefuda_types::PhoneName;

/// Why a phone does not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// No phone of that name.
    #[error("there is no phone {0}")]
    NotFound(String),
    /// There is one already.
    #[error("there is a phone {0} already")]
    Exists(PhoneName),
    /// Its model has no secure element.
    #[error("the phone has no secure element")]
    NoElement,
    /// No such PIN session, or another one began since.
    #[error("there is no such PIN session, or another one began since")]
    SessionNotFound,
    /// It lay open too long.
    #[error("the PIN session lay open too long")]
    SessionExpired,
    /// Not one block for each password that is wanted.
    #[error("one block is wanted for each password")]
    BlocksMissing,
    /// A reset that does not say which password.
    #[error("the reset does not say which password")]
    PasswordUnnamed,
    /// The authority never ends its session into the element.
    #[error("the authority's session into the element does not end")]
    Endless,
    /// Nobody listens at the reader's address.
    #[error("no reader listens at {0}")]
    ReaderUnreachable(String),
    /// The element was opened by nobody, or its thread ended.
    #[error("the phone's element cannot be used: {0}")]
    Element(String),
    /// The phone's folder cannot be used.
    #[error("the phone's folder cannot be used: {0}")]
    Folder(#[from] std::io::Error),
}

tefuda_types::reasons! { PhoneError {
    NotFound(_) => "phone.not_found", Caller;
    Exists(_) => "phone.exists", Policy;
    NoElement => "phone.no_element", Policy;
    SessionNotFound => "phone.session_not_found", Caller;
    SessionExpired => "phone.session_expired", Policy;
    BlocksMissing => "phone.blocks_missing", Malformed;
    PasswordUnnamed => "phone.password_unnamed", Malformed;
    Endless => "phone.session_endless", Peer;
    ReaderUnreachable(_) => "reader.unreachable", Backend;
    Element(_) => "phone.element_unavailable", Backend;
    Folder(_) => "phone.folder_unavailable", Backend;
} }
