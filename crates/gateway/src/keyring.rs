//! Which key signs ID tokens, and which are published.

use serde::{Deserialize, Serialize};
use tefuda_types::Timestamp;

use crate::policy::{KEY_SECONDS, RETIRED_KEY_SECONDS};

/// A signing key, without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// From 1; names the key in the key space.
    pub number: u32,
    /// Wire time from which it signs.
    pub since: Timestamp,
    /// Wire time from which on it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Timestamp>,
}

/// The key that signs.
#[must_use]
pub fn current(keys: &[SigningKey]) -> Option<&SigningKey> {
    keys.iter().filter(|key| key.retired.is_none()).max_by_key(|key| key.number)
}

/// Whether it is time for the next key.
#[must_use]
pub fn rotation_is_due(keys: &[SigningKey], now: Timestamp) -> bool {
    current(keys).is_none_or(|key| now.as_second() - key.since.as_second() >= KEY_SECONDS)
}

/// Retires what signs and gives the next key: all keys as they are from now on.
#[must_use]
pub fn retire(keys: &[SigningKey], now: Timestamp) -> Vec<SigningKey> {
    let retired = keys.iter().map(|key| SigningKey { retired: key.retired.or(Some(now)), ..*key });
    let number = keys.iter().map(|key| key.number).max().unwrap_or_default() + 1;
    retired.chain([SigningKey { number, since: now, retired: None }]).collect()
}

/// The keys that relying parties are told: the one that signs, and those whose tokens may still live.
pub fn published(keys: &[SigningKey], now: Timestamp) -> impl Iterator<Item = &SigningKey> {
    keys.iter().filter(move |key| {
        key.retired.is_none_or(|retired| now.as_second() - retired.as_second() <= RETIRED_KEY_SECONDS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_retired_key_is_published_for_as_long_as_its_tokens_live() {
        assert!(rotation_is_due(&[], at(0)));
        let first = retire(&[], at(0));
        assert!(!rotation_is_due(&first, at(KEY_SECONDS - 1)));
        assert!(rotation_is_due(&first, at(KEY_SECONDS)));
        let second = retire(&first, at(KEY_SECONDS));
        assert_eq!(current(&second).unwrap().number, 2);
        let numbers = |now| published(&second, now).map(|key| key.number).collect::<Vec<_>>();
        assert_eq!(numbers(at(KEY_SECONDS + RETIRED_KEY_SECONDS)), [1, 2]);
        assert_eq!(numbers(at(KEY_SECONDS + RETIRED_KEY_SECONDS + 1)), [2]);
    }
}
