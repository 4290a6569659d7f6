//! Step 1: the phone and its app, and what one needs.

use askama::Template;
use axum::{
    extract::Query,
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use tefuda_pages::{Frame, Link};
use tefuda_phone::{
    catalogue::{Catalogue, Feature},
    enrolment::{EnrolmentError, Stage},
};
use tefuda_protocol::phone::PhoneState;
use tefuda_types::ResidentId;

use super::{
    office::OfficeView,
    refusal::Refused,
    renewal::Renewal,
    screen::{Screen, Shown, page, quoted, see},
};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    /// Whose card is at hand, if that is known already.
    #[serde(default)]
    resident: String,
}

/// Something that phones of this family can do, and since when.
struct Ability {
    name: String,
    since: Option<String>,
}

#[derive(Template)]
#[template(path = "enrol-begin.html")]
struct BeginPage {
    frame: Frame,
    model: String,
    app_version: String,
    abilities: Vec<Ability>,
    resident: String,
    renewal: Option<Renewal>,
    /// Where else to go, if there is nothing to apply for.
    instead: Option<Link>,
    office: Option<OfficeView>,
}

/// `GET /enrol`: step 1, or where it stands.
pub(super) async fn begin(screen: Screen, Query(wish): Query<Wish>) -> Shown {
    let model = screen.phone.model()?;
    Catalogue::known().check(model, screen.phone.now())?;
    let memory = screen.phone.memory().await?;
    let under_way = memory.enrolment.as_ref().filter(|enrolment| enrolment.is_under_way());
    if under_way.is_some() {
        return see("/enrol/decision");
    }
    if let Ok(resident) = wish.resident.parse::<ResidentId>() {
        expected(&screen, &resident).await?;
    }
    if memory.enrolment.as_ref().is_some_and(|enrolment| matches!(enrolment.stage, Stage::Signed { .. })) {
        return Ok(Redirect::to(&screen.confirm("/set-pins")).into_response());
    }
    let status = screen.phone.status().await?;
    if status.state == PhoneState::Tampered {
        return Err(EnrolmentError::Tampered.into());
    }
    let t = screen.t();
    let family = Catalogue::known().families.iter().find(|family| family.id == model.family);
    let ability = |feature: &Feature| Ability {
        name: t.say(&format!("phone-feature-{}", feature.id)),
        since: feature.since.map(|day| day.to_string()),
    };
    let in_use = memory.wallet.is_some() && !memory.retired;
    let renewal = in_use.then(|| Renewal::of(t, &status));
    page(BeginPage {
        frame: screen.path(),
        model: screen.called(),
        app_version: model.app_version.clone(),
        abilities: family.map(|family| family.features.iter().map(ability).collect()).unwrap_or_default(),
        resident: wish.resident,
        instead: renewal.as_ref().and_then(|renewal| renewal.instead.clone()),
        renewal,
        office: OfficeView::of(&screen).await,
    })
}

/// Whether this card goes on with what was begun; if not, it can begin anew.
pub(super) async fn expected(screen: &Screen, resident: &ResidentId) -> Result<(), Refused> {
    let Err(problem) = screen.phone.expects(resident).await else { return Ok(()) };
    if problem.reason() != "enrol.wrong_card" {
        return Err(Refused::new(problem));
    }
    let t = screen.t();
    let anew = format!("/enrol/card?resident={}&anew=true", quoted(resident.as_str()));
    let refused = Refused::new(problem).with_way(Link::new("/enrol", t.say("phone-way-own-card")));
    Err(refused.with_way(Link::new(anew, t.say("phone-way-anew"))))
}
