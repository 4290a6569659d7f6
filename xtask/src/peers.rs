//! Other people's programs that no Debian package brings: each at one version, under `target/peers`.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::shell;

/// Where their versions are written down.
const PINS: &str = "crates/tefuda/tests/peers";
/// Where they go.
const PEERS: &str = "target/peers";
/// The crate whose examples read a card.
const MYNA_CARD: &str = "=3.3.4";

/// Installs those that are not there in the version that is written down.
pub fn install() -> anyhow::Result<()> {
    shell::step("other people's programs");
    fs::create_dir_all(PEERS)?;
    myna_card()?;
    node()?;
    python()
}

/// The crate brings its own lock file; Cargo looks at the version and does nothing twice.
fn myna_card() -> anyhow::Result<()> {
    let target = format!("{PEERS}/cargo");
    let examples = ["--example", "read_card", "--example", "dump_certificates"];
    let version = ["myna-card", "--version", MYNA_CARD, "--locked", "--debug"];
    let place = ["--root", PEERS, "--target-dir", &target];
    let arguments: Vec<&str> =
        ["install", "--quiet"].into_iter().chain(version).chain(examples).chain(place).collect();
    shell::run("cargo", &arguments)
}

fn node() -> anyhow::Result<()> {
    let folder = format!("{PEERS}/node");
    let lock = "package-lock.json";
    unless_installed(lock, &folder, || {
        fs::copy(format!("{PINS}/package.json"), format!("{folder}/package.json"))?;
        fs::copy(format!("{PINS}/{lock}"), format!("{folder}/package-lock.json"))?;
        // npm takes a folder behind a link for a package that is linked.
        let folder = fs::canonicalize(&folder)?.display().to_string();
        shell::run("npm", &["ci", "--prefix", &folder, "--ignore-scripts", "--no-audit", "--no-fund"])
    })
}

fn python() -> anyhow::Result<()> {
    let folder = format!("{PEERS}/python");
    let pins = "requirements.txt";
    unless_installed(pins, &folder, || {
        shell::run("python3", &["-m", "venv", "--clear", &folder])?;
        let pip = format!("{folder}/bin/pip");
        shell::run(&pip, &["install", "--quiet", "--no-deps", "--requirement", &format!("{PINS}/{pins}")])
    })
}

/// Installs into a folder what a file of [`PINS`] names; a copy of that file, made last, says that it is done.
fn unless_installed(
    pins: &str,
    folder: &str,
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let wanted = fs::read_to_string(format!("{PINS}/{pins}")).with_context(|| format!("no {PINS}/{pins}"))?;
    let done = Path::new(folder).join("installed");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    install()?;
    Ok(fs::write(done, wanted)?)
}
