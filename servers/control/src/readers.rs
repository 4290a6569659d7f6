//! Virtual readers that the person at the table holds something against, until it is let go.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tefuda_reader::vpcd::{Hangup, Link};
use tefuda_types::ResidentId;
use tefuda_web::{Client, Problem};
use tokio::task::AbortHandle;

use crate::table::{CardTable, TableError};

/// What is in the field of which reader, by its address.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    cards: Mutex<BTreeMap<ResidentId, (String, Hangup)>>,
    phones: Mutex<BTreeMap<String, (String, AbortHandle)>>,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readers {
    /// Cards and the readers that they are held against.
    pub(crate) fn cards(&self) -> Vec<(ResidentId, String)> {
        locked(&self.cards).iter().map(|(card, (reader, _))| (card.clone(), reader.clone())).collect()
    }

    /// Phones and the readers that they are held against.
    pub(crate) fn phones(&self) -> Vec<(String, String)> {
        let mut phones = locked(&self.phones);
        phones.retain(|_, (_, held)| !held.is_finished());
        phones.iter().map(|(phone, (reader, _))| (phone.clone(), reader.clone())).collect()
    }

    /// Takes a card out of the field of its reader.
    pub(crate) fn let_go_of_card(&self, resident: &ResidentId) {
        if let Some((_, hangup)) = locked(&self.cards).remove(resident) {
            hangup.hang_up();
        }
    }

    /// Takes a phone out of the field of its reader.
    pub(crate) fn let_go_of_phone(&self, phone: &str) {
        if let Some((_, held)) = locked(&self.phones).remove(phone) {
            held.abort();
        }
    }

    /// Takes everything away.
    pub(crate) fn let_go(&self) {
        for (_, hangup) in std::mem::take(&mut *locked(&self.cards)).into_values() {
            hangup.hang_up();
        }
        for (_, held) in std::mem::take(&mut *locked(&self.phones)).into_values() {
            held.abort();
        }
    }

    /// Holds a phone against a reader, which is the phone's own doing.
    pub(crate) async fn hold_phone(
        &self,
        client: &Client,
        (phone, url): (&str, &str),
        reader: String,
    ) -> Result<(), Problem> {
        let body = serde_json::json!({ "to": reader });
        let mut answer = client.open(&format!("{url}/api/tap"), &body).await?;
        // The phone is in the field for as long as somebody reads this answer.
        let held = tokio::spawn(async move { while let Ok(Some(_)) = answer.chunk().await {} });
        locked(&self.phones).insert(phone.to_owned(), (reader, held.abort_handle()));
        Ok(())
    }
}

impl CardTable {
    /// Holds a card against a virtual reader until the reader lets go or it is pulled away.
    pub(crate) async fn attach(
        self: &Arc<Self>,
        resident: &ResidentId,
        reader: String,
    ) -> Result<(), Problem> {
        let card = self.pick_up(resident).await?;
        let address = reader.clone();
        let connected = tokio::task::spawn_blocking(move || Link::connect(&address)).await;
        let unreachable = || TableError::ReaderUnreachable(reader.clone());
        let (link, hangup) = connected.ok().and_then(Result::ok).ok_or_else(unreachable)?;
        locked(&self.readers.cards).insert(resident.clone(), (reader.clone(), hangup));
        let (table, resident) = (Arc::clone(self), resident.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = link.hold(&card.chip()) {
                tracing::warn!(%error, "the reader failed");
            }
            table.readers.let_go_of_card(&resident);
            drop(card);
        });
        Ok(())
    }
}
