//! The arrows of ARCHITECTURE.md: down only, those inside a floor by name, and nothing below floor 3
//! that could wait, listen or write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::workspace;

/// What no package of floors 0 to 2 is built from.
const ABOVE_FLOOR_2: [&str; 7] = ["tokio", "axum", "hyper", "reqwest", "sqlx", "pcsc", "socket2"];
/// What no source of floors 0 to 2 names.
const OUTSIDE_WORLD: [&str; 5] = ["std::fs", "std::net", "std::process", "std::env::", "async fn"];

fn architecture() -> String {
    std::fs::read_to_string(workspace::root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there")
}

/// The floor of each package, from the rows `| 1 | `apdu` | … |`.
fn floors() -> BTreeMap<String, u8> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let floor = cells.next()?.parse().ok()?;
        let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        Some((name.to_owned(), floor))
    };
    architecture().lines().filter_map(row).collect()
}

/// The edges inside a floor, from the list items `- `phone → card`: why`.
fn edges_inside_a_floor() -> BTreeSet<(String, String)> {
    let item = |line: &str| {
        let (edge, _why) = line.strip_prefix("- `")?.split_once("`:")?;
        let (from, to) = edge.split_once(" → ")?;
        Some((from.to_owned(), to.to_owned()))
    };
    architecture().lines().filter_map(item).collect()
}

/// `tefuda-card` is `card` in the table; `tefuda` and `xtask` go by their own names.
fn short(package: &str) -> &str {
    package.strip_prefix("tefuda-").unwrap_or(package)
}

#[test]
fn every_package_has_a_floor_and_every_floor_its_packages() {
    let metadata = workspace::metadata();
    let packages: BTreeSet<String> =
        workspace::edges(&metadata).keys().map(|p| short(p).to_owned()).collect();
    let described: BTreeSet<String> = floors().into_keys().collect();
    assert_eq!(packages, described, "packages (left) and the table of ARCHITECTURE.md (right) differ");
}

#[test]
fn arrows_point_down() {
    let floors = floors();
    let allowed = edges_inside_a_floor();
    let mut used = BTreeSet::new();
    for (from, targets) in workspace::edges(&workspace::metadata()) {
        for to in targets {
            let (from, to) = (short(&from).to_owned(), short(&to).to_owned());
            if floors[&to] < floors[&from] {
                continue;
            }
            let edge = (from, to);
            assert!(allowed.contains(&edge), "{} → {} does not point down", edge.0, edge.1);
            used.insert(edge);
        }
    }
    assert_eq!(used, allowed, "edges in use (left) and those of ARCHITECTURE.md (right) differ");
}

#[test]
fn the_lower_floors_reach_nothing_that_waits_or_listens() {
    for (package, floor) in floors().into_iter().filter(|(_, floor)| *floor <= 2) {
        let reached = workspace::reach(&format!("tefuda-{package}"));
        let forbidden: Vec<_> = ABOVE_FLOOR_2.iter().filter(|name| reached.contains(**name)).collect();
        assert!(forbidden.is_empty(), "{package} (floor {floor}) reaches {forbidden:?}");
    }
}

#[test]
fn the_lower_floors_name_nothing_of_the_outside_world() {
    for (package, floor) in floors().into_iter().filter(|(_, floor)| *floor <= 2) {
        for file in rust_files(&workspace::root().join("crates").join(&package).join("src")) {
            let text = std::fs::read_to_string(&file).expect("a source is readable");
            for word in OUTSIDE_WORLD {
                assert!(!text.contains(word), "{} (floor {floor}) names {word}", file.display());
            }
        }
    }
}

#[test]
fn architecture_stays_readable() {
    assert!(architecture().lines().count() <= 150, "ARCHITECTURE.md has more than 150 lines");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
