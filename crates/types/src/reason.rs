use core::fmt;

/// Who has to act for a refusal to go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The input is not well formed.
    Malformed,
    /// The peer (a card, a server, a reader) broke its protocol.
    Peer,
    /// The input is well formed and a rule says no.
    Policy,
    /// Our own caller used the interface in the wrong order or with a wrong name.
    Caller,
    /// Something below failed: disk, network, time.
    Backend,
}

/// A stable, dotted, lower-case code such as `card.pin_blocked`.
///
/// Codes are part of the contract: they are never renamed, and each has a Japanese and an English
/// sentence in the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReasonCode(&'static str);

impl ReasonCode {
    /// A code from its text. Meant for [`reasons!`](crate::reasons).
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self(code)
    }

    /// The text of the code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// An error that can be told to a person: it has a reason code, and somebody to act.
pub trait Reason {
    /// The stable code.
    fn code(&self) -> ReasonCode;
    /// Who has to act.
    fn blame(&self) -> Blame;
}

/// Gives an error enum its reason codes, and a list of all of them.
///
/// Every variant is named once; the `match` is total, so a new variant without a code does not compile.
/// A variant that wraps another error passes the question on with `=> inner`.
///
/// ```
/// use tefuda_types::{Reason, reasons};
/// #[derive(Debug)]
/// pub enum HoldError { Torn, Blocked { left: u8 } }
/// reasons! { HoldError {
///     Torn => "card.torn", Peer;
///     Blocked { .. } => "card.pin_blocked", Policy;
/// } }
/// assert_eq!(HoldError::Torn.code().as_str(), "card.torn");
/// assert_eq!(HoldError::CODES.len(), 2);
/// ```
#[macro_export]
macro_rules! reasons {
    ($error:ident { $($variant:ident $( ( $($tuple:tt)* ) )? $( { $($fields:tt)* } )? => $code:literal, $blame:ident;)* }) => {
        impl $error {
            /// Every reason code that this error can carry, in the order of its variants.
            pub const CODES: &'static [$crate::ReasonCode] = &[$($crate::ReasonCode::new($code)),*];
        }
        impl $crate::Reason for $error {
            fn code(&self) -> $crate::ReasonCode {
                match self { $(Self::$variant $( ( $($tuple)* ) )? $( { $($fields)* } )? => $crate::ReasonCode::new($code),)* }
            }
            fn blame(&self) -> $crate::Blame {
                match self { $(Self::$variant $( ( $($tuple)* ) )? $( { $($fields)* } )? => $crate::Blame::$blame,)* }
            }
        }
    };
}
