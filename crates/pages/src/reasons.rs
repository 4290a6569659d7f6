//! Reason codes as people read them: what happened, what it means, what to do next.

use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

use crate::language::Language;

/// The catalogue as it is written: for each code a text in each language, of three sentences.
#[derive(Deserialize)]
struct Entry {
    ja: String,
    en: String,
}

static CATALOGUE: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(|| {
    toml::from_str(include_str!("../catalogue/reasons.toml")).unwrap_or_else(|error| {
        tracing::error!(%error, "the catalogue of reasons cannot be read");
        BTreeMap::new()
    })
});

/// The whole text of a code, for a terminal.
#[must_use]
pub fn text(code: &str, language: Language) -> Option<&'static str> {
    let entry = CATALOGUE.get(code)?;
    Some(match language {
        Language::Japanese => &entry.ja,
        Language::English => &entry.en,
    })
}

/// A refusal in three sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub code: String,
    /// What happened.
    pub happened: String,
    /// What it means for the person.
    pub meaning: String,
    /// What to do next.
    pub next: String,
}

impl Refusal {
    /// A code's three sentences; a code that is not in the catalogue speaks for itself.
    #[must_use]
    pub fn of(code: &str, language: Language) -> Self {
        let text = text(code, language).unwrap_or(code);
        let mut sentences = sentences(text, language);
        let happened = if sentences.is_empty() { code.to_owned() } else { sentences.remove(0) };
        let next = sentences.pop().unwrap_or_default();
        let between = if language == Language::English { " " } else { "" };
        Self { code: code.to_owned(), happened, meaning: sentences.join(between), next }
    }

    /// All of the catalogue, by code.
    #[must_use]
    pub fn all(language: Language) -> Vec<Self> {
        CATALOGUE.keys().map(|code| Self::of(code, language)).collect()
    }
}

fn sentences(text: &str, language: Language) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        sentence.push(character);
        let ends = match language {
            Language::Japanese => character == '。',
            Language::English => matches!(character, '.' | '!' | '?') && characters.peek() == Some(&' '),
        };
        if ends {
            sentences.push(core::mem::take(&mut sentence).trim().to_owned());
        }
    }
    sentences.push(sentence.trim().to_owned());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_says_what_happened_what_it_means_and_what_to_do() {
        assert!(!CATALOGUE.is_empty());
        for language in Language::ALL {
            for refusal in Refusal::all(language) {
                let count = sentences(text(&refusal.code, language).unwrap(), language).len();
                assert!((3..=4).contains(&count), "{} has {count} sentences", refusal.code);
                assert!(!refusal.meaning.is_empty() && !refusal.next.is_empty(), "{refusal:?}");
            }
        }
    }
}
