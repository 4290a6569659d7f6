//! `cargo xtask bench`: figures of a release build, written to docs/benchmarks.md.

use anyhow::Context;
use serde_json::Value;
use std::{fmt::Write, fs, process::Command};

use crate::shell;

/// Where the figures go.
const PAGE: &str = "docs/benchmarks.md";
/// Above the figures.
const HEAD: &str = "# Benchmarks

Written by `cargo xtask bench`; not edited by hand. Figures, not tests: nothing fails by them. `tefuda bench NAME`
repeats the rows of one kind (`ocsp`, `issue`, `login`, `lookup`, `start`), with `--seconds N` for longer ones and
`--database URL` for logins and enrolments on PostgreSQL.

*1/core s* counts operations in a second of processor time of the threads that do them, SQLite's among them, so that
a machine that others use does not change it much; what drives them runs on other threads and is not counted. Each
limit is measured in the same process and the same minute.

";

pub fn run() -> anyhow::Result<()> {
    shell::step("release build");
    shell::run("cargo", &["build", "--release", "--quiet", "--package", "tefuda"])?;
    shell::step("figures");
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let measured =
        Command::new("target/release/tefuda").args(["--json", "bench"]).args(&arguments).output()?;
    let said = String::from_utf8_lossy(&measured.stdout);
    anyhow::ensure!(measured.status.success(), "tefuda bench failed: {said}");
    let page = page(&serde_json::from_str(&said)?, &machine()?)?;
    shell::say(&page);
    // A part of the figures is looked at and not kept.
    if arguments.is_empty() {
        fs::write(PAGE, page)?;
    }
    Ok(())
}

/// When, and on what.
fn machine() -> anyhow::Result<String> {
    let date = shell::output("date", &["+%F %H:%M %Z"])?;
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!("{}; {count} cores, {model}; load before: {load}.", date.trim()))
}

fn page(measured: &Value, machine: &str) -> anyhow::Result<String> {
    let mut page = format!(
        "{HEAD}{machine}\n\n| what | unit | value | limit | ratio | the limit is |\n|---|---|---|---|---|---|\n"
    );
    for row in measured["rows"].as_array().context("no rows")? {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let (value, limit, ratio) = (number(&row["value"]), number(&row["limit"]), number(&row["ratio"]));
        writeln!(
            page,
            "| {} | {} | {value} | {limit} | {ratio} | {} |",
            text("name"),
            text("unit"),
            text("against")
        )?;
    }
    Ok(page)
}

/// Three digits that matter.
fn number(value: &Value) -> String {
    let value = value.as_f64().unwrap_or_default();
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line() {
        let measured = serde_json::json!({ "rows": [{ "name": "a", "unit": "1/s", "value": 1234.5, "limit": 2.0,
            "ratio": 0.617, "against": "b" }] });
        let page = page(&measured, "machine").unwrap();
        assert!(page.ends_with("| a | 1/s | 1234 | 2.00 | 0.62 | b |\n"), "{page}");
    }
}
