//! The gateway as an HTTP actor: OpenID provider towards relying parties, a few routes for phones and browsers,
//! and a look at the authority's lists every other second. Whoever a session ends for is told at once.

mod admin;
mod authorize;
mod browser;
mod keys;
mod logout;
mod me;
mod open_requests;
mod page;
mod routes;
mod status;
mod store;
mod token;
mod wallet;

use std::sync::Arc;
use tefuda_gateway::{Fingerprints, Subjects};
use tefuda_store::{AuditEntry, Documents, StoreError, Transaction};
use tefuda_types::{Clock, Timestamp};
use tefuda_web::ActorContext;
use tokio::sync::Notify;

pub use routes::router;

use crate::{keys::Keys, open_requests::OpenRequests, status::Follower};

/// The gateway: its own store and keys, and what it knows of phones' certificates.
#[derive(Debug)]
pub struct Gateway {
    context: ActorContext,
    issuer: String,
    store: Documents,
    keys: Keys,
    fingerprints: Fingerprints,
    subjects: Subjects,
    status: Follower,
    /// A session ended, and somebody is to be told.
    ended: Notify,
    /// What waits for phones.
    open: OpenRequests,
}

impl Gateway {
    /// Opens store and keys, making what is not there. The authority is not needed for that.
    ///
    /// # Errors
    /// What store and keys say.
    pub async fn open(context: ActorContext) -> anyhow::Result<Arc<Self>> {
        let store = context.documents("gateway").await?;
        let space = context.key_space("gateway/keys", "gateway")?;
        let fingerprints = Fingerprints::new(space.secret("fingerprints")?);
        let subjects = Subjects::new(space.secret("subjects")?);
        let keys = Keys::open(space, &store, context.clock.wire()).await?;
        let status = Follower::open(&context, store.clone()).await?;
        let issuer = context.urls.issuer();
        let (ended, open) = (Notify::new(), OpenRequests::default());
        Ok(Arc::new(Self { context, issuer, store, keys, fingerprints, subjects, status, ended, open }))
    }

    /// Civil time: certificates.
    fn civil(&self) -> Timestamp {
        self.context.clock.civil()
    }

    /// Wire time: everything else.
    fn wire(&self) -> Timestamp {
        self.context.clock.wire()
    }

    /// Adds to the audit log. No person, no handle and no certificate goes into it.
    async fn audit(
        &self,
        transaction: &mut Transaction,
        action: &str,
        detail: serde_json::Value,
    ) -> Result<(), StoreError> {
        let entry = AuditEntry { time: self.civil(), action: action.to_owned(), detail };
        transaction.audit(&entry).await
    }
}
