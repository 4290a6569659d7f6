//! Japanese eras, as certificates and reference numbers write dates.

use jiff::civil::Date;
use tefuda_pki::validity::BirthDate;

/// An era with its first day.
struct Era {
    digit: u8,
    first: Date,
}

/// Newest first. Digits are those of the certificates: 1 Meiji, 2 Taisho, 3 Showa, 4 Heisei, 5 Reiwa.
const ERAS: [Era; 5] = [
    Era { digit: 5, first: Date::constant(2019, 5, 1) },
    Era { digit: 4, first: Date::constant(1989, 1, 8) },
    Era { digit: 3, first: Date::constant(1926, 12, 25) },
    Era { digit: 2, first: Date::constant(1912, 7, 30) },
    Era { digit: 1, first: Date::constant(1868, 1, 25) },
];

/// The era of a birth date: by its day, or the first day of what is known of it.
fn era(birth: BirthDate) -> Option<&'static Era> {
    let day = Date::new(birth.year, birth.month.max(1), birth.day.max(1)).ok()?;
    ERAS.iter().find(|era| era.first <= day)
}

/// `YYYYMMDD`, unknown parts `00`.
#[must_use]
pub fn basic(birth: BirthDate) -> String {
    format!("{:04}{:02}{:02}", birth.year, birth.month, birth.day)
}

/// `EYYYYMMDD` as certificates have it: the era's digit and the Gregorian year; `0` if a part is not known.
#[must_use]
pub fn certificate(birth: BirthDate) -> String {
    let known = birth.month != 0 && birth.day != 0;
    let digit = if known { era(birth).map_or(0, |era| era.digit) } else { 0 };
    format!("{digit}{}", basic(birth))
}

/// `YYMMDD` in the era calendar, as reference numbers have it (no era digit).
#[must_use]
pub fn six_digits(birth: BirthDate) -> String {
    let year = era(birth).map_or(0, |era| birth.year - era.first.year() + 1);
    format!("{year:02}{:02}{:02}", birth.month, birth.day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_date_has_three_forms() {
        let birth = BirthDate { year: 1980, month: 2, day: 17 };
        assert_eq!((certificate(birth).as_str(), six_digits(birth).as_str()), ("319800217", "550217"));
        let reiwa = BirthDate { year: 2019, month: 5, day: 1 };
        assert_eq!((certificate(reiwa).as_str(), six_digits(reiwa).as_str()), ("520190501", "010501"));
        let unknown = BirthDate { year: 1948, month: 8, day: 0 };
        assert_eq!(certificate(unknown), "019480800");
    }
}
