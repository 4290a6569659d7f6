//! The reason codes of the workspace, found in its sources, and their sentences in the catalogue.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// One variant of an error enum, as a `reasons!` block names it.
#[derive(Debug)]
pub struct Refusal {
    pub file: PathBuf,
    pub error: String,
    pub variant: String,
    pub code: String,
    pub blame: String,
}

/// What a person reads for a code.
#[derive(Debug)]
pub struct Sentence {
    pub ja: String,
    pub en: String,
}

/// Where the sentences are.
pub const CATALOGUE: &str = "crates/pages/catalogue/reasons.toml";

/// Every Rust source of the product, with its text up to the tests at its end.
pub fn sources() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for folder in ["crates", "servers", "services"] {
        collect(Path::new(folder), &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("tests") && !path.ends_with("examples") {
                collect(&path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let product = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            found.push((path, product));
        }
    }
    Ok(())
}

/// Every variant that any `reasons!` block names.
pub fn refusals(sources: &[(PathBuf, String)]) -> Vec<Refusal> {
    let mut found = Vec::new();
    for (file, text) in sources {
        let code_only: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |all, line| all + line + "\n");
        for block in code_only.split("reasons!").skip(1) {
            found.extend(block_refusals(file, block));
        }
    }
    found
}

/// Reads `{ Error { Variant => "area.code", Blame; … } }`.
fn block_refusals(file: &Path, block: &str) -> Vec<Refusal> {
    let Some((error, body)) = block.trim_start().strip_prefix('{').and_then(|rest| rest.split_once('{'))
    else {
        return Vec::new();
    };
    let body = body.split_once("} }").map_or(body, |(body, _)| body);
    let refusal = |entry: &str| {
        let (pattern, answer) = entry.split_once("=> \"")?;
        let (code, blame) = answer.split_once("\",")?;
        let variant = pattern.trim().split(|c: char| !c.is_alphanumeric()).next()?;
        Some(Refusal {
            file: file.to_owned(),
            error: error.trim().to_owned(),
            variant: variant.to_owned(),
            code: code.to_owned(),
            blame: blame.trim().to_owned(),
        })
    };
    body.split(';').filter_map(refusal).collect()
}

/// The catalogue, by code.
pub fn catalogue() -> anyhow::Result<BTreeMap<String, Sentence>> {
    let text = fs::read_to_string(CATALOGUE).with_context(|| format!("cannot read {CATALOGUE}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("{CATALOGUE} is not TOML"))?;
    let mut sentences = BTreeMap::new();
    for (code, entry) in table {
        let sentence =
            |language| entry.get(language).and_then(toml::Value::as_str).unwrap_or_default().trim();
        let (ja, en) = (sentence("ja"), sentence("en"));
        ensure!(!ja.is_empty() && !en.is_empty(), "{CATALOGUE}: {code} lacks `ja` or `en`");
        sentences.insert(code.clone(), Sentence { ja: ja.to_owned(), en: en.to_owned() });
    }
    Ok(sentences)
}

impl Refusal {
    /// `crate::Error::Variant`.
    fn place(&self) -> String {
        let folder = self.file.components().nth(1).map(|folder| folder.as_os_str().to_string_lossy());
        format!("`{}::{}::{}`", folder.unwrap_or_default(), self.error, self.variant)
    }
}

/// `docs/reasons.md`: every code with who has to act, both sentences and where it comes from, by area.
pub fn page() -> anyhow::Result<String> {
    let mut refusals_of: BTreeMap<String, Vec<Refusal>> = BTreeMap::new();
    for refusal in refusals(&sources()?) {
        refusals_of.entry(refusal.code.clone()).or_default().push(refusal);
    }
    let mut page = String::from(
        "# Reasons\n\nEvery refusal, by its stable code. Made from the sources and \
         `crates/pages/catalogue/reasons.toml` by `cargo xtask docs`.\n",
    );
    let mut area = String::new();
    for (code, sentence) in catalogue()? {
        let this = code.split('.').next().unwrap_or_default();
        if this != area {
            this.clone_into(&mut area);
            page += &format!(
                "\n## {area}\n\n| code | 日本語 | English | who acts | made as |\n|---|---|---|---|---|\n"
            );
        }
        let refusals = refusals_of.remove(&code).unwrap_or_default();
        let who = refusals.first().map_or("", |refusal| who_acts(&refusal.blame));
        let places = refusals.iter().map(Refusal::place).collect::<Vec<_>>().join(", ");
        page += &format!("| `{code}` | {} | {} | {who} | {places} |\n", sentence.ja, sentence.en);
    }
    Ok(page)
}

fn who_acts(blame: &str) -> &'static str {
    match blame {
        "Malformed" => "whoever made the input",
        "Peer" => "the other side",
        "Policy" => "the person",
        "Caller" => "the caller",
        _ => "the operator",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn in_the_workspace() {
        std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    }

    #[test]
    fn every_code_has_its_sentences_and_every_sentence_its_code() {
        in_the_workspace();
        let codes: BTreeSet<String> = refusals(&sources().unwrap()).into_iter().map(|r| r.code).collect();
        let sentences: BTreeSet<String> = catalogue().unwrap().into_keys().collect();
        let silent: Vec<_> = codes.difference(&sentences).collect();
        let orphaned: Vec<_> = sentences.difference(&codes).collect();
        assert!(silent.is_empty(), "codes without sentences in {CATALOGUE}: {silent:#?}");
        assert!(orphaned.is_empty(), "sentences in {CATALOGUE} that no code leads to: {orphaned:#?}");
    }

    #[test]
    fn codes_are_dotted_lower_case_and_mean_one_thing_to_one_side() {
        in_the_workspace();
        let mut blames = BTreeMap::new();
        for refusal in refusals(&sources().unwrap()) {
            let words = |c: char| c == '.' || c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit();
            assert!(refusal.code.contains('.') && refusal.code.chars().all(words), "{refusal:?}");
            let blame = blames.entry(refusal.code.clone()).or_insert_with(|| refusal.blame.clone());
            assert_eq!(*blame, refusal.blame, "{refusal:?} is blamed on two sides");
        }
    }

    #[test]
    fn every_code_can_be_produced() {
        in_the_workspace();
        let sources = sources().unwrap();
        let idle: Vec<_> = refusals(&sources).into_iter().filter(|r| !is_made(r, &sources)).collect();
        assert!(idle.is_empty(), "variants that nothing makes: {idle:#?}");
    }

    /// Whether a source makes the variant: by `?` (`#[from]`), by a macro that is given its name, or by
    /// naming it outside a pattern.
    fn is_made(refusal: &Refusal, sources: &[(PathBuf, String)]) -> bool {
        let by_path = format!("{}::{}", refusal.error, refusal.variant);
        let by_self = format!("Self::{}", refusal.variant);
        let converted = format!("{}(#[from]", refusal.variant);
        let by_macro = format!("{}::$", refusal.error);
        // Its definition and its code name it too.
        let handed_on = |text: &str| text.contains(&by_macro) && text.matches(&refusal.variant).count() > 2;
        sources.iter().any(|(file, text)| {
            let here = *file == refusal.file;
            makes(text, &by_path)
                || (here && (makes(text, &by_self) || text.contains(&converted) || handed_on(text)))
        })
    }

    fn makes(text: &str, name: &str) -> bool {
        text.match_indices(name).any(|(at, _)| {
            let rest = &text[at + name.len()..];
            let whole_word = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            let after = after_group(rest).trim_start();
            whole_word && !after.starts_with("=>") && !after.starts_with("| ") && !after.starts_with("if ")
        })
    }

    /// The text after a parenthesised or braced group at its start, if there is one.
    fn after_group(text: &str) -> &str {
        let group = text.trim_start();
        if !group.starts_with(['(', '{']) {
            return text;
        }
        let mut depth = 0;
        for (at, c) in group.char_indices() {
            depth += i32::from(matches!(c, '(' | '{' | '[')) - i32::from(matches!(c, ')' | '}' | ']'));
            if depth == 0 {
                return &group[at + c.len_utf8()..];
            }
        }
        ""
    }

    #[test]
    fn patterns_are_not_constructions() {
        assert!(makes("return Err(HoldError::Torn);", "HoldError::Torn"));
        assert!(makes("HoldError::Blocked { left: 0 }\n}", "HoldError::Blocked"));
        assert!(!makes("HoldError::Blocked { .. } => 1,", "HoldError::Blocked"));
        assert!(!makes("HoldError::TornApart", "HoldError::Torn"));
    }

    #[test]
    fn blocks_are_read() {
        let block =
            " { HoldError { Torn => \"card.torn\", Peer; Blocked { .. } => \"card.blocked\", Policy; } }";
        let read = block_refusals(Path::new("x.rs"), block);
        let codes: Vec<_> =
            read.iter().map(|r| (r.variant.as_str(), r.code.as_str(), r.blame.as_str())).collect();
        assert_eq!(codes, [("Torn", "card.torn", "Peer"), ("Blocked", "card.blocked", "Policy")]);
    }
}
