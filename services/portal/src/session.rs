//! Sessions of the portal: a cookie that is kept as a keyed hash, and what it stands for.

use axum::http::{HeaderMap, header};
use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::sync::{Arc, PoisonError};
use tefuda_protocol::account::AccountPhone;
use tefuda_store::{StoreError, Transaction};
use tefuda_types::{Secret, Timestamp};

use crate::{
    Portal,
    error::{PortalError, Refused},
};

/// Sessions, by fingerprint of their cookie.
pub const SESSIONS: &str = "session";
/// Fingerprints of sessions, by the provider's `sid`.
pub const BY_SID: &str = "session-by-sid";
/// Longest session, in seconds.
const SESSION_SECONDS_MAX: i64 = 1_800;
/// A session that is over is remembered, so that its browser is told why, in seconds.
const REMEMBERED_SECONDS: i64 = 86_400;
/// Cookies of one name that are looked at.
const COOKIES_MAX: usize = 8;

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The person, here.
    Here,
    /// The gateway: the phone was cut off, or the person ended it elsewhere.
    Elsewhere,
}

/// What was just done, for the page that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// `phone-stopped`, `phone-ended`, `card-stopped`, `session-ended`.
    pub act: String,
    /// The phone, where it is about one, as it stood right after.
    pub phone: Option<AccountPhone>,
    /// Whether it ends this session too.
    pub ends_session: bool,
}

/// A session as it is stored. No token is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The person, as the gateway names one to the portal.
    pub sub: String,
    /// The session at the gateway.
    pub sid: String,
    /// Authentication context class.
    pub acr: String,
    /// Wire time.
    pub since: Timestamp,
    /// Wire time.
    pub expires: Timestamp,
    /// By whom, if it was ended.
    pub ended: Option<Ended>,
    /// What was done last.
    pub done: Option<Done>,
}

impl Session {
    fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires
    }
}

/// A session and what it is found by.
#[derive(Clone, Debug)]
pub struct Found {
    /// Fingerprint of its cookie.
    pub id: String,
    /// The session.
    pub session: Session,
}

/// A later moment.
pub fn after(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(time.as_second().saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}

/// Values of cookies of a name.
pub fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(own, _)| *own == name)
        .map(|(_, value)| value)
}

impl Portal {
    /// `HMAC-SHA256(secret, purpose ‖ 00 ‖ value)`, base64url.
    pub(crate) fn fingerprint(&self, purpose: &str, value: &str) -> String {
        // HMAC takes keys up to its block of 64 octets, padded with zeros (RFC 2104, 2).
        let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
        key.iter_mut().zip(self.secret.expose()).for_each(|(padded, octet)| *padded = *octet);
        let mut mac = Hmac::<Sha256>::new(&key);
        for part in [purpose.as_bytes(), &[0], value.as_bytes()] {
            mac.update(part);
        }
        Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes())
    }

    /// Whether cookies go over TLS only; then their names are bound to this host too (RFC 6265bis, 4.1.3.2).
    pub(crate) fn is_secure(&self) -> bool {
        self.context.urls.portal().starts_with("https:")
    }

    /// Name of the session's cookie.
    pub(crate) fn cookie_name(&self) -> &'static str {
        if self.is_secure() { "__Host-tefuda_portal_session" } else { "tefuda_portal_session" }
    }

    /// A cookie of the portal, or its end with no seconds.
    pub(crate) fn cookie(&self, name: &str, value: &str, seconds: i64) -> String {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    /// The session of a browser, live or over. Cookies of our name that stand for nothing are not ours; of two that
    /// stand for something, nobody can say which is the person's.
    pub(crate) async fn session(&self, headers: &HeaderMap) -> Result<Option<Found>, Refused> {
        let mut found: Vec<Found> = Vec::new();
        for value in cookies(headers, self.cookie_name()).take(COOKIES_MAX) {
            let id = self.fingerprint("session", value);
            if let Some(session) = self.store.get::<Session>(SESSIONS, &id).await?
                && !found.iter().any(|known| known.id == id)
            {
                found.push(Found { id, session });
            }
        }
        let now = self.wire();
        if found.iter().filter(|own| own.session.is_live(now)).count() > 1 {
            return Err(PortalError::SessionsAmbiguous.into());
        }
        let live = found.iter().position(|own| own.session.is_live(now));
        Ok(live.or_else(|| found.len().checked_sub(1)).map(|at| found.swap_remove(at)))
    }

    /// The session of a browser that is logged in, with its access token; none if nobody is, or no longer.
    pub(crate) async fn live(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<(Found, Arc<Secret<String>>)>, Refused> {
        let Some(found) = self.session(headers).await? else { return Ok(None) };
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.get(&found.id).filter(|_| found.session.is_live(self.wire())).cloned();
        Ok(token.map(|token| (found, token)))
    }

    /// A new session, under a cookie's value.
    pub(crate) async fn begin_session(
        &self,
        session: Session,
        access_token: String,
        value: &Secret<String>,
    ) -> Result<(), StoreError> {
        let id = self.fingerprint("session", value.expose());
        let mut transaction = self.store.begin().await?;
        self.sweep(&mut transaction).await?;
        transaction.put(SESSIONS, &id, &session).await?;
        transaction.put(BY_SID, &session.sid, &id).await?;
        transaction.commit().await?;
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(id, Arc::new(Secret::new(access_token)));
        Ok(())
    }

    /// Ends a session, once.
    pub(crate) async fn end_session(&self, id: &str, ended: Ended) -> Result<(), StoreError> {
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        let mut transaction = self.store.begin().await?;
        if let Some(mut session) = transaction.get::<Session>(SESSIONS, id).await? {
            session.ended.get_or_insert(ended);
            transaction.put(SESSIONS, id, &session).await?;
        }
        transaction.commit().await
    }

    /// Remembers what was done, for the page that says so.
    pub(crate) async fn remember(&self, id: &str, done: Done) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        if let Some(mut session) = transaction.get::<Session>(SESSIONS, id).await? {
            session.done = Some(done);
            transaction.put(SESSIONS, id, &session).await?;
        }
        transaction.commit().await
    }

    /// How long a session may last whose access token lasts so long.
    pub(crate) fn session_seconds(expires_in: i64) -> i64 {
        expires_in.clamp(0, SESSION_SECONDS_MAX)
    }

    async fn sweep(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let now = self.wire();
        for (id, session) in transaction.list::<Session>(SESSIONS).await? {
            if after(session.expires, REMEMBERED_SECONDS) < now {
                transaction.remove(SESSIONS, &id).await?;
                transaction.remove(BY_SID, &session.sid).await?;
                self.tokens.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
        }
        for collection in [crate::login::STATES, crate::logout::TOKENS] {
            for (id, until) in transaction.list::<Timestamp>(collection).await? {
                if until < now {
                    transaction.remove(collection, &id).await?;
                }
            }
        }
        Ok(())
    }
}
