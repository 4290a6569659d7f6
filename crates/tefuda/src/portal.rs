//! The portal becomes a relying party of the gateway, at its first start.

use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use tefuda_openid::ClientId;
use tefuda_portal::Portal;
use tefuda_web::{ActorContext, Client};

/// What the gateway's list says of a relying party.
#[derive(Debug, Deserialize)]
struct Known {
    client_id: ClientId,
    redirect_uris: Value,
}

#[derive(Debug, Deserialize)]
struct List {
    relying_parties: Vec<Known>,
}

/// Registers the portal unless the gateway knows it, as `tefuda rp register` does it for others.
pub async fn register(context: &ActorContext, portal: &Portal) -> anyhow::Result<()> {
    let clients = format!("{}/admin/clients", context.urls.gateway());
    let admin = Client::new(Some(Arc::clone(&context.admin_token)));
    let registration = portal.registration();
    let list: List = admin.get(&clients).await?;
    let own = portal.client_id();
    let known = |known: &Known| {
        Some(&known.client_id) == own.as_ref()
            && Some(&known.redirect_uris) == registration.get("redirect_uris")
    };
    if !list.relying_parties.iter().any(known) {
        let registered: Known = admin.post(&clients, &registration).await?;
        portal.registered(registered.client_id).await?;
    }
    Ok(())
}
