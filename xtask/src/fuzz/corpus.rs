//! What is kept of a corpus: few and small inputs that reach what all of them reach.

use std::fs;
use std::path::{Path, PathBuf};

use super::{BUILT, INPUT_OCTETS_MAX, Target, in_processor_time};

/// Most inputs of a target that are kept, as the tests of `tefuda-fuzz` have it.
const FILES_MAX: usize = 200;
/// Most octets of all of them.
const OCTETS_MAX: u64 = 300_000;

/// Keeps the inputs that somebody wrote, which have names, and of those that were found, which go by their hash, the
/// smallest ones that reach further edges. Gives how many there are.
pub fn minimise(target: &Target) -> anyhow::Result<usize> {
    let (corpus, kept) = (target.corpus(), format!("{BUILT}/kept/{}", target.name));
    let _ = fs::remove_dir_all(&kept);
    fs::create_dir_all(&kept)?;
    for (path, _) in files(&corpus)?.iter().filter(|(path, _)| is_named(path)) {
        copy_into(path, &kept)?;
    }
    let merge = ["-merge=1", "-use_counters=0"].map(str::to_owned);
    let limit = format!("-max_len={INPUT_OCTETS_MAX}");
    let places = [kept.clone(), corpus.clone(), target.found()];
    let arguments: Vec<String> = merge.into_iter().chain([limit]).chain(places).collect();
    in_processor_time(&target.program, &arguments, &format!("{BUILT}/{}.merge.log", target.name))?;
    let mut inputs = files(&kept)?;
    inputs.sort_by_key(|(path, octets)| (!is_named(path), *octets));
    let (mut count, mut sum) = (0, 0);
    inputs.retain(|(_, octets)| {
        (count, sum) = (count + 1, sum + octets);
        count <= FILES_MAX && sum <= OCTETS_MAX
    });
    fs::remove_dir_all(&corpus)?;
    fs::create_dir_all(&corpus)?;
    for (path, _) in &inputs {
        copy_into(path, &corpus)?;
    }
    Ok(inputs.len())
}

/// Whether somebody gave it a name: libFuzzer calls inputs by SHA-1.
fn is_named(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() != 40 || !name.bytes().all(|octet| octet.is_ascii_hexdigit())
}

/// Files of a folder, and how many octets they have.
fn files(folder: &str) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let files = entries.iter().map(|entry| Ok((entry.path(), entry.metadata()?.len())));
    files.collect::<anyhow::Result<_>>()
}

fn copy_into(path: &Path, folder: &str) -> anyhow::Result<()> {
    fs::copy(path, Path::new(folder).join(path.file_name().unwrap_or_default()))?;
    Ok(())
}
