//! The workspace as Cargo sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// The dependency graph as it is built here (other platforms' packages left out).
pub fn metadata() -> Metadata {
    let version = Command::new("rustc").arg("-vV").output().expect("rustc runs").stdout;
    let version = String::from_utf8(version).expect("rustc speaks UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), host.to_owned(), "--locked".to_owned()])
        .exec()
        .expect("cargo metadata runs")
}

/// The packages of the workspace that each of its packages is built from, tests aside.
pub fn edges(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let inside: BTreeSet<String> = metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    let built_from = |package: &cargo_metadata::Package| {
        let dependencies = package.dependencies.iter();
        let built =
            dependencies.filter(|d| d.kind != DependencyKind::Development && inside.contains(&d.name));
        built.map(|d| d.name.clone()).collect()
    };
    metadata.workspace_packages().iter().map(|p| (p.name.to_string(), built_from(p))).collect()
}

/// Every package, from here or elsewhere, that a package is really built from on this machine.
///
/// `cargo tree` and not the metadata, whose graph also holds what no feature switches on.
pub fn reach(package: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--quiet", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", package])
        .output()
        .expect("cargo tree runs");
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let names = String::from_utf8(tree.stdout).expect("cargo speaks UTF-8");
    names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}
