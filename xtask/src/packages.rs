//! What the tests need from outside Cargo: Debian 12 packages, by name.

use crate::shell;

/// Other people's programs that the tests drive, and what building them takes.
const DEBIAN: &[&str] = &[
    "openssl",
    "postgresql",
    "opensc",
    "softhsm2",
    "pcscd",
    "vsmartcard-vpcd",
    "libpcsclite-dev",
    "pkg-config",
    "curl",
    "iproute2",
    "procps",
    "tcpdump",
    "python3-venv",
    "chromium",
    "chromium-driver",
    "libfaketime",
    "fonts-noto-cjk",
];
/// Any Node will do, so Debian's is taken only where there is none.
const NODE: [&str; 2] = ["node", "npm"];
const NODE_DEBIAN: [&str; 2] = ["nodejs", "npm"];

/// Installs the Debian packages that are not there yet.
pub fn install_debian() -> anyhow::Result<()> {
    let mut missing: Vec<&str> = DEBIAN.iter().copied().filter(|name| !is_installed(name)).collect();
    if !NODE.iter().all(|program| shell::succeeds(program, &["--version"])) {
        missing.extend(NODE_DEBIAN);
    }
    if missing.is_empty() {
        return Ok(());
    }
    shell::step("Debian packages");
    shell::run("apt-get", &["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    let arguments: Vec<&str> = install.into_iter().chain(missing).collect();
    shell::run_with("apt-get", &arguments, &[("DEBIAN_FRONTEND", "noninteractive")])
}

fn is_installed(name: &str) -> bool {
    shell::succeeds("dpkg", &["--status", name])
}
