//! Who is logged in at a console, what was ordered, and what was done there: a store of its own.

use axum::http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tefuda_authority::console::{self, ConsoleError, Operator, Order};
use tefuda_keys::SystemRandom;
use tefuda_store::{AuditEntry, Documents, StoreError, SystemClock};
use tefuda_types::{Clock, ResidentId, Timestamp};
use tefuda_web::{ActorContext, Problem};

/// Cookie of who is logged in. Ports do not isolate cookies, so its name is nobody else's.
const COOKIE: &str = "tefuda_console";
/// Seconds of wire time after which an operator logs in again: a working day.
const SESSION_SECONDS: i64 = 8 * 3_600;

/// Somebody who is logged in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    operator: String,
    until: Timestamp,
    /// The caller whom the call centre has found.
    pub found: Option<ResidentId>,
}

/// The consoles' store.
#[derive(Debug)]
pub(crate) struct Staff {
    pub store: Documents,
    clock: Arc<SystemClock>,
}

/// A session's cookie as it is stored: who reads the store cannot log in with it.
fn hash(cookie: &str) -> String {
    tefuda_types::hexadecimal(&Sha256::digest(cookie.as_bytes()))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

fn set_cookie(value: &str, seconds: i64) -> HeaderValue {
    let line = format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    HeaderValue::from_str(&line).unwrap_or_else(|_| HeaderValue::from_static(""))
}

impl Staff {
    /// Opens the store.
    pub async fn open(context: &ActorContext) -> anyhow::Result<Self> {
        let store = context.documents("authority/console").await?;
        Ok(Self { store, clock: Arc::clone(&context.clock) })
    }

    /// Logs an operator of the list in; the cookie to set.
    pub async fn log_in(&self, id: &str) -> Result<(Operator, HeaderValue), Problem> {
        let operator = console::operator(id)?;
        let secret: String = tefuda_types::hexadecimal(&SystemRandom::octets::<32>());
        let until = self.clock.wire().as_second() + SESSION_SECONDS;
        let until = Timestamp::from_second(until).unwrap_or(Timestamp::MAX);
        let session = Session { operator: operator.id.clone(), until, found: None };
        let mut transaction = self.store.begin().await?;
        transaction.put("session", &hash(&secret), &session).await?;
        let detail = json!({ "operator": operator.id });
        transaction.audit(&self.entry("operator.logged_in", detail)).await?;
        transaction.commit().await?;
        Ok((operator, set_cookie(&secret, SESSION_SECONDS)))
    }

    /// Ends a session; the cookie to set.
    pub async fn log_out(&self, headers: &HeaderMap) -> Result<HeaderValue, StoreError> {
        if let Some(secret) = cookie(headers) {
            let mut transaction = self.store.begin().await?;
            transaction.remove("session", &hash(&secret)).await?;
            transaction.commit().await?;
        }
        Ok(set_cookie("", 0))
    }

    /// Who is logged in, if anybody is.
    pub async fn session(&self, headers: &HeaderMap) -> Result<Option<(Operator, Session)>, StoreError> {
        let Some(secret) = cookie(headers) else { return Ok(None) };
        let session: Option<Session> = self.store.get("session", &hash(&secret)).await?;
        let session = session.filter(|session| session.until > self.clock.wire());
        // Who left the list is out at once.
        Ok(session.and_then(|session| Some((console::operator(&session.operator).ok()?, session))))
    }

    /// The call centre has found a caller, and nobody else is shown in this session.
    pub async fn found(&self, headers: &HeaderMap, by: &Operator, found: &ResidentId) -> Result<(), Problem> {
        let id = hash(&cookie(headers).unwrap_or_default());
        let mut transaction = self.store.begin().await?;
        let session: Option<Session> = transaction.get("session", &id).await?;
        let session = Session { found: Some(found.clone()), ..session.ok_or(ConsoleError::NotAllowed)? };
        transaction.put("session", &id, &session).await?;
        let detail = json!({ "operator": by.id, "resident": found });
        transaction.audit(&self.entry("caller.found", detail)).await?;
        Ok(transaction.commit().await?)
    }

    fn entry(&self, action: &str, detail: Value) -> AuditEntry {
        AuditEntry { time: self.clock.civil(), action: action.to_owned(), detail }
    }

    /// Writes into the consoles' audit log.
    pub async fn note(&self, action: &str, detail: Value) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.audit(&self.entry(action, detail)).await?;
        transaction.commit().await
    }

    /// Keeps a new order; its identifier.
    pub async fn add_order(&self, order: &Order) -> Result<String, StoreError> {
        let id: String = tefuda_types::hexadecimal(&SystemRandom::octets::<8>());
        self.keep_order(&id, order, "order.made", &order.by).await?;
        Ok(id)
    }

    /// An order.
    pub async fn order(&self, id: &str) -> Result<Order, Problem> {
        Ok(self.store.get("order", id).await?.ok_or(ConsoleError::OrderNotFound)?)
    }

    /// All orders.
    pub async fn orders(&self) -> Result<Vec<(String, Order)>, StoreError> {
        self.store.list("order").await
    }

    /// Keeps an order as it is now, with what the audit log says of it.
    pub async fn keep_order(
        &self,
        id: &str,
        order: &Order,
        action: &str,
        by: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.put("order", id, order).await?;
        let detail = json!({ "order": id, "operator": by, "deed": order.deed, "why": order.why });
        transaction.audit(&self.entry(action, detail)).await?;
        transaction.commit().await
    }
}
