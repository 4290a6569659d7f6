//! A resident who is added to the register.

use serde::{Deserialize, Serialize};
use tefuda_types::{IndividualNumber, ResidentId, Timestamp};
use thiserror::Error;

use crate::register::{Municipality, Pins, Resident};

/// Synthetic My Numbers begin so (docs/decisions/0010).
const NUMBER_BLOCK: u64 = 99_900_000_000;
/// First payload behind the block.
const NUMBER_END: u64 = 100_000_000_000;
/// Most characters of a name or an address: the certificate's attributes stay far below its limit.
const TEXT_CHARACTERS_MAX: usize = 200;

/// Why nobody is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArrivalError {
    /// No name or address, or too long ones.
    #[error("a name and an address have 1 to {TEXT_CHARACTERS_MAX} characters")]
    Text,
    /// A birth date that is none.
    #[error("not a birth date, YYYY-MM-DD with 00 for what is not known")]
    BirthDate,
    /// Passwords that no card takes.
    #[error("a card does not take these passwords")]
    Pins,
    /// The identifier is somebody else's.
    #[error("there is a resident of this identifier")]
    Taken,
    /// The block of synthetic My Numbers is used up.
    #[error("the block of synthetic My Numbers is used up")]
    NumbersUsedUp,
}

tefuda_types::reasons! { ArrivalError {
    Text => "resident.text_malformed", Malformed;
    BirthDate => "resident.birth_date_malformed", Malformed;
    Pins => "resident.pins_malformed", Malformed;
    Taken => "resident.id_taken", Policy;
    NumbersUsedUp => "resident.numbers_used_up", Policy;
} }

/// Who arrives.
#[derive(Clone, Serialize, Deserialize)]
pub struct Arrival {
    /// Identifier in commands; one is drawn where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ResidentId>,
    /// Name.
    pub name: String,
    /// Address.
    pub address: String,
    /// `YYYY-MM-DD`, unknown parts `00`.
    pub birth_date: String,
    /// ISO 5218.
    pub sex: u8,
    /// Signature password of the card; drawn where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_pin: Option<String>,
    /// Authentication PIN of the card; drawn where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_pin: Option<String>,
}

impl core::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Arrival(…)")
    }
}

/// The resident with a card issued now. `random` draws passwords.
///
/// # Errors
/// [`ArrivalError`].
pub fn arrive(
    arrival: &Arrival,
    register: &[Resident],
    random: [u8; 24],
    now: Timestamp,
) -> Result<Resident, ArrivalError> {
    let fits = |text: &str| (1..=TEXT_CHARACTERS_MAX).contains(&text.trim().chars().count());
    if !fits(&arrival.name) || !fits(&arrival.address) {
        return Err(ArrivalError::Text);
    }
    let born = crate::register::date_parts(&arrival.birth_date).ok_or(ArrivalError::BirthDate)?;
    let taken = |id: &ResidentId| register.iter().any(|resident| resident.id == *id);
    let id = match &arrival.id {
        Some(id) if taken(id) => return Err(ArrivalError::Taken),
        Some(id) => id.clone(),
        None => (register.len() + 1..)
            .filter_map(|number| format!("r{number}").parse().ok())
            .find(|id| !taken(id))
            .ok_or(ArrivalError::Taken)?,
    };
    let drawn = draw(&random);
    let pins = Pins {
        sign: arrival.sign_pin.clone().unwrap_or(drawn.sign),
        auth: arrival.auth_pin.clone().unwrap_or(drawn.auth),
        ..drawn
    };
    if !is_signature_password(&pins.sign) || !is_digits(&pins.auth, 4) {
        return Err(ArrivalError::Pins);
    }
    Ok(Resident {
        id,
        name: arrival.name.trim().to_owned(),
        alias: None,
        former_name: None,
        address: arrival.address.trim().to_owned(),
        born,
        sex: arrival.sex,
        individual_number: next_number(register)?,
        municipality: Municipality {
            code: "13999".to_owned(),
            prefecture: "Tokyo-to".to_owned(),
            city: "Mihon-ku".to_owned(),
        },
        card_issued: now,
        pins,
        no_signature: None,
        suspended: false,
        card_ended: false,
        protected: false,
        left: false,
    })
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// 6 to 16 of A-Z and 0-9 with at least one of each.
fn is_signature_password(text: &str) -> bool {
    (6..=16).contains(&text.len())
        && text.bytes().all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit())
        && text.bytes().any(|octet| octet.is_ascii_uppercase())
        && text.bytes().any(|octet| octet.is_ascii_digit())
}

/// The number after the highest of the block.
fn next_number(register: &[Resident]) -> Result<String, ArrivalError> {
    let payload = |resident: &Resident| resident.individual_number.get(..11)?.parse::<u64>().ok();
    let last = register
        .iter()
        .filter_map(payload)
        .filter(|payload| (NUMBER_BLOCK..NUMBER_END).contains(payload))
        .max()
        .unwrap_or(NUMBER_BLOCK);
    let next = Some(last + 1).filter(|next| *next < NUMBER_END).ok_or(ArrivalError::NumbersUsedUp)?;
    (0..10)
        .filter_map(|check| format!("{next:011}{check}").parse::<IndividualNumber>().ok())
        .map(|number| number.expose())
        .next()
        .ok_or(ArrivalError::NumbersUsedUp)
}

/// Passwords from random octets, each octet one character.
fn draw(random: &[u8; 24]) -> Pins {
    let mut octets = random.iter().copied();
    let mut digits = |count: usize| -> String {
        octets.by_ref().take(count).map(|octet| char::from(b'0' + octet % 10)).collect()
    };
    let (auth, text, card, security_code, tail) = (digits(4), digits(4), digits(4), digits(4), digits(4));
    let letters: String = octets.map(|octet| char::from(b'A' + octet % 26)).collect();
    Pins { sign: format!("{letters}{tail}"), auth, text, card, security_code }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{RESIDENTS, parse};

    fn arrival() -> Arrival {
        Arrival {
            id: None,
            name: "見本　新".into(),
            address: "東京都見本区手札町９".into(),
            birth_date: "1999-09-09".into(),
            sex: 2,
            sign_pin: None,
            auth_pin: None,
        }
    }

    #[test]
    fn who_arrives_gets_a_free_number_and_passwords_that_a_card_takes() {
        let now = "2026-11-24T01:00:00Z".parse().unwrap();
        let mut register = parse(RESIDENTS, now).unwrap();
        for seed in 0..3 {
            let resident = arrive(&arrival(), &register, [seed; 24], now).unwrap();
            assert!(register.iter().all(|other| other.individual_number != resident.individual_number));
            assert!(resident.individual_number.starts_with("999"));
            assert_eq!(resident.pins.sign.len(), 8);
            register.push(resident);
        }
        let taken = Arrival { id: Some("hanako".parse().unwrap()), ..arrival() };
        assert_eq!(arrive(&taken, &register, [0; 24], now), Err(ArrivalError::Taken));
        let four_digits = Arrival { sign_pin: Some("1234".into()), ..arrival() };
        assert_eq!(arrive(&four_digits, &register, [0; 24], now), Err(ArrivalError::Pins));
        let never = Arrival { birth_date: "1999-02-30".into(), ..arrival() };
        assert_eq!(arrive(&never, &register, [0; 24], now), Err(ArrivalError::BirthDate));
    }
}
