//! OpenID provider on top of the verifier: which relying party may ask, who a person is to it, and what a login
//! gives.
//!
//! Pure: what is stored, the time and randomness come in; what is to be stored, signed and told goes out.
//! Whether a phone may log in is decided by `tefuda_verifier` alone. There is no single sign-on: every
//! authorization asks the phone, so no cookie logs anybody in.
#![warn(missing_docs)]

pub mod assurance;
mod grant;
mod keyring;
mod login;
mod logout;
mod party;
pub mod policy;
mod secrets;
mod session;
mod subject;

pub use grant::{AccessGrant, CodeGrant, GrantError};
pub use keyring::{SigningKey, current, published, retire, rotation_is_due};
pub use login::{Continuation, FlowError, Fresh, Login, Refused};
pub use logout::LogoutNotice;
pub use party::{PartyError, Registration, RegistrationError, RelyingParty, RelyingPartyView};
pub use secrets::{Fingerprint, Fingerprints, Purpose, opaque};
pub use session::{Ending, Session, SessionEnd, SessionError, SessionView, SessionsView};
pub use subject::{Handle, Joined, Known, LinkRow, Person, Subjects, join};
