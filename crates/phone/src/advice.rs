//! What is said about passwords that others would guess. It is advice, not a rule, unless a policy makes it one.

use tefuda_types::Secret;
use thiserror::Error;

/// A password that others would guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Advice {
    /// The same as the card's.
    SameAsCard,
    /// One character again and again.
    Repeated,
    /// Characters that follow one another.
    Sequence,
    /// The birth date.
    BirthDate,
    /// One try is left.
    LastTry,
}

impl Advice {
    /// Stable code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameAsCard => "password.same_as_card",
            Self::Repeated => "password.repeated",
            Self::Sequence => "password.sequence",
            Self::BirthDate => "password.birth_date",
            Self::LastTry => "password.last_try",
        }
    }
}

/// Why a password is refused where the policy says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdviceError {
    /// Others would guess it.
    #[error("the password is easy to guess")]
    Guessable,
}

tefuda_types::reasons! { AdviceError {
    Guessable => "phone.pin_guessable", Policy;
} }

/// What a password is held against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The card's password of the same purpose, if it is at hand.
    pub card: Option<&'a Secret<String>>,
    /// Birth date of the holder as `YYYYMMDD`, if it is at hand.
    pub birth_date: Option<&'a str>,
}

/// What there is to say about a password.
#[must_use]
pub fn about(password: &Secret<String>, known: Known<'_>) -> Vec<Advice> {
    let text = password.expose();
    let octets = text.as_bytes();
    let steps = || octets.iter().zip(octets.iter().skip(1)).map(|(a, b)| i16::from(*b) - i16::from(*a));
    let mut advice = Vec::new();
    if known.card.is_some_and(|card| card.expose() == text) {
        advice.push(Advice::SameAsCard);
    }
    if octets.len() > 1 && steps().all(|step| step == 0) {
        advice.push(Advice::Repeated);
    }
    if octets.len() > 1 && (steps().all(|step| step == 1) || steps().all(|step| step == -1)) {
        advice.push(Advice::Sequence);
    }
    if known.birth_date.is_some_and(|born| tells_birth(text, born)) {
        advice.push(Advice::BirthDate);
    }
    advice
}

/// Year, or month and day in either order, or all of it inside.
fn tells_birth(text: &str, born: &str) -> bool {
    let part = |range| born.get(range).unwrap_or("-");
    let (year, month, day) = (part(0..4), part(4..6), part(6..8));
    let four = [year.to_owned(), format!("{month}{day}"), format!("{day}{month}")];
    four.iter().any(|four| four == text) || (born.len() == 8 && text.contains(born))
}

/// Refuses what [`about`] would only advise against: the policy switch.
///
/// # Errors
/// [`AdviceError::Guessable`].
pub const fn enforce(advice: &[Advice]) -> Result<(), AdviceError> {
    if advice.is_empty() { Ok(()) } else { Err(AdviceError::Guessable) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessable_passwords_are_named() {
        let card = Secret::new("8413".to_owned());
        let known = Known { card: Some(&card), birth_date: Some("19850412") };
        let say = |text: &str| about(&Secret::new(text.to_owned()), known);
        assert_eq!(say("8413"), [Advice::SameAsCard]);
        assert_eq!(say("7777"), [Advice::Repeated]);
        assert_eq!(say("4321"), [Advice::Sequence]);
        assert_eq!(say("3456"), [Advice::Sequence]);
        for born in ["1985", "0412", "1204", "AB19850412"] {
            assert_eq!(say(born), [Advice::BirthDate], "{born}");
        }
        assert_eq!(say("2749"), []);
        assert_eq!(enforce(&say("2749")), Ok(()));
        assert_eq!(enforce(&say("7777")), Err(AdviceError::Guessable));
    }
}
