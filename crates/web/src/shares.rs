//! So many of a thing at a time, and so many of them for one network address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// What is shared out.
#[derive(Clone, Debug)]
pub struct Shares {
    counts: Counts,
    most: usize,
    most_of_one: usize,
}

/// One of them, for as long as it is kept.
#[derive(Debug)]
pub struct Share {
    of: IpAddr,
    counts: Counts,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All are taken.
    All,
    /// This address has as many as one address gets.
    One,
}

impl Shares {
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { counts: Counts::default(), most, most_of_one }
    }

    /// Takes one for an address. Who gets none leaves no trace.
    pub fn take(&self, of: IpAddr) -> Result<Share, Full> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= self.most {
            return Err(Full::All);
        }
        let own = counts.entry(of).or_default();
        if *own >= self.most_of_one {
            return Err(Full::One);
        }
        *own += 1;
        Ok(Share { of, counts: Arc::clone(&self.counts) })
    }
}

impl Share {
    /// Whose it is.
    pub fn of(&self) -> IpAddr {
        self.of
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
impl Shares {
    /// How many an address has, if any.
    pub fn count(&self, of: &IpAddr) -> Option<usize> {
        self.counts.lock().unwrap().get(of).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.counts.lock().unwrap().is_empty()
    }
}
