//! One phone: what its operating system keeps, and the ways to its element and its memory.

use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tefuda_apdu::Transceive;
use tefuda_element::host::{self, HostError};
use tefuda_keys::{KeyError, KeySpace};
use tefuda_phone::{
    card::Seen,
    catalogue::{Catalogue, CatalogueError, Model},
    enrolment::Device,
    memory::Memory,
    os::{App, Sensor, webauthn::Credential},
};
use tefuda_protocol::{
    Signed,
    device::{DeviceAction, DeviceReply, DeviceRequest, SessionPurpose},
};
use tefuda_store::{Documents, StoreError, SystemClock, files};
use tefuda_types::{Clock, ElementId, PhoneName, Secret, Timestamp};
use tefuda_web::{ActorContext, Problem};

use crate::{
    authority::Authority,
    chips::{Chips, Wallet},
    error::PhoneError,
    field::CardField,
    pages::Desk,
    sessions::Open,
};

/// Turns of the authority in one session into the element: far more than any purpose takes.
const TURNS_MAX: usize = 32;

/// What the operating system keeps, in `os.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OsState {
    /// Form of this document.
    pub form: u32,
    /// Model, as in the catalogue.
    pub model: String,
    /// Identity of the element, if the model has one.
    pub element: Option<ElementId>,
    /// Whether the element was handed over to the authority.
    pub handed_over: bool,
    /// The sensor.
    pub sensor: Sensor,
    /// Whether the authority knows of a sensor event.
    #[serde(default)]
    pub tamper_told: bool,
    /// The credential of a real sensor beside the emulated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticator: Option<Credential>,
}

impl OsState {
    /// Form that this version writes.
    pub(crate) const FORM: u32 = 1;

    fn path(folder: &Path) -> PathBuf {
        folder.join("os.json")
    }

    /// What a folder holds, if it is a phone's.
    pub(crate) fn load(folder: &Path) -> Result<Option<Self>, PhoneError> {
        let Some(text) = files::read(&Self::path(folder))? else { return Ok(None) };
        let state = serde_json::from_slice(&text).map_err(std::io::Error::from)?;
        Ok(Some(state))
    }

    pub(crate) fn keep(&self, folder: &Path) -> Result<(), PhoneError> {
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::from)?;
        Ok(files::write(&Self::path(folder), &text)?)
    }
}

/// Who is told how far the reading of a card is.
pub(crate) type Watch = Box<dyn FnMut(Seen) + Send>;

/// What all phones share.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub context: ActorContext,
    pub authority: Authority,
    pub field: Arc<dyn CardField>,
}

/// A phone.
#[derive(Debug)]
pub(crate) struct Phone {
    pub name: PhoneName,
    pub folder: PathBuf,
    pub around: Arc<Surroundings>,
    pub store: Documents,
    /// What the operating system seals: the user-verification key, a recovery code until it is shown.
    pub keys: KeySpace,
    pub chips: Option<Arc<Chips>>,
    /// One act at a time.
    pub acts: tokio::sync::Mutex<()>,
    /// The open PIN session.
    pub session: Mutex<Option<Open>>,
    /// What its pages have to say next.
    pub desk: Desk,
    pub(crate) os: Mutex<OsState>,
}

impl Phone {
    pub(crate) fn os(&self) -> OsState {
        self.os.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what the operating system keeps; what is not on disk did not happen.
    pub(crate) fn change_os(&self, change: impl FnOnce(&mut OsState)) -> Result<(), PhoneError> {
        let mut os = self.os.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = os.clone();
        change(&mut next);
        next.keep(&self.folder)?;
        *os = next;
        Ok(())
    }

    pub(crate) fn clock(&self) -> &SystemClock {
        &self.around.context.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock().civil()
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.around.authority
    }

    pub(crate) fn model(&self) -> Result<&'static Model, CatalogueError> {
        Catalogue::known().model(&self.os().model)
    }

    /// Who the phone is, as an application says it.
    pub(crate) const fn device(&self, model: &'static Model) -> Device<'_> {
        Device {
            phone: &self.name,
            family: model.family,
            model: model.id.as_str(),
            app_version: model.app_version.as_str(),
        }
    }

    pub(crate) fn element(&self) -> Result<ElementId, PhoneError> {
        self.os().element.ok_or(PhoneError::NoElement)
    }

    fn chips(&self) -> Result<Arc<Chips>, PhoneError> {
        self.chips.clone().ok_or(PhoneError::NoElement)
    }

    /// The key that the operating system shares with the element.
    pub(crate) fn user_verification_key(&self) -> Result<Secret<[u8; 32]>, KeyError> {
        self.keys.secret("user-verification")
    }

    pub(crate) async fn memory(&self) -> Result<Memory, StoreError> {
        Ok(self.store.get("phone", "memory").await?.unwrap_or_default())
    }

    pub(crate) async fn keep(&self, memory: &Memory) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.put("phone", "memory", memory).await?;
        transaction.commit().await
    }

    /// Adds to the phone's own history.
    pub(crate) async fn happened(
        &self,
        act: &str,
        with: Option<String>,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        let mut memory = self.memory().await?;
        memory.happened(self.now(), act, with, reason);
        self.keep(&memory).await
    }

    /// Lets an application talk to the wallet's face, on a thread that may block.
    pub(crate) async fn wallet<T: Send + 'static>(
        &self,
        app: App,
        act: impl FnOnce(&mut Wallet) -> Result<T, HostError> + Send + 'static,
    ) -> Result<T, Problem> {
        let chips = self.chips()?;
        let done = tokio::task::spawn_blocking(move || chips.wallet(app, act));
        Ok(done.await.map_err(|_| HostError::Torn)??)
    }

    /// A live session of the authority into the element, with this phone as the pipe.
    pub(crate) async fn session_into_element(&self, purpose: SessionPurpose) -> Result<(), Problem> {
        let (chips, element) = (self.chips()?, self.element()?);
        let mut turn = self.authority().open(element, purpose).await?;
        for _ in 0..TURNS_MAX {
            if turn.done || turn.commands.is_empty() {
                break;
            }
            let (chips, commands) = (Arc::clone(&chips), std::mem::take(&mut turn.commands));
            let passed = tokio::task::spawn_blocking(move || chips.pipe(&commands));
            let responses = passed.await.map_err(|_| HostError::Torn)??;
            turn = self.authority().answer(&turn.session, responses).await?;
        }
        if turn.done { Ok(()) } else { Err(PhoneError::Endless.into()) }
    }

    /// Says something to the authority in the phone's name; the element signs.
    pub(crate) async fn say(&self, action: DeviceAction) -> Result<DeviceReply, Problem> {
        let element = self.element()?;
        let nonce = self.authority().nonce(element).await?;
        let payload = tefuda_phone::wallet::device_message(element, action, nonce)?;
        let bytes = payload.0.clone();
        let signature =
            self.wallet(App::Wallet, move |wallet| host::sign_device_message(wallet, &bytes)).await?;
        let message = Signed::assemble(payload, signature.into());
        Ok(self.authority().tell(element, &DeviceRequest { message }).await?)
    }

    /// Has a resident's card held against the phone while something is done with it.
    pub(crate) async fn with_card<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        resident: &tefuda_types::ResidentId,
        act: impl FnOnce(&mut Box<dyn Transceive + Send>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        let mut card = self.around.field.hold(resident).await?;
        let done = tokio::task::spawn_blocking(move || act(&mut card)).await;
        done.map_err(|_| tefuda_apdu::LinkError::Torn)?.map_err(Into::into)
    }
}

/// Lower-case hexadecimal of fresh octets: an identifier that nobody guesses.
pub(crate) fn fresh_id() -> String {
    tefuda_types::hexadecimal(&tefuda_keys::SystemRandom::octets::<16>())
}
