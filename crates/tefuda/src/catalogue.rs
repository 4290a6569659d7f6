//! What a person reads for a reason code.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::arguments::Language;

#[derive(serde::Deserialize)]
struct Sentence {
    ja: String,
    en: String,
}

static SENTENCES: LazyLock<BTreeMap<String, Sentence>> =
    LazyLock::new(|| toml::from_str(include_str!("../catalogue/reasons.toml")).unwrap_or_default());

/// The sentence of a code: what happened, what it means, what to do next.
pub fn sentence(code: &str, language: Language) -> Option<&'static str> {
    let sentence = SENTENCES.get(code)?;
    Some(match language {
        Language::Ja => &sentence.ja,
        Language::En => &sentence.en,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_can_be_read() {
        let code = crate::failure::ProgramError::CODES[0].as_str();
        assert!(sentence(code, Language::En).is_some_and(str::is_ascii));
        assert!(sentence(code, Language::Ja).is_some_and(|text| !text.is_ascii()));
    }
}
