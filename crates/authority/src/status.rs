//! Status of certificates and the numbers of revocation lists.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tefuda_pki::crl::{Entry, EntryState, RevocationReason, Update};
use tefuda_types::{CertificateKind, CertificateStatus, Serial, Timestamp, civil_day};
use thiserror::Error;

use crate::matrix::Action;

/// A delta that is older is made anew when it is read, in seconds of civil time.
pub const DELTA_SECONDS_MAX: i64 = 3;
/// Hours until the next full list is due at the latest. One is made each civil day.
const FULL_HOURS: i64 = 36;
/// Hours until the next delta is due at the latest.
const DELTA_HOURS: i64 = 1;

/// Where a certificate stands. It ends once, and only a hold is lifted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Standing {
    /// In force.
    #[default]
    Good,
    /// In force again since a hold was lifted.
    Lifted {
        /// When, civil time.
        since: Timestamp,
    },
    /// On hold.
    Held {
        /// Since when.
        since: Timestamp,
    },
    /// Ended.
    Revoked {
        /// Since when.
        since: Timestamp,
        /// RFC 5280 name of the reason.
        reason: String,
    },
}

/// Why a status cannot change as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StandingError {
    /// Revocation is final.
    #[error("the certificate is revoked, which is final")]
    Final,
    /// Nothing to lift.
    #[error("the certificate is not on hold")]
    NotHeld,
    /// The hold of a card's certificate is never lifted, nor that of a signature certificate.
    #[error("the hold of this kind of certificate is not lifted")]
    NeverLifted,
}

tefuda_types::reasons! { StandingError {
    Final => "certificate.already_revoked", Policy;
    NotHeld => "certificate.not_suspended", Policy;
    NeverLifted => "certificate.hold_final", Policy;
} }

impl Standing {
    /// As lists and answers show it.
    #[must_use]
    pub const fn status(&self) -> CertificateStatus {
        match self {
            Self::Good | Self::Lifted { .. } => CertificateStatus::Valid,
            Self::Held { .. } => CertificateStatus::Suspended,
            Self::Revoked { .. } => CertificateStatus::Revoked,
        }
    }

    /// Since when, once anything changed.
    const fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Good => None,
            Self::Lifted { since } | Self::Held { since } | Self::Revoked { since, .. } => Some(*since),
        }
    }

    /// Reason of a hold or an end.
    #[must_use]
    pub fn reason(&self) -> Option<RevocationReason> {
        match self {
            Self::Good | Self::Lifted { .. } => None,
            Self::Held { .. } => Some(RevocationReason::CertificateHold),
            Self::Revoked { reason, .. } => RevocationReason::from_name(reason),
        }
    }

    /// The standing after an action; `None` if nothing changes.
    ///
    /// # Errors
    /// [`StandingError`].
    pub fn after(
        &self,
        kind: CertificateKind,
        action: Action,
        now: Timestamp,
    ) -> Result<Option<Self>, StandingError> {
        let revoked =
            |reason: RevocationReason| Self::Revoked { since: now, reason: reason.as_str().to_owned() };
        match (self, action) {
            (_, Action::Keep) | (Self::Held { .. } | Self::Revoked { .. }, Action::Stop) => Ok(None),
            // Whoever did not hear the answer asks again, and is told that it is done.
            (Self::Revoked { .. }, Action::Revoke(reason)) if self.reason() == Some(reason) => Ok(None),
            (Self::Revoked { .. }, _) => Err(StandingError::Final),
            (_, Action::Stop) => Ok(Some(Self::Held { since: now })),
            (_, Action::Revoke(reason)) => Ok(Some(revoked(reason))),
            (Self::Held { .. }, Action::Lift) if kind == CertificateKind::PhoneAuth => {
                Ok(Some(Self::Lifted { since: now }))
            }
            (Self::Held { .. }, Action::Lift) => Err(StandingError::NeverLifted),
            (Self::Good | Self::Lifted { .. }, Action::Lift) => Err(StandingError::NotHeld),
        }
    }
}

/// Numbers of the lists of one CA generation, and what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Number given last, to a full list or a delta.
    pub last: u64,
    /// First full list of the civil day: what deltas start from.
    pub base: Option<Base>,
    /// Newest full list.
    pub full: u64,
    /// Newest delta.
    pub delta: u64,
    /// When the newest delta was made.
    pub delta_made: Option<Timestamp>,
    /// Count of status changes that the newest full list shows.
    pub full_changes: u64,
    /// Count of status changes that the newest delta shows.
    pub delta_changes: u64,
}

/// The first full list of a civil day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its number.
    pub number: u64,
    /// Its day in Japan.
    pub day: Date,
    /// When it was made.
    pub made: Timestamp,
    /// Count of status changes that it shows.
    #[serde(default)]
    pub changes: u64,
}

impl Series {
    /// Whether a full list must be made before one is given out: the first of a civil day, and after every
    /// change.
    #[must_use]
    pub fn full_is_due(&self, now: Timestamp, changes: u64) -> bool {
        self.base.as_ref().is_none_or(|base| base.day != civil_day(now)) || changes != self.full_changes
    }

    /// Whether a delta must be made before one is given out.
    #[must_use]
    pub fn delta_is_due(&self, now: Timestamp, changes: u64) -> bool {
        let fresh = self
            .delta_made
            .is_some_and(|made| (0..=DELTA_SECONDS_MAX).contains(&(now.as_second() - made.as_second())));
        !fresh || changes != self.delta_changes || self.delta <= self.full
    }

    /// Takes the next number for a full list.
    pub fn take_full(&mut self, now: Timestamp, changes: u64) -> Update {
        self.last += 1;
        self.full = self.last;
        self.full_changes = changes;
        let day = civil_day(now);
        if self.base.as_ref().is_none_or(|base| base.day != day) {
            self.base = Some(Base { number: self.last, day, made: now, changes });
        }
        update(self.last, now, FULL_HOURS)
    }

    /// Takes the next number for a delta over the day's first full list.
    pub fn take_delta(&mut self, now: Timestamp, changes: u64) -> (u64, Update) {
        self.last += 1;
        self.delta = self.last;
        self.delta_changes = changes;
        self.delta_made = Some(now);
        let base = self.base.as_ref().map_or(0, |base| base.number);
        (base, update(self.last, now, DELTA_HOURS))
    }
}

fn update(number: u64, now: Timestamp, hours: i64) -> Update {
    let next_update = Timestamp::from_second(now.as_second() + hours * 3_600).unwrap_or(Timestamp::MAX);
    Update { number, this_update: now, next_update }
}

/// A certificate as the lists see it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Serial number.
    pub serial: Serial,
    /// End of validity: expired certificates leave the lists.
    pub not_after: Timestamp,
    /// Where it stands.
    pub standing: Standing,
    /// Number of the status change that brought it there; 0 if none did.
    pub change: u64,
}

/// Lines of a full list: everything on hold or revoked that has not expired.
#[must_use]
pub fn full_entries<'a>(certificates: impl IntoIterator<Item = &'a Listed>, now: Timestamp) -> Vec<Entry> {
    certificates.into_iter().filter(|listed| listed.not_after >= now).filter_map(standing_entry).collect()
}

/// Lines of a delta: what changed since its base was made, holds that were lifted among it. Changes are told by
/// their number, which rises whatever the clock does; by their time too, in homes from before they had one.
#[must_use]
pub fn delta_entries<'a>(
    certificates: impl IntoIterator<Item = &'a Listed>,
    base: Option<&Base>,
    now: Timestamp,
) -> Vec<Entry> {
    let (changes, made) = base.map_or((0, Timestamp::MAX), |base| (base.changes, base.made));
    let is_new = |listed: &Listed| listed.change > changes || listed.standing.since() >= Some(made);
    certificates
        .into_iter()
        .filter(|listed| listed.not_after >= now && is_new(listed))
        .filter_map(|listed| match &listed.standing {
            Standing::Lifted { since } => {
                Some(Entry { serial: listed.serial.clone(), since: *since, state: EntryState::Removed })
            }
            _ => standing_entry(listed),
        })
        .collect()
}

fn standing_entry(listed: &Listed) -> Option<Entry> {
    let since = match &listed.standing {
        Standing::Held { since } | Standing::Revoked { since, .. } => *since,
        Standing::Good | Standing::Lifted { .. } => return None,
    };
    let state = EntryState::Revoked(listed.standing.reason()?);
    Some(Entry { serial: listed.serial.clone(), since, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_is_above_every_full_list_that_it_completes() {
        let morning: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
        let mut series = Series::default();
        assert!(series.full_is_due(morning, 0));
        assert_eq!(series.take_full(morning, 0).number, 1);
        assert_eq!(series.take_delta(morning, 0).0, 1);
        assert!(!series.full_is_due(morning, 0) && !series.delta_is_due(morning, 0));
        assert!(series.full_is_due(morning, 1) && series.delta_is_due(morning, 1));
        assert_eq!(series.take_full(morning, 1).number, 3);
        assert!(series.delta_is_due(morning, 1));
        let (base, update) = series.take_delta(morning, 1);
        assert_eq!((base, update.number), (1, 4));
        let next_day: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        assert!(series.full_is_due(next_day, 1));
        series.take_full(next_day, 1);
        assert_eq!(series.take_delta(next_day, 1).0, 5);
    }

    #[test]
    fn a_delta_has_what_changed_after_its_base_whatever_the_clock_said() {
        let noon: Timestamp = "2026-11-24T03:00:00Z".parse().unwrap();
        let earlier: Timestamp = "2026-11-24T02:00:00Z".parse().unwrap();
        let mut series = Series::default();
        series.take_full(noon, 7);
        let listed = |serial: &str, since, change| Listed {
            serial: serial.parse().unwrap(),
            not_after: Timestamp::MAX,
            standing: Standing::Revoked { since, reason: "superseded".into() },
            change,
        };
        // The second was revoked after the base was made, by a clock that was set back in between; the last in a
        // home from before changes had a number.
        let all = [listed("0A", earlier, 7), listed("0B", earlier, 8), listed("0C", noon, 0)];
        let serials =
            |entries: Vec<Entry>| entries.iter().map(|entry| entry.serial.to_string()).collect::<Vec<_>>();
        assert_eq!(serials(delta_entries(&all, series.base.as_ref(), noon)), ["0B", "0C"]);
        assert_eq!(serials(full_entries(&all, noon)), ["0A", "0B", "0C"]);
    }

    #[test]
    fn holds_are_lifted_for_phone_authentication_alone() {
        let now = Timestamp::UNIX_EPOCH;
        let held = Standing::Held { since: now };
        for kind in CertificateKind::ALL {
            let lifted = held.after(kind, Action::Lift, now);
            assert_eq!(lifted.is_ok(), kind == CertificateKind::PhoneAuth, "{kind}");
        }
        let revoked = Standing::Revoked { since: now, reason: "superseded".into() };
        let after = |action| revoked.after(CertificateKind::PhoneAuth, action, now);
        assert_eq!(after(Action::Lift), Err(StandingError::Final));
        assert_eq!(after(Action::Revoke(RevocationReason::Superseded)), Ok(None), "asked again");
        assert_eq!(after(Action::Revoke(RevocationReason::KeyCompromise)), Err(StandingError::Final));
    }
}
