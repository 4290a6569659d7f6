//! A SoftHSM token of a test's own.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// Where Debian keeps the library.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// What the token is called.
pub const LABEL: &str = "tefuda test";
/// Its user's PIN.
pub const PIN: &str = "12345678";
/// SoftHSM's own word for where its configuration is.
const CONFIGURATION: &str = "SOFTHSM2_CONF";

/// A token in a folder that goes away with it.
pub struct SoftHsm {
    folder: PathBuf,
}

impl SoftHsm {
    /// A new token, initialised.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tefuda-softhsm-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let made = Self { folder: std::env::temp_dir().join(name) };
        let _ = std::fs::remove_dir_all(&made.folder);
        std::fs::create_dir_all(made.tokens()).unwrap();
        let tokens = made.tokens().display().to_string();
        let text =
            format!("directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n");
        std::fs::write(made.configuration(), text).unwrap();
        let token = ["--init-token", "--free", "--label", LABEL, "--so-pin", PIN, "--pin", PIN];
        made.run("softhsm2-util", token);
        made
    }

    pub fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    pub fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    /// Sets the library's configuration for a program.
    pub fn seen_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(CONFIGURATION, self.configuration())
    }

    /// Runs a program that uses the token; what it prints.
    pub fn run<S: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> String {
        let output = self.seen_by(Command::new(program).args(arguments)).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{program}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// OpenSC's tool, logged in.
    pub fn pkcs11_tool<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let login = ["--module", MODULE, "--token-label", LABEL, "--login", "--pin", PIN];
        self.run("pkcs11-tool", login.into_iter().chain(arguments))
    }

    /// The token is pulled, until it is put back.
    pub fn pull(&self) -> Pulled {
        let token = std::fs::read_dir(self.tokens()).unwrap().next().unwrap().unwrap();
        let pulled = Pulled { slot: token.path(), hand: self.folder.join("pulled") };
        std::fs::rename(&pulled.slot, &pulled.hand).unwrap();
        pulled
    }

    /// Keeps the token from answering anybody, until the answer is dropped.
    pub fn hold_up(&self) -> HeldUp {
        const LOCK: &str = "import fcntl, glob, sys\n\
            files = [open(path, 'r+b') for path in glob.glob(sys.argv[1] + '/*/*')]\n\
            [fcntl.lockf(file, fcntl.LOCK_EX) for file in files]\n\
            print('held', flush=True)\n\
            sys.stdin.read()\n";
        let mut holder = Command::new("python3")
            .args(["-c", LOCK])
            .arg(self.tokens())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        HeldUp(holder)
    }
}

impl Drop for SoftHsm {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A token in somebody's hand.
pub struct Pulled {
    slot: PathBuf,
    hand: PathBuf,
}

impl Pulled {
    pub fn put_back(self) {
        std::fs::rename(self.hand, self.slot).unwrap();
    }
}

/// A token that answers nobody while this lives.
pub struct HeldUp(Child);

impl Drop for HeldUp {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// SoftHSM reads its configuration from the environment, once in a process: so a test of this name is run again in a
/// process of its own, with a token of its own.
pub fn in_a_process_of_its_own(name: &str, test: impl FnOnce(&SoftHsm)) {
    if let Some(configuration) = std::env::var_os(CONFIGURATION) {
        let folder = Path::new(&configuration).parent().unwrap().to_owned();
        // It is the other process's to remove.
        test(&std::mem::ManuallyDrop::new(SoftHsm { folder }));
        return;
    }
    let token = SoftHsm::new();
    let again = std::env::current_exe().unwrap();
    token.run(again.to_str().unwrap(), ["--exact", name, "--ignored", "--nocapture"]);
}
