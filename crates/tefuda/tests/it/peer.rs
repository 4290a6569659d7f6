//! Other people's programs.

use std::path::Path;

use crate::system::{Answer, TEFUDA, run};

/// Runs a program that does what it is asked.
#[track_caller]
pub fn well(program: &str, arguments: &[&str]) -> Answer {
    let answer = run(program, arguments);
    assert_eq!(answer.code, 0, "{program} {arguments:?}: {answer:#?}");
    answer
}

/// What `cargo xtask test` installed under `target/peers`.
pub fn installed(name: &str) -> String {
    let path = Path::new(TEFUDA).ancestors().nth(2).unwrap().join("peers").join(name);
    assert!(path.exists(), "{} is not there: cargo xtask test installs it", path.display());
    path.to_str().unwrap().to_owned()
}

/// A script of `tests/peers`, laid beside the packages that it needs.
pub fn script(name: &str, beside: &str) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name);
    let to = format!("{}/{name}", installed(beside));
    std::fs::copy(from, &to).unwrap();
    to
}
