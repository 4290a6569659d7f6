//! A session ends, and its relying party is told (OpenID Connect Back-Channel Logout).

use serde_json::json;
use std::{sync::Arc, time::Duration};
use tefuda_gateway::{Ending, LogoutNotice, RelyingParty, Session};
use tefuda_keys::SystemRandom;
use tefuda_openid::LOGOUT_TYPE;
use tefuda_store::{StoreError, Transaction};
use tefuda_web::Client;
use tokio::task::JoinSet;

use crate::{
    Gateway,
    store::{LOGOUTS, PARTIES, SESSIONS},
};

/// Host time between two looks at who is to be told again.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Host time that a relying party may take to hear it. One that hangs must not hold up the others.
const HEARING_TIMEOUT: Duration = Duration::from_secs(3);

impl Gateway {
    /// Ends a session, once, and lets its relying party be told.
    pub(crate) async fn end(
        &self,
        transaction: &mut Transaction,
        id: &str,
        session: &mut Session,
        ending: Ending,
    ) -> Result<(), StoreError> {
        let now = self.wire();
        if !session.end(ending, now, self.civil()) {
            return Ok(());
        }
        transaction.put(SESSIONS, id, session).await?;
        self.audit(transaction, "session.ended", json!({ "why": ending })).await?;
        let party: Option<RelyingParty> = transaction.get(PARTIES, session.client_id.as_str()).await?;
        if party.is_some_and(|party| party.backchannel_logout_uri.is_some()) {
            let sub = self.subjects.of(&session.client_id, &session.handle);
            let notice = LogoutNotice::new(session.client_id.clone(), sub, now);
            transaction.insert(LOGOUTS, id, &notice).await?;
            self.ended.notify_one();
        }
        Ok(())
    }

    /// Tells whoever is to be told, for as long as it runs.
    pub(crate) async fn tell_of_logouts(self: Arc<Self>) {
        let client = Client::new(None);
        loop {
            if let Err(error) = self.tell_those_due(&client).await {
                tracing::error!(%error, "relying parties could not be told of logouts");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                () = self.ended.notified() => {}
            }
        }
    }

    async fn tell_those_due(self: &Arc<Self>, client: &Client) -> Result<(), StoreError> {
        let now = self.wire();
        let mut telling = JoinSet::new();
        for (id, notice) in self.store.list::<LogoutNotice>(LOGOUTS).await? {
            if notice.due <= now {
                let (gateway, client) = (Arc::clone(self), client.clone());
                telling.spawn(async move {
                    let heard = gateway.tell(&client, &id, &notice).await;
                    gateway.tick_off(&id, notice, heard).await
                });
            }
        }
        while let Some(told) = telling.join_next().await {
            if let Ok(Err(error)) = told {
                tracing::error!(%error, "a logout that was told could not be ticked off");
            }
        }
        Ok(())
    }

    /// One attempt; tells whether there is nothing left to do.
    async fn tell(&self, client: &Client, id: &str, notice: &LogoutNotice) -> bool {
        let party = self.store.get::<RelyingParty>(PARTIES, notice.client_id.as_str()).await;
        let Ok(Some(RelyingParty { backchannel_logout_uri: Some(uri), .. })) = party else {
            return party.is_ok();
        };
        let jti = tefuda_types::hexadecimal(&SystemRandom::octets::<16>());
        let claims = notice.claims(&self.issuer, id, jti, self.wire());
        let Ok(token) = self.keys.sign(LOGOUT_TYPE, &claims) else { return false };
        let form = [("logout_token", token.expose().as_str())];
        let heard = tokio::time::timeout(HEARING_TIMEOUT, client.post_form(uri.as_str(), &form)).await;
        matches!(heard, Ok(Ok((200..=299, _))))
    }

    async fn tick_off(&self, id: &str, notice: LogoutNotice, heard: bool) -> Result<(), StoreError> {
        let client_id = notice.client_id.clone();
        let again = if heard { None } else { notice.again(self.wire()) };
        let mut transaction = self.store.begin().await?;
        match &again {
            Some(again) => transaction.put(LOGOUTS, id, again).await?,
            None => {
                transaction.remove(LOGOUTS, id).await?;
                let action = if heard { "logout.told" } else { "logout.given_up" };
                self.audit(&mut transaction, action, json!({ "client_id": client_id })).await?;
            }
        }
        transaction.commit().await
    }
}
