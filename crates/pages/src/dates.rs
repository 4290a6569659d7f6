//! Times as people read them: in Japan's time, in their language.

use jiff::civil::Weekday;
use tefuda_types::{Timestamp, jst};

use crate::language::Language;

/// `2026年11月24日(火)10:00`, or `Tue 24 November 2026, 10:00`.
#[must_use]
pub fn moment(time: Timestamp, language: Language) -> String {
    let clock = jst(time).strftime("%H:%M").to_string();
    match language {
        Language::Japanese => format!("{}{clock}", day(time, language)),
        Language::English => format!("{}, {clock}", day(time, language)),
    }
}

/// `2026年11月24日(火)`, or `Tue 24 November 2026`.
#[must_use]
pub fn day(time: Timestamp, language: Language) -> String {
    let local = jst(time);
    match language {
        Language::Japanese => {
            let (year, month, day) = (local.year(), local.month(), local.day());
            format!("{year}年{month}月{day}日({})", weekday(local.weekday()))
        }
        Language::English => local.strftime("%a %-d %B %Y").to_string(),
    }
}

/// `2026年11月24日`, or `24 November 2026`: where the day of the week does not matter.
#[must_use]
pub fn date(time: Timestamp, language: Language) -> String {
    let local = jst(time);
    match language {
        Language::Japanese => format!("{}年{}月{}日", local.year(), local.month(), local.day()),
        Language::English => local.strftime("%-d %B %Y").to_string(),
    }
}

const fn weekday(day: Weekday) -> char {
    match day {
        Weekday::Monday => '月',
        Weekday::Tuesday => '火',
        Weekday::Wednesday => '水',
        Weekday::Thursday => '木',
        Weekday::Friday => '金',
        Weekday::Saturday => '土',
        Weekday::Sunday => '日',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_japans() {
        let time = "2026-11-24T01:00:00Z".parse().unwrap();
        assert_eq!(moment(time, Language::Japanese), "2026年11月24日(火)10:00");
        assert_eq!(moment(time, Language::English), "Tue 24 November 2026, 10:00");
    }
}
