//! A phone's sheet as the table sees it, and where new phones come from.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::Uri,
    response::IntoResponse,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tefuda_pages::{Frame, Language, Page, Refusal, Texts};
use tefuda_phone::catalogue::{Catalogue, Model};
use tefuda_protocol::device::Deletion;
use tefuda_types::{CertificateKind, Clock, Timestamp};
use tefuda_web::Problem;

use super::{Room, Shared, Shown, room, see};
use crate::others::handset;

/// Sensors of an element.
const SENSORS: [&str; 5] = ["temperature", "voltage", "light", "clock", "shield"];

#[derive(Debug, Default, Deserialize)]
pub(super) struct Look {
    #[serde(default)]
    done: String,
}

#[derive(Template)]
#[template(path = "phone.html")]
struct PhonePage {
    frame: Frame,
    now: String,
    summary: Option<Refusal>,
    done: Option<String>,
    name: String,
    url: String,
    lost: String,
    model: String,
    family: String,
    state: String,
    tone: &'static str,
    icon: &'static str,
    sign: String,
    auth: String,
    biometrics: String,
    deletion: String,
    reader: Option<String>,
    address: &'static str,
    sensors: Vec<(&'static str, String)>,
}

pub(super) async fn show(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Path(name): Path<String>,
    Query(look): Query<Look>,
) -> Shown {
    sheet(&room, (language, &uri), &name, &look.done, None).await
}

async fn sheet(
    room: &Room,
    (language, uri): (Language, &Uri),
    name: &str,
    done: &str,
    problem: Option<&Problem>,
) -> Shown {
    let Some(url) = (room.addresses)().remove(name) else {
        return Err(super::missing_page(room, language, uri));
    };
    let frame = room.frame(language, uri);
    let t = frame.t;
    let handset = handset(&room.client, name.to_owned(), url).await;
    let status = handset.status.as_ref();
    let (state, tone, icon) = room::state_of_phone(t, status.map(|status| status.state));
    let (model, family) = room::model(t, &handset);
    let now = room.clocks.home.civil();
    let held = room.table.readers.phones().into_iter().find(|(phone, _)| phone == name);
    let page = PhonePage {
        now: room.now(language),
        summary: problem.map(|problem| Refusal::of(problem.reason(), language)),
        done: said(t, done),
        model,
        family,
        state,
        tone,
        icon,
        sign: room::purpose(t, status, CertificateKind::PhoneSign, now),
        auth: room::purpose(t, status, CertificateKind::PhoneAuth, now),
        biometrics: room::biometrics(t, status.map(|status| status.biometrics).unwrap_or_default()),
        deletion: deletion(t, status.map(|status| status.deletion).unwrap_or_default()),
        reader: held.map(|(_, address)| address),
        address: "localhost:35964",
        sensors: SENSORS.into_iter().map(|sensor| (sensor, sensor_name(t, sensor))).collect(),
        name: handset.name,
        url: handset.url,
        lost: room.lost(language),
        frame,
    };
    let status = problem.map(Problem::status).unwrap_or_default();
    Ok((status, Page(page)).into_response())
}

fn deletion(t: Texts, deletion: Deletion) -> String {
    match deletion {
        Deletion::None => t.say("control-deletion-none"),
        Deletion::Ordered => t.say("control-deletion-ordered"),
        Deletion::Confirmed => t.say("control-deletion-confirmed"),
    }
}

fn sensor_name(t: Texts, sensor: &str) -> String {
    match sensor {
        "temperature" => t.say("control-sensor-temperature"),
        "voltage" => t.say("control-sensor-voltage"),
        "light" => t.say("control-sensor-light"),
        "clock" => t.say("control-sensor-clock"),
        _ => t.say("control-sensor-shield"),
    }
}

fn said(t: Texts, done: &str) -> Option<String> {
    Some(match done {
        "reader" => t.say("control-done-reader"),
        "tear" => t.say("control-done-tear-phone"),
        "tamper" => t.say("control-done-tamper"),
        "made" => t.say("control-done-made"),
        _ => return None,
    })
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Act {
    #[serde(default)]
    to: String,
    #[serde(default)]
    event: String,
}

/// What is done with a phone at the table.
pub(super) async fn act(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Path((name, act)): Path<(String, String)>,
    Form(form): Form<Act>,
) -> Shown {
    let missing = || super::missing_page(&room, language, &uri);
    let url = (room.addresses)().remove(&name).ok_or_else(missing)?;
    let Some(done) = carry_out(&room, (&name, &url), &act, form).await else { return Err(missing()) };
    match done {
        Ok(()) if act == "discard" => Ok(see("/")),
        Ok(()) => Ok(see(&format!("/phones/{name}?done={act}"))),
        Err(problem) => sheet(&room, (language, &uri), &name, "", Some(&problem)).await,
    }
}

async fn carry_out(
    room: &Room,
    (name, url): (&str, &str),
    act: &str,
    form: Act,
) -> Option<Result<(), Problem>> {
    let readers = &room.table.readers;
    Some(match act {
        "reader" => readers.hold_phone(&room.client, (name, url), form.to.trim().to_owned()).await,
        "tear" => {
            readers.let_go_of_phone(name);
            Ok(())
        }
        "tamper" => {
            let (address, body) = (format!("{url}/api/tamper"), json!({ "event": form.event }));
            room.client.post::<Value>(&address, &body).await.map(drop).map_err(Problem::from)
        }
        "discard" => {
            let address = format!("{}/admin/phones/{name}", room.context.urls.phones());
            room.client.delete::<Value>(&address).await.map(drop).map_err(Problem::from)
        }
        _ => return None,
    })
}

/// A model that a new phone can be.
struct ModelView {
    id: String,
    name: String,
    family: String,
    about: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "phone_new.html")]
struct NewPage {
    frame: Frame,
    now: String,
    summary: Option<Refusal>,
    name: String,
    models: Vec<ModelView>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct New {
    #[serde(default)]
    name: String,
    #[serde(default)]
    model: String,
}

pub(super) async fn choose(State(room): Shared, language: Language, uri: Uri) -> Shown {
    let first = Catalogue::known().models.first().map(|model| model.id.clone()).unwrap_or_default();
    let new = New { name: String::new(), model: first };
    Ok(Page(new_page(&room, (language, &uri), new, None)).into_response())
}

fn new_page(room: &Room, (language, uri): (Language, &Uri), new: New, problem: Option<&Problem>) -> NewPage {
    let frame = room.frame(language, uri);
    let t = frame.t;
    let now = room.clocks.home.civil();
    let view = |model: &Model| ModelView {
        id: model.id.clone(),
        name: model.name.clone(),
        family: room::family(t, model.family),
        about: about(t, model, now),
        chosen: model.id == new.model,
    };
    NewPage {
        now: room.now(language),
        summary: problem.map(|problem| Refusal::of(problem.reason(), language)),
        models: Catalogue::known().models.iter().map(view).collect(),
        name: new.name.clone(),
        frame,
    }
}

/// What a model is there to show.
fn about(t: Texts, model: &Model, now: Timestamp) -> String {
    use tefuda_phone::catalogue::CatalogueError as Not;
    match Catalogue::known().check(model, now) {
        Ok(()) => t.say("control-model-good"),
        Err(Not::NoSecureElement) => t.say("control-model-no-element"),
        Err(Not::TooOld(_)) => t.say("control-model-too-old"),
        Err(Not::AppTooOld(_)) => t.say("control-model-app-too-old"),
        Err(_) => t.say("control-model-not-yet"),
    }
}

/// Makes a phone.
pub(super) async fn make(State(room): Shared, language: Language, uri: Uri, Form(new): Form<New>) -> Shown {
    let name = new.name.trim().to_owned();
    let address = format!("{}/admin/phones", room.context.urls.phones());
    let made = match name.parse::<tefuda_types::PhoneName>() {
        Ok(name) => {
            let body = json!({ "name": name, "model": new.model });
            room.client.post::<Value>(&address, &body).await.map(drop).map_err(Problem::from)
        }
        Err(malformed) => Err(malformed.into()),
    };
    match made {
        Ok(()) => Ok(see(&format!("/phones/{name}?done=made"))),
        Err(problem) => {
            let page = new_page(&room, (language, &uri), new, Some(&problem));
            Ok((problem.status(), Page(page)).into_response())
        }
    }
}
