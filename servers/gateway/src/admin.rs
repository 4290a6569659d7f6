//! Relying parties and keys, for whoever shows the admin token.

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tefuda_gateway::{Login, PartyError, Registration, RelyingParty, RelyingPartyView};
use tefuda_protocol::transaction::LoginChannel;
use tefuda_web::{Answer, Problem};

use crate::{
    Gateway,
    store::{COUNTERS, LOGINS, PARTIES},
};

type Shared = State<Arc<Gateway>>;

impl Gateway {
    async fn register(&self, registration: Registration) -> Result<RelyingPartyView, Problem> {
        let mut transaction = self.store.begin().await?;
        let last: u32 = transaction.get(COUNTERS, PARTIES).await?.unwrap_or_default();
        let party = registration.accept(last + 1, self.civil())?;
        transaction.put(COUNTERS, PARTIES, &(last + 1)).await?;
        transaction.insert(PARTIES, party.client_id.as_str(), &party).await?;
        let detail = json!({ "client_id": party.client_id });
        self.audit(&mut transaction, "relying_party.registered", detail).await?;
        transaction.commit().await?;
        Ok(party.view())
    }

    async fn remove(&self, client_id: &str) -> Result<(), Problem> {
        let mut transaction = self.store.begin().await?;
        if !transaction.remove(PARTIES, client_id).await? {
            return Err(PartyError::NotFound.into());
        }
        let detail = json!({ "client_id": client_id });
        self.audit(&mut transaction, "relying_party.removed", detail).await?;
        Ok(transaction.commit().await?)
    }
}

/// `POST /admin/clients`.
pub(crate) async fn register(
    State(gateway): Shared,
    Json(registration): Json<Registration>,
) -> Answer<RelyingPartyView> {
    Ok(Json(gateway.register(registration).await?))
}

/// `GET /admin/clients`.
pub(crate) async fn list(State(gateway): Shared) -> Answer<Value> {
    let parties = gateway.store.list::<RelyingParty>(PARTIES).await?;
    let views: Vec<RelyingPartyView> = parties.iter().map(|(_, party)| party.view()).collect();
    Ok(Json(json!({ "relying_parties": views })))
}

/// `DELETE /admin/clients/{id}`.
pub(crate) async fn remove(State(gateway): Shared, Path(client_id): Path<String>) -> Answer<Value> {
    gateway.remove(&client_id).await?;
    Ok(Json(json!({ "client_id": client_id, "removed": true })))
}

/// `GET /admin/open-logins`: codes that are on other screens now, for a phone that cannot look at them.
pub(crate) async fn open_logins(State(gateway): Shared) -> Answer<Value> {
    let logins = gateway.store.list::<Login>(LOGINS).await?;
    let mut open: Vec<_> = logins
        .iter()
        .filter_map(|(request, login)| {
            let shown = login.shown(gateway.wire()).ok()?;
            let LoginChannel::CrossDevice { number } = &shown.transaction.channel else { return None };
            let line = json!({ "request": request, "url": gateway.login_url(request), "number": number,
                "relying_party": shown.transaction.relying_party,
                "relying_party#en": shown.transaction.relying_party_en, "origin": shown.transaction.origin,
                "expires_in_seconds": shown.expires_in_seconds });
            Some((shown.transaction.time, line))
        })
        .collect();
    open.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    let lines: Vec<Value> = open.into_iter().map(|(_, line)| line).collect();
    Ok(Json(json!({ "open_logins": lines })))
}

/// `POST /admin/keys/rotate`.
pub(crate) async fn rotate(State(gateway): Shared) -> Answer<Value> {
    let kid = gateway.keys.rotate(&gateway.store, gateway.wire()).await?;
    Ok(Json(json!({ "kid": kid, "published": gateway.keys.published(gateway.wire()).keys.len() })))
}

/// `GET /admin/audit`.
pub(crate) async fn audit(State(gateway): Shared) -> Answer<Value> {
    let entries = gateway.store.verify_audit().await?;
    Ok(Json(json!({ "verified": true, "logs": [{ "role": "gateway", "entries": entries }] })))
}
