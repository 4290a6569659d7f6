use jiff::SignedDuration;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tefuda_types::{Clock, Timestamp};
use tokio::sync::watch;

use crate::files;

/// The host's time, and civil time at an offset that is kept in the home.
///
/// Actors share the offset; each may have a skew of its own, kept in the home as well.
#[derive(Debug)]
pub struct SystemClock {
    home: PathBuf,
    offset_milliseconds: Arc<AtomicI64>,
    /// Whose skew, and how much; nobody's for the clock of the home itself.
    actor: Option<String>,
    skew_milliseconds: AtomicI64,
    moved: watch::Sender<u64>,
}

/// Milliseconds in a file; zero if it is not there.
fn milliseconds(path: &Path) -> io::Result<i64> {
    match files::read(path)? {
        None => Ok(0),
        Some(text) => {
            String::from_utf8_lossy(&text).trim().parse().map_err(|_| io::ErrorKind::InvalidData.into())
        }
    }
}

impl SystemClock {
    /// The clock of a home.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::InvalidData`] if the offset is no number.
    pub fn open(home: &Path) -> io::Result<Self> {
        Ok(Self {
            home: home.to_owned(),
            offset_milliseconds: Arc::new(AtomicI64::new(milliseconds(&home.join("clock"))?)),
            actor: None,
            skew_milliseconds: AtomicI64::new(0),
            moved: watch::channel(0).0,
        })
    }

    /// A clock whose offset is what a configuration says, not what a home keeps.
    #[must_use]
    pub fn at(home: &Path, offset: SignedDuration) -> Self {
        let milliseconds = i64::try_from(offset.as_millis()).unwrap_or_default();
        Self {
            home: home.to_owned(),
            offset_milliseconds: Arc::new(AtomicI64::new(milliseconds)),
            actor: None,
            skew_milliseconds: AtomicI64::new(0),
            moved: watch::channel(0).0,
        }
    }

    /// The same clock as an actor reads it, with the skew that was kept for it.
    ///
    /// # Errors
    /// As [`SystemClock::open`].
    pub fn of_actor(&self, actor: &str) -> io::Result<Self> {
        Ok(Self {
            home: self.home.clone(),
            offset_milliseconds: Arc::clone(&self.offset_milliseconds),
            skew_milliseconds: AtomicI64::new(milliseconds(&self.skew_path(actor))?),
            actor: Some(actor.to_owned()),
            moved: self.moved.clone(),
        })
    }

    fn skew_path(&self, actor: &str) -> PathBuf {
        self.home.join("skew").join(actor)
    }

    /// Makes it a civil time from now on, wakes everybody who waits, and survives any stop.
    ///
    /// # Errors
    /// What the file system says; the clock is then as it was.
    pub fn set(&self, civil: Timestamp) -> io::Result<()> {
        let offset = civil.as_millisecond().saturating_sub(self.wire().as_millisecond());
        files::write(&self.home.join("clock"), offset.to_string().as_bytes())?;
        self.offset_milliseconds.store(offset, Ordering::SeqCst);
        self.moved.send_modify(|moves| *moves += 1);
        Ok(())
    }

    /// How far civil time is ahead of the host's, without any skew.
    #[must_use]
    pub fn offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.offset_milliseconds.load(Ordering::SeqCst))
    }

    /// How far this actor is ahead of civil time.
    #[must_use]
    pub fn skew(&self) -> SignedDuration {
        SignedDuration::from_millis(self.skew_milliseconds.load(Ordering::SeqCst))
    }

    /// Puts this actor's clock ahead of civil time, or behind it.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::InvalidInput`] for the clock of the home itself.
    pub fn set_skew(&self, skew: SignedDuration) -> io::Result<()> {
        let actor = self.actor.as_deref().ok_or(io::ErrorKind::InvalidInput)?;
        let skew = i64::try_from(skew.as_millis()).map_err(|_| io::ErrorKind::InvalidInput)?;
        files::write(&self.skew_path(actor), skew.to_string().as_bytes())?;
        self.skew_milliseconds.store(skew, Ordering::SeqCst);
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
        self.wire().saturating_add(self.offset() + self.skew()).unwrap_or(Timestamp::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the adapter that tells the host's time")]
    fn wire(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_and_skew_survive_and_an_actor_follows_the_home() {
        let home = std::env::temp_dir().join(format!("tefuda-clock-{}", std::process::id()));
        let clock = SystemClock::open(&home).unwrap();
        let gateway = clock.of_actor("gateway").unwrap();
        gateway.set_skew(SignedDuration::from_secs(3)).unwrap();
        clock.set("2031-01-01T00:00:00Z".parse().unwrap()).unwrap();
        let ahead = gateway.civil().duration_since(clock.civil());
        assert!((2..=3).contains(&ahead.as_secs()), "{ahead}");

        let again = SystemClock::open(&home).unwrap();
        assert_eq!(again.offset(), clock.offset());
        assert_eq!(again.of_actor("gateway").unwrap().skew(), gateway.skew());
        std::fs::remove_dir_all(home).unwrap();
    }
}
