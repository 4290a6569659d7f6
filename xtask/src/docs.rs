//! `cargo xtask docs`: the pages that are made, not written.

use std::fs;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::{reasons, shell};

/// The program whose help it is.
const TEFUDA: &str = "target/ci/tefuda";
/// Options that every verb has; told once.
const COMMON: [&str; 5] = ["--home ", "--json", "--lang ", "--log ", "--help"];

/// Writes the generated pages.
pub fn run() -> anyhow::Result<()> {
    for (path, text) in pages()? {
        fs::write(path, text).with_context(|| format!("cannot write {path}"))?;
        shell::say(path);
    }
    Ok(())
}

/// Fails when a generated page is not what it would be now.
pub fn check() -> anyhow::Result<()> {
    for (path, text) in pages()? {
        ensure!(fs::read_to_string(path).is_ok_and(|old| old == text), "{path} is stale: cargo xtask docs");
    }
    Ok(())
}

fn pages() -> anyhow::Result<[(&'static str, String); 2]> {
    Ok([("docs/reasons.md", reasons::page()?), ("docs/cli.md", command_line()?)])
}

/// `docs/cli.md`: the help of every verb.
fn command_line() -> anyhow::Result<String> {
    let mut page = String::from(
        "# The command line\n\nThe help of every verb, the options of all told once. Made by `cargo xtask docs`; what programs rely on beyond \
         it (exit codes, JSON) is in the [operator's guide](operating.md).\n",
    );
    shell::run("cargo", &["build", "--quiet", "--profile", "ci", "--package", "tefuda"])?;
    append_verb(&mut page, &[])?;
    Ok(page)
}

fn append_verb(page: &mut String, verb: &[&str]) -> anyhow::Result<()> {
    let help = help(verb)?;
    let name = ["tefuda"].iter().chain(verb).copied().collect::<Vec<_>>().join(" ");
    let shown = if verb.is_empty() { help.clone() } else { without_common(&help) };
    *page +=
        &format!("\n{} {name}\n\n```text\n{}\n```\n", "#".repeat(verb.len().min(3) + 2), shown.trim_end());
    for sub in subcommands(&help) {
        let deeper: Vec<&str> = verb.iter().copied().chain([sub]).collect();
        append_verb(page, &deeper)?;
    }
    Ok(())
}

fn help(verb: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(TEFUDA)
        .args(verb)
        .arg("--help")
        .env("COLUMNS", "100")
        .env_remove("TEFUDA_LOG")
        .output()?;
    if !output.status.success() {
        bail!("tefuda {} --help failed: {}", verb.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    let help = String::from_utf8(output.stdout)?;
    Ok(help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

/// A verb's help without the options that all verbs have. An option is a paragraph that begins with its name,
/// and the paragraphs below it that are indented further.
fn without_common(help: &str) -> String {
    let mut kept = String::new();
    let mut common = false;
    for line in help.lines() {
        let name = line.trim_start();
        if name.starts_with('-') && line.starts_with("  ") && !line.starts_with("         ") {
            common = COMMON.iter().any(|option| name.contains(option));
        } else if !line.is_empty() && !line.starts_with(' ') {
            common = false;
        }
        if !common {
            kept = kept + line + "\n";
        }
    }
    kept.trim_end().trim_end_matches("Options:").trim_end().to_owned()
}

/// The names in the section `Commands:`, without `help`.
fn subcommands(help: &str) -> Vec<&str> {
    let section = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let entries = section.take_while(|line| line.starts_with("  "));
    // A name starts in the third column; its description may go on further to the right.
    let names = entries.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").collect()
}

#[cfg(test)]
mod tests {
    use super::{subcommands, without_common};

    #[test]
    fn subcommands_are_those_of_the_section() {
        let help =
            "Does\n\nCommands:\n  up     starts\n         everything\n  help   prints\n\nOptions:\n  -h";
        assert_eq!(subcommands(help), ["up"]);
        assert!(subcommands("Usage: tefuda up").is_empty());
    }

    #[test]
    fn options_of_all_verbs_are_left_out() {
        let help = "Does\n\nOptions:\n      --json\n          One value\n\n          More\n\n      --to <TO>\n          Where";
        assert_eq!(without_common(help), "Does\n\nOptions:\n      --to <TO>\n          Where");
        assert_eq!(without_common("Does\n\nOptions:\n  -h, --help\n          Print"), "Does");
    }
}
