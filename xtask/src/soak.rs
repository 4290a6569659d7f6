//! `cargo xtask soak [ROUNDS[@SEED]]`: the long form of the cuts of power.

use crate::shell;

/// What the tests are called that take long; the suite leaves them out.
pub const NAME: &str = "power::soak";

/// Rounds of card and element each, unless said otherwise.
const ROUNDS: &str = "1000";

/// Draws stories and cuts, and walks all of them in full; each round prints what replays it, the last line how to go on.
pub fn run() -> anyhow::Result<()> {
    long(NAME, &["tefuda-card", "tefuda-element"], ("TEFUDA_SOAK", ROUNDS))
}

/// Runs the tests of a long form, told by a variable for how many rounds and from which seed.
pub fn long(name: &str, packages: &[&str], (variable, rounds): (&str, &str)) -> anyhow::Result<()> {
    let asked = std::env::args().nth(2).unwrap_or_else(|| rounds.to_owned());
    let packages = packages.iter().flat_map(|package| ["--package", *package]);
    let tests = ["--test", "it", "--", "--ignored", name, "--nocapture"];
    let run = ["test", "--profile", "ci"].into_iter().chain(packages).chain(tests);
    shell::run_with("cargo", &run.collect::<Vec<_>>(), &[(variable, &asked)])
}
