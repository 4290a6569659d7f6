//! Which phone logged in where, for as long as it takes to end it.

use serde::{Deserialize, Serialize};
use tefuda_openid::ClientId;
use tefuda_types::{CertificateStatus, Timestamp};
use thiserror::Error;

use crate::{
    Fingerprint, Handle,
    policy::{HISTORY_SECONDS, SESSION_SECONDS},
};

/// Why there is no such session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Nobody's, or somebody else's.
    #[error("there is no such session")]
    NotFound,
}

tefuda_types::reasons! { SessionError {
    NotFound => "session.not_found", Caller;
} }

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
    /// The person ended it from another place.
    EndedByPerson,
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
    /// What that was called then.
    #[serde(default)]
    pub relying_party: String,
    /// The same on English pages.
    #[serde(rename = "relying_party#en", default, skip_serializing_if = "Option::is_none")]
    pub relying_party_en: Option<String>,
    /// Authentication context class.
    #[serde(default)]
    pub acr: String,
    /// Authentication methods.
    #[serde(default)]
    pub amr: Vec<String>,
    /// Whether it was approved on another device than the browser's.
    #[serde(default)]
    pub cross_device: bool,
    /// Wire time.
    pub since: Timestamp,
    /// Civil time of the same moment: what the person's calendar said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub civil: Option<Timestamp>,
    /// Wire time, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<(Timestamp, Ending)>,
    /// Civil time of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_civil: Option<Timestamp>,
}

impl Session {
    /// Ends it, once, at a wire and a civil time; tells whether this did.
    pub fn end(&mut self, ending: Ending, now: Timestamp, civil: Timestamp) -> bool {
        let ends = self.ended.is_none();
        if ends {
            (self.ended, self.ended_civil) = (Some((now, ending)), Some(civil));
        }
        ends
    }

    /// Whether somebody may still be logged in by it.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && !self.is_over(now)
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

    /// Whether it is history, and no session any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.as_second() - self.since.as_second() > SESSION_SECONDS
    }

    /// Whether even that is forgotten.
    #[must_use]
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        now.as_second() - self.since.as_second() > HISTORY_SECONDS
    }

    /// As the person sees it.
    #[must_use]
    pub fn view(&self, id: &str, asking: (&str, &Fingerprint), now: Timestamp) -> SessionView {
        SessionView {
            id: id.to_owned(),
            relying_party: self.relying_party.clone(),
            relying_party_en: self.relying_party_en.clone(),
            client_id: self.client_id.clone(),
            since: self.since,
            civil: self.civil.unwrap_or(self.since),
            acr: self.acr.clone(),
            amr: self.amr.clone(),
            cross_device: self.cross_device,
            live: self.is_live(now),
            this_session: id == asking.0,
            this_phone: self.link == *asking.1,
            ended: self.ended.map(|(at, why)| SessionEnd { at, civil: self.ended_civil.unwrap_or(at), why }),
        }
    }
}

/// When and why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnd {
    /// Wire time.
    pub at: Timestamp,
    /// Civil time, for people.
    pub civil: Timestamp,
    /// Why.
    pub why: Ending,
}

/// A line of the sign-in history. It names no certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Identifier, as in `sid`.
    pub id: String,
    /// Where, as it was called then.
    pub relying_party: String,
    /// The same on English pages.
    #[serde(rename = "relying_party#en", default, skip_serializing_if = "Option::is_none")]
    pub relying_party_en: Option<String>,
    /// Where.
    pub client_id: ClientId,
    /// Wire time.
    pub since: Timestamp,
    /// Civil time, for people.
    pub civil: Timestamp,
    /// Authentication context class.
    pub acr: String,
    /// Authentication methods.
    pub amr: Vec<String>,
    /// Whether it was approved on another device than the browser's.
    pub cross_device: bool,
    /// Whether somebody may still be logged in by it.
    pub live: bool,
    /// Whether it is the one that asks.
    pub this_session: bool,
    /// Whether it was approved by the same phone as the one that asks.
    pub this_phone: bool,
    /// When and why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<SessionEnd>,
}

/// `GET /me` of the gateway: what a person did with phones, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsView {
    /// Logins and what became of them.
    pub sessions: Vec<SessionView>,
}
