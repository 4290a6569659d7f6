//! What the gateway knows of phones' authentication certificates: fetched before anybody asks, looked up here.
//!
//! The authority is asked for lists, never about a certificate. When it does not answer, the gateway goes on
//! with what it has until that is not fresh, and then nobody logs in.

use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tefuda_gateway::{AccessGrant, CodeGrant, LinkRow, Login, Session};
use tefuda_pki::Certificate;
use tefuda_protocol::{
    login::LoginProof,
    statement::{CertificateReference, Heartbeat, Statement},
    transaction::LoginTransaction,
};
use tefuda_store::{Documents, StoreError, SystemClock};
use tefuda_types::{CertificateKind, CertificateStatus, Clock, Timestamp};
use tefuda_verifier::{LoginRefusal, StatusBook, VerifiedLogin, Wanted, verify_login};
use tefuda_web::{ActorContext, Client};
use tokio::sync::Mutex;

use crate::{
    Gateway,
    store::{ACCESS, ASSERTIONS, CODES, HISTORY, LINKS, LOGINS, SESSIONS, STATUS},
};

/// Kind of certificate that logs in.
const KIND: CertificateKind = CertificateKind::PhoneAuth;
/// Host time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Host time that a look may take. An authority that hangs must not hold up every login.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);
/// The newest signed time is written down when it has grown by this much, in seconds.
const REMEMBERED_SECONDS: i64 = 10;
/// Host time between two clearings of what is over.
const SWEEP_SECONDS: i64 = 60;

#[derive(Deserialize)]
struct Roots {
    roots: Vec<Root>,
}

#[derive(Deserialize)]
struct Root {
    role: String,
    pem: String,
}

#[derive(Deserialize)]
struct Lists {
    lists: Vec<List>,
}

#[derive(Deserialize)]
struct List {
    kind: CertificateKind,
    generation: u32,
    full: String,
    delta: String,
}

/// Follows the authority.
#[derive(Debug)]
pub struct Follower {
    authority: String,
    client: Client,
    clock: Arc<SystemClock>,
    store: Documents,
    book: RwLock<Arc<StatusBook>>,
    /// Wire time at which the last look began; one looks at a time.
    began: Mutex<Timestamp>,
    /// A failure is logged when it begins.
    failing: AtomicBool,
}

impl Follower {
    /// Knows nothing yet, save the newest signed time that was ever seen.
    pub async fn open(context: &ActorContext, store: Documents) -> Result<Self, StoreError> {
        let newest: Option<Timestamp> = store.get(STATUS, "newest-signed").await?;
        let book = StatusBook::new(KIND, newest.unwrap_or(Timestamp::MIN));
        Ok(Self {
            authority: context.urls.authority(),
            client: Client::new(None),
            clock: Arc::clone(&context.clock),
            store,
            book: RwLock::new(Arc::new(book)),
            began: Mutex::new(Timestamp::MIN),
            failing: AtomicBool::new(false),
        })
    }

    /// Looks at the authority: what it published before this call is known after it. Whoever waits while
    /// another looks shares the next look with all who wait.
    pub async fn look(&self) {
        let asked = self.clock.wire();
        let mut began = self.began.lock().await;
        if *began > asked {
            return;
        }
        *began = self.clock.wire();
        let fetched = tokio::time::timeout(LOOK_TIMEOUT, self.fetch()).await;
        match fetched.unwrap_or_else(|_| Err(anyhow::anyhow!("the authority does not answer in time"))) {
            Ok(()) => self.failing.store(false, Ordering::Relaxed),
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error = format!("{error:#}"), "status data cannot be fetched");
                }
            }
        }
    }

    /// Fetches into a copy: a heartbeat counts only together with the lists that it names.
    async fn fetch(&self) -> anyhow::Result<()> {
        let mut book = StatusBook::clone(&self.book());
        let url = format!("{}/status/{KIND}/heartbeat", self.authority);
        let beat: Statement<Heartbeat> = self.client.get(&url).await?;
        // A beat of a generation that is new here can be read only with its root.
        if book.take_heartbeat(&beat).is_err() || book.wants_roots() {
            self.fetch_roots(&mut book).await?;
            book.take_heartbeat(&beat)?;
        }
        let wanted: Vec<Wanted> = book.wanted().collect();
        if !wanted.is_empty() {
            self.fetch_lists(&mut book, &wanted).await?;
        }
        self.remember(book.newest_signed()).await?;
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
        Ok(())
    }

    async fn fetch_lists(&self, book: &mut StatusBook, wanted: &[Wanted]) -> anyhow::Result<()> {
        let url = format!("{}/crl/index.json", self.authority);
        let index: Lists = self.client.get(&url).await?;
        for wanted in wanted {
            let named = |list: &&List| list.kind == KIND && list.generation == wanted.generation;
            let Some(list) = index.lists.iter().find(named) else { continue };
            let needed = [(wanted.full, &list.full), (wanted.delta, &list.delta)];
            for (_, url) in needed.into_iter().filter(|(needed, _)| *needed) {
                book.take_list(&self.client.get_bytes(url).await?)?;
            }
        }
        Ok(())
    }

    async fn fetch_roots(&self, book: &mut StatusBook) -> anyhow::Result<()> {
        let url = format!("{}/trust/index.json", self.authority);
        let index: Roots = self.client.get(&url).await?;
        let role = format!("{KIND}-ca");
        let of_kind = index.roots.iter().filter(|root| root.role == role);
        for root in of_kind {
            book.add_roots([Certificate::from_pem(&root.pem)?]);
        }
        Ok(())
    }

    /// The newest signed time outlives the process, so that a restart does not take it back.
    async fn remember(&self, newest: Timestamp) -> anyhow::Result<()> {
        let stored: Option<Timestamp> = self.store.get(STATUS, "newest-signed").await?;
        if stored.is_none_or(|stored| newest.as_second() - stored.as_second() >= REMEMBERED_SECONDS) {
            let mut transaction = self.store.begin().await?;
            transaction.put(STATUS, "newest-signed", &newest).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    fn book(&self) -> Arc<StatusBook> {
        Arc::clone(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges a proof with what is known now.
    pub fn judge(
        &self,
        transaction: &LoginTransaction,
        proof: &LoginProof,
        civil: Timestamp,
    ) -> Result<VerifiedLogin, LoginRefusal> {
        verify_login(&self.book(), transaction, proof, civil)
    }

    /// Where a certificate stands.
    pub fn status(&self, certificate: &CertificateReference, civil: Timestamp) -> CertificateStatus {
        self.book().status(certificate, civil)
    }
}

impl Gateway {
    /// Follows the authority's lists for as long as it runs, ends sessions whose certificate ended, and clears
    /// away what is over; and tells relying parties whose sessions ended.
    pub async fn follow_status(self: Arc<Self>) {
        tokio::join!(self.follow(), Arc::clone(&self).tell_of_logouts());
    }

    async fn follow(&self) {
        let mut moved = self.context.clock.subscribe();
        let mut swept = Timestamp::MIN;
        loop {
            self.status.look().await;
            let now = self.wire();
            if let Err(error) = self.end_sessions().await {
                tracing::error!(%error, "sessions could not be ended");
            }
            if now.as_second().saturating_sub(swept.as_second()) >= SWEEP_SECONDS {
                swept = now;
                if let Err(error) = self.sweep(now).await {
                    tracing::error!(%error, "what is over could not be cleared away");
                }
                if let Err(error) = self.keys.rotate_if_due(&self.store, now).await {
                    tracing::error!(%error, "the next signing key could not be made");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                Ok(()) = moved.changed() => {}
            }
        }
    }

    /// Ends sessions of phones whose authentication certificate is on hold or revoked.
    pub(crate) async fn end_sessions(&self) -> Result<(), StoreError> {
        let sessions = self.store.list::<Session>(SESSIONS).await?;
        let now = self.wire();
        let mut open = sessions.into_iter().filter(|(_, session)| session.is_live(now)).peekable();
        if open.peek().is_none() {
            return Ok(());
        }
        let links: HashMap<String, LinkRow> = self.store.list(LINKS).await?.into_iter().collect();
        for (id, session) in open {
            let row = links.get(session.link.as_str());
            let status = row.map(|row| self.status.status(&row.certificate, self.civil()));
            let Some(ending) = status.and_then(Session::ending) else { continue };
            let mut transaction = self.store.begin().await?;
            if let Some(mut session) = transaction.get::<Session>(SESSIONS, &id).await? {
                self.end(&mut transaction, &id, &mut session, ending).await?;
            }
            transaction.commit().await?;
        }
        Ok(())
    }

    async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut over: Vec<(&str, String)> = Vec::new();
        let logins = self.store.list::<Login>(LOGINS).await?;
        over.extend(logins.into_iter().filter(|(_, own)| own.is_stale(now)).map(|(id, _)| (LOGINS, id)));
        let codes = self.store.list::<CodeGrant>(CODES).await?;
        over.extend(codes.into_iter().filter(|(_, own)| own.is_stale(now)).map(|(id, _)| (CODES, id)));
        let access = self.store.list::<AccessGrant>(ACCESS).await?;
        over.extend(access.into_iter().filter(|(_, own)| own.expires <= now).map(|(id, _)| (ACCESS, id)));
        let used = self.store.list::<Timestamp>(ASSERTIONS).await?;
        over.extend(used.into_iter().filter(|(_, expires)| *expires <= now).map(|(id, _)| (ASSERTIONS, id)));
        let history = self.store.list::<Session>(HISTORY).await?;
        let forgotten = history.into_iter().filter(|(_, own)| own.is_forgotten(now));
        over.extend(forgotten.map(|(id, _)| (HISTORY, id)));
        let mut sessions = self.store.list::<Session>(SESSIONS).await?;
        sessions.retain(|(_, own)| own.is_over(now));
        if over.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store.begin().await?;
        for (id, session) in sessions {
            transaction.put(HISTORY, &id, &session).await?;
            over.push((SESSIONS, id));
        }
        for (collection, id) in over {
            transaction.remove(collection, &id).await?;
        }
        transaction.commit().await
    }
}
