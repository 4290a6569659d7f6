use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use tefuda_fuzz::{INPUT_OCTETS_MAX, TARGETS, Target};

use crate::mutate::Dice;

/// Where the mutations begin; a failure prints it with the round.
const SEED: u64 = 0x7EF0_DA00_0000_0001;
/// Mutations for each target.
const ROUNDS: usize = 4_000;
/// The same for sequences against a chip, each of up to 24 commands, some with an RSA signature.
const ROUNDS_OF_CHIPS: usize = 150;
const CHIPS: [&str; 2] = ["card", "element"];
/// What a corpus may have.
const FILES_MAX: usize = 200;
const CORPUS_OCTETS_MAX: usize = 300_000;

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind).join(target)
}

/// Files of a folder by name; none if there is no folder.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut inputs = files(&folder("corpus", target));
    assert!(!inputs.is_empty(), "{target} has no corpus");
    inputs.extend(files(&folder("regressions", target)));
    inputs
}

/// Every target on a thread of its own.
fn each(run: impl Fn(&str, Target) + Sync) {
    thread::scope(|scope| {
        for (name, target) in TARGETS {
            let run = &run;
            scope.spawn(move || run(name, target));
        }
    });
}

#[test]
fn corpora_and_what_once_failed_hold() {
    each(|name, target| {
        for (path, octets) in inputs(name) {
            assert!(catch_unwind(|| target(&octets)).is_ok(), "{}", path.display());
        }
    });
}

#[test]
fn mutations_hold() {
    each(|name, target| {
        let inputs = inputs(name);
        let mut dice = Dice(SEED);
        for round in 0..if CHIPS.contains(&name) { ROUNDS_OF_CHIPS } else { ROUNDS } {
            let input = |number: usize| inputs[number % inputs.len()].1.as_slice();
            let octets = dice.mutate(input(round), input(round / inputs.len() + 1));
            let shown: String = octets.iter().map(|octet| format!("{octet:02X}")).collect();
            assert!(
                catch_unwind(|| target(&octets)).is_ok(),
                "{name}, round {round} of seed {SEED:#X}: {shown}"
            );
        }
    });
}

#[test]
fn corpora_stay_small() {
    for (name, _) in TARGETS {
        let corpus = files(&folder("corpus", name));
        let octets: usize = corpus.iter().map(|(_, octets)| octets.len()).sum();
        let largest = corpus.iter().map(|(_, octets)| octets.len()).max().unwrap_or_default();
        assert!(corpus.len() <= FILES_MAX && octets <= CORPUS_OCTETS_MAX, "{name}: {octets}");
        assert!(largest <= INPUT_OCTETS_MAX, "{name}: {largest}");
    }
}

#[test]
fn every_target_is_built_for_the_fuzzer_under_its_own_name() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let names: Vec<String> = files(&built)
        .into_iter()
        .map(|(path, source)| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let calls = format!("tefuda_fuzz::{name}(octets)");
            assert!(String::from_utf8(source).unwrap().contains(&calls), "{}", path.display());
            name
        })
        .collect();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
}
