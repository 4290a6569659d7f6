//! A SoftHSM token of a test's own.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// Where Debian keeps the library.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// What the token is called.
pub const LABEL: &str = "tefuda test";
/// Its user's PIN.
pub const PIN: &str = "12345678";
/// SoftHSM's own word for where its configuration is.
pub const CONFIGURATION: &str = "SOFTHSM2_CONF";

/// A token in a folder that goes away with it.
pub struct SoftHsm {
    pub folder: PathBuf,
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

    /// Runs a program that uses the token; what it prints.
    pub fn run<S: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> String {
        let mut command = Command::new(program);
        let output = command.args(arguments).env(CONFIGURATION, self.configuration()).output().unwrap();
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
