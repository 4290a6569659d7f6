//! `fuzz/RUNS.md`: what the long form has run so far.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use super::Run;
use crate::shell;

/// A text that is both read and written.
const PAGE: &str = "fuzz/RUNS.md";
const HEAD: &str = "# Fuzzing: what was run\n\n\
    Written by `cargo xtask fuzz [TARGET|all] [SECONDS]`, which adds to it. A run has its own number as seed (`-seed=`), so the\n\
    seeds of a target are 1 to its number of runs. Edges are those that the last run had reached, out of the target with\n\
    everything that it is built from. What a target must hold is said in `crates/fuzz`.\n\n\
    | target | processor seconds | executions | runs | edges | inputs kept | last run | compiler |\n\
    |---|---|---|---|---|---|---|---|\n";

/// What is known of a target.
#[derive(Clone, Default)]
pub struct Record {
    processor_seconds: f64,
    executions: u64,
    runs: u64,
    edges: u64,
    inputs: usize,
    date: String,
    compiler: String,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor_seconds, executions, runs, edges, inputs, date, compiler } = self;
        write!(f, "{processor_seconds:.0} | {executions} | {runs} | {edges} | {inputs} | {date} | {compiler}")
    }
}

/// All targets that were run.
pub struct Runs(BTreeMap<String, Record>);

impl Runs {
    /// What the page says; nothing if there is no page.
    pub fn read() -> anyhow::Result<Self> {
        let page = if fs::exists(PAGE)? { fs::read_to_string(PAGE)? } else { String::new() };
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
        Ok(Self(rows.filter_map(row).collect()))
    }

    /// The number that the next run of a target has, which is its seed.
    pub fn next_seed(&self, target: &str) -> u64 {
        self.0.get(target).map_or(0, |record| record.runs) + 1
    }

    pub fn add(&mut self, target: &str, run: &Run) {
        let record = self.0.entry(target.to_owned()).or_default();
        record.processor_seconds += run.processor_seconds;
        record.executions += run.executions;
        record.runs += 1;
        record.edges = run.edges;
    }

    /// Says how many inputs were kept, and when and by which compiler that was.
    pub fn finish(&mut self, target: &str, inputs: usize) -> anyhow::Result<Record> {
        let record = self.0.entry(target.to_owned()).or_default();
        record.inputs = inputs;
        record.date = shell::output("date", &["-u", "+%F"])?.trim().to_owned();
        let compiler = shell::output("rustc", &["--version"])?;
        record.compiler = compiler.split_whitespace().nth(1).unwrap_or_default().to_owned();
        Ok(record.clone())
    }

    pub fn write(&self) -> anyhow::Result<()> {
        let rows = self.0.iter().map(|(target, record)| format!("| `{target}` | {record} |\n"));
        Ok(fs::write(PAGE, rows.fold(HEAD.to_owned(), |page, row| page + &row))?)
    }
}

/// A row behind its first mark.
fn row(row: &str) -> Option<(String, Record)> {
    let (target, record) = row.split_once("` | ")?;
    let cells: Vec<&str> = record.split(" | ").collect();
    let [processor_seconds, executions, runs, edges, inputs, date, compiler] = *cells.as_slice() else {
        return None;
    };
    let record = Record {
        processor_seconds: processor_seconds.parse().ok()?,
        executions: executions.parse().ok()?,
        runs: runs.parse().ok()?,
        edges: edges.parse().ok()?,
        inputs: inputs.parse().ok()?,
        date: date.to_owned(),
        compiler: compiler.to_owned(),
    };
    Some((target.to_owned(), record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was_written() {
        let record = Record {
            processor_seconds: 600.0,
            executions: 12_345_678,
            runs: 3,
            edges: 900,
            inputs: 42,
            date: "2026-11-24".to_owned(),
            compiler: "1.95.0".to_owned(),
        };
        let (target, read) = row(&format!("tlv` | {record}")).unwrap();
        assert_eq!((target.as_str(), read.to_string()), ("tlv", record.to_string()));
        assert!(row("tlv` | 1 | 2").is_none());
    }
}
