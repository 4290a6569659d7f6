//! Starting, and the memory of every actor.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tefuda_store::files;
use tokio::time::Instant;

use super::{
    Row, Rows,
    stage::{self, Place},
};
use crate::failure::Failure;

/// Between two looks whether it is ready.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// How long a start may take at all.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds that a first start may take.
const FIRST_SECONDS: f64 = 5.0;
/// Seconds that a start on an existing home may take.
const AGAIN_SECONDS: f64 = 1.0;
/// Megabytes of all actors.
const MEMORY_MEGABYTES: f64 = 120.0;

/// A system that is ended with this.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // What is killed here was this program's own child.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn rows() -> Rows {
    let place = Place::new("start")?;
    let (port_base, listeners) = stage::ports()?;
    drop(listeners);
    let home = place.path().join("home");
    let (first, started) = start(&home, port_base)?;
    drop(started);
    let (again, started) = start(&home, port_base)?;
    let memory = resident(started.0.id()).unwrap_or(f64::NAN);
    Ok(vec![
        Row::new(
            "a first start, until all are ready",
            "s",
            first,
            (FIRST_SECONDS, "the most that is wanted"),
        ),
        Row::new("a start on a home that is there", "s", again, (AGAIN_SECONDS, "the most that is wanted")),
        Row::new("memory of all actors", "MB", memory, (MEMORY_MEGABYTES, "the most that is wanted")),
    ])
}

fn start(home: &Path, port_base: u16) -> Result<(f64, Started), Failure> {
    let ready = home.with_extension("ready");
    files::remove(&ready)?;
    let began = Instant::now();
    let child = Command::new(std::env::current_exe()?)
        .args(["up", "--port-base", &port_base.to_string()])
        .arg("--home")
        .arg(home)
        .arg("--ready-file")
        .arg(&ready)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let started = Started(child);
    while !files::exists(&ready) {
        if began.elapsed() > PATIENCE {
            return Err(stage::failed("the system was not ready in a minute"));
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok((began.elapsed().as_secs_f64(), started))
}

/// Megabytes of a process that are in memory.
fn resident(process: u32) -> Option<f64> {
    let status = files::read(Path::new(&format!("/proc/{process}/status"))).ok()??;
    let status = String::from_utf8(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes / 1_000.0)
}
