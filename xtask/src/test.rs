//! `cargo xtask test`: everything that must hold before a change lands.

use crate::{docs, packages, peers, shell};

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

    peers::install()?;
    shell::run("cargo", &[&["build", "--profile", "ci", "--quiet", "--examples"], READER].concat())?;
    // The same packages and features as above, so that nothing is built again.
    let judged = ["test", "--profile", "ci", "--offline", "--workspace", "--no-fail-fast", "--test", "it"];
    shell::run_apart("cargo", &[&judged[..], &["--", "--ignored"]].concat())
}

fn clippy(packages: &[&str]) -> anyhow::Result<()> {
    let lint = ["clippy", "--profile", "ci", "--all-targets", "--quiet"];
    shell::run("cargo", &[&lint[..], packages, &["--", "-D", "warnings"]].concat())
}
