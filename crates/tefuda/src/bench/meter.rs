//! Seconds of a core, by thread.

use std::{fs, path::Path, time::Duration};
use tefuda_store::files;
use tokio::time::Instant;

/// Threads of SQLite connections are named by their library.
pub const SQLITE: &str = "sqlx-sqlite-wor";

/// Time that has gone by, and time of a core that threads of some names took of it.
#[derive(Debug)]
pub struct Meter {
    names: Vec<&'static str>,
    began: Instant,
    used: Duration,
}

/// What a [`Meter`] has counted.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub wall: Duration,
    pub core: Duration,
}

impl Measured {
    /// Operations in a second of a core.
    pub fn per_core_second(self, operations: u32) -> f64 {
        f64::from(operations) / self.core.as_secs_f64().max(f64::EPSILON)
    }

    /// Operations in a second.
    pub fn per_second(self, operations: u32) -> f64 {
        f64::from(operations) / self.wall.as_secs_f64().max(f64::EPSILON)
    }
}

impl Meter {
    /// Begins to count for threads whose names begin so.
    pub fn of(names: &[&'static str]) -> Self {
        Self { names: names.to_vec(), began: Instant::now(), used: used(names) }
    }

    pub fn read(&self) -> Measured {
        Measured { wall: self.began.elapsed(), core: used(&self.names).saturating_sub(self.used) }
    }
}

/// Time on a core of the threads of this process whose names begin so.
fn used(names: &[&'static str]) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.filter_map(|task| of_thread(&task.path(), names)).sum()
}

fn of_thread(task: &Path, names: &[&'static str]) -> Option<Duration> {
    let text = |name: &str| String::from_utf8(files::read(&task.join(name)).ok()??).ok();
    let name = text("comm")?;
    if !names.iter().any(|begins| name.starts_with(begins)) {
        return None;
    }
    // The first number is nanoseconds on a core (Linux, Documentation/scheduler/sched-stats).
    Some(Duration::from_nanos(text("schedstat")?.split(' ').next()?.parse().ok()?))
}
