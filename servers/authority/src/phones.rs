//! What phones ask of the authority, and what the call centre may do to them.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use serde_json::Value;
use std::sync::Arc;
use tefuda_protocol::{
    device::{
        DeviceNonce, DeviceReply, DeviceRequest, DeviceView, SessionAnswers, SessionOpen, SessionTurn,
        StopRequest,
    },
    enrolment::{ApplicationRequest, ApplicationView, Office, PinResetGrant, PinResetRequest},
    statement::{Heartbeat, Statement},
};
use tefuda_types::{CertificateKind, ElementId};
use tefuda_web::Answer;

use crate::{Authority, devices::CallCentreStop, routes::Shared};

/// Routes of phones: what is sent proves itself by its signatures, so no token is asked for.
pub fn routes() -> Router<Arc<Authority>> {
    Router::new()
        .route("/api/applications", post(apply))
        .route("/api/applications/{id}", get(application))
        .route("/api/office", get(office))
        .route("/api/pin-resets", post(reset_pin))
        .route("/api/devices/{element}", get(device))
        .route("/api/devices/{element}/nonce", get(nonce))
        .route("/api/devices/{element}/messages", post(message))
        .route("/api/element-sessions", post(open_session))
        .route("/api/element-sessions/{session}", post(answer_session))
        .route("/api/stops", post(stop))
        .route("/status/{kind}/heartbeat", get(heartbeat))
}

/// Routes of the call centre, whose token opens nothing else.
pub fn call_centre() -> Router<Arc<Authority>> {
    Router::new().route("/call-centre/stops", post(stop_by_call))
}

async fn apply(State(authority): Shared, Json(request): Json<ApplicationRequest>) -> Answer<ApplicationView> {
    Ok(Json(authority.apply(request).await?))
}

async fn application(State(authority): Shared, Path(id): Path<String>) -> Answer<ApplicationView> {
    Ok(Json(authority.application(&id).await?))
}

async fn office(State(authority): Shared) -> Json<Office> {
    Json(authority.office())
}

async fn reset_pin(State(authority): Shared, Json(request): Json<PinResetRequest>) -> Answer<PinResetGrant> {
    Ok(Json(authority.reset_pin(&request).await?))
}

async fn device(State(authority): Shared, Path(element): Path<ElementId>) -> Answer<DeviceView> {
    Ok(Json(authority.device_view(element).await?))
}

async fn nonce(State(authority): Shared, Path(element): Path<ElementId>) -> Answer<DeviceNonce> {
    Ok(Json(authority.device_nonce(element).await?))
}

async fn message(
    State(authority): Shared,
    Path(element): Path<ElementId>,
    Json(request): Json<DeviceRequest>,
) -> Answer<DeviceReply> {
    Ok(Json(authority.hear(element, &request).await?))
}

async fn open_session(State(authority): Shared, Json(open): Json<SessionOpen>) -> Answer<SessionTurn> {
    Ok(Json(authority.open_session(open).await?))
}

async fn answer_session(
    State(authority): Shared,
    Path(session): Path<String>,
    Json(answers): Json<SessionAnswers>,
) -> Answer<SessionTurn> {
    Ok(Json(authority.answer_session(&session, &answers).await?))
}

async fn stop(State(authority): Shared, Json(request): Json<StopRequest>) -> Answer<Value> {
    Ok(Json(authority.stop_by_code(&request).await?))
}

async fn stop_by_call(State(authority): Shared, Json(request): Json<CallCentreStop>) -> Answer<Value> {
    Ok(Json(authority.stop_by_call(&request).await?))
}

async fn heartbeat(
    State(authority): Shared,
    Path(kind): Path<CertificateKind>,
) -> Answer<Statement<Heartbeat>> {
    Ok(Json(authority.heartbeat(kind).await?))
}
