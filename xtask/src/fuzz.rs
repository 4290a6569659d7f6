//! `cargo xtask fuzz [TARGET|all] [SECONDS]`: octets that libFuzzer makes up, through every parser and both chips.
//!
//! The short form is a step of `cargo xtask test`: 20 seconds a target from the committed corpus. The long form goes on
//! where the last one ended: it counts processor seconds and executions up in `fuzz/RUNS.md`, each run with a seed of
//! its own, keeps the inputs that reach something new in `fuzz/corpus`, and those that fail in `fuzz/regressions`.
//!
//! Built as cargo-fuzz 0.13.2 builds without a sanitizer, which the stable compiler does: this workspace forbids
//! `unsafe`, so that an address sanitizer, which would need a nightly, has nothing to find in it.

mod corpus;
mod runs;

use std::collections::VecDeque;
use std::fs;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail, ensure};

use crate::shell;
use runs::{Record, Runs};

/// The crate of the targets, a workspace of its own.
const MANIFEST: &str = "fuzz/Cargo.toml";
/// Where it is built, and where runs leave what is not kept.
const BUILT: &str = "target/fuzz";
/// What cargo-fuzz gives the compiler: every edge and every comparison is told to libFuzzer.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    --cfg fuzzing -Cdebug-assertions -Ccodegen-units=1";
/// Seconds a target, unless said otherwise.
const SECONDS: u64 = 20;
/// Seed of the short form.
const SEED: u64 = 1;
/// Most octets of an input, as `tefuda_fuzz::INPUT_OCTETS_MAX` has it.
const INPUT_OCTETS_MAX: &str = "20000";
/// An input that takes longer is a fault. The slowest, 24 commands with an RSA signature each, takes a second, and the
/// first, before which keys are made, a few; but the clock goes on while other programs have the processors.
const INPUT_SECONDS_MAX: &str = "120";
/// More memory is a fault, beside the bounds that the targets have themselves.
const MEMORY_MEBIBYTES_MAX: &str = "1024";

/// A target and what is built of it.
struct Target {
    name: String,
    program: String,
}

impl Target {
    fn corpus(&self) -> String {
        format!("fuzz/corpus/{}", self.name)
    }

    fn regressions(&self) -> String {
        format!("fuzz/regressions/{}", self.name)
    }

    /// What runs found on this machine.
    fn found(&self) -> String {
        format!("{BUILT}/found/{}", self.name)
    }
}

/// One run of one target.
struct Run {
    processor_seconds: f64,
    executions: u64,
    edges: u64,
}

/// The short form: every target from its corpus, as many at one time as there are processors.
pub fn briefly() -> anyhow::Result<()> {
    shell::step("fuzzing");
    on_every_processor(built()?, |target| {
        let run = one(target, SECONDS, SEED)?;
        shell::say(&format!("{}: {} executions, {} edges", target.name, run.executions, run.edges));
        Ok(())
    })
}

/// The long form: so many processor seconds more for one target, or for each.
pub fn run() -> anyhow::Result<()> {
    let mut asked = std::env::args().skip(2);
    let name = asked.next().unwrap_or_else(|| "all".to_owned());
    let seconds = asked.next().map_or(Ok(SECONDS), |text| text.parse()).context("SECONDS is a number")?;
    let mut targets = built()?;
    targets.retain(|target| name == "all" || target.name == name);
    ensure!(!targets.is_empty(), "no target is called {name}");
    let runs = Mutex::new(Runs::read()?);
    on_every_processor(targets, |target| longer(target, seconds, &runs))
}

/// Runs until so many processor seconds are used, which take longer on a machine that does other things too.
fn longer(target: &Target, seconds: u64, runs: &Mutex<Runs>) -> anyhow::Result<()> {
    let runs = || runs.lock().unwrap_or_else(PoisonError::into_inner);
    #[expect(clippy::cast_precision_loss, reason = "seconds of a run are far below 2^52")]
    let mut left = seconds as f64;
    while left > 0.0 {
        let seed = runs().next_seed(&target.name);
        let run = one(target, clock_seconds(left), seed)?;
        left -= run.processor_seconds.max(0.01);
        runs().add(&target.name, &run);
    }
    let inputs = corpus::minimise(target)?;
    let mut runs = runs();
    let record: Record = runs.finish(&target.name, inputs)?;
    shell::say(&format!("{}: {record}", target.name));
    runs.write()
}

/// Whole seconds, at least a few: every run begins by reading the corpus.
fn clock_seconds(left: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is left is positive")]
    let whole = left.ceil() as u64;
    whole.max(5)
}

/// Builds every target.
fn built() -> anyhow::Result<Vec<Target>> {
    let version = shell::output("rustc", &["-vV"])?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names its host")?;
    // What is fuzzed is built from what is tested, version by version; libFuzzer's own are in the manifest.
    fs::copy("Cargo.lock", "fuzz/Cargo.lock")?;
    let build = ["build", "--quiet", "--release", "--manifest-path", MANIFEST, "--target-dir", BUILT];
    // With a target named, build scripts and macros are not instrumented.
    shell::run_with("cargo", &[&build[..], &["--target", host]].concat(), &[("RUSTFLAGS", COVERAGE)])?;
    let sources = fs::read_dir("fuzz/fuzz_targets")?.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<String> = sources
        .iter()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    let target = |name: String| Target { program: format!("{BUILT}/{host}/release/{name}"), name };
    Ok(names.into_iter().map(target).collect())
}

/// Gives every target to a worker, of which there are as many as processors; goes on after a failure, and fails for
/// all of them at the end.
fn on_every_processor(
    targets: Vec<Target>,
    work: impl Fn(&Target) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let queue = Mutex::new(VecDeque::from(targets));
    let failures = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                while let Some(target) = next() {
                    if let Err(error) = work(&target) {
                        let failure = format!("{}: {error:#}", target.name);
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failures.is_empty() { Ok(()) } else { bail!("fuzzing failed:\n{}", failures.join("\n")) }
}

/// One run of a target, by the clock; an input that fails stays among the regressions.
fn one(target: &Target, seconds: u64, seed: u64) -> anyhow::Result<Run> {
    let (found, regressions) = (target.found(), target.regressions());
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&regressions)?;
    let log = format!("{BUILT}/{}.log", target.name);
    let arguments = [
        format!("-seed={seed}"),
        format!("-max_total_time={seconds}"),
        format!("-max_len={INPUT_OCTETS_MAX}"),
        format!("-timeout={INPUT_SECONDS_MAX}"),
        format!("-rss_limit_mb={MEMORY_MEBIBYTES_MAX}"),
        format!("-artifact_prefix={regressions}/"),
        "-print_final_stats=1".to_owned(),
        found,
        target.corpus(),
        regressions.clone(),
    ];
    let outcome = in_processor_time(&target.program, &arguments, &log);
    // An empty folder is nothing that a repository keeps.
    let _ = fs::remove_dir(&regressions);
    let told = fs::read_to_string(&log).unwrap_or_default();
    let last = |mark: &str| {
        let (_, rest) = told.rsplit_once(mark)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    match outcome {
        Ok(processor_seconds) => Ok(Run {
            processor_seconds,
            executions: last("stat::number_of_executed_units:").context("libFuzzer tells its executions")?,
            edges: last(" cov:").unwrap_or_default(),
        }),
        Err(error) => {
            let lines: Vec<&str> = told.lines().collect();
            bail!("{error:#}\n{}", lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n"))
        }
    }
}

/// Runs a program, what it says going to a file, and gives the processor seconds that it took.
fn in_processor_time(program: &str, arguments: &[String], log: &str) -> anyhow::Result<f64> {
    const TIMED: &str = "log=$1; shift; \"$@\" > \"$log\" 2>&1; code=$?; times; exit $code";
    let mut all = vec!["-c", TIMED, "sh", log, program];
    all.extend(arguments.iter().map(String::as_str));
    let times = shell::output("sh", &all)?;
    // The second line is about children: `1m2.34s 0m0.56s`, in itself and in the kernel.
    let children = times.lines().nth(1).context("sh tells what its children took")?;
    let seconds = |time: &str| {
        let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    children.split_whitespace().map(|time| seconds(time).with_context(|| format!("sh told {time}"))).sum()
}
