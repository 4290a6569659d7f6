//! `cargo xtask test`: everything that must hold before a change lands.

use crate::{docs, packages, shell};

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

pub fn run() -> anyhow::Result<()> {
    shell::step("format");
    shell::run("cargo", &["fmt", "--all", "--check"])?;

    packages::install_debian()?;

    shell::step("lints");
    let lint =
        ["clippy", "--profile", "ci", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    shell::run("cargo", &lint)?;

    shell::step("documentation");
    let mut document = vec!["doc", "--profile", "ci", "--no-deps", "--quiet"];
    document.extend(DOCUMENTED.iter().flat_map(|package| ["-p", *package]));
    shell::run_with("cargo", &document, &[("RUSTDOCFLAGS", "-D warnings")])?;

    shell::step("tests");
    shell::run("cargo", &["test", "--profile", "ci", "--workspace", "--no-fail-fast"])?;

    shell::step("generated pages");
    docs::check()
}
