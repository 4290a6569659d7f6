use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
};
use tefuda_types::{Clock, Timestamp};
use tokio::sync::watch;

use crate::files;

/// The host's time, and civil time at an offset that is kept in the home.
#[derive(Debug)]
pub struct SystemClock {
    path: PathBuf,
    offset_milliseconds: AtomicI64,
    moved: watch::Sender<u64>,
}

impl SystemClock {
    /// The clock of a home.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::InvalidData`] if the offset is no number.
    pub fn open(home: &Path) -> io::Result<Self> {
        let path = home.join("clock");
        let offset = match files::read(&path)? {
            None => 0,
            Some(text) => {
                String::from_utf8_lossy(&text).trim().parse().map_err(|_| io::ErrorKind::InvalidData)?
            }
        };
        Ok(Self { path, offset_milliseconds: AtomicI64::new(offset), moved: watch::channel(0).0 })
    }

    /// Makes it a civil time from now on, wakes everybody who waits, and survives any stop.
    ///
    /// # Errors
    /// What the file system says; the clock is then as it was.
    pub fn set(&self, civil: Timestamp) -> io::Result<()> {
        let offset = civil.as_millisecond().saturating_sub(self.wire().as_millisecond());
        files::write(&self.path, offset.to_string().as_bytes())?;
        self.offset_milliseconds.store(offset, Ordering::SeqCst);
        self.moved.send_modify(|moves| *moves += 1);
        Ok(())
    }

    /// Tells of every move.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }
}

impl Clock for SystemClock {
    fn civil(&self) -> Timestamp {
        let now =
            self.wire().as_millisecond().saturating_add(self.offset_milliseconds.load(Ordering::SeqCst));
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the adapter that tells the host's time")]
    fn wire(&self) -> Timestamp {
        Timestamp::now()
    }
}
