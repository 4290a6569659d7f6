//! What phones answer over HTTP: each on its own host, lists and making on the plain one.

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use tefuda_phone::{catalogue::Catalogue, enrolment::EnrolmentError, memory::Happened};
use tefuda_protocol::{
    login::LoginOutcome,
    phone::{Act, BiometricLogin, CardShown, EnrolmentStart, PhoneStatus, PinSession, Progress, SealedPins},
};
use tefuda_types::PhoneName;
use tefuda_web::{Answer, Bearer, Problem};

use crate::{login::Touch, pages, phone::Phone, phones::Phones, sessions::Given, tap};

/// Everything that phones answer: their interface behind the command line's token, and their pages.
pub fn router(phones: Arc<Phones>) -> Router {
    let token = Arc::clone(&phones.context().admin_token);
    let of_phone = Router::new()
        .route("/api/status", get(status))
        .route("/api/enrolment", get(enrolment).post(enrol))
        .route("/api/enrolment/card", post(card))
        .route("/api/pin-sessions", post(open_session))
        .route("/api/pin-sessions/{id}", post(complete_session))
        .route("/api/pin-reset", post(pin_reset))
        .route("/api/logins/biometric", post(biometric_login))
        .route("/api/biometrics/change", post(change_biometrics))
        .route("/api/biometrics/remove", post(remove_biometrics))
        .route("/api/retire", post(retire))
        .route("/api/lift", post(lift))
        .route("/api/factory-reset", post(factory_reset))
        .route("/api/tamper", post(tamper))
        .route("/api/tap", post(hold))
        .route("/api/holder", get(holder))
        .route("/api/history", get(history))
        .route("/api/notices", get(notices));
    let of_all = Router::new()
        .route("/admin/models", get(models))
        .route("/admin/maker", get(maker))
        .route("/admin/phones", get(list).post(create))
        .route("/admin/phones/{name}", axum::routing::delete(delete));
    let interface = Bearer(token).protect(of_phone.merge(of_all)).with_state(Arc::clone(&phones));
    interface.merge(pages::router(&phones))
}

/// The phone whose host name was asked.
struct Here(Arc<Phone>);

impl FromRequestParts<Arc<Phones>> for Here {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, phones: &Arc<Phones>) -> Result<Self, Problem> {
        let name = pages::host_of(&parts.headers);
        let phone = name.strip_prefix("phone-").and_then(|name| name.strip_suffix(".localhost"));
        Ok(Self(phones.find(phone.unwrap_or(name))?))
    }
}

async fn status(Here(phone): Here) -> Answer<PhoneStatus> {
    Ok(Json(phone.status().await?))
}

async fn enrol(Here(phone): Here, Json(start): Json<EnrolmentStart>) -> Answer<Progress> {
    Ok(Json(phone.enrol(start.resident).await?))
}

async fn enrolment(Here(phone): Here) -> Answer<Progress> {
    Ok(Json(phone.enrolment().await?))
}

async fn card(Here(phone): Here, Json(shown): Json<CardShown>) -> Answer<Progress> {
    Ok(Json(phone.show_card(shown, Box::new(drop)).await?))
}

async fn open_session(Here(phone): Here, Json(act): Json<Act>) -> Answer<PinSession> {
    Ok(Json(phone.open_session(act).await?))
}

async fn complete_session(
    Here(phone): Here,
    Path(id): Path<String>,
    Json(sealed): Json<SealedPins>,
) -> Answer<Given> {
    Ok(Json(phone.complete_session(&id, &sealed).await?))
}

async fn pin_reset(Here(phone): Here, Json(shown): Json<CardShown>) -> Answer<PhoneStatus> {
    Ok(Json(phone.reset_with_card(shown, Box::new(drop)).await?))
}

async fn biometric_login(Here(phone): Here, Json(login): Json<BiometricLogin>) -> Answer<LoginOutcome> {
    Ok(Json(phone.login_with_biometrics(&login.request_url, Touch::Emulated(login.finger)).await?))
}

async fn change_biometrics(Here(phone): Here) -> Answer<PhoneStatus> {
    Ok(Json(phone.change_biometrics().await?))
}

async fn remove_biometrics(Here(phone): Here) -> Answer<PhoneStatus> {
    Ok(Json(phone.remove_biometrics().await?))
}

async fn retire(Here(phone): Here) -> Answer<PhoneStatus> {
    Ok(Json(phone.retire().await?))
}

async fn lift(Here(phone): Here) -> Answer<PhoneStatus> {
    Ok(Json(phone.lift().await?))
}

async fn factory_reset(Here(phone): Here) -> Answer<PhoneStatus> {
    Ok(Json(phone.factory_reset().await?))
}

/// Sensors of the element.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Event {
    Temperature,
    Voltage,
    Light,
    Clock,
    Shield,
}

#[derive(Debug, Deserialize)]
struct Tampering {
    event: Event,
}

async fn tamper(Here(phone): Here, Json(tampering): Json<Tampering>) -> Answer<PhoneStatus> {
    tracing::warn!(phone = %phone.name, event = ?tampering.event, "a sensor of the element fired");
    Ok(Json(phone.tamper().await?))
}

#[derive(Debug, Deserialize)]
struct Reader {
    to: String,
}

async fn hold(Here(phone): Here, Json(reader): Json<Reader>) -> Result<Body, Problem> {
    tap::tap(&phone, reader.to).await
}

/// Who enrolled: whoever has the phone in hand need not be asked again.
async fn holder(Here(phone): Here) -> Answer<EnrolmentStart> {
    let enrolment = phone.memory().await?.enrolment.ok_or(EnrolmentError::NotBegun)?;
    Ok(Json(EnrolmentStart { resident: enrolment.resident }))
}

async fn history(Here(phone): Here) -> Answer<Value> {
    let history: Vec<Happened> = phone.memory().await?.history;
    Ok(Json(json!({ "history": history })))
}

async fn notices(Here(phone): Here) -> Answer<Value> {
    Ok(Json(json!({ "notices": phone.notices().await? })))
}

async fn models() -> Json<Catalogue> {
    Json(Catalogue::known().clone())
}

async fn maker(State(phones): State<Arc<Phones>>) -> Json<Value> {
    Json(json!({ "public_key": phones.maker_key() }))
}

async fn list(State(phones): State<Arc<Phones>>) -> Answer<Value> {
    let mut lines = Vec::new();
    for phone in phones.list() {
        let status = phone.status().await?;
        let PhoneStatus { name, model, family, url, state, .. } = status;
        lines.push(json!({ "name": name, "model": model, "family": family, "url": url, "state": state }));
    }
    Ok(Json(json!({ "phones": lines })))
}

#[derive(Debug, Deserialize)]
struct NewPhone {
    name: PhoneName,
    #[serde(default)]
    model: Option<String>,
}

async fn create(State(phones): State<Arc<Phones>>, Json(new): Json<NewPhone>) -> Answer<PhoneStatus> {
    let model = match new.model {
        Some(model) => model,
        None => Catalogue::known().first_of(tefuda_types::Family::Android)?.id.clone(),
    };
    Ok(Json(phones.create(new.name, &model).await?.status().await?))
}

async fn delete(State(phones): State<Arc<Phones>>, Path(name): Path<String>) -> Answer<Value> {
    phones.delete(&name).await?;
    Ok(Json(json!({ "name": name, "deleted": true })))
}
