//! A running system with a home of its own, and its command line.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

pub const TEFUDA: &str = env!("CARGO_BIN_EXE_tefuda");

/// Starts inside business hours, whatever the hour of the test.
pub const MORNING: &str = "2026-10-05T10:00:00+09:00";

/// Waits for what another process does and nothing announces. The one place that polls.
pub fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..6_000 {
        if let Some(seen) = look() {
            return Some(seen);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

/// A folder that goes away with its test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // A process of an earlier run can have had the same number.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// What a program answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Answer {
    /// The one JSON value on standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs a program to its end.
pub fn run(program: &str, arguments: &[&str]) -> Answer {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().expect(program).into()
}

/// A process that ends with its test.
#[derive(Debug)]
pub struct Running(pub Child);

impl Running {
    /// Ends it by a signal; its exit code.
    pub fn signal(&mut self, signal: &str) -> Option<i32> {
        run("kill", &[signal, &self.0.id().to_string()]);
        self.0.wait().expect("the process ends").code()
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|ended| ended.is_some())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Every actor in one process.
#[derive(Debug)]
pub struct System {
    pub folder: Folder,
    pub base: u16,
    process: Running,
    ready: Value,
    /// Where its stores are, if not in the home.
    database: Option<String>,
}

impl System {
    pub fn up() -> Self {
        Self::up_at(MORNING)
    }

    pub fn up_at(clock: &str) -> Self {
        Self::start(Folder::new(), free_ports(), None, (&["--clock", clock], &[]))
    }

    /// On a PostgreSQL database.
    pub fn up_on(database: String) -> Self {
        Self::start(Folder::new(), free_ports(), Some(database), (&["--clock", MORNING], &[]))
    }

    /// With more arguments, and more in its environment.
    pub fn start(
        folder: Folder,
        base: u16,
        database: Option<String>,
        (more, environment): (&[&str], &[(&str, &str)]),
    ) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.path("log")).unwrap();
        let ready_file = folder.path("ready.json");
        let _ = std::fs::remove_file(&ready_file);
        let process = Command::new(TEFUDA)
            .args(["up", "--home", &folder.path("home"), "--ready-file", &ready_file])
            // Told with every request, so that a test that looks for passwords in the log has something to look at.
            .args(["--log", "info,tower_http=debug", "--port-base", &base.to_string()])
            .args(database.iter().flat_map(|url| ["--database", url]))
            .args(more)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        let mut process = Running(process.expect("tefuda starts"));
        let ready = eventually(|| {
            assert!(!process.has_ended(), "ended before it was ready:\n{}", folder.read("log"));
            std::fs::read_to_string(&ready_file).ok()
        });
        let ready = ready.unwrap_or_else(|| panic!("not ready after a minute:\n{}", folder.read("log")));
        Self { folder, base, process, ready: serde_json::from_str(&ready).unwrap(), database }
    }

    /// Ends this process by a signal and starts another on the same home.
    pub fn restart(self, signal: &str) -> Self {
        let Self { folder, base, mut process, database, .. } = self;
        process.signal(signal);
        Self::start(folder, base, database, (&[], &[]))
    }

    /// Ends it as an operator does: its exit code and what is left.
    pub fn down(self) -> (Option<i32>, Folder) {
        let Self { folder, mut process, .. } = self;
        (process.signal("-TERM"), folder)
    }

    pub fn ready(&self) -> &Value {
        &self.ready
    }

    pub fn actor(&self, name: &str, address: &str) -> String {
        let url = &self.ready["actors"][name][address];
        url.as_str().unwrap_or_else(|| panic!("no {name}.{address} in {}", self.ready)).to_owned()
    }

    /// A verb, not yet started.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(TEFUDA);
        command.args(["--home", &self.folder.path("home"), "--json"]).args(arguments);
        command
    }

    /// A verb, its standard input, its answer.
    pub fn verb_with<S: AsRef<OsStr> + Debug>(&self, arguments: &[S], input: &str) -> Answer {
        let pipes = || (Stdio::piped(), Stdio::piped(), Stdio::piped());
        let (stdin, stdout, stderr) = pipes();
        let child = self.command(arguments).stdin(stdin).stdout(stdout).stderr(stderr).spawn();
        let mut child = child.expect("tefuda starts");
        // A verb that reads nothing can have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    pub fn verb(&self, arguments: &[&str]) -> Answer {
        self.verb_with(arguments, "")
    }

    /// A verb that is done.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> Value {
        let answer = self.verb(arguments);
        assert_eq!(answer.code, 0, "{arguments:?}: {answer:#?}\n{}", self.folder.read("log"));
        answer.json()
    }

    /// A verb that is refused, and its reason.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str]) -> String {
        let answer = self.verb(arguments);
        assert_eq!(answer.code, 1, "{arguments:?}: {answer:#?}");
        let refusal = answer.json();
        assert!(refusal["message"].as_str().is_some_and(|message| message.len() > 10), "{refusal}");
        refusal["reason"].as_str().unwrap_or_else(|| panic!("no reason: {refusal}")).to_owned()
    }

    /// Every resident, PINs shown.
    #[track_caller]
    pub fn residents(&self) -> Vec<Resident> {
        let list = self.done(&["resident", "list", "--reveal"]);
        list["residents"].as_array().unwrap().iter().cloned().map(Resident).collect()
    }

    /// A resident, PINs shown.
    #[track_caller]
    pub fn resident(&self, id: &str) -> Resident {
        let found = self.residents().into_iter().find(|resident| resident.id() == id);
        found.unwrap_or_else(|| panic!("no resident {id}"))
    }

    /// Residents who can enrol a phone.
    pub fn adults(&self) -> Vec<Resident> {
        let can = |r: &Resident| r.0["can_enroll"] == true && r.0["card"]["state"] == "active";
        self.residents().into_iter().filter(can).collect()
    }

    pub fn adult(&self) -> Resident {
        self.adults().swap_remove(0)
    }

    /// Lines that it has logged so far.
    pub fn log_lines(&self) -> usize {
        self.folder.read("log").lines().count()
    }

    /// Civil time in seconds since 1970, as OpenSSL's `-attime` takes it.
    pub fn epoch(&self) -> String {
        let shown = self.done(&["clock", "show"]);
        let civil: jiff::Timestamp = shown["civil"].as_str().unwrap().parse().unwrap();
        civil.as_second().to_string()
    }
}

/// A resident as `resident list --reveal` prints one.
#[derive(Debug, Clone)]
pub struct Resident(pub Value);

impl Resident {
    pub fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    #[track_caller]
    pub fn pin(&self, name: &str) -> &str {
        self.0["pins"][name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    /// The status of one of the card's certificates.
    #[track_caller]
    pub fn certificate(&self, kind: &str) -> &str {
        status_of(&self.0["card"]["certificates"], kind)
    }

    /// The serial number of one of the card's certificates.
    #[track_caller]
    pub fn serial(&self, kind: &str) -> &str {
        newest(&self.0["card"]["certificates"], kind)["serial"].as_str().unwrap()
    }
}

/// The newest certificate of a kind in a list.
#[track_caller]
pub fn newest<'a>(certificates: &'a Value, kind: &str) -> &'a Value {
    let list = certificates.as_array().unwrap_or_else(|| panic!("no list: {certificates}"));
    let newest = list.iter().rfind(|certificate| certificate["kind"] == kind);
    newest.unwrap_or_else(|| panic!("no {kind} in {certificates}"))
}

/// Its status.
#[track_caller]
pub fn status_of<'a>(certificates: &'a Value, kind: &str) -> &'a str {
    newest(certificates, kind)["status"].as_str().unwrap()
}

/// Ten ports in a row that nobody holds, below those that the system gives to whoever asks for any.
pub fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 200).unwrap() * 100 + 10_000;
    loop {
        let base = first + NEXT.fetch_add(10, Ordering::Relaxed);
        let held: Result<Vec<_>, _> =
            (base..base + 10).map(|port| TcpListener::bind(("127.0.0.1", port))).collect();
        if held.is_ok() {
            return base;
        }
    }
}
