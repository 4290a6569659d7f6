//! What a CA has let out, kept beside its store and not in it. A store that is behind was put back from before, and
//! would undo revocations that others have seen.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};
use tefuda_store::{StoreError, files};

use crate::ca::CaError;

/// How far a CA has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Status changes that were acknowledged.
    pub changes: u64,
    /// Number of the newest list, generation by generation.
    pub lists: BTreeMap<String, u64>,
}

impl Mark {
    /// Whether it falls short of another anywhere.
    fn is_behind(&self, other: &Self) -> bool {
        let number = |id| self.lists.get(id).copied().unwrap_or_default();
        self.changes < other.changes || other.lists.iter().any(|(id, newest)| number(id) < *newest)
    }

    fn rise_to(&mut self, other: &Self) {
        self.changes = self.changes.max(other.changes);
        for (id, number) in &other.lists {
            let own = self.lists.entry(id.clone()).or_default();
            *own = (*own).max(*number);
        }
    }
}

/// The file that remembers it.
#[derive(Debug)]
pub struct Published {
    path: PathBuf,
    mark: Mutex<Mark>,
}

impl Published {
    /// What the file says; nothing if there is none yet.
    pub fn open(path: PathBuf) -> Result<Self, CaError> {
        let mark = match files::read(&path)? {
            Some(octets) => serde_json::from_slice(&octets).map_err(StoreError::from)?,
            None => Mark::default(),
        };
        Ok(Self { path, mark: Mutex::new(mark) })
    }

    /// That a store has come as far.
    pub fn require_reached(&self, store: &Mark) -> Result<(), CaError> {
        let mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        if store.is_behind(&mark) { Err(CaError::Behind) } else { Ok(()) }
    }

    /// Remembers what the store has, before anybody is told of it.
    pub fn remember(&self, store: &Mark) -> Result<(), CaError> {
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        if mark.is_behind(store) {
            mark.rise_to(store);
            files::write(&self.path, &serde_json::to_vec(&*mark).map_err(StoreError::from)?)?;
        }
        Ok(())
    }
}
