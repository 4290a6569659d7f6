//! What a person reads for a reason code.

use tefuda_pages::reasons;

use crate::arguments::Language;

/// The sentences of a code: what happened, what it means, what to do next.
pub fn sentence(code: &str, language: Language) -> Option<&'static str> {
    reasons::text(
        code,
        match language {
            Language::Ja => tefuda_pages::Language::Japanese,
            Language::En => tefuda_pages::Language::English,
        },
    )
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
