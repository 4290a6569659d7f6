//! The call centre: find a person by what callers know, and see what could be stopped.

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use serde_json::json;
use tefuda_authority::console::{self, Caller, Right};
use tefuda_pages::{Frame, Page, Refusal};
use tefuda_types::{Reason, ResidentId};
use tefuda_web::Problem;

use super::{
    frame::{Desk, Shown},
    stopping::Stoppable,
    tables::Who,
};
use crate::{Authority, routes::Shared};

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
    /// Where the sandbox shows what its residents would say.
    room: String,
}

impl Authority {
    fn ask_page(&self, desk: &Desk, asked: Asked, problem: Option<&Problem>) -> AskPage {
        let frame = desk.frame();
        let summary = problem.map(|problem| Refusal::of(problem.reason(), frame.language()));
        AskPage { who: Who::of(desk, frame.t), summary, asked, room: self.context.urls.control(), frame }
    }
}

pub(super) async fn ask(State(authority): Shared, desk: Desk) -> Shown {
    desk.needs(Right::Stop)?;
    Ok(Page(authority.ask_page(&desk, Asked::default(), None)).into_response())
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
            let page = authority.ask_page(&desk, asked, Some(&problem));
            Ok((problem.status(), Page(page)).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "caller.html")]
struct CallerPage {
    frame: Frame,
    who: Who,
    name: String,
    protected: bool,
    things: Vec<Stoppable>,
}

pub(super) async fn person(State(authority): Shared, desk: Desk) -> Shown {
    let found = desk.caller()?;
    let page = authority.caller_page(&desk, &found).await;
    Ok(Page(page.map_err(|problem| desk.refused(problem))?).into_response())
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

    async fn caller_page(&self, desk: &Desk, id: &ResidentId) -> Result<CallerPage, Problem> {
        let resident = self.registrar.resident(id).await??;
        let frame = desk.frame();
        let t = frame.t;
        Ok(CallerPage {
            who: Who::of(desk, t),
            name: resident.name,
            protected: resident.protected,
            things: self.things_of(t, id).await?,
            frame,
        })
    }
}
