//! A PostgreSQL server of a test's own, on a socket in its own folder.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// Where Debian 12 keeps the programs.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// A server that runs while this lives.
pub struct Server {
    pub folder: PathBuf,
    running: Option<Child>,
}

impl Server {
    /// A new cluster, started.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tefuda-postgres-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        run(Command::new("chown").arg("postgres").arg(&folder));
        let mut made = Self { folder, running: None };
        run(as_postgres("initdb")
            .args(["--auth=trust", "--username=tefuda", "--no-sync", "--pgdata"])
            .arg(made.data()));
        made.start();
        made
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn start(&mut self) {
        let child = as_postgres("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-c", "listen_addresses=", "-c"])
            .arg(format!("unix_socket_directories={}", self.folder.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.running = Some(child);
        let ready =
            || as_postgres("pg_isready").arg("-h").arg(&self.folder).output().unwrap().status.success();
        while !ready() {
            assert!(self.running.as_mut().unwrap().try_wait().unwrap().is_none(), "the server ended");
            std::thread::yield_now();
        }
    }

    /// As when its machine loses power, but for the disk.
    pub fn kill(&mut self) {
        run(as_postgres("pg_ctl").args(["stop", "--mode=immediate", "-s", "-D"]).arg(self.data()));
        if let Some(mut child) = self.running.take() {
            child.wait().unwrap();
        }
    }

    pub fn url(&self) -> String {
        format!("postgres://tefuda@localhost/postgres?host={}", self.folder.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A program of the server; it refuses to run as root.
fn as_postgres(program: &str) -> Command {
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(Path::new(PROGRAMS).join(program)).current_dir("/");
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
