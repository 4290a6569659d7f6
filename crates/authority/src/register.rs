//! The register of residents: synthetic, from a readable file.

use jiff::{Span, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};
use tefuda_pki::validity::BirthDate;
use tefuda_types::{IndividualNumber, ResidentId, Timestamp, civil_day};
use thiserror::Error;

use crate::{era, matrix::Event};

/// The file that a home is first filled from.
pub const RESIDENTS: &str = include_str!("../data/residents.toml");
/// Youngest age for a signature certificate.
pub const SIGNATURE_AGE_MIN: i16 = 15;
/// Youngest age for a card of ten years.
const ADULT_AGE: i16 = 18;

/// Why a register cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Not the form of the file.
    #[error("the register cannot be read: {0}")]
    Malformed(String),
    /// A date that is none.
    #[error("resident {0} has a date that is none")]
    Date(ResidentId),
    /// Nobody of that name.
    #[error("there is no resident {0}")]
    NotFound(ResidentId),
}

tefuda_types::reasons! { RegisterError {
    Malformed(_) => "register.malformed", Malformed;
    Date(_) => "register.date_malformed", Malformed;
    NotFound(_) => "resident.not_found", Caller;
} }

/// A birth date in the file: a date, or an age that stays what it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Born {
    On(String),
    Aged { age: i16, birthday_in_days: i64 },
}

/// Passwords of a sandbox card.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Pins {
    /// Signature password.
    pub sign: String,
    /// Authentication PIN.
    pub auth: String,
    /// PIN of the card-surface text application.
    pub text: String,
    /// PIN of common application and registry.
    pub card: String,
    /// The code printed on the card's face.
    pub security_code: String,
}

impl core::fmt::Debug for Pins {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Pins(…)")
    }
}

/// Where a resident is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Municipality {
    /// Five digits.
    pub code: String,
    /// In romaji, as `Tokyo-to`.
    pub prefecture: String,
    /// In romaji, as `Kiyose-shi`.
    pub city: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Line {
    id: ResidentId,
    name: String,
    alias: Option<String>,
    former_name: Option<String>,
    address: String,
    born: Born,
    sex: u8,
    individual_number: String,
    municipality: Municipality,
    issued_days_ago: i64,
    pins: Pins,
    #[serde(default)]
    declined: bool,
    #[serde(default)]
    ward: bool,
    #[serde(default)]
    suspended: bool,
    #[serde(default)]
    protected: bool,
}

#[derive(Deserialize)]
struct Lines {
    resident: Vec<Line>,
}

/// Why a resident has no signature certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoSignature {
    /// Under fifteen.
    Child,
    /// An adult ward.
    Ward,
    /// Did not want one.
    Declined,
}

/// A resident as the register has them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resident {
    /// Identifier in commands.
    pub id: ResidentId,
    /// Name, in full width as registered.
    pub name: String,
    /// Alias of a foreign resident.
    pub alias: Option<String>,
    /// Former surname.
    pub former_name: Option<String>,
    /// Address.
    pub address: String,
    /// Year, month and day; 0 for what is not known.
    pub born: (i16, i8, i8),
    /// ISO 5218.
    pub sex: u8,
    /// My Number, twelve digits.
    pub individual_number: String,
    /// Where.
    pub municipality: Municipality,
    /// Civil time at which the present card was issued.
    pub card_issued: Timestamp,
    /// Passwords of the sandbox card.
    pub pins: Pins,
    /// Why there is no signature certificate, if there is none whatever the age.
    pub no_signature: Option<NoSignature>,
    /// The card was reported lost: one that is picked up all the same is on hold from its first moment.
    pub suspended: bool,
    /// The card was given back: there is none until the next is issued, whether or not it was ever picked up.
    #[serde(default)]
    pub card_ended: bool,
    /// Address is given to nobody but the holder.
    pub protected: bool,
    /// Died, or left the country: no certificates any more.
    #[serde(default)]
    pub left: bool,
}

impl core::fmt::Debug for Resident {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Resident({})", self.id)
    }
}

impl Resident {
    /// What the register says of the person and the card after an event.
    pub const fn happened(&mut self, event: Event) {
        match event {
            Event::CardLost => self.suspended = true,
            Event::CardEnded => self.card_ended = true,
            Event::PersonLeft => self.left = true,
            Event::AttributesChanged
            | Event::PhoneLost
            | Event::PhoneFound
            | Event::PhoneRetired
            | Event::ElementTampered => {}
        }
    }

    /// The next card is issued.
    pub const fn renewed(&mut self, now: Timestamp) {
        self.card_issued = now;
        (self.suspended, self.card_ended) = (false, false);
    }

    /// Birth date.
    #[must_use]
    pub const fn birth(&self) -> BirthDate {
        let (year, month, day) = self.born;
        BirthDate { year, month, day }
    }

    /// Why no signature certificate is issued at a time, if none is.
    #[must_use]
    pub fn without_signature(&self, at: Timestamp) -> Option<NoSignature> {
        if self.birth().age_at(at) < SIGNATURE_AGE_MIN { Some(NoSignature::Child) } else { self.no_signature }
    }

    /// Expiry of the card: the tenth birthday after issue, the fifth for minors.
    #[must_use]
    pub fn card_expires(&self) -> Option<Date> {
        let birth = self.birth();
        let issued = civil_day(self.card_issued);
        let years = if birth.age_at(self.card_issued) < ADULT_AGE { 5 } else { 10 };
        let first =
            if birth.birthday_in(issued.year())? > issued { issued.year() } else { issued.year() + 1 };
        birth.birthday_in(first + years - 1)
    }

    /// Reference number B: birth date in the era calendar, Gregorian year of expiry, security code.
    #[must_use]
    pub fn reference_b(&self) -> String {
        let year = self.card_expires().map_or(0, Date::year);
        format!("{}{year:04}{}", era::six_digits(self.birth()), self.pins.security_code)
    }
}

/// Residents of the file as of the first start of a home.
///
/// # Errors
/// [`RegisterError`].
pub fn parse(file: &str, first_start: Timestamp) -> Result<Vec<Resident>, RegisterError> {
    let lines: Lines =
        toml::from_str(file).map_err(|error| RegisterError::Malformed(error.message().to_owned()))?;
    lines.resident.into_iter().map(|line| resident(line, first_start)).collect()
}

fn resident(line: Line, first_start: Timestamp) -> Result<Resident, RegisterError> {
    let id = line.id;
    let date = || RegisterError::Date(id.clone());
    let today = civil_day(first_start);
    let born = match &line.born {
        Born::On(text) => date_parts(text).ok_or_else(date)?,
        Born::Aged { age, birthday_in_days } => {
            let birthday = today.checked_add(birthday_in_days.days()).map_err(|_| date())?;
            let turns = if *birthday_in_days > 0 { age + 1 } else { *age };
            // A birthday on 29 February would not be one every year: the day before serves as well.
            (birthday.year() - turns, birthday.month(), birthday.day().min(28))
        }
    };
    let number: IndividualNumber =
        line.individual_number.parse().map_err(|_| RegisterError::Malformed(format!("My Number of {id}")))?;
    let ago: Span = (line.issued_days_ago * 24).hours();
    Ok(Resident {
        card_issued: first_start.checked_sub(ago).map_err(|_| date())?,
        name: line.name,
        alias: line.alias,
        former_name: line.former_name,
        address: line.address,
        born,
        sex: line.sex,
        individual_number: number.expose(),
        municipality: line.municipality,
        pins: line.pins,
        no_signature: match (line.ward, line.declined) {
            (true, _) => Some(NoSignature::Ward),
            (_, true) => Some(NoSignature::Declined),
            _ => None,
        },
        suspended: line.suspended,
        card_ended: false,
        protected: line.protected,
        left: false,
        id,
    })
}

/// `YYYY-MM-DD` with `00` for what is not known.
pub(crate) fn date_parts(text: &str) -> Option<(i16, i8, i8)> {
    let mut parts = text.split('-');
    let parts = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (year, month, day): (i16, i8, i8) = parts;
    Date::new(year, month.max(1), day.max(1)).ok().map(|_| (year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn residents() -> Vec<Resident> {
        parse(RESIDENTS, "2026-11-23T01:00:00Z".parse().unwrap()).unwrap()
    }

    fn find(id: &str) -> Resident {
        residents().into_iter().find(|resident| resident.id.as_str() == id).unwrap()
    }

    #[test]
    fn the_hard_cases_are_there() {
        assert!(residents().len() >= 16);
        assert!(residents().iter().all(|resident| resident.individual_number.starts_with("999000000")));
        let now = "2026-11-23T01:00:00Z".parse().unwrap();
        assert_eq!(find("kodomo").without_signature(now), Some(NoSignature::Child));
        assert_eq!(find("hikoken").without_signature(now), Some(NoSignature::Ward));
        assert_eq!(find("nashi").without_signature(now), Some(NoSignature::Declined));
        assert_eq!(find("nagai").address.chars().count(), 200);
        assert!(find("yoshino").name.chars().any(|character| character.len_utf8() == 4));
        assert_eq!(find("fusho").birth().day, 0);
        let (a, b) = (find("doumei-a"), find("doumei-b"));
        assert_eq!((a.name, a.sex, a.born), (b.name, b.sex, b.born));
    }

    #[test]
    fn cards_near_their_end_stay_near_it() {
        for start in ["2026-11-23T01:00:00Z", "2031-03-01T01:00:00Z", "2028-02-09T01:00:00Z"] {
            let start: Timestamp = start.parse().unwrap();
            let ends = |id: &str| {
                let resident =
                    parse(RESIDENTS, start).unwrap().into_iter().find(|r| r.id.as_str() == id).unwrap();
                let expires = resident.card_expires().unwrap();
                tefuda_pki::validity::fifth_birthday(resident.birth(), resident.card_issued, expires).unwrap()
            };
            let days = |id: &str| ends(id).duration_since(start).as_hours() / 24;
            assert!((0..60).contains(&days("mamonaku")), "{start}: {}", days("mamonaku"));
            assert!(days("kigire") < 0, "{start}: {}", days("kigire"));
        }
    }
}
