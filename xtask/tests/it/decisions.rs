//! Decision records: whoever names one names one that is there.

use std::collections::BTreeSet;
use std::path::Path;

use crate::workspace;

/// Numbers of the records in `docs/decisions`.
fn records() -> BTreeSet<String> {
    let folder = workspace::root().join("docs/decisions");
    let names = std::fs::read_dir(folder).expect("there are records").flatten();
    names.filter_map(|entry| entry.file_name().to_str()?.get(..4).map(str::to_owned)).collect()
}

fn collect(folder: &Path, cited: &mut BTreeSet<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, cited);
        }
        let text = path.extension().is_some_and(|ending| ["rs", "md", "toml"].iter().any(|e| ending == *e));
        if !text || !path.is_file() {
            continue;
        }
        let content = std::fs::read_to_string(&path).expect("a text");
        for rest in content.split("decisions/").skip(1) {
            if let Some(number) = rest.get(..4).filter(|n| n.bytes().all(|octet| octet.is_ascii_digit())) {
                cited.insert((number.to_owned(), path.display().to_string()));
            }
        }
    }
}

#[test]
fn every_decision_that_is_cited_was_written() {
    let records = records();
    let mut cited = BTreeSet::new();
    for folder in ["crates", "servers", "docs"] {
        collect(&workspace::root().join(folder), &mut cited);
    }
    let missing: Vec<_> = cited.iter().filter(|(number, _)| !records.contains(number)).collect();
    assert!(missing.is_empty(), "no such record: {missing:?}");
}
