//! The recovery code: shown once, written down by the holder, and good for stopping the phone.

use sha2::{Digest, Sha256};
use tefuda_types::{Bytes, Secret};

/// Octets of randomness in a code: 80 bits.
pub const ENTROPY_OCTETS: usize = 10;
/// Letters and digits that are not mistaken for one another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters in a group.
const GROUP: usize = 4;

/// A code as printed: four groups of four.
#[must_use]
pub fn code(entropy: &[u8; ENTROPY_OCTETS]) -> Secret<String> {
    let mut bits = 0_u128;
    for octet in entropy {
        bits = bits << 8 | u128::from(*octet);
    }
    let mut text = String::new();
    for index in 0..16 {
        if index > 0 && index % GROUP == 0 {
            text.push('-');
        }
        let five = usize::try_from(bits >> (75 - 5 * index) & 0x1F).unwrap_or_default();
        text.push(char::from(ALPHABET.get(five).copied().unwrap_or(b'0')));
    }
    Secret::new(text)
}

/// A code as typed, in the form in which it was printed: upper case, groups of four, letters that look like
/// digits taken for these.
#[must_use]
pub fn normalised(typed: &str) -> Secret<String> {
    let plain: Vec<char> = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    Secret::new(plain.chunks(GROUP).map(String::from_iter).collect::<Vec<_>>().join("-"))
}

/// All of it that leaves the phone.
#[must_use]
pub fn hash(code: &Secret<String>) -> Bytes {
    Sha256::digest(code.expose().as_bytes()).to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_four_groups_and_survive_being_typed() {
        let printed = code(&[0xFF, 0, 0xA5, 1, 2, 3, 4, 5, 6, 7]);
        let text = printed.expose();
        assert_eq!(text.len(), 19);
        assert!(text.split('-').all(|group| group.len() == 4), "{text}");
        let typed = text.to_lowercase().replace('-', " ").replace('1', "l").replace('0', "o");
        assert_eq!(hash(&normalised(&typed)), hash(&printed));
        assert_ne!(code(&[0; 10]).expose(), printed.expose());
    }
}
