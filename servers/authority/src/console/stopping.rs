//! What the call centre stops: asked first, done, and then what the caller is told.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use serde_json::json;
use tefuda_authority::device::DeviceError;
use tefuda_pages::{Frame, Page, Texts};
use tefuda_types::{CertificateStatus, Clock, PhoneName, ResidentId};
use tefuda_web::Problem;

use super::{
    frame::{Desk, Shown},
    tables::Who,
    views::{self, Stands, Tag},
};
use crate::{
    Authority,
    devices::CallCentreStop,
    routes::{RouteError, Shared},
};

/// A card, or one of the phones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    Card,
    Phone(PhoneName),
}

/// A thing as a form or an address names it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    card: String,
    #[serde(default)]
    phone: String,
}

impl Named {
    /// One thing and no other: a form without any stops nothing.
    fn thing(&self) -> Result<Thing, Problem> {
        match (self.card.as_str(), self.phone.as_str()) {
            ("true", "") => Ok(Thing::Card),
            ("", phone) if !phone.is_empty() => Ok(Thing::Phone(phone.parse()?)),
            _ => Err(RouteError::StopMalformed.into()),
        }
    }
}

impl Thing {
    /// Its name and value in a form or an address.
    fn field(&self) -> (&'static str, String) {
        match self {
            Self::Card => ("card", "true".to_owned()),
            Self::Phone(phone) => ("phone", phone.to_string()),
        }
    }

    fn query(&self) -> String {
        let (name, value) = self.field();
        format!("{name}={value}")
    }

    /// What it is called.
    fn name(&self, t: Texts) -> String {
        match self {
            Self::Card => t.say("consoles-the-card"),
            Self::Phone(phone) => t.with("consoles-a-phone", "phone", phone),
        }
    }

    /// What its button says.
    fn stop(&self, t: Texts) -> String {
        match self {
            Self::Card => t.say("consoles-stop-card"),
            Self::Phone(phone) => t.with("consoles-stop-phone", "phone", phone),
        }
    }

    /// What is asked before.
    fn question(&self, t: Texts) -> String {
        match self {
            Self::Card => t.say("consoles-stop-card-sure"),
            Self::Phone(phone) => t.with("consoles-stop-phone-sure", "phone", phone),
        }
    }

    /// What is stopped, how soon, what goes on, and who can undo it.
    fn facts(&self, t: Texts) -> [(String, String); 4] {
        let [what, keeps, undo] = match self {
            Self::Card => [
                t.say("consoles-stops-card"),
                t.say("consoles-stop-keeps-card"),
                t.say("consoles-stop-undo-card"),
            ],
            Self::Phone(phone) => [
                t.with("consoles-stops-phone", "phone", phone),
                t.say("consoles-stop-keeps-phone"),
                t.say("consoles-stop-undo-phone"),
            ],
        };
        [
            (t.say("consoles-stops"), what),
            (t.say("consoles-stop-soon"), t.say("consoles-stop-within")),
            (t.say("consoles-stop-keeps"), keeps),
            (t.say("consoles-stop-undo"), undo),
        ]
    }

    /// How the caller goes on, sentence by sentence.
    fn script(&self, t: Texts, has_phones: bool) -> Vec<String> {
        match self {
            Self::Card => {
                let mut told = vec![t.say("consoles-tell-card"), t.say("consoles-tell-card-undo")];
                if has_phones {
                    told.extend([t.say("consoles-tell-card-phone"), t.say("consoles-tell-card-renewed")]);
                }
                told
            }
            Self::Phone(phone) => vec![
                t.with("consoles-tell-phone", "phone", phone),
                t.say("consoles-tell-phone-found"),
                t.say("consoles-tell-phone-gone"),
            ],
        }
    }
}

/// Something of a caller's, and where it stands.
pub(super) struct Stoppable {
    thing: Thing,
    pub what: String,
    pub about: String,
    pub status: Tag,
    pub stop: String,
    pub query: String,
    pub can_be_stopped: bool,
    pub is_stopped: bool,
}

fn stoppable(t: Texts, thing: Thing, about: String, stands: Stands) -> Stoppable {
    Stoppable {
        what: thing.name(t),
        about,
        status: views::status(t, stands),
        stop: thing.stop(t),
        query: thing.query(),
        can_be_stopped: stands == Stands::As(CertificateStatus::Valid),
        is_stopped: stands == Stands::As(CertificateStatus::Suspended),
        thing,
    }
}

#[derive(Template)]
#[template(path = "stop.html")]
struct StopPage {
    frame: Frame,
    who: Who,
    caller: String,
    protected: bool,
    title: String,
    facts: [(String, String); 4],
    stop: String,
    field: (&'static str, String),
}

#[derive(Template)]
#[template(path = "stopped.html")]
struct StoppedPage {
    frame: Frame,
    who: Who,
    caller: String,
    protected: bool,
    title: String,
    script: Vec<String>,
}

/// The question before.
pub(super) async fn ask(State(authority): Shared, desk: Desk, Query(named): Query<Named>) -> Shown {
    let found = desk.caller()?;
    let one = authority.one_thing(&desk, &found, &named).await;
    let (asked, _) = one.map_err(|problem| desk.refused(problem))?;
    if !asked.can_be_stopped {
        return Ok(Redirect::to("/call-centre/person").into_response());
    }
    let resident = authority.registrar.resident(&found).await.map_err(|error| desk.refused(error))?;
    let resident = resident.map_err(|error| desk.refused(error))?;
    let frame = desk.frame();
    let t = frame.t;
    let page = StopPage {
        who: Who::of(&desk, t),
        caller: resident.name,
        protected: resident.protected,
        title: asked.thing.question(t),
        facts: asked.thing.facts(t),
        field: asked.thing.field(),
        stop: asked.stop,
        frame,
    };
    Ok(Page(page).into_response())
}

pub(super) async fn stop(State(authority): Shared, desk: Desk, Form(named): Form<Named>) -> Shown {
    let found = desk.caller()?;
    let thing = named.thing().map_err(|problem| desk.refused(problem))?;
    let stopped = authority.stop_for_caller(&desk, found, &thing).await;
    stopped.map_err(|problem| desk.refused(problem))?;
    Ok(Redirect::to(&format!("/call-centre/person/stopped?{}", thing.query())).into_response())
}

/// What happened, and what the caller is told.
pub(super) async fn stopped(State(authority): Shared, desk: Desk, Query(named): Query<Named>) -> Shown {
    let found = desk.caller()?;
    let one = authority.one_thing(&desk, &found, &named).await;
    let (asked, others) = one.map_err(|problem| desk.refused(problem))?;
    if !asked.is_stopped {
        return Ok(Redirect::to("/call-centre/person").into_response());
    }
    let page = authority.stopped_page(&desk, &found, (&asked.thing, !others.is_empty())).await;
    Ok(Page(page.map_err(|problem| desk.refused(problem))?).into_response())
}

impl Authority {
    /// What a caller has that can be lost: the phones, then the card.
    pub(super) async fn things_of(&self, t: Texts, id: &ResidentId) -> Result<Vec<Stoppable>, Problem> {
        let now = self.context.clock.civil();
        let mut things = Vec::new();
        for device in self.service_manager.devices().await? {
            let Some(phone) = device.phone().filter(|_| device.holder() == Some(id)) else { continue };
            let auth = self.phone_auth.of_device(device.element).await?;
            let Some(issued) = auth.first() else { continue };
            let stands = Stands::on(issued.standing.status(), issued.not_after, now);
            things.push(stoppable(t, Thing::Phone(phone.clone()), views::family(t, device.family), stands));
        }
        things.push(self.card_of(t, id).await?);
        Ok(things)
    }

    async fn card_of(&self, t: Texts, id: &ResidentId) -> Result<Stoppable, Problem> {
        let card = self.resident_view(id, false).await?.card;
        // A card that nobody picked up yet has no certificates, and can be lost all the same.
        let stands = match card.state.as_str() {
            "active" | "expiring" => Stands::As(CertificateStatus::Valid),
            "expired" => Stands::Expired,
            "suspended" => Stands::As(CertificateStatus::Suspended),
            _ => Stands::As(CertificateStatus::Revoked),
        };
        let mut shown = stoppable(t, Thing::Card, t.say("consoles-the-card-about"), stands);
        if card.state == "none" {
            shown.status = views::no_card(t);
        }
        Ok(shown)
    }

    /// What is named, and what else the caller has.
    async fn one_thing(
        &self,
        desk: &Desk,
        id: &ResidentId,
        named: &Named,
    ) -> Result<(Stoppable, Vec<Stoppable>), Problem> {
        let thing = named.thing()?;
        let mut things = self.things_of(Texts(desk.visit.language), id).await?;
        let at = things.iter().position(|known| known.thing == thing).ok_or(DeviceError::NotFound)?;
        let asked = things.remove(at);
        Ok((asked, things))
    }

    async fn stop_for_caller(&self, desk: &Desk, resident: ResidentId, thing: &Thing) -> Result<(), Problem> {
        let (card, phone) = match thing {
            Thing::Card => (true, None),
            Thing::Phone(phone) => (false, Some(phone.clone())),
        };
        let (what, _) = thing.field();
        let detail =
            json!({ "operator": desk.operator.id, "resident": resident, "thing": what, "phone": phone });
        self.staff.note("caller.stops", detail).await?;
        self.stop_by_call(&CallCentreStop { card, resident, phone }).await.map(drop)
    }

    async fn stopped_page(
        &self,
        desk: &Desk,
        id: &ResidentId,
        (thing, has_others): (&Thing, bool),
    ) -> Result<StoppedPage, Problem> {
        let resident = self.registrar.resident(id).await??;
        let frame = desk.frame();
        let t = frame.t;
        Ok(StoppedPage {
            who: Who::of(desk, t),
            caller: resident.name,
            protected: resident.protected,
            title: t.with("consoles-stopped-title", "what", thing.name(t)),
            script: thing.script(t, has_others),
            frame,
        })
    }
}
