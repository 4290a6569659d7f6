//! deny.toml, held against what is built here. `cargo deny check` reads the same file and more.

use std::collections::BTreeSet;

use crate::workspace;

fn deny() -> toml::Table {
    let text = std::fs::read_to_string(workspace::root().join("deny.toml")).expect("deny.toml is there");
    text.parse().expect("deny.toml is TOML")
}

#[test]
fn every_dependency_is_under_a_licence_of_the_list() {
    let deny = deny();
    let allow = deny["licenses"]["allow"].as_array().expect("a list of licences");
    let allow: BTreeSet<&str> = allow.iter().filter_map(|licence| licence.as_str()).collect();
    for package in workspace::metadata().packages.iter().filter(|package| package.source.is_some()) {
        let licence = package.license.as_deref().unwrap_or_default();
        assert!(is_allowed(licence, &allow), "{} is under `{licence}`", package.name);
    }
}

#[test]
fn no_banned_package_is_built_and_all_come_from_the_registry() {
    let deny = deny();
    let banned = deny["bans"]["deny"].as_array().expect("a list of bans");
    let banned: BTreeSet<&str> = banned.iter().filter_map(|ban| ban["crate"].as_str()).collect();
    let metadata = workspace::metadata();
    for package in workspace::edges(&metadata).keys() {
        let reached = workspace::reach(package);
        let found: Vec<_> = reached.iter().filter(|name| banned.contains(name.as_str())).collect();
        assert!(found.is_empty(), "{package} reaches {found:?}");
    }
    for source in metadata.packages.iter().filter_map(|package| package.source.as_ref()) {
        assert!(source.is_crates_io(), "{source:?}");
    }
}

/// Every `AND` part has an `OR` choice on the list. Enough for the expressions in use, which never
/// nest an `AND` in an `OR`.
fn is_allowed(expression: &str, allow: &BTreeSet<&str>) -> bool {
    expression
        .replace(['(', ')'], "")
        .replace('/', " OR ")
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|licence| allow.contains(licence.trim())))
}

#[test]
fn licence_expressions_are_read() {
    let allow = BTreeSet::from(["MIT", "Unicode-3.0"]);
    assert!(is_allowed("MIT/Apache-2.0", &allow));
    assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0", &allow));
    assert!(!is_allowed("MIT AND GPL-3.0-only", &allow));
    assert!(!is_allowed("", &allow));
}
