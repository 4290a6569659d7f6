use alloc::string::String;
use core::{fmt, str::FromStr};
use zeroize::Zeroize;

use crate::identifier::IdentifierError;

/// My Number: eleven digits and a check digit (Order for Enforcement of the My Number Act, article 8;
/// Ordinance 85 of 2014, article 5).
///
/// It prints masked; [`IndividualNumber::expose`] is the one way to the digits.
#[derive(Clone, PartialEq, Eq, Zeroize)]
pub struct IndividualNumber([u8; 12]);

/// Weights of the eleven digits from left to right (Ordinance 85, article 5).
const WEIGHTS: [u32; 11] = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2];

impl IndividualNumber {
    /// The check digit of eleven decimal digits given as values 0 to 9.
    fn check_digit(digits: &[u8]) -> u8 {
        let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(*digit) * weight).sum();
        match sum % 11 {
            0 | 1 => 0,
            rest => u8::try_from(11 - rest).unwrap_or_default(),
        }
    }

    /// The twelve digits as text.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.iter().map(|digit| char::from(b'0' + digit)).collect()
    }
}

impl FromStr for IndividualNumber {
    type Err = IdentifierError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octets: [u8; 12] = text.as_bytes().try_into().map_err(|_| IdentifierError::IndividualNumber)?;
        if !octets.iter().all(u8::is_ascii_digit) {
            return Err(IdentifierError::IndividualNumber);
        }
        let digits = octets.map(|octet| octet - b'0');
        let (payload, check) = digits.split_at(11);
        let all_zero = payload.iter().all(|digit| *digit == 0);
        if all_zero || check != [Self::check_digit(payload)] {
            return Err(IdentifierError::IndividualNumber);
        }
        Ok(Self(digits))
    }
}

impl fmt::Debug for IndividualNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("************")
    }
}

impl fmt::Display for IndividualNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("************")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_follow_the_ordinance() {
        for good in ["537686677188", "983205673214", "123456789018", "111111111118", "999000000016"] {
            assert_eq!(good.parse::<IndividualNumber>().unwrap().expose(), good);
        }
        for bad in ["123466789012", "000000000000", "12345678901", "1234567890188", "12345678901x"] {
            assert!(bad.parse::<IndividualNumber>().is_err(), "{bad}");
        }
    }
}
