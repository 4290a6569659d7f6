//! Residents' cards, each a die in a folder, made when first picked up.

use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tefuda_card::{
    Card, CardError,
    personalisation::{KeySlot, Personalisation},
};
use tefuda_reader::{Contact, SharedChip, observed};
use tefuda_store::{FileSilicon, files};
use tefuda_types::{Bytes, ResidentId};
use tefuda_web::{ActorContext, Client, ClientError, Problem, live::Door};
use tokio::sync::OnceCell;

use crate::{field::InField, readers::Readers};

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
    /// Exchanges until the card is pulled out of the field.
    stays: Arc<AtomicU32>,
}

/// It stays in the field for as long as it is held.
const STAYS: u32 = u32::MAX;
/// Exchanges after which a card leaves the field that is to be pulled away from its next reader: after it was
/// found, and before anything is done with it.
const PULLED_AFTER: u32 = 6;

/// All cards.
pub struct CardTable {
    folder: PathBuf,
    door: Door,
    pub(crate) readers: Readers,
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
    door: Door,
    name: String,
}

impl std::fmt::Debug for HeldCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HeldCard")
    }
}

impl Drop for HeldCard {
    fn drop(&mut self) {
        self.slot.stays.store(STAYS, Ordering::SeqCst);
        self.slot.held.store(false, Ordering::SeqCst);
    }
}

impl HeldCard {
    fn in_field_of(&self, reader: &str) -> SharedChip {
        let told =
            observed(Arc::clone(&self.card) as SharedChip, self.door.listener(reader, self.name.clone()));
        Arc::new(Mutex::new(InField::new(told, Arc::clone(&self.slot.stays))))
    }

    /// The card as a chip in the field of a virtual reader.
    #[must_use]
    pub fn chip(&self) -> SharedChip {
        self.in_field_of("reader")
    }

    /// The card in the field of a phone.
    #[must_use]
    pub fn contact(&self) -> Contact {
        Contact::new(self.in_field_of("phone"))
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
            door: context.door("control"),
            readers: Readers::default(),
            authority: Client::new(Some(Arc::clone(&context.admin_token))),
            authority_url: context.urls.authority(),
            slots: Mutex::default(),
        }
    }

    /// The authority, for those who ask it on behalf of the person at the table.
    pub(crate) async fn ask<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.authority.get(&format!("{}{path}", self.authority_url)).await
    }

    /// Tells the authority what happened at the table.
    pub(crate) async fn tell(&self, path: &str) -> Result<(), ClientError> {
        let url = format!("{}{path}", self.authority_url);
        self.authority.post::<serde_json::Value>(&url, &serde_json::json!({})).await.map(drop)
    }

    fn slot(&self, resident: &ResidentId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            Arc::new(Slot {
                card: OnceCell::new(),
                held: AtomicBool::new(false),
                stays: Arc::new(AtomicU32::new(STAYS)),
            })
        };
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
            Ok(card) => Ok(HeldCard {
                card: Arc::clone(card),
                slot,
                door: self.door.clone(),
                name: format!("card {resident}"),
            }),
            Err(problem) => {
                slot.held.store(false, Ordering::SeqCst);
                Err(problem)
            }
        }
    }

    /// Pulls a card out of the field that it is in, or, if it is in none, out of the next one in the middle.
    pub(crate) fn pull_away(&self, resident: &ResidentId) {
        let slot = self.slot(resident);
        let stays = if slot.held.load(Ordering::SeqCst) { 0 } else { PULLED_AFTER };
        slot.stays.store(stays, Ordering::SeqCst);
        self.readers.let_go_of_card(resident);
    }

    /// Whether a card will be pulled away from its next reader.
    pub(crate) fn is_to_be_pulled_away(&self, resident: &ResidentId) -> bool {
        self.slot(resident).stays.load(Ordering::SeqCst) != STAYS
    }

    /// Takes every card and phone out of the field of every virtual reader, before the process ends.
    pub fn let_go(&self) {
        self.readers.let_go();
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

#[cfg(test)]
mod tests {
    use super::*;
    use tefuda_store::{Databases, SystemClock};
    use tefuda_types::Environment;
    use tefuda_web::{Urls, live::Live};

    #[tokio::test(flavor = "multi_thread")]
    async fn abuse_a15_of_readers_that_claim_one_card_at_once_one_has_it() {
        let home = std::env::temp_dir().join(format!("tefuda-table-{}", std::process::id()));
        let table = Arc::new(CardTable::new(&ActorContext {
            clock: Arc::new(SystemClock::open(&home).unwrap()),
            home: home.clone(),
            urls: Urls::on_loopback(1),
            admin_token: "admin".into(),
            call_centre_token: "call-centre".into(),
            live: Live::default(),
            databases: Databases::InHome,
            environment: Environment::Sandbox,
            element_keys: None,
            keys: Default::default(),
        }));
        let resident: ResidentId = "hanako".parse().unwrap();
        let die = FileSilicon::open(&home.join("cards/hanako")).unwrap();
        assert!(table.slot(&resident).card.set(Arc::new(Mutex::new(Card::insert(die)))).is_ok());
        for _ in 0..100 {
            let claims = (0..8).map(|_| {
                let (table, resident) = (Arc::clone(&table), resident.clone());
                tokio::spawn(async move { table.pick_up(&resident).await })
            });
            // All of them are kept until the last has its answer.
            let mut held = Vec::new();
            for claim in claims.collect::<Vec<_>>() {
                match claim.await.unwrap() {
                    Ok(card) => held.push(card),
                    Err(problem) => assert_eq!(problem.reason(), "card.in_use"),
                }
            }
            assert_eq!(held.len(), 1, "and it is free again as soon as it is put down");
        }
        std::fs::remove_dir_all(home).unwrap();
    }
}
