//! How long a certificate lives.

use jiff::civil::{Date, DateTime};
use tefuda_types::{JST, Timestamp, civil_day};

/// A birth date as the register has it: month or day may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BirthDate {
    /// Gregorian year.
    pub year: i16,
    /// Month, or 0 if unknown.
    pub month: i8,
    /// Day, or 0 if unknown.
    pub day: i8,
}

impl BirthDate {
    /// The birthday in a year. A birth on 29 February counts as 28 February in a common year; an unknown day
    /// as the last of its month, an unknown month as December.
    #[must_use]
    pub fn birthday_in(self, year: i16) -> Option<Date> {
        let month = if self.month == 0 { 12 } else { self.month };
        let first = Date::new(year, month, 1).ok()?;
        let last = first.last_of_month();
        if self.day == 0 || self.day > last.day() {
            Some(last)
        } else {
            Date::new(year, month, self.day).ok()
        }
    }

    /// Completed years at a time, in Japan.
    #[must_use]
    pub fn age_at(self, time: Timestamp) -> i16 {
        let today = civil_day(time);
        let years = today.year() - self.year;
        if self.birthday_in(today.year()).is_some_and(|birthday| birthday > today) {
            years - 1
        } else {
            years
        }
    }
}

/// Last second of a day in Japan.
#[must_use]
pub fn end_of_day(day: Date) -> Option<Timestamp> {
    let end: DateTime = day.at(23, 59, 59, 0);
    JST.to_timestamp(end).ok()
}

/// End of a card certificate: the end of the holder's fifth birthday after issue, never past the card's.
#[must_use]
pub fn fifth_birthday(birth: BirthDate, issued: Timestamp, card_expires: Date) -> Option<Timestamp> {
    let day = civil_day(issued);
    let this_year = birth.birthday_in(day.year())?;
    let first = if this_year > day { day.year() } else { day.year() + 1 };
    let fifth = birth.birthday_in(first + 4)?;
    end_of_day(fifth.min(card_expires))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(birth: (i16, i8, i8), issued: &str) -> alloc::string::String {
        use alloc::string::ToString;
        let birth = BirthDate { year: birth.0, month: birth.1, day: birth.2 };
        fifth_birthday(birth, issued.parse().unwrap(), Date::new(2100, 1, 1).unwrap()).unwrap().to_string()
    }

    #[test]
    fn ends_follow_the_fifth_birthday_after_issue() {
        assert_eq!(end((1980, 2, 17), "2025-10-27T01:35:57Z"), "2030-02-17T14:59:59Z");
        assert_eq!(end((1980, 2, 17), "2025-02-16T15:00:00Z"), "2030-02-17T14:59:59Z");
        assert_eq!(end((1980, 2, 17), "2025-02-16T14:59:59Z"), "2029-02-17T14:59:59Z");
        assert_eq!(end((2000, 2, 29), "2024-06-01T00:00:00Z"), "2029-02-28T14:59:59Z");
        assert_eq!(end((1950, 4, 0), "2026-01-01T00:00:00Z"), "2030-04-30T14:59:59Z");
        assert_eq!(end((1950, 0, 0), "2026-01-01T00:00:00Z"), "2030-12-31T14:59:59Z");
    }
}
