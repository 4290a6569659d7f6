//! Step 6: the finger or face in place of the authentication PIN.

use askama::Template;
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tefuda_keys::SystemRandom;
use tefuda_pages::Frame;
use tefuda_phone::{
    os::webauthn::{self, Registration, WebauthnError},
    standing,
};
use tefuda_protocol::phone::{Biometrics, PhoneState};
use tefuda_types::{Bytes, Family};
use tefuda_web::Problem;

use super::{
    desk::Told,
    screen::{Screen, Shown, page, see},
};

#[derive(Template)]
#[template(path = "enrol-biometrics.html")]
struct StepPage {
    frame: Frame,
    face: bool,
    pin: String,
    has_authenticator: bool,
}

/// `GET /enrol/biometrics`.
pub(super) async fn step(screen: Screen) -> Shown {
    let status = screen.phone.status().await?;
    if status.state != PhoneState::Registered || standing::has_ended(&status) {
        return see("/");
    }
    if status.biometrics == Biometrics::Enrolled {
        return see("/enrol/done");
    }
    page(StepPage {
        frame: screen.path(),
        face: status.family == Family::Iphone,
        pin: screen.confirm("/enrol-biometrics"),
        has_authenticator: screen.phone.os().authenticator.is_some(),
    })
}

fn relying_party(screen: &Screen) -> String {
    format!("phone-{}.localhost", screen.phone.name)
}

/// `POST /biometrics/challenge`: what a real sensor is asked, once.
pub(super) async fn challenge(screen: Screen) -> Response {
    let challenge = SystemRandom::octets::<32>();
    screen.phone.desk.ask(challenge);
    let credential = screen.phone.os().authenticator.map(|credential| credential.id);
    Json(json!({
        "challenge": Bytes(challenge.to_vec()),
        "relying_party": relying_party(&screen),
        "name": screen.phone.name,
        "credential": credential,
    }))
    .into_response()
}

/// `POST /biometrics/authenticator`: a real sensor is taken on. To the element it is another set, which the PIN
/// must let in.
pub(super) async fn take_on(screen: Screen, Json(answer): Json<Registration>) -> Response {
    let next = match taken_on(&screen, &answer) {
        Ok(()) => screen.confirm("/enrol-biometrics"),
        Err(problem) => format!("/refused?told={}", screen.phone.desk.tell(Told::Refused(problem))),
    };
    Json(json!({ "next": next })).into_response()
}

fn taken_on(screen: &Screen, answer: &Registration) -> Result<(), Problem> {
    let challenge = screen.phone.desk.take_challenge().ok_or(WebauthnError::Challenge)?;
    let origin = screen.phones.context().urls.phone(screen.phone.name.as_str());
    let host = relying_party(screen);
    let asked = webauthn::Asked { challenge: &challenge, origin: &origin, relying_party: &host };
    let credential = webauthn::register(answer, &asked)?;
    Ok(screen.phone.change_os(|os| {
        os.sensor = os.sensor.changed();
        os.authenticator = Some(credential);
    })?)
}
