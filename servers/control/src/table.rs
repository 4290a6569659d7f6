//! Residents' cards, each a die in a folder, made when first picked up.

use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tefuda_card::{
    Card, CardError,
    personalisation::{KeySlot, Personalisation},
};
use tefuda_reader::{Contact, SharedChip};
use tefuda_store::{FileSilicon, files};
use tefuda_types::{Bytes, ResidentId};
use tefuda_web::{ActorContext, Client, ClientError, Problem};
use tokio::sync::OnceCell;

/// Why a card is not at hand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// Held against something else.
    #[error("the card is held against another reader")]
    InUse,
    /// Its die cannot be opened.
    #[error("the card's die cannot be opened: {0}")]
    Die(#[from] std::io::Error),
    /// Nobody listens at the reader's address.
    #[error("no reader listens at {0}")]
    ReaderUnreachable(String),
}

tefuda_types::reasons! { TableError {
    InUse => "card.in_use", Policy;
    Die(_) => "card.die_unavailable", Backend;
    ReaderUnreachable(_) => "reader.unreachable", Backend;
} }

type FileCard = Arc<Mutex<Card<FileSilicon>>>;

/// A card on the table.
struct Slot {
    card: OnceCell<FileCard>,
    held: AtomicBool,
}

/// All cards.
pub struct CardTable {
    folder: PathBuf,
    authority: Client,
    authority_url: String,
    slots: Mutex<HashMap<ResidentId, Arc<Slot>>>,
}

impl std::fmt::Debug for CardTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardTable")
    }
}

/// A card in somebody's hand. Nobody else has it until this is dropped.
pub struct HeldCard {
    slot: Arc<Slot>,
    card: FileCard,
}

impl std::fmt::Debug for HeldCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeldCard")
    }
}

impl Drop for HeldCard {
    fn drop(&mut self) {
        self.slot.held.store(false, Ordering::SeqCst);
    }
}

impl HeldCard {
    /// The card as a chip.
    #[must_use]
    pub fn chip(&self) -> SharedChip {
        Arc::clone(&self.card) as SharedChip
    }

    /// The card in the field of a reader of this process.
    #[must_use]
    pub fn contact(&self) -> Contact {
        Contact::new(self.chip())
    }

    /// What the municipal counter does with a blocked card.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn unblock(&self) -> Result<(), CardError> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).unblock()
    }
}

#[derive(Serialize)]
struct NewCard {
    keys: BTreeMap<KeySlot, Bytes>,
}

impl CardTable {
    /// The table of a home.
    #[must_use]
    pub fn new(context: &ActorContext) -> Self {
        Self {
            folder: context.home.join("cards"),
            authority: Client::new(Some(Arc::clone(&context.admin_token))),
            authority_url: context.urls.authority(),
            slots: Mutex::default(),
        }
    }

    /// The authority, for those who ask it on behalf of the person at the table.
    pub(crate) async fn ask<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.authority.get(&format!("{}{path}", self.authority_url)).await
    }

    fn slot(&self, resident: &ResidentId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Slot { card: OnceCell::new(), held: AtomicBool::new(false) });
        Arc::clone(slots.entry(resident.clone()).or_insert_with(fresh))
    }

    /// Picks a resident's card up; makes it if nobody ever did.
    ///
    /// # Errors
    /// `card.in_use`, `resident.not_found`, or what making it says.
    pub async fn pick_up(&self, resident: &ResidentId) -> Result<HeldCard, Problem> {
        let slot = self.slot(resident);
        if slot.held.swap(true, Ordering::SeqCst) {
            return Err(TableError::InUse.into());
        }
        match slot.card.get_or_try_init(|| self.make(resident)).await {
            Ok(card) => Ok(HeldCard { card: Arc::clone(card), slot }),
            Err(problem) => {
                slot.held.store(false, Ordering::SeqCst);
                Err(problem)
            }
        }
    }

    /// Makes a resident's card without picking it up.
    pub(crate) async fn prepare(&self, resident: &ResidentId) -> Result<(), Problem> {
        self.slot(resident).card.get_or_try_init(|| self.make(resident)).await.map(drop)
    }

    /// Opens a card; personalises it if its die is blank. Cut off anywhere, it begins with new keys.
    async fn make(&self, resident: &ResidentId) -> Result<FileCard, Problem> {
        let folder = self.folder.join(resident.as_str());
        // Asked first: a resident who is not there leaves no die.
        let _: serde_json::Value = self.ask(&format!("/admin/residents/{resident}")).await?;
        let made = tokio::task::spawn_blocking(move || {
            let mut card = Card::insert(FileSilicon::open(&folder).map_err(TableError::Die)?);
            let keys = if card.is_personalised() { None } else { Some(card.make_keys()?) };
            Ok::<_, Problem>((card, keys))
        });
        let (mut card, keys) =
            made.await.map_err(|_| TableError::Die(std::io::ErrorKind::Interrupted.into()))??;
        if let Some(keys) = keys {
            let keys = keys.0.into_iter().map(|(slot, spki)| (slot, Bytes(spki))).collect();
            let url = format!("{}/admin/residents/{resident}/card", self.authority_url);
            let personalisation: Personalisation = self.authority.post(&url, &NewCard { keys }).await?;
            card.personalise(&personalisation)?;
        }
        Ok(Arc::new(Mutex::new(card)))
    }

    /// Has the authority end a card and issue the next, which is made at once. Cut off in between, the next
    /// renewal begins anew: a card that was thrown away is nobody's.
    ///
    /// # Errors
    /// `card.in_use`, what the authority says, or what the file system says.
    pub(crate) async fn renew(&self, resident: &ResidentId) -> Result<serde_json::Value, Problem> {
        let held = self.pick_up(resident).await?;
        let url = format!("{}/admin/residents/{resident}/card/renewal", self.authority_url);
        let _: serde_json::Value = self.authority.post(&url, &serde_json::json!({})).await?;
        files::remove_folder(&self.folder.join(resident.as_str())).map_err(TableError::Die)?;
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(resident);
        drop(held);
        self.prepare(resident).await?;
        Ok(self.ask(&format!("/admin/residents/{resident}")).await?)
    }
}
