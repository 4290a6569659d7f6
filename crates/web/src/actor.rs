//! What every actor is started with.

use std::{path::PathBuf, sync::Arc};
use tefuda_keys::{KeyError, KeySpace, KeyStore};
use tefuda_store::{Databases, Documents, StoreError, SystemClock};
use tefuda_types::{Environment, Secret};
use url::Url;

use crate::live::{Door, Live};

/// Where the actors are: what others reach each of them by, without a path.
#[derive(Clone, Debug)]
pub struct Urls {
    /// Control room.
    pub control: String,
    /// Authority.
    pub authority: String,
    /// Gateway.
    pub gateway: String,
    /// Portal.
    pub portal: String,
    /// Phones, on the plain host name.
    pub phones: String,
}

impl Urls {
    /// All on this machine, on ports in a row.
    #[must_use]
    pub fn on_loopback(port_base: u16) -> Self {
        let local = |offset| format!("http://localhost:{}", port_base.saturating_add(offset));
        Self { control: local(0), authority: local(1), gateway: local(2), portal: local(3), phones: local(4) }
    }

    /// Control room.
    #[must_use]
    pub fn control(&self) -> String {
        self.control.clone()
    }

    /// Authority.
    #[must_use]
    pub fn authority(&self) -> String {
        self.authority.clone()
    }

    /// Gateway, without the issuer's path.
    #[must_use]
    pub fn gateway(&self) -> String {
        self.gateway.clone()
    }

    /// The gateway's issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("{}/api/realms/main", self.gateway)
    }

    /// The portal.
    #[must_use]
    pub fn portal(&self) -> String {
        self.portal.clone()
    }

    /// Phones, on the plain host name: lists and making.
    #[must_use]
    pub fn phones(&self) -> String {
        self.phones.clone()
    }

    /// One phone, on its own host.
    #[must_use]
    pub fn phone(&self, name: &str) -> String {
        self.phones.replacen("://", &format!("://phone-{name}."), 1)
    }

    /// The host by which others reach an actor.
    fn host(&self, actor: &str) -> String {
        let url = match actor {
            "control" => &self.control,
            "authority" => &self.authority,
            "gateway" => &self.gateway,
            "portal" => &self.portal,
            _ => &self.phones,
        };
        let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        host.unwrap_or_default()
    }
}

/// Actors whose keys are in the key store. Cards and phones have theirs in chips of their own.
const KEY_HOLDERS: [&str; 3] = ["authority", "gateway", "portal"];

/// What every actor is started with.
#[derive(Clone, Debug)]
pub struct ActorContext {
    /// The home; an actor keeps to its own folder in it.
    pub home: PathBuf,
    /// Where the stores are.
    pub databases: Databases,
    /// Where the keys are.
    pub keys: KeyStore,
    /// Both times.
    pub clock: Arc<SystemClock>,
    /// Where the others are.
    pub urls: Urls,
    /// What the command line shows to `/admin/*` and to phones.
    pub admin_token: Arc<str>,
    /// What the call centre shows; it opens nothing but stops.
    pub call_centre_token: Arc<str>,
    /// Where it is told what goes between the actors.
    pub live: Live,
    /// Sandbox or production.
    pub environment: Environment,
    /// The maker's master key of new elements, where it is not the sandbox's own.
    pub element_keys: Option<Arc<Secret<[u8; 32]>>>,
}

impl ActorContext {
    /// The door of an actor with this context.
    #[must_use]
    pub fn door(&self, actor: &'static str) -> Door {
        Door {
            actor,
            host: self.urls.host(actor).into(),
            clock: Arc::<SystemClock>::clone(&self.clock),
            live: self.live.clone(),
            keys: if KEY_HOLDERS.contains(&actor) { self.keys.clone() } else { KeyStore::Files },
        }
    }

    /// Opens the key space of a role by the path of its folder in the home, as `authority/operator/keys`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn key_space(&self, folder: &str, role: &'static str) -> Result<KeySpace, KeyError> {
        self.keys.open(&self.home.join(folder), role, self.environment)
    }

    /// Opens the store of a role by its path in the home, as `authority/operator`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn documents(&self, role: &str) -> Result<Documents, StoreError> {
        self.databases.open(&self.home, role).await
    }

    /// The context of an actor by its name, whose clock may be skewed.
    ///
    /// # Errors
    /// What the file system says of the skew that is kept.
    pub fn of_actor(&self, actor: &str) -> std::io::Result<Self> {
        Ok(Self { clock: Arc::new(self.clock.of_actor(actor)?), ..self.clone() })
    }
}
