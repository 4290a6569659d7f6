//! The message catalogues: Fluent files, the same keys in both languages.

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use std::{fmt, sync::LazyLock};
use unic_langid::LanguageIdentifier;

use crate::language::Language;

type Bundle = FluentBundle<FluentResource>;

/// The files of a language, by area.
const fn files(language: Language) -> [(&'static str, &'static str); AREAS] {
    macro_rules! area {
        ($language:literal, $area:literal) => {
            ($area, include_str!(concat!("../messages/", $language, "/", $area, ".ftl")))
        };
    }
    macro_rules! areas {
        ($language:literal) => {
            [
                area!($language, "common"),
                area!($language, "phone"),
                area!($language, "confirm"),
                area!($language, "gateway"),
                area!($language, "portal"),
                area!($language, "control"),
                area!($language, "consoles"),
            ]
        };
    }
    match language {
        Language::Japanese => areas!("ja"),
        Language::English => areas!("en"),
    }
}

const AREAS: usize = 7;

fn bundle(language: Language) -> Bundle {
    let locale: LanguageIdentifier = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    bundle.set_use_isolating(false);
    for (area, text) in files(language) {
        // What could be read is used; a test fails on the rest.
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, errors)| {
            tracing::error!(area, ?errors, "a message catalogue has errors");
            resource
        });
        bundle.add_resource_overriding(resource);
    }
    bundle
}

static JAPANESE: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Japanese));
static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::English));

/// The texts of one language, as templates ask for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts(pub Language);

impl Texts {
    fn bundle(self) -> &'static Bundle {
        match self.0 {
            Language::Japanese => &JAPANESE,
            Language::English => &ENGLISH,
        }
    }

    fn format(self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let pattern = self.bundle().get_message(key).and_then(|message| message.value());
        let Some(pattern) = pattern else {
            tracing::error!(key, "there is no such message");
            return key.to_owned();
        };
        let mut errors = Vec::new();
        self.bundle().format_pattern(pattern, arguments, &mut errors).into_owned()
    }

    /// `ja` or `en`.
    #[must_use]
    pub const fn language(&self) -> &'static str {
        self.0.tag()
    }

    /// The one that the page can be switched to.
    #[must_use]
    pub const fn other_language(&self) -> &'static str {
        self.0.other().tag()
    }

    /// A text.
    #[must_use]
    pub fn say(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// A text with one value in it.
    #[must_use]
    pub fn with(&self, key: &str, name: &str, value: impl fmt::Display) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set(name, text_or_number(&value));
        self.format(key, Some(&arguments))
    }

    /// A text with two values in it.
    #[must_use]
    pub fn with2(
        &self,
        key: &str,
        name: &str,
        value: impl fmt::Display,
        other_name: &str,
        other_value: impl fmt::Display,
    ) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set(name, text_or_number(&value));
        arguments.set(other_name, text_or_number(&other_value));
        self.format(key, Some(&arguments))
    }
}

/// Numbers choose plurals; texts stand as they are.
fn text_or_number(value: &impl fmt::Display) -> FluentValue<'static> {
    let text = value.to_string();
    // A number with a leading zero or of more digits than a count has is a text: a code, a date.
    let count = text.len() <= 6 && (text == "0" || !text.starts_with('0'));
    match text.parse::<u32>() {
        Ok(number) if count => FluentValue::from(number),
        _ => FluentValue::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, path::Path};

    /// Keys and the variables in them.
    fn messages(language: Language) -> BTreeMap<String, Vec<String>> {
        let mut messages = BTreeMap::new();
        for (area, text) in files(language) {
            FluentResource::try_new(text.to_owned())
                .unwrap_or_else(|(_, errors)| panic!("{area}: {errors:?}"));
            let mut key = String::new();
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with([' ', '}'])) {
                    key = name.to_owned();
                    let before = messages.insert(key.clone(), Vec::new());
                    assert!(before.is_none(), "{key} stands twice");
                }
                let variables = line.split('$').skip(1).map(|rest| {
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect::<String>()
                });
                let known: &mut Vec<String> = messages.get_mut(&key).unwrap();
                known.extend(variables);
                known.sort();
                known.dedup();
            }
        }
        messages
    }

    #[test]
    fn both_languages_have_the_same_keys_and_variables() {
        let (japanese, english) = (messages(Language::Japanese), messages(Language::English));
        let keys = |of: &BTreeMap<String, Vec<String>>| of.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&japanese), keys(&english));
        assert_eq!(japanese, english);
    }

    fn collect(folder: &Path, used: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, used);
                continue;
            }
            if !path.extension().is_some_and(|ending| ending == "html" || ending == "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for call in ["t.say(\"", "t.with(\"", "t.with2(\""] {
                for rest in text.split(call).skip(1) {
                    let key = rest.split('"').next().unwrap();
                    used.insert(key.to_owned(), path.display().to_string());
                }
            }
        }
    }

    #[test]
    fn every_text_that_a_page_asks_for_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut used = BTreeMap::new();
        for folder in ["crates", "servers", "services"] {
            if root.join(folder).exists() {
                collect(&root.join(folder), &mut used);
            }
        }
        let known = messages(Language::Japanese);
        let missing: Vec<_> = used.iter().filter(|(key, _)| !known.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn numbers_are_counted_and_codes_are_not() {
        let t = Texts(Language::English);
        assert_eq!(t.with2("step-of", "now", 3, "total", 6), "Step 3 of 6");
        assert!(matches!(text_or_number(&"042"), FluentValue::String(_)));
    }
}
