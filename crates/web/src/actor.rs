//! What every actor is started with.

use std::{path::PathBuf, sync::Arc};
use tefuda_store::{Databases, Documents, StoreError, SystemClock};
use tefuda_types::Environment;

use crate::live::{Door, Live};

/// Where the actors are.
#[derive(Clone, Debug)]
pub struct Urls {
    /// First of the ports.
    pub port_base: u16,
}

impl Urls {
    fn local(&self, offset: u16) -> String {
        format!("http://localhost:{}", self.port_base.saturating_add(offset))
    }

    /// Control room.
    #[must_use]
    pub fn control(&self) -> String {
        self.local(0)
    }

    /// Authority.
    #[must_use]
    pub fn authority(&self) -> String {
        self.local(1)
    }

    /// Gateway, without the issuer's path.
    #[must_use]
    pub fn gateway(&self) -> String {
        self.local(2)
    }

    /// The gateway's issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("{}/api/realms/main", self.gateway())
    }

    /// The portal.
    #[must_use]
    pub fn portal(&self) -> String {
        self.local(3)
    }

    /// Phones, on the plain host name: lists and making.
    #[must_use]
    pub fn phones(&self) -> String {
        self.local(4)
    }

    /// One phone, on its own host.
    #[must_use]
    pub fn phone(&self, name: &str) -> String {
        format!("http://phone-{name}.localhost:{}", self.port_base.saturating_add(4))
    }
}

/// What every actor is started with.
#[derive(Clone, Debug)]
pub struct ActorContext {
    /// The home; an actor keeps to its own folder in it.
    pub home: PathBuf,
    /// Where the stores are.
    pub databases: Databases,
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
}

impl ActorContext {
    /// The door of an actor with this context.
    #[must_use]
    pub fn door(&self, actor: &'static str) -> Door {
        Door { actor, clock: Arc::<SystemClock>::clone(&self.clock), live: self.live.clone() }
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
