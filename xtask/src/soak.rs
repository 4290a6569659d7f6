//! `cargo xtask soak [ROUNDS[@SEED]]`: the long form of the cuts of power.

use crate::shell;

/// What the tests are called that take long; the suite leaves them out.
pub const NAME: &str = "power::soak";

/// Rounds of card and element each, unless said otherwise.
const ROUNDS: &str = "1000";

/// Draws stories and cuts, and walks all of them in full; each round prints what replays it, the last line how to go on.
pub fn run() -> anyhow::Result<()> {
    let asked = std::env::args().nth(2).unwrap_or_else(|| ROUNDS.to_owned());
    let packages = ["--package", "tefuda-card", "--package", "tefuda-element", "--test", "it"];
    let run =
        ["test", "--profile", "ci"].iter().chain(&packages).chain(&["--", "--ignored", NAME, "--nocapture"]);
    shell::run_with("cargo", &run.copied().collect::<Vec<_>>(), &[("TEFUDA_SOAK", &asked)])
}
