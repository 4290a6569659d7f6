//! `cargo xtask test`: everything that must hold before a change lands.

use crate::{docs, faults, fuzz, packages, peers, shell, soak};

/// Floors 0 to 2 are the ones that others build on: their documentation has no broken link.
const DOCUMENTED: &[&str] = &[
    "tefuda-types",
    "tefuda-apdu",
    "tefuda-silicon",
    "tefuda-pki",
    "tefuda-protocol",
    "tefuda-openid",
    "tefuda-card",
    "tefuda-element",
    "tefuda-phone",
    "tefuda-authority",
    "tefuda-verifier",
    "tefuda-gateway",
];

/// PC/SC hardware is behind a feature, because it needs a system library.
const READER: &[&str] = &["--package", "tefuda-reader", "--features", "pcsc"];

pub fn run() -> anyhow::Result<()> {
    shell::step("format");
    shell::run("cargo", &["fmt", "--all", "--check"])?;

    packages::install_debian()?;

    shell::step("lints");
    clippy(&["--workspace"])?;
    clippy(READER)?;

    shell::step("documentation");
    let mut document = vec!["doc", "--profile", "ci", "--no-deps", "--quiet"];
    document.extend(DOCUMENTED.iter().flat_map(|package| ["-p", *package]));
    shell::run_with("cargo", &document, &[("RUSTDOCFLAGS", "-D warnings")])?;

    shell::step("tests");
    shell::run("cargo", &["test", "--profile", "ci", "--workspace", "--no-fail-fast"])?;

    shell::step("generated pages");
    docs::check()?;

    fuzz::briefly()?;

    judged_by_others(None)
}

/// `cargo xtask judge [NAME]`: only what other people's programs judge.
pub fn judge() -> anyhow::Result<()> {
    packages::install_debian()?;
    judged_by_others(std::env::args().nth(2).as_deref())
}

/// The tests that are ignored otherwise, all or those whose name has something in it.
fn judged_by_others(name: Option<&str>) -> anyhow::Result<()> {
    peers::install()?;
    shell::run("cargo", &[&["build", "--profile", "ci", "--quiet", "--examples"], READER].concat())?;
    // Built with a network, and with the packages and features of the other tests, so that little is built
    // again; run without one.
    let tests = ["--profile", "ci", "--workspace", "--test", "it", "--test", "browser"];
    shell::run("cargo", &[&["test", "--quiet", "--no-run"], &tests[..]].concat())?;
    let without = ["--", "--ignored", "--skip", soak::NAME, "--skip", faults::NAME];
    let run = [&["test", "--offline", "--no-fail-fast"], &tests[..], &without].concat();
    shell::run_apart("cargo", &run.into_iter().chain(name).collect::<Vec<_>>())
}

fn clippy(packages: &[&str]) -> anyhow::Result<()> {
    let lint = ["clippy", "--profile", "ci", "--all-targets", "--quiet"];
    shell::run("cargo", &[&lint[..], packages, &["--", "-D", "warnings"]].concat())
}
