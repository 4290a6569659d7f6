//! What operators ask of the authority, behind their token.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};
use tefuda_authority::{arrival::Arrival, matrix::Action};
use tefuda_card::personalisation::Personalisation;
use tefuda_pki::crl::RevocationReason;
use tefuda_types::{Bytes, CertificateKind, Clock, ElementId, Family, PhoneName, ResidentId, Serial};
use tefuda_web::Answer;

use crate::{
    Authority, ResidentView,
    counter::NewCard,
    devices::DeviceLine,
    operator::FactoryKeys,
    overview::Overview,
    residents::{Changes, CivilEvent},
    routes::{RouteError, Shared},
};

/// Routes of operators, of the counter, and of the factory.
pub fn routes() -> Router<Arc<Authority>> {
    Router::new()
        .route("/admin/residents", get(residents).post(add_resident))
        .route("/admin/residents/{id}", get(resident))
        .route("/admin/residents/{id}/card", post(personalise))
        .route("/admin/residents/{id}/card/renewal", post(renew_card))
        .route("/admin/residents/{id}/events/{event}", post(event))
        .route("/admin/generations/{kind}", post(rotate))
        .route("/admin/revocations", post(revoke))
        .route("/admin/factory/elements", post(made))
        .route("/admin/makers", post(maker))
        .route("/admin/devices", get(devices))
        .route("/admin/devices/{element}/wipe", post(wipe))
        .route("/admin/phones/{phone}/wipe", post(wipe_phone))
        .route("/admin/overview", get(overview))
        .route("/admin/audit", get(audit))
}

#[derive(Debug, Deserialize)]
struct Reveal {
    #[serde(default)]
    reveal: bool,
}

async fn residents(
    State(authority): Shared,
    Query(query): Query<Reveal>,
) -> Answer<HashMap<&'static str, Vec<ResidentView>>> {
    Ok(Json(HashMap::from([("residents", authority.residents(query.reveal).await?)])))
}

async fn resident(
    State(authority): Shared,
    Path(id): Path<ResidentId>,
    Query(query): Query<Reveal>,
) -> Answer<ResidentView> {
    Ok(Json(authority.resident_view(&id, query.reveal).await?))
}

async fn personalise(
    State(authority): Shared,
    Path(id): Path<ResidentId>,
    Json(card): Json<NewCard>,
) -> Answer<Personalisation> {
    Ok(Json(authority.personalise(&id, &card).await?))
}

async fn add_resident(State(authority): Shared, Json(arrival): Json<Arrival>) -> Answer<ResidentView> {
    Ok(Json(authority.add_resident(&arrival).await?))
}

async fn renew_card(State(authority): Shared, Path(id): Path<ResidentId>) -> Answer<ResidentView> {
    Ok(Json(authority.renew_card(&id).await?))
}

async fn event(
    State(authority): Shared,
    Path((id, event)): Path<(ResidentId, CivilEvent)>,
    changes: Option<Json<Changes>>,
) -> Answer<ResidentView> {
    let changes = changes.map(|Json(changes)| changes).unwrap_or_default();
    authority.civil_event(&id, event, changes).await?;
    Ok(Json(authority.resident_view(&id, false).await?))
}

async fn rotate(State(authority): Shared, Path(kind): Path<CertificateKind>) -> Answer<Value> {
    let generation = authority.ca(kind).rotate().await?;
    let key_id: String = tefuda_types::hexadecimal(&generation.certificate.key_id());
    Ok(Json(json!({ "kind": kind, "generation": generation.number, "key_id": key_id })))
}

#[derive(Debug, Deserialize)]
struct Revocation {
    kind: CertificateKind,
    serial: Serial,
    reason: String,
}

async fn revoke(State(authority): Shared, Json(revocation): Json<Revocation>) -> Answer<Value> {
    let reason = RevocationReason::from_name(&revocation.reason)
        .filter(|reason| *reason != RevocationReason::CertificateHold)
        .ok_or(RouteError::ReasonUnknown)?;
    let issued = authority.ca(revocation.kind).act(&revocation.serial, Action::Revoke(reason)).await?;
    Ok(Json(json!({
        "kind": revocation.kind,
        "serial": issued.serial,
        "status": issued.standing.status(),
        "reason": issued.standing.reason().map(RevocationReason::as_str),
    })))
}

async fn overview(State(authority): Shared) -> Answer<Overview> {
    Ok(Json(authority.overview().await?))
}

async fn audit(State(authority): Shared) -> Answer<Value> {
    let mut logs = Vec::new();
    for (role, store) in authority.logs() {
        logs.push(json!({ "role": role, "entries": store.verify_audit().await? }));
    }
    Ok(Json(json!({ "verified": true, "logs": logs })))
}

/// A new element at the factory.
#[derive(Debug, Deserialize)]
struct Made {
    element: ElementId,
    family: Family,
}

async fn made(State(authority): Shared, Json(made): Json<Made>) -> Answer<FactoryKeys> {
    let now = authority.context.clock.civil();
    Ok(Json(authority.operator.made(made.element, made.family, now).await?))
}

/// A maker's attestation root.
#[derive(Debug, Deserialize)]
struct Maker {
    public_key: Bytes,
}

async fn maker(State(authority): Shared, Json(maker): Json<Maker>) -> Answer<Value> {
    authority.operator.add_maker(&maker.public_key, authority.context.clock.civil()).await?;
    Ok(Json(json!({ "accepted": true })))
}

async fn devices(State(authority): Shared) -> Answer<HashMap<&'static str, Vec<DeviceLine>>> {
    Ok(Json(HashMap::from([("devices", authority.device_lines().await?)])))
}

async fn wipe(State(authority): Shared, Path(element): Path<ElementId>) -> Answer<Value> {
    Ok(Json(authority.wipe(element).await?))
}

async fn wipe_phone(State(authority): Shared, Path(phone): Path<PhoneName>) -> Answer<Value> {
    let device = authority.service_manager.named(&phone, None).await?;
    Ok(Json(authority.wipe(device.element).await?))
}
