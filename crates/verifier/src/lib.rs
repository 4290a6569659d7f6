//! Everything that a service needs to check what a phone shows, without asking anybody about a person.
//!
//! A service fetches roots, revocation lists and a heartbeat now and then ([`StatusBook`]) and looks up
//! locally. Status has four values, and *not known* never passes as valid: no heartbeat, two missed ones, a
//! list that is older than the heartbeat names, or a clock that went back behind a signed time that was seen.
//! What holds is a proof with one constructor ([`VerifiedLogin`]); what does not is a refusal with a reason.
#![warn(missing_docs)]

mod login;
mod statement;
mod status;

pub use login::{LINKS_MAX, LoginError, LoginRefusal, VerifiedLogin, verify_login};
pub use statement::{StatementError, verify_statement};
pub use status::{
    CLOCK_TOLERANCE_SECONDS, INTERVAL_SECONDS_MAX, MISSED_BEATS_MAX, StatusBook, StatusRefusal, Wanted,
    reference,
};
