//! A card's sheet: what it is, its passwords, and what can be done with it.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::Uri,
    response::IntoResponse,
};
use serde::Deserialize;
use tefuda_pages::{Frame, Language, Page, Refusal, Texts, dates};
use tefuda_types::{CertificateKind, Clock, ResidentId, Timestamp};
use tefuda_web::Problem;

use super::{Room, Shared, Shown, room, see};
use crate::{others::Resident, routes::unblock_card};

/// Where an ordinary virtual reader listens.
const READER: &str = "localhost:35963";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Look {
    /// What was done just now.
    #[serde(default)]
    done: String,
    /// The card that is in hand meanwhile.
    #[serde(default)]
    hold: String,
}

/// A password of the card and what it is for.
struct PinView {
    name: String,
    used: String,
    value: Option<String>,
    long: bool,
}

/// A certificate of the card.
struct CertificateView {
    kind: String,
    serial: String,
    until: String,
    status: String,
    tone: &'static str,
}

/// What its holder is asked on the telephone.
struct ToldView {
    name: String,
    value: String,
}

/// A phone that the card can be held against.
struct Target {
    name: String,
    url: String,
}

#[derive(Template)]
#[template(path = "card.html")]
struct CardPage {
    frame: Frame,
    now: String,
    summary: Option<Refusal>,
    done: Option<String>,
    id: String,
    name: String,
    state: String,
    expires: String,
    number: Option<String>,
    pins: Vec<PinView>,
    told: Vec<ToldView>,
    call_centre: String,
    certificates: Vec<CertificateView>,
    phones: Vec<Target>,
    /// The table, with the card that is in hand.
    table: String,
    reader: Option<String>,
    address: String,
    to_be_pulled: bool,
}

pub(super) async fn show(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Path(id): Path<String>,
    Query(look): Query<Look>,
) -> Shown {
    sheet(&room, (language, &uri), &id, &look, (None, false)).await
}

/// Why somebody wants to see a My Number.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Why {
    #[serde(default)]
    why: String,
}

/// A My Number is shown for a reason, and once.
pub(super) async fn show_number(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Path(id): Path<String>,
    Form(Why { why }): Form<Why>,
) -> Shown {
    let told = matches!(why.as_str(), "procedure" | "learning" | "test");
    if told {
        tracing::info!(resident = id, why, "a My Number is shown in the control room");
    }
    sheet(&room, (language, &uri), &id, &Look::default(), (None, told)).await
}

async fn sheet(
    room: &Room,
    (language, uri): (Language, &Uri),
    id: &str,
    look: &Look,
    (problem, with_number): (Option<&Problem>, bool),
) -> Shown {
    let refused = |problem: Problem| room.refused((language, uri), &problem, "/");
    let id: ResidentId = id.parse().map_err(|_| super::missing_page(room, language, uri))?;
    let resident: Resident = room
        .table
        .ask(&format!("/admin/residents/{id}?reveal=true"))
        .await
        .map_err(|error| refused(error.into()))?;
    let frame = room.frame(language, uri);
    let t = frame.t;
    let held = room.table.readers.cards().into_iter().find(|(card, _)| *card == id);
    let phones = (room.addresses)().into_iter().map(|(name, url)| Target { name, url }).collect();
    let page = CardPage {
        now: room.now(language),
        summary: problem.map(|problem| Refusal::of(problem.reason(), language)),
        done: said(t, &look.done),
        table: match look.hold.parse::<ResidentId>() {
            Ok(hold) => format!("/?hold={hold}#phones"),
            Err(_) => "/".to_owned(),
        },
        state: room::state_of_card(t, &resident.card.state),
        expires: resident.card.expires.map_or_else(|| "–".to_owned(), |day| dates::day(day, language)),
        number: with_number.then(|| resident.individual_number.clone()),
        pins: pins(t, &resident),
        told: told(t, &resident),
        call_centre: format!("{}/call-centre?lang={}", room.context.urls.authority(), language.tag()),
        certificates: certificates(t, &resident, room.clocks.home.civil()),
        name: resident.name,
        phones,
        address: READER.to_owned(),
        reader: held.map(|(_, address)| address),
        to_be_pulled: room.table.is_to_be_pulled_away(&id),
        id: id.to_string(),
        frame,
    };
    let status = problem.map(Problem::status).unwrap_or_default();
    Ok((status, Page(page)).into_response())
}

fn said(t: Texts, done: &str) -> Option<String> {
    Some(match done {
        "reader" => t.say("control-done-reader"),
        "tear" => t.say("control-done-tear"),
        "unblock" => t.say("control-done-unblock"),
        "renew" => t.say("control-done-renew"),
        "lose" => t.say("control-done-lose"),
        "return" => t.say("control-done-return"),
        _ => return None,
    })
}

fn pins(t: Texts, resident: &Resident) -> Vec<PinView> {
    let pin = |name: String, used: String, value: &Option<String>, long| PinView {
        name,
        used,
        value: value.clone(),
        long,
    };
    let of = &resident.pins;
    vec![
        pin(t.say("control-pin-sign"), t.say("control-pin-sign-use"), &of.sign, true),
        pin(t.say("control-pin-auth"), t.say("control-pin-auth-use"), &of.auth, false),
        pin(t.say("control-pin-text"), t.say("control-pin-text-use"), &of.text, false),
        pin(t.say("control-pin-b"), t.say("control-pin-b-use"), &of.reference_b, true),
    ]
}

fn told(t: Texts, resident: &Resident) -> Vec<ToldView> {
    let fact = |name, value: &Option<String>| value.clone().map(|value| ToldView { name, value });
    let name = ToldView { name: t.say("control-name"), value: resident.name.clone() };
    let others = [
        fact(t.say("control-birth"), &resident.birth_date),
        fact(t.say("control-address"), &resident.address),
    ];
    std::iter::once(name).chain(others.into_iter().flatten()).collect()
}

fn certificates(t: Texts, resident: &Resident, now: Timestamp) -> Vec<CertificateView> {
    let line = |certificate: &crate::others::Certificate| {
        let (status, tone) = room::standing(t, certificate.status, certificate.not_after, now);
        CertificateView {
            kind: match certificate.kind {
                CertificateKind::CardSign | CertificateKind::PhoneSign => t.say("kind-card-sign"),
                CertificateKind::CardAuth | CertificateKind::PhoneAuth => t.say("kind-card-auth"),
            },
            serial: certificate.serial.to_string(),
            until: dates::day(certificate.not_after, t.0),
            status,
            tone,
        }
    };
    resident.card.certificates.iter().map(line).collect()
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Act {
    /// Address of a virtual reader.
    #[serde(default)]
    to: String,
}

/// What is done with a card at the table: the same as the command line's verbs.
pub(super) async fn act(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Path((id, act)): Path<(String, String)>,
    Form(form): Form<Act>,
) -> Shown {
    let missing = || super::missing_page(&room, language, &uri);
    let resident: ResidentId = id.parse().map_err(|_| missing())?;
    let Some(done) = carry_out(&room, &resident, &act, form).await else { return Err(missing()) };
    match done {
        Ok(()) => Ok(see(&format!("/cards/{id}?done={act}"))),
        Err(problem) => sheet(&room, (language, &uri), &id, &Look::default(), (Some(&problem), false)).await,
    }
}

async fn carry_out(room: &Room, id: &ResidentId, act: &str, form: Act) -> Option<Result<(), Problem>> {
    let event = async |event: &str| {
        let told = room.table.tell(&format!("/admin/residents/{id}/events/{event}")).await;
        told.map_err(Problem::from)
    };
    Some(match act {
        "reader" => room.table.attach(id, form.to.trim().to_owned()).await,
        "tear" => {
            room.table.pull_away(id);
            Ok(())
        }
        "unblock" => unblock_card(&room.table, id).await,
        "renew" => room.table.renew(id).await.map(drop),
        "lose" => event("card-lost").await,
        "return" => event("card-ended").await,
        _ => return None,
    })
}
