//! The phone's two passwords, as they are typed.

use tefuda_types::Secret;
use thiserror::Error;

/// Why what was typed is no password of a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Not 6 to 16 of A-Z and 0-9 with at least one of each; not four digits.
    #[error("a signature password has 6 to 16 letters and digits with both among them, a PIN four digits")]
    Malformed,
    /// Four digits where the signature password belongs: a classic confusion.
    #[error("four digits were given in place of the signature password")]
    PinInPlaceOfPassword,
    /// The signature password where four digits belong.
    #[error("a signature password was given in place of the four digits")]
    PasswordInPlaceOfPin,
}

tefuda_types::reasons! { PasswordError {
    Malformed => "phone.pin_malformed", Malformed;
    PinInPlaceOfPassword => "phone.pin_in_place_of_password", Malformed;
    PasswordInPlaceOfPin => "phone.password_in_place_of_pin", Malformed;
} }

fn is_four_digits(typed: &str) -> bool {
    typed.len() == 4 && typed.bytes().all(|octet| octet.is_ascii_digit())
}

fn is_password(typed: &str) -> bool {
    (6..=16).contains(&typed.len())
        && typed.bytes().all(|octet| octet.is_ascii_alphanumeric())
        && typed.bytes().any(|octet| octet.is_ascii_digit())
        && typed.bytes().any(|octet| octet.is_ascii_alphabetic())
}

/// The signature password; lower case is made upper case, nothing else is changed.
///
/// # Errors
/// [`PasswordError`].
pub fn signature(typed: &Secret<String>) -> Result<Secret<String>, PasswordError> {
    match typed.expose().as_str() {
        text if is_four_digits(text) => Err(PasswordError::PinInPlaceOfPassword),
        text if is_password(text) => Ok(Secret::new(text.to_ascii_uppercase())),
        _ => Err(PasswordError::Malformed),
    }
}

/// The authentication PIN.
///
/// # Errors
/// [`PasswordError`].
pub fn pin(typed: &Secret<String>) -> Result<Secret<String>, PasswordError> {
    match typed.expose().as_str() {
        text if is_four_digits(text) => Ok(Secret::new(text.to_owned())),
        text if is_password(text) => Err(PasswordError::PasswordInPlaceOfPin),
        _ => Err(PasswordError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_have_reasons_of_their_own() {
        let typed = |text: &str| Secret::new(text.to_owned());
        assert_eq!(signature(&typed("abc123")).unwrap().expose(), "ABC123");
        assert_eq!(signature(&typed("1234")).unwrap_err(), PasswordError::PinInPlaceOfPassword);
        assert_eq!(pin(&typed("1234")).unwrap().expose(), "1234");
        assert_eq!(pin(&typed("ABC123")).unwrap_err(), PasswordError::PasswordInPlaceOfPin);
        for text in ["", "ABCDEF", "123456", "AB 123", "ABCDEFGH123456789", "あいう123"] {
            assert_eq!(signature(&typed(text)).unwrap_err(), PasswordError::Malformed, "{text}");
            assert_eq!(pin(&typed(text)).unwrap_err(), PasswordError::Malformed, "{text}");
        }
    }
}
