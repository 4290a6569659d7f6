//! `cargo xtask docs`: the pages that are made, not written.

use std::fs;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::{reasons, shell};

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
        "# The command line\n\nThe help of every verb. Made by `cargo xtask docs`; what programs rely on beyond \
         it (exit codes, JSON) is in the [operator's guide](operating.md).\n",
    );
    append_verb(&mut page, &[])?;
    Ok(page)
}

fn append_verb(page: &mut String, verb: &[&str]) -> anyhow::Result<()> {
    let help = help(verb)?;
    let name = ["tefuda"].iter().chain(verb).copied().collect::<Vec<_>>().join(" ");
    *page +=
        &format!("\n{} {name}\n\n```text\n{}\n```\n", "#".repeat(verb.len().min(3) + 2), help.trim_end());
    for sub in subcommands(&help) {
        let deeper: Vec<&str> = verb.iter().copied().chain([sub]).collect();
        append_verb(page, &deeper)?;
    }
    Ok(())
}

fn help(verb: &[&str]) -> anyhow::Result<String> {
    let mut arguments = vec!["run", "--quiet", "--profile", "ci", "--package", "tefuda", "--"];
    arguments.extend(verb);
    arguments.push("--help");
    let output = Command::new("cargo").args(&arguments).env("COLUMNS", "100").output()?;
    if !output.status.success() {
        bail!("tefuda {} --help failed: {}", verb.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    let help = String::from_utf8(output.stdout)?;
    Ok(help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
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
    use super::subcommands;

    #[test]
    fn subcommands_are_those_of_the_section() {
        let help =
            "Does\n\nCommands:\n  up     starts\n         everything\n  help   prints\n\nOptions:\n  -h";
        assert_eq!(subcommands(help), ["up"]);
        assert!(subcommands("Usage: tefuda up").is_empty());
    }
}
