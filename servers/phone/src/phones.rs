//! All phones of a home.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};
use tefuda_keys::{KeySpace, SystemRandom};
use tefuda_phone::{catalogue::Catalogue, os::Sensor};
use tefuda_protocol::device::StopRequest;
use tefuda_store::{Documents, files};
use tefuda_types::{Bytes, ElementId, Family, PhoneName};
use tefuda_web::{ActorContext, ClientError, Problem};

use crate::{
    authority::Authority,
    error::PhoneError,
    factory::Maker,
    field::CardField,
    pages::Desk,
    phone::{OsState, Phone, Surroundings},
};

/// Phones of a first start, by name.
const FIRST: [(&str, Family); 2] = [("android", Family::Android), ("iphone", Family::Iphone)];

/// The phones, and who makes them.
#[derive(Debug)]
pub struct Phones {
    around: Arc<Surroundings>,
    maker: Maker,
    phones: RwLock<BTreeMap<PhoneName, Arc<Phone>>>,
    /// One phone is made at a time.
    making: tokio::sync::Mutex<()>,
}

impl Phones {
    /// Opens the maker; no phone yet, since making one asks the authority.
    ///
    /// # Errors
    /// What the maker's keys say.
    pub fn open(context: ActorContext, field: Arc<dyn CardField>) -> anyhow::Result<Arc<Self>> {
        let maker = Maker::open(&context)?;
        let authority = Authority::new(context.urls.authority());
        Ok(Arc::new(Self {
            around: Arc::new(Surroundings { context, authority, field }),
            maker,
            phones: RwLock::default(),
            making: tokio::sync::Mutex::new(()),
        }))
    }

    pub(crate) fn context(&self) -> &ActorContext {
        &self.around.context
    }

    fn folder(&self) -> PathBuf {
        self.context().home.join("phones")
    }

    /// With the authority answering: makes the maker known, opens every phone, makes the first two on a first
    /// start, and lets each repair what a stop left open.
    ///
    /// # Errors
    /// What a phone that cannot be opened or made says.
    pub async fn switch_on(&self) -> Result<(), Problem> {
        self.maker.introduce().await?;
        let made = self.context().home.join("maker").join("first-phones");
        for name in files::names(&self.folder()).map_err(PhoneError::Folder)? {
            let Ok(name) = name.parse::<PhoneName>() else { continue };
            if OsState::load(&self.folder().join(name.as_str()))?.is_some() {
                self.add(name).await?;
            }
        }
        if !files::exists(&made) {
            for (name, family) in FIRST {
                let model = Catalogue::known().first_of(family)?;
                let name: PhoneName = name.parse()?;
                if self.find(name.as_str()).is_err() {
                    self.create(name, &model.id).await?;
                }
            }
            files::write(&made, b"").map_err(PhoneError::Folder)?;
        }
        for phone in self.list() {
            phone.repair().await;
        }
        Ok(())
    }

    /// A phone by its name.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Phone>, PhoneError> {
        let phones = self.phones.read().unwrap_or_else(PoisonError::into_inner);
        let found = name.parse::<PhoneName>().ok().and_then(|name| phones.get(&name).cloned());
        found.ok_or_else(|| PhoneError::NotFound(name.to_owned()))
    }

    /// Every phone, by name.
    pub(crate) fn list(&self) -> Vec<Arc<Phone>> {
        self.phones.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Names and addresses of the phones there are.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, String> {
        let address =
            |phone: Arc<Phone>| (phone.name.to_string(), self.context().urls.phone(phone.name.as_str()));
        self.list().into_iter().map(address).collect()
    }

    /// The maker's attestation root, which whoever seals a password goes by.
    pub(crate) fn maker_key(&self) -> Bytes {
        self.maker.public_key()
    }

    /// Stops whichever phone a recovery code belongs to: its name.
    pub(crate) async fn stop(&self, request: &StopRequest) -> Result<String, ClientError> {
        let stopped = self.around.authority.stop(request).await?;
        Ok(stopped.get("phone").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned())
    }

    /// Makes a phone of a model.
    pub(crate) async fn create(&self, name: PhoneName, model: &str) -> Result<Arc<Phone>, Problem> {
        let model = Catalogue::known().model(model)?;
        let folder = self.folder().join(name.as_str());
        if let Some(kept) = OsState::load(&folder)? {
            // One whose making was cut off is made to its end; it was not there for anybody yet.
            let is_unfinished = kept.model == model.id && self.find(name.as_str()).is_err();
            return if is_unfinished { self.add(name).await } else { Err(PhoneError::Exists(name).into()) };
        }
        let element = model.secure_element.then(|| ElementId::from_bytes(SystemRandom::octets()));
        let os = OsState {
            form: OsState::FORM,
            model: model.id.clone(),
            element,
            handed_over: false,
            sensor: Sensor::default(),
            tamper_told: false,
            authenticator: None,
        };
        os.keep(&folder)?;
        self.add(name).await
    }

    /// Opens a phone, and brings it to where a new phone is.
    async fn add(&self, name: PhoneName) -> Result<Arc<Phone>, Problem> {
        let _making = self.making.lock().await;
        // Asked twice at once, or again: a die is opened once.
        if let Ok(made) = self.find(name.as_str()) {
            return Ok(made);
        }
        let folder = self.folder().join(name.as_str());
        let phone = Arc::new(self.phone(name.clone(), &folder).await?);
        phone.hand_over().await?;
        self.phones.write().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::clone(&phone));
        Ok(phone)
    }

    async fn phone(&self, name: PhoneName, folder: &Path) -> Result<Phone, Problem> {
        let os = OsState::load(folder)?.ok_or_else(|| PhoneError::NotFound(name.to_string()))?;
        let model = Catalogue::known().model(&os.model)?;
        let keys = KeySpace::open(&folder.join("keys"), "phone", self.context().environment)?;
        let chips = match os.element {
            None => None,
            Some(id) => {
                let key = keys.secret("user-verification")?;
                let chips = self.maker.element(&folder.join("element"), id, model, key).await?;
                Some(Arc::new(chips.told(&self.context().door("phones"), &name)))
            }
        };
        Ok(Phone {
            name,
            folder: folder.to_owned(),
            around: Arc::clone(&self.around),
            store: Documents::open(&folder.join("store.db")).await?,
            keys,
            chips,
            acts: tokio::sync::Mutex::new(()),
            session: Mutex::default(),
            desk: Desk::default(),
            os: Mutex::new(os),
        })
    }

    /// Throws a phone away. Its certificates stay what they are: retiring is another thing.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Problem> {
        let phone = self.find(name)?;
        let _act = phone.acts.lock().await;
        self.phones.write().unwrap_or_else(PoisonError::into_inner).remove(&phone.name);
        Ok(files::remove_folder(&phone.folder).map_err(PhoneError::Folder)?)
    }
}
