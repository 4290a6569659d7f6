//! The PKCS #11 library of this process: loaded once, started anew when a token came back.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard},
};

use super::error::TokenError;

/// The library, started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) library: Pkcs11,
    /// Rises with every start: sessions of an earlier one are no sessions.
    pub(super) epoch: u64,
}

/// The one library of the process. Whoever acts holds it for reading, so that nobody starts it anew meanwhile.
#[derive(Debug)]
pub(super) struct Module {
    path: PathBuf,
    started: RwLock<Started>,
}

impl Module {
    /// The library at a path, loaded on first use.
    pub(super) fn of(path: &Path) -> Result<&'static Self, TokenError> {
        static ONE: OnceLock<Module> = OnceLock::new();
        static LOADING: Mutex<()> = Mutex::new(());
        // A second start beside the first can take the process down (rust-cryptoki, issue 260).
        let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let module = match ONE.get() {
            Some(module) => module,
            None => {
                let loaded = Self::load(path)?;
                ONE.get_or_init(|| loaded)
            }
        };
        if module.path == path { Ok(module) } else { Err(TokenError::OtherModule) }
    }

    fn load(path: &Path) -> Result<Self, TokenError> {
        let library = Pkcs11::new(path).map_err(|error| TokenError::Module(error.to_string()))?;
        start(&library)?;
        Ok(Self { path: path.to_owned(), started: RwLock::new(Started { library, epoch: 0 }) })
    }

    /// The library, for as long as an act takes.
    pub(super) fn hold(&self) -> RwLockReadGuard<'_, Started> {
        self.started.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops and starts the library, unless that was done since `epoch`: a token that was away is seen by a
    /// library that starts, and by SoftHSM only then.
    pub(super) fn start_anew(&self, epoch: u64) -> Result<(), TokenError> {
        let mut started = self.started.write().unwrap_or_else(PoisonError::into_inner);
        if started.epoch != epoch {
            return Ok(());
        }
        started.epoch += 1;
        // One that is stopped already says so.
        let _ = started.library.clone().finalize();
        start(&started.library)
    }
}

fn start(library: &Pkcs11) -> Result<(), TokenError> {
    let threads = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    library.initialize(threads).map_err(|error| TokenError::Module(error.to_string()))
}
