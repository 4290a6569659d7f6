//! `docs/abuse-cases.md` held to the tree: what it says is tested is tested, where it says.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = "docs/abuse-cases.md";

/// One row of a table: its number and its other cells.
struct Row<'a> {
    case: &'a str,
    cells: Vec<&'a str>,
}

/// The rows of the tables under the heading that starts so, up to the next of its rank.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Row<'a>> {
    let Some((_, after)) = page.split_once(&format!("\n## {heading}")) else { return Vec::new() };
    let section = after.split("\n## ").next().unwrap_or_default();
    let row = |line: &'a str| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::trim);
        let case = cells.next().filter(|case| is_number(case))?;
        Some(Row { case, cells: cells.collect() })
    };
    section.lines().filter_map(row).collect()
}

/// A letter and two digits.
fn is_number(case: &str) -> bool {
    let mut signs = case.chars();
    case.len() == 3
        && signs.next().is_some_and(|c| c.is_ascii_uppercase())
        && signs.all(|c| c.is_ascii_digit())
}

/// `path::name` in backquotes, as the two.
fn place(cell: &str) -> Option<(&str, &str)> {
    cell.trim_matches('`').rsplit_once("::")
}

/// Something in the workspace.
fn at(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

fn page() -> String {
    fs::read_to_string(at(PAGE)).unwrap()
}

fn source(path: &str) -> String {
    fs::read_to_string(at(path)).unwrap_or_else(|error| panic!("{PAGE}: {path}: {error}"))
}

/// Whether the text defines a function of this name.
fn defines(text: &str, name: &str) -> bool {
    text.match_indices(&format!("fn {name}"))
        .any(|(at, found)| text[at + found.len()..].starts_with(['(', '<']))
}

#[test]
fn a_case_that_is_covered_names_a_test_and_a_defence_that_exist() {
    let page = page();
    let covered = rows(&page, "Covered");
    assert!(!covered.is_empty());
    for Row { case, cells } in covered {
        let [_, _, defences, tests] = cells[..] else { panic!("{case}: a row has five cells") };
        for test in tests.split(", ") {
            let (path, name) = place(test).unwrap_or_else(|| panic!("{case}: {test}"));
            let prefix = format!("abuse_{}_", case.to_lowercase());
            assert!(name.starts_with(&prefix), "{case}: {name} is not named after the case");
            assert!(defines(&source(path), name), "{case}: {path} has no test {name}");
        }
        for defence in defences.split(", ") {
            let (path, name) = place(defence).unwrap_or_else(|| panic!("{case}: {defence}"));
            assert!(source(path).contains(name), "{case}: {path} has no {name}");
        }
    }
}

#[test]
fn every_test_that_bears_a_number_is_on_the_page() {
    let page = page();
    let listed: BTreeSet<&str> = rows(&page, "Covered")
        .iter()
        .flat_map(|row| row.cells.last().into_iter().flat_map(|tests| tests.split(", ")))
        .filter_map(|test| place(test).map(|(_, name)| name))
        .collect();
    let mut found = BTreeSet::new();
    for folder in ["crates", "servers", "services"] {
        collect(&at(folder), &mut found);
    }
    let missing: Vec<_> = found.iter().filter(|name| !listed.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "{PAGE} lacks {missing:?}");
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split("fn abuse_").skip(1).filter_map(|rest| rest.split('(').next());
            found.extend(names.map(|name| format!("abuse_{name}")));
        }
    }
}

#[test]
fn a_case_is_covered_or_open_and_not_both() {
    let page = page();
    let numbers = |heading| rows(&page, heading).iter().map(|row| row.case.to_owned()).collect::<Vec<_>>();
    let (covered, open) = (numbers("Covered"), numbers("Open"));
    let all: BTreeSet<&String> = covered.iter().chain(&open).collect();
    assert_eq!(all.len(), covered.len() + open.len(), "a case is listed twice");
    // The path from card to login is held to these; whichever is not yet covered is admitted to be open.
    for (letter, numbers) in PATH {
        for number in *numbers {
            let case = format!("{letter}{number:02}");
            assert!(all.contains(&case), "{PAGE} says nothing of {case}");
        }
    }
}

/// The cases that concern the path from card to login.
const PATH: &[(char, &[u8])] = &[
    ('A', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
    ('B', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13]),
    ('C', &[1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16]),
    ('D', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]),
    ('E', &[1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 16]),
    ('I', &[1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    ('L', &[1, 3, 5, 6, 7]),
    ('M', &[1, 2, 3, 4, 5, 8, 9]),
];
