//! The call centre: find a person by what callers know, see what could be stopped, and stop it.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use serde_json::json;
use tefuda_authority::console::{self, Caller, Right};
use tefuda_pages::{Frame, Page, Refusal, Texts};
use tefuda_types::{CertificateStatus, PhoneName, Reason, ResidentId};
use tefuda_web::Problem;

use super::{
    frame::{Desk, Shown},
    tables::Who,
    views::{self, Tag},
};
use crate::{Authority, devices::CallCentreStop, routes::Shared};

/// What the operator typed.
#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    name: String,
    #[serde(default)]
    birth: String,
    #[serde(default)]
    address: String,
}

#[derive(Template)]
#[template(path = "call_centre.html")]
struct AskPage {
    frame: Frame,
    who: Who,
    summary: Option<Refusal>,
    asked: Asked,
}

fn ask_page(desk: &Desk, asked: Asked, problem: Option<&Problem>) -> AskPage {
    let frame = desk.frame();
    let summary = problem.map(|problem| Refusal::of(problem.reason(), frame.language()));
    AskPage { who: Who::of(desk, frame.t), summary, asked, frame }
}

pub(super) async fn ask(desk: Desk) -> Shown {
    desk.needs(Right::Stop)?;
    Ok(Page(ask_page(&desk, Asked::default(), None)).into_response())
}

pub(super) async fn find(
    State(authority): Shared,
    desk: Desk,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Shown {
    desk.needs(Right::Stop)?;
    let Asked { name, birth, address } = &asked;
    let caller = Caller { name: name.clone(), birth: birth.clone(), address: address.clone() };
    match authority.find_caller(&desk, &headers, &caller).await {
        Ok(()) => Ok(Redirect::to("/call-centre/person").into_response()),
        Err(problem) => {
            let page = ask_page(&desk, asked, Some(&problem));
            Ok((problem.status(), Page(page)).into_response())
        }
    }
}

/// Something that can be stopped.
struct Stoppable {
    what: String,
    about: String,
    status: Tag,
    /// Name of a phone; the card otherwise.
    phone: String,
    can_be_stopped: bool,
}

#[derive(Template)]
#[template(path = "caller.html")]
struct CallerPage {
    frame: Frame,
    who: Who,
    done: bool,
    name: String,
    protected: bool,
    things: Vec<Stoppable>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Look {
    #[serde(default)]
    done: String,
}

pub(super) async fn person(State(authority): Shared, desk: Desk, Query(look): Query<Look>) -> Shown {
    desk.needs(Right::Stop)?;
    let Some(found) = desk.found.clone() else { return Ok(Redirect::to("/call-centre").into_response()) };
    let page = authority.caller_page(&desk, &found, look.done == "stopped").await;
    Ok(Page(page.map_err(|problem| desk.refused(problem))?).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Stop {
    #[serde(default)]
    phone: String,
}

pub(super) async fn stop(State(authority): Shared, desk: Desk, Form(stop): Form<Stop>) -> Shown {
    desk.needs(Right::Stop)?;
    let Some(found) = desk.found.clone() else { return Ok(Redirect::to("/call-centre").into_response()) };
    let stopped = authority.stop_for_caller(&desk, found, &stop.phone).await;
    stopped.map_err(|problem| desk.refused(problem))?;
    Ok(Redirect::to("/call-centre/person?done=stopped").into_response())
}

impl Authority {
    async fn find_caller(&self, desk: &Desk, headers: &HeaderMap, caller: &Caller) -> Result<(), Problem> {
        let residents = self.registrar.residents().await?;
        match console::find(&residents, caller) {
            Ok(resident) => self.staff.found(headers, &desk.operator, &resident.id).await,
            Err(error) => {
                let detail = json!({ "operator": desk.operator.id, "reason": error.code().as_str() });
                self.staff.note("caller.not_found", detail).await?;
                Err(error.into())
            }
        }
    }

    async fn stop_for_caller(&self, desk: &Desk, resident: ResidentId, phone: &str) -> Result<(), Problem> {
        let phone = if phone.is_empty() { None } else { Some(phone.parse::<PhoneName>()?) };
        let detail = json!({ "operator": desk.operator.id, "resident": resident, "phone": phone });
        self.staff.note("caller.stops", detail).await?;
        let stop = CallCentreStop { card: phone.is_none(), resident, phone };
        self.stop_by_call(&stop).await.map(drop)
    }

    async fn caller_page(&self, desk: &Desk, id: &ResidentId, done: bool) -> Result<CallerPage, Problem> {
        let resident = self.registrar.resident(id).await??;
        let frame = desk.frame();
        let t = frame.t;
        let mut things = vec![self.card_of(t, id).await?];
        for device in self.service_manager.devices().await? {
            if device.holder() == Some(id)
                && let Some(phone) = device.phone()
            {
                let auth = self.phone_auth.of_device(device.element).await?;
                let status = auth.first().map(|issued| issued.standing.status());
                let about = t.with("consoles-family-of", "family", device.family);
                things.push(stoppable(
                    t,
                    (t.with("consoles-a-phone", "phone", phone), about),
                    status,
                    phone.as_str(),
                ));
            }
        }
        Ok(CallerPage {
            who: Who::of(desk, t),
            done,
            name: resident.name,
            protected: resident.protected,
            things,
            frame,
        })
    }

    async fn card_of(&self, t: Texts, id: &ResidentId) -> Result<Stoppable, Problem> {
        // A card that nobody picked up yet has no certificates, and can be lost all the same.
        let status = match self.resident_view(id, false).await?.card.state.as_str() {
            "active" | "expiring" | "expired" => CertificateStatus::Valid,
            "suspended" => CertificateStatus::Suspended,
            _ => CertificateStatus::Revoked,
        };
        Ok(stoppable(t, (t.say("consoles-the-card"), t.say("consoles-the-card-about")), Some(status), ""))
    }
}

fn stoppable(
    t: Texts,
    (what, about): (String, String),
    status: Option<CertificateStatus>,
    phone: &str,
) -> Stoppable {
    let shown = status.unwrap_or(CertificateStatus::Valid);
    Stoppable {
        what,
        about,
        status: views::status(t, shown),
        phone: phone.to_owned(),
        can_be_stopped: shown == CertificateStatus::Valid,
    }
}
