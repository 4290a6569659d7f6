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

const TEFUDA: &str = env!("CARGO_BIN_EXE_tefuda");

/// Starts inside business hours, whatever the hour of the test.
pub const MORNING: &str = "2026-10-05T10:00:00+09:00";

/// A folder that goes away with its test.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
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
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs a program to its end.
pub fn run(program: &str, arguments: &[&str]) -> Answer {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().expect(program).into()
}

/// Every actor in one process.
#[derive(Debug)]
pub struct System {
    pub folder: Folder,
    pub base: u16,
    process: Child,
    ready: Value,
}

impl System {
    pub fn up() -> Self {
        Self::up_at(MORNING)
    }

    pub fn up_at(clock: &str) -> Self {
        Self::start(Folder::new(), free_ports(), &["--clock", clock])
    }

    fn start(folder: Folder, base: u16, more: &[&str]) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.path("log")).unwrap();
        let _ = std::fs::remove_file(folder.path("ready.json"));
        let mut process = Command::new(TEFUDA)
            .args(["up", "--home", &folder.path("home"), "--ready-file", &folder.path("ready.json")])
            .args(["--port-base", &base.to_string()])
            .args(more)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("tefuda starts");
        let ready = wait_for_json(&folder.path("ready.json"), &mut process, &folder.path("log"));
        Self { folder, base, process, ready }
    }

    /// Ends this process by a signal and starts another on the same home.
    pub fn restart(mut self, signal: &str) -> Self {
        self.signal(signal);
        let base = self.base;
        let folder = std::mem::replace(&mut self.folder, Folder(PathBuf::new()));
        drop(self);
        Self::start(folder, base, &[])
    }

    fn signal(&mut self, signal: &str) -> Option<i32> {
        run("kill", &[signal, &self.process.id().to_string()]);
        self.process.wait().expect("the process ends").code()
    }

    /// Ends it as an operator does.
    pub fn down(mut self) -> Option<i32> {
        self.signal("-TERM")
    }

    pub fn ready(&self) -> &Value {
        &self.ready
    }

    pub fn actor(&self, name: &str, address: &str) -> String {
        let url = &self.ready["actors"][name][address];
        url.as_str().unwrap_or_else(|| panic!("no {name}.{address} in {}", self.ready)).to_owned()
    }

    /// A verb, its standard input, its answer.
    pub fn verb_with<S: AsRef<OsStr> + Debug>(&self, arguments: &[S], input: &str) -> Answer {
        let mut child = Command::new(TEFUDA)
            .args(["--home", &self.folder.path("home"), "--json"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tefuda starts");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    pub fn verb(&self, arguments: &[&str]) -> Answer {
        self.verb_with(arguments, "")
    }

    /// A verb that is done.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> Value {
        let answer = self.verb(arguments);
        assert_eq!(answer.code, 0, "{arguments:?}: {answer:#?}");
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

    /// A resident, PINs shown.
    #[track_caller]
    pub fn resident(&self, id: &str) -> Resident {
        let list = self.done(&["resident", "list", "--reveal"]);
        let residents = list["residents"].as_array().unwrap();
        let resident = residents.iter().find(|resident| resident["id"] == id);
        Resident(resident.unwrap_or_else(|| panic!("no resident {id}")).clone())
    }

    /// Residents who can enrol a phone.
    pub fn adults(&self) -> Vec<Resident> {
        let list = self.done(&["resident", "list", "--reveal"]);
        let residents = list["residents"].as_array().unwrap().iter();
        residents
            .filter(|r| r["can_enroll"] == true && r["card"]["state"] == "active")
            .cloned()
            .map(Resident)
            .collect()
    }

    pub fn adult(&self) -> Resident {
        self.adults().swap_remove(0)
    }

    /// Enrols a phone with the passwords [`SIGN`] and [`AUTH`].
    #[track_caller]
    pub fn enroll(&self, phone: &str, resident: &Resident) -> Value {
        self.done(&enroll(phone, resident))
    }

    pub fn phone(&self, name: &str) -> Value {
        self.done(&["phone", "status", name])
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
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
}

pub const SIGN: &str = "PHONE77";
pub const AUTH: &str = "4628";

pub fn enroll<'a>(phone: &'a str, resident: &'a Resident) -> Vec<&'a str> {
    let (id, card) = (resident.id(), resident.pin("sign"));
    vec![
        "phone",
        "enroll",
        phone,
        "--resident",
        id,
        "--card-sign-pin",
        card,
        "--sign-pin",
        SIGN,
        "--auth-pin",
        AUTH,
    ]
}

/// The status of the newest certificate of a kind in a list.
#[track_caller]
pub fn status_of<'a>(certificates: &'a Value, kind: &str) -> &'a str {
    let certificates = certificates.as_array().unwrap_or_else(|| panic!("no list: {certificates}"));
    let newest = certificates.iter().rfind(|certificate| certificate["kind"] == kind);
    newest.and_then(|c| c["status"].as_str()).unwrap_or_else(|| panic!("no {kind} in {certificates:?}"))
}

/// Ten ports in a row that nobody holds.
fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 300).unwrap() * 100 + 20_000;
    loop {
        let base = first + NEXT.fetch_add(10, Ordering::Relaxed);
        let held: Result<Vec<_>, _> =
            (base..base + 10).map(|port| TcpListener::bind(("127.0.0.1", port))).collect();
        if held.is_ok() {
            return base;
        }
    }
}

/// Waits for a file that another process writes. The one place that polls: nothing else announces it.
pub fn wait_for_json(path: &str, process: &mut Child, log: &str) -> Value {
    for _ in 0..3_000 {
        if let Ok(text) = std::fs::read_to_string(path) {
            return serde_json::from_str(&text).unwrap();
        }
        if let Some(status) = process.try_wait().unwrap() {
            panic!("ended with {status} before it was ready:\n{}", std::fs::read_to_string(log).unwrap());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not ready after a minute:\n{}", std::fs::read_to_string(log).unwrap());
}
