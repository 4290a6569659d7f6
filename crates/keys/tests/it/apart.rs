//! Tests in a process of their own, and a token that is held up.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::softhsm::{CONFIGURATION, SoftHsm};

impl SoftHsm {
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
