//! The service manager: the authority's domain on every element, the command key, and the phones.

use serde_json::{Value, json};
use std::sync::Arc;
use tefuda_apdu::scp03::{StaticKeys, diversify};
use tefuda_authority::{
    device::{Device, DeviceError, Nonces, WrongCodes},
    statement,
    tsm::KeySet,
};
use tefuda_keys::{KeyError, KeySpace, RoleKey, SystemRandom};
use tefuda_pki::SignatureAlgorithm;
use tefuda_protocol::element::{INITIAL_KEY_VERSION, OWN_KEY_VERSION};
use tefuda_store::{AuditEntry, Documents, StoreError, SystemClock};
use tefuda_types::{Clock, ElementId, Family, PhoneName, ResidentId};
use tefuda_web::{ActorContext, Problem};

/// Octets of the three keys of a set (AES-128), as they are handed over.
const KEY_OCTETS: usize = 16;

/// What a change of a phone leaves behind beside the phone.
#[derive(Debug, Default)]
pub struct Trail {
    /// A message of this name is taken once; a second one changes nothing.
    pub message: Option<String>,
    /// What the audit log says.
    pub audit: Option<(&'static str, Value)>,
}

impl Trail {
    /// A message that is taken once.
    pub fn message(name: String) -> Self {
        Self { message: Some(name), audit: None }
    }

    /// An entry of the audit log.
    pub fn audit(mut self, action: &'static str, detail: Value) -> Self {
        self.audit = Some((action, detail));
        self
    }
}

/// Where it is in the home.
const PLACE: &str = "authority/service-manager";

/// The service manager's store and keys.
#[derive(Debug)]
pub struct ServiceManager {
    pub(crate) store: Documents,
    keys: KeySpace,
    clock: Arc<SystemClock>,
}

impl ServiceManager {
    /// Opens the role.
    pub async fn open(context: &ActorContext) -> anyhow::Result<Self> {
        Ok(Self {
            store: context.documents(PLACE).await?,
            keys: context.key_space(&format!("{PLACE}/keys"), "service-manager")?,
            clock: Arc::clone(&context.clock),
        })
    }

    /// The key that signs device commands.
    pub fn command_key(&self) -> Result<RoleKey, KeyError> {
        self.keys.signer("commands", SignatureAlgorithm::EcdsaP256Sha256)
    }

    /// The operator hands over the first keys of a domain.
    pub async fn accept_domain(
        &self,
        element: ElementId,
        family: Family,
        first: &StaticKeys,
    ) -> Result<(), Problem> {
        let blob = [first.enc(), first.mac(), first.dek()].concat();
        self.keys.blob(&format!("domain-{element}"), || Ok(blob))?;
        Ok(self.meet(element, family).await?)
    }

    /// A phone that may be new.
    pub async fn meet(&self, element: ElementId, family: Family) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.insert("device", &element.to_string(), &Device::new(element, family)).await?;
        transaction.commit().await
    }

    /// Final keys of the authority's domain on an element.
    pub fn own_keys(&self, element: ElementId) -> Result<StaticKeys, Problem> {
        Ok(diversify(&self.keys.secret("authority-domain")?, "authority", element.as_bytes())?)
    }

    /// Key sets of the authority's domain in the order in which they are tried.
    pub fn key_sets(&self, element: ElementId) -> Result<Vec<KeySet>, Problem> {
        let mut sets = vec![KeySet { version: OWN_KEY_VERSION, keys: self.own_keys(element)? }];
        // Asked for keys that were never handed over, the key space makes none.
        if let Ok(blob) = self.keys.blob(&format!("domain-{element}"), || Err(KeyError::Generation)) {
            let mut thirds = blob.expose().chunks(KEY_OCTETS);
            if let (Some(enc), Some(mac), Some(dek)) = (thirds.next(), thirds.next(), thirds.next()) {
                let keys = StaticKeys::new(enc, mac, dek)?;
                sets.push(KeySet { version: INITIAL_KEY_VERSION, keys });
            }
        }
        Ok(sets)
    }

    /// A phone, if anybody ever applied with it or its domain was handed over.
    pub async fn find(&self, element: ElementId) -> Result<Option<Device>, StoreError> {
        self.store.get("device", &element.to_string()).await
    }

    /// A phone.
    pub async fn device(&self, element: ElementId) -> Result<Device, Problem> {
        self.find(element).await?.ok_or_else(|| DeviceError::NotFound.into())
    }

    /// All phones.
    pub async fn devices(&self) -> Result<Vec<Device>, StoreError> {
        Ok(self.store.list("device").await?.into_iter().map(|(_, device)| device).collect())
    }

    /// The phone of a name that a resident holds; whoever holds it, or nobody any more, where none is named.
    pub async fn named(&self, phone: &PhoneName, holder: Option<&ResidentId>) -> Result<Device, Problem> {
        let mut devices = self.devices().await?;
        devices.retain(|device| {
            device.phone() == Some(phone) && holder.is_none_or(|holder| device.holder() == Some(holder))
        });
        // Phones are named anew after they were deleted: the one in somebody's hands is meant, then the latest.
        let latest =
            |device: &Device| (device.holder().is_some(), device.notices().last().map(|notice| notice.time));
        devices.into_iter().max_by_key(latest).ok_or_else(|| DeviceError::NotFound.into())
    }

    /// Changes a phone, whole or not at all; `None` if the trail's message was taken before.
    pub async fn change<R>(
        &self,
        element: ElementId,
        trail: Trail,
        act: impl FnOnce(&mut Device) -> Result<R, DeviceError> + Send,
    ) -> Result<Option<R>, Problem> {
        let id = element.to_string();
        let mut transaction = self.store.begin().await?;
        let found: Option<Device> = transaction.get("device", &id).await?;
        let mut device = found.ok_or(DeviceError::NotFound)?;
        if let Some(message) = &trail.message
            && !transaction.insert("message", message, &()).await?
        {
            return Ok(None);
        }
        let done = act(&mut device)?;
        transaction.put("device", &id, &device).await?;
        if let Some((action, detail)) = trail.audit {
            let entry = AuditEntry { time: self.clock.civil(), action: action.to_owned(), detail };
            transaction.audit(&entry).await?;
        }
        transaction.commit().await?;
        Ok(Some(done))
    }

    /// Whether a message was taken.
    pub async fn knows(&self, message: &str) -> Result<bool, StoreError> {
        Ok(self.store.get::<()>("message", message).await?.is_some())
    }

    /// Orders the wipe of an element; one that is open is not ordered again.
    pub async fn order_wipe(&self, element: ElementId) -> Result<(), Problem> {
        let Some(command) = self.device(element).await?.wipe() else {
            return Ok(());
        };
        let signed = statement::sign(&command, &self.command_key()?)?;
        let now = self.clock.civil();
        let detail = json!({ "element": element, "number": command.number });
        let trail =
            Trail::message(format!("wipe/{element}/{}", command.number)).audit("wipe.ordered", detail);
        let order = |device: &mut Device| {
            device.ordered(&command, signed, now);
            Ok(())
        };
        self.change(element, trail, order).await.map(drop)
    }

    /// A fresh nonce for one message of a phone.
    pub async fn nonce(&self, element: ElementId) -> Result<[u8; 16], Problem> {
        self.device(element).await?;
        let nonce = SystemRandom::octets();
        let mut transaction = self.store.begin().await?;
        let id = element.to_string();
        let mut nonces: Nonces = transaction.get("nonces", &id).await?.unwrap_or_default();
        nonces.give(&nonce, self.clock.wire());
        transaction.put("nonces", &id, &nonces).await?;
        transaction.commit().await?;
        Ok(nonce)
    }

    /// Uses a nonce up.
    pub async fn take_nonce(&self, element: ElementId, nonce: &[u8]) -> Result<(), Problem> {
        let mut transaction = self.store.begin().await?;
        let id = element.to_string();
        let mut nonces: Nonces = transaction.get("nonces", &id).await?.unwrap_or_default();
        nonces.take(nonce, self.clock.wire())?;
        transaction.put("nonces", &id, &nonces).await?;
        Ok(transaction.commit().await?)
    }

    /// The phone of a recovery code. A try is counted before the codes are compared.
    pub async fn by_recovery_code(&self, code: &str) -> Result<Device, Problem> {
        self.count_code(|codes, wire| codes.count(wire)).await?;
        let found = self.devices().await?.into_iter().find(|device| device.has_recovery_code(code));
        let device = found.ok_or(DeviceError::RecoveryCode)?;
        self.count_code(|codes, _| {
            codes.give_back();
            Ok(())
        })
        .await?;
        Ok(device)
    }

    async fn count_code(
        &self,
        count: impl FnOnce(&mut WrongCodes, tefuda_types::Timestamp) -> Result<(), DeviceError> + Send,
    ) -> Result<(), Problem> {
        let mut transaction = self.store.begin().await?;
        let mut codes: WrongCodes = transaction.get("counter", "wrong-codes").await?.unwrap_or_default();
        count(&mut codes, self.clock.wire())?;
        transaction.put("counter", "wrong-codes", &codes).await?;
        Ok(transaction.commit().await?)
    }
}
