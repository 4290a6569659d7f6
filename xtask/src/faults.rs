//! `cargo xtask faults [ROUNDS[@SEED]]`: the long form of kills and of a network that loses, doubles and delays.

use crate::soak;

/// What the test is called that takes long; the suite leaves it out.
pub const NAME: &str = "faults::soak";

/// Phones' lives on each database, unless said otherwise.
const ROUNDS: &str = "100";

/// Starts the actors apart and lets phones live and die; each round prints what replays it, the last line how to go on,
/// and `docs/faults.tsv` keeps the count.
pub fn run() -> anyhow::Result<()> {
    soak::long(NAME, &["tefuda"], ("TEFUDA_FAULTS", ROUNDS))
}
