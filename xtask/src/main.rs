//! The project's own tasks.
#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test says what it expects by panicking")]
mod abuse;
mod bench;
mod docs;
mod faults;
mod fuzz;
mod packages;
mod peers;
mod reasons;
mod shell;
mod soak;
mod test;

use std::process::ExitCode;

type Task = fn() -> anyhow::Result<()>;

const TASKS: &[(&str, &str, Task)] = &[
    ("test", "install what is missing, then run every check and test", test::run),
    ("judge", "only what other people's programs judge; a word picks among those tests", test::judge),
    ("soak", "cut the power of card and element for long: ROUNDS, or ROUNDS@SEED to go on", soak::run),
    ("fuzz", "fuzz TARGET (all) for SECONDS (20) more, counted in fuzz/RUNS.md", fuzz::run),
    ("bench", "measure a release build and write docs/benchmarks.md; a name measures only that", bench::run),
    ("faults", "kill actors and disturb the network for long: ROUNDS, or ROUNDS@SEED to go on", faults::run),
    ("docs", "write the pages that are made from the sources: docs/reasons.md and docs/cli.md", docs::run),
];

fn main() -> ExitCode {
    if let Err(error) = std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")) {
        shell::say(&format!("the workspace is gone: {error}"));
        return ExitCode::FAILURE;
    }
    let name = std::env::args().nth(1);
    let Some((_, _, task)) = TASKS.iter().find(|(task, ..)| Some(*task) == name.as_deref()) else {
        for (task, does, _) in TASKS {
            shell::say(&format!("cargo xtask {task:<8} {does}"));
        }
        return ExitCode::from(2);
    };
    match task() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("\n{error:#}"));
            ExitCode::FAILURE
        }
    }
}
