//! The portal: what a person sees and ends of their own certificates, phones and logins.
//!
//! An ordinary relying party of its own origin, with its own keys and store. It knows a person by the `sub` that the
//! gateway gives it; what it shows it asks for each time, with tokens that are in memory only, and keeps nothing of
//! it. No rule is here: the gateway decides about logins, the authority about certificates.

mod account;
mod acts;
mod error;
mod history;
mod login;
mod logout;
mod pages;
mod routes;
mod session;
mod view;

use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use tefuda_keys::RoleKey;
use tefuda_openid::{ClientId, Jwk, Metadata, PATH_DISCOVERY, RedirectUri};
use tefuda_pki::SignatureAlgorithm;
use tefuda_store::Documents;
use tefuda_types::{Clock, Secret, Timestamp};
use tefuda_web::{ActorContext, Client};

pub use error::PortalError;
pub use routes::router;

/// Where the portal keeps its own `client_id`.
const HOME: &str = "home";
/// What the portal asks for.
const SCOPE: &str = "openid sessions certificates";

/// The portal, open.
#[derive(Debug)]
pub struct Portal {
    context: ActorContext,
    /// The provider that it trusts.
    issuer: String,
    redirect_uri: RedirectUri,
    store: Documents,
    key: RoleKey,
    jwk: Jwk,
    secret: Secret<[u8; 32]>,
    client: Client,
    client_id: RwLock<Option<ClientId>>,
    /// Access tokens of live sessions. A restart forgets them, and people log in again.
    tokens: RwLock<HashMap<String, Arc<Secret<String>>>>,
}

impl Portal {
    /// Opens store and keys, making what is not there, as a relying party of the gateway.
    ///
    /// # Errors
    /// What store and keys say.
    pub async fn open(context: ActorContext) -> anyhow::Result<Arc<Self>> {
        let issuer = context.urls.issuer();
        Self::open_at(context, issuer).await
    }

    /// The same as a relying party of any provider of OpenID Connect.
    ///
    /// # Errors
    /// As [`Portal::open`].
    pub async fn open_at(context: ActorContext, issuer: String) -> anyhow::Result<Arc<Self>> {
        let store = context.documents("portal").await?;
        let space = context.key_space("portal/keys", "portal")?;
        let key = space.signer("client", SignatureAlgorithm::EcdsaP256Sha256)?;
        let client_id = store.get(HOME, "client-id").await?;
        Ok(Arc::new(Self {
            redirect_uri: format!("{}/callback", context.urls.portal()).parse()?,
            jwk: Jwk::from_point(key.public_key())?,
            secret: space.secret("sessions")?,
            client: Client::new(None),
            client_id: RwLock::new(client_id),
            tokens: RwLock::default(),
            context,
            issuer,
            store,
            key,
        }))
    }

    /// What the portal is registered with.
    #[must_use]
    pub fn registration(&self) -> Value {
        let portal = self.context.urls.portal();
        json!({
            "name": "手札ポータル",
            "name#en": "Tefuda Portal",
            "redirect_uris": [self.redirect_uri],
            "jwks": { "keys": [self.jwk] },
            "scopes": ["sessions", "certificates"],
            "purpose": "ご自身の証明書、端末、ログインの履歴をお見せするため",
            "purpose#en": "To show you your own certificates, phones and logins",
            "backchannel_logout_uri": format!("{portal}/backchannel-logout"),
            "backchannel_logout_session_required": true,
        })
    }

    /// Under which identifier it is registered.
    #[must_use]
    pub fn client_id(&self) -> Option<ClientId> {
        self.client_id.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It was registered.
    ///
    /// # Errors
    /// What the store says.
    pub async fn registered(&self, client_id: ClientId) -> anyhow::Result<()> {
        let mut transaction = self.store.begin().await?;
        transaction.put(HOME, "client-id", &client_id).await?;
        transaction.commit().await?;
        *self.client_id.write().unwrap_or_else(PoisonError::into_inner) = Some(client_id);
        Ok(())
    }

    fn wire(&self) -> Timestamp {
        self.context.clock.wire()
    }

    /// What the provider says of itself, now.
    async fn provider(&self) -> Result<Metadata, error::Refused> {
        let metadata: Metadata = self.client.get(&format!("{}{PATH_DISCOVERY}", self.issuer)).await?;
        // A provider that says to be another is none (OpenID Connect Discovery, 4.3).
        if metadata.issuer == self.issuer { Ok(metadata) } else { Err(PortalError::OtherProvider.into()) }
    }
}
