//! Which phone logged in where, for as long as it takes to end it.

use serde::{Deserialize, Serialize};
use tefuda_openid::ClientId;
use tefuda_types::{CertificateStatus, Timestamp};

use crate::{Fingerprint, Handle, policy::SESSION_SECONDS};

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The phone's authentication certificate is on hold.
    CertificateSuspended,
    /// It is revoked.
    CertificateRevoked,
    /// The code of the login was used a second time.
    CodeUsedTwice,
}

/// A login that gave tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub handle: Handle,
    /// By which phone: its certificate's line in the link table.
    pub link: Fingerprint,
    /// Where.
    pub client_id: ClientId,
    /// Wire time.
    pub since: Timestamp,
    /// Wire time, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<(Timestamp, Ending)>,
}

impl Session {
    /// Ends it, once.
    pub fn end(&mut self, ending: Ending, now: Timestamp) {
        self.ended.get_or_insert((now, ending));
    }

    /// What a status of the phone's certificate does to it. *Not known* ends nothing: it lets nobody in, and
    /// is over when the lists come again.
    #[must_use]
    pub const fn ending(status: CertificateStatus) -> Option<Ending> {
        match status {
            CertificateStatus::Suspended => Some(Ending::CertificateSuspended),
            CertificateStatus::Revoked => Some(Ending::CertificateRevoked),
            CertificateStatus::Valid | CertificateStatus::NotKnown => None,
        }
    }

    /// Whether it need not be remembered any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.as_second() - self.since.as_second() > SESSION_SECONDS
    }
}
