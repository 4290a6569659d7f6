//! Business hours: applications are decided between 08:00 and 19:30 in Japan, every day that is not closed.

use jiff::civil::{Date, Time};
use std::collections::BTreeSet;
use tefuda_types::{JST, Timestamp, jst};
use thiserror::Error;

/// First moment of a business day.
const OPENS: Time = Time::constant(8, 0, 0, 0);
/// First moment after it.
const CLOSES: Time = Time::constant(19, 30, 0, 0);
/// Longest run of closed days that is looked through.
const CLOSED_DAYS_MAX: usize = 366;

/// A line of the closures that is no date.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {0} of the closures is no date")]
pub struct ClosureError(pub usize);

/// Days on which nothing is decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    closures: BTreeSet<Date>,
}

impl Calendar {
    /// A calendar with closed days.
    #[must_use]
    pub fn new(closures: impl IntoIterator<Item = Date>) -> Self {
        Self { closures: closures.into_iter().collect() }
    }

    /// From a list of dates, one a line; `#` begins a remark.
    ///
    /// # Errors
    /// [`ClosureError`].
    pub fn parse(text: &str) -> Result<Self, ClosureError> {
        let mut closures = BTreeSet::new();
        for (number, line) in (1..).zip(text.lines()) {
            let day = line.split('#').next().unwrap_or_default().trim();
            if !day.is_empty() {
                closures.insert(day.parse().map_err(|_| ClosureError(number))?);
            }
        }
        Ok(Self { closures })
    }

    /// Whether applications are decided at a time.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = jst(at);
        !self.closures.contains(&local.date()) && (OPENS..CLOSES).contains(&local.time())
    }

    /// When an application that comes in at a time is decided: at once, or at the next opening.
    #[must_use]
    pub fn decision_at(&self, at: Timestamp) -> Timestamp {
        if self.is_open(at) {
            return at;
        }
        let local = jst(at);
        let mut day = local.date();
        if local.time() >= OPENS {
            day = day.tomorrow().unwrap_or(day);
        }
        for _ in 0..CLOSED_DAYS_MAX {
            if !self.closures.contains(&day) {
                break;
            }
            day = day.tomorrow().unwrap_or(day);
        }
        JST.to_timestamp(day.to_datetime(OPENS)).unwrap_or(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_are_dates_a_line_each() {
        let calendar = Calendar::parse("# new year\n2027-01-01\n2027-01-02 # as well\n\n").unwrap();
        assert_eq!(calendar, Calendar::new(["2027-01-01", "2027-01-02"].map(|day| day.parse().unwrap())));
        assert_eq!(Calendar::parse("2027-01-01\nsoon"), Err(ClosureError(2)));
    }

    #[test]
    fn decisions_fall_into_business_hours() {
        let closed = ["2027-01-01", "2027-01-02"].map(|day| day.parse().unwrap());
        let calendar = Calendar::new(closed);
        for (at, decided) in [
            ("2026-11-24T19:29:59+09:00", "2026-11-24T19:29:59+09:00"),
            ("2026-11-24T19:30:00+09:00", "2026-11-25T08:00:00+09:00"),
            ("2026-11-24T07:59:59+09:00", "2026-11-24T08:00:00+09:00"),
            ("2026-11-24T08:00:00+09:00", "2026-11-24T08:00:00+09:00"),
            ("2025-12-31T19:30:00+09:00", "2026-01-01T08:00:00+09:00"),
            ("2026-12-31T20:00:00+09:00", "2027-01-03T08:00:00+09:00"),
            ("2027-01-01T12:00:00+09:00", "2027-01-03T08:00:00+09:00"),
            ("2028-02-28T23:59:59+09:00", "2028-02-29T08:00:00+09:00"),
        ] {
            let (at, decided): (Timestamp, Timestamp) = (at.parse().unwrap(), decided.parse().unwrap());
            assert_eq!(calendar.decision_at(at), decided, "{at}");
        }
    }
}
