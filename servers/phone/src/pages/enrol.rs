//! Steps 1 to 3: the phone and its app, whose card with its password, the card held.

use askama::Template;
use axum::{
    Form,
    extract::Query,
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use tefuda_pages::{Frame, Link, Refusal};
use tefuda_phone::{catalogue::Catalogue, enrolment::Stage};
use tefuda_protocol::phone::{CardShown, Next};
use tefuda_types::{Family, ResidentId};

use super::{
    people::{self, CardAtHand},
    reading::{Purpose, Reading, State},
    refusal::Refused,
    screen::{Screen, Shown, page, quoted, see},
};

/// Refusals of a card's password: they are shown where it is typed.
const AT_THE_FIELD: [&str; 5] = [
    "card.pin_wrong",
    "card.pin_in_place_of_password",
    "card.password_malformed",
    "card.password_missing",
    "card.last_try",
];

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    /// Whose card is at hand, if that is known already.
    #[serde(default)]
    pub resident: String,
    /// What another card has signed is given up.
    #[serde(default)]
    anew: bool,
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
    renewal: bool,
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
    if memory.enrolment.as_ref().is_some_and(|enrolment| matches!(enrolment.stage, Stage::Signed { .. })) {
        if let Ok(resident) = wish.resident.parse::<ResidentId>() {
            expected(&screen, &resident).await?;
        }
        return Ok(Redirect::to(&screen.confirm("/set-pins")).into_response());
    }
    let t = screen.t();
    let family = Catalogue::known().families.iter().find(|family| family.id == model.family);
    let ability = |feature: &tefuda_phone::catalogue::Feature| Ability {
        name: t.say(&format!("phone-feature-{}", feature.id)),
        since: feature.since.map(|day| day.to_string()),
    };
    page(BeginPage {
        frame: screen.path(),
        model: model.name.clone(),
        app_version: model.app_version.clone(),
        abilities: family.map(|family| family.features.iter().map(ability).collect()).unwrap_or_default(),
        resident: wish.resident,
        renewal: memory.wallet.is_some() && !memory.retired,
    })
}

/// Whether this card goes on with what was begun; if not, it can begin anew.
async fn expected(screen: &Screen, resident: &ResidentId) -> Result<(), Refused> {
    let Err(problem) = screen.phone.expects(resident).await else { return Ok(()) };
    let t = screen.t();
    let anew = format!("/enrol/card?resident={}&anew=true", quoted(resident.as_str()));
    let refused = Refused::new(problem).with_way(Link::new("/enrol", t.say("phone-way-own-card")));
    Err(refused.with_way(Link::new(anew, t.say("phone-way-anew"))))
}

#[derive(Template)]
#[template(path = "enrol-card.html")]
struct CardPage {
    frame: Frame,
    action: &'static str,
    step: bool,
    cards: Vec<CardAtHand>,
    chosen: String,
    summary: Option<Refusal>,
    field_error: Option<String>,
    tries_left: Option<String>,
    last_try: bool,
    with_password: bool,
    anew: bool,
    title: String,
    /// Where a sample card's passwords are seen.
    sheet: String,
}

/// What was wrong with the last reading, if it is shown where the password is typed.
fn field_refusal(screen: &Screen, purpose: Purpose) -> Option<(Refusal, State, ResidentId)> {
    let reading = screen.phone.desk.reading().filter(|reading| reading.purpose == purpose)?;
    let state = reading.state();
    let Some(Err(problem)) = &state.ended else { return None };
    let reason = problem.reason().to_owned();
    AT_THE_FIELD
        .contains(&reason.as_str())
        .then(|| (Refusal::of(&reason, screen.language), state, reading.resident.clone()))
}

/// The page that takes the card's password, for step 2 and for setting a password anew.
pub(super) async fn card_page(
    screen: &Screen,
    purpose: Purpose,
    (action, title, chosen): (&'static str, String, String),
    anew: bool,
) -> Shown {
    let t = screen.t();
    let refused = field_refusal(screen, purpose);
    let summary = refused.as_ref().map(|(refusal, ..)| refusal.clone());
    let left = refused.as_ref().and_then(|(_, state, _)| state.tries_left);
    let last_try = summary.as_ref().is_some_and(|refusal| refusal.code == "card.last_try") || left == Some(1);
    let last = refused.map(|(.., resident)| resident.to_string());
    let chosen = if chosen.is_empty() { last.unwrap_or_default() } else { chosen };
    page(CardPage {
        frame: screen.path(),
        action,
        step: purpose == Purpose::Enrolment,
        cards: people::cards(&screen.phones).await?,
        sheet: screen.card_sheet(&chosen),
        chosen,
        field_error: summary.as_ref().map(|refusal| match refusal.code.as_str() {
            "card.pin_in_place_of_password" => t.say("phone-card-pin-in-place"),
            "card.password_malformed" | "card.password_missing" => t.say("phone-card-password-malformed"),
            "card.last_try" => t.say("phone-card-last-try"),
            _ => t.say("phone-card-password-wrong"),
        }),
        summary,
        tries_left: left.map(|left| t.with2("phone-tries-left", "left", left, "of", 5)),
        last_try,
        with_password: purpose != Purpose::Reset(tefuda_types::PinKind::Auth),
        anew,
        title,
    })
}

/// `GET /enrol/card`: step 2.
pub(super) async fn card(screen: Screen, Query(wish): Query<Wish>) -> Shown {
    Catalogue::known().check(screen.phone.model()?, screen.phone.now())?;
    let memory = screen.phone.memory().await?;
    let begun = memory.enrolment.filter(|enrolment| !enrolment.is_over()).map(|enrolment| enrolment.resident);
    let chosen = if wish.resident.is_empty() {
        begun.map(|resident| resident.to_string()).unwrap_or_default()
    } else {
        wish.resident
    };
    let title = screen.t().say("phone-step-card");
    card_page(&screen, Purpose::Enrolment, ("/enrol/card", title, chosen), wish.anew).await
}

/// The form of the card's password.
#[derive(Deserialize)]
pub(super) struct Held {
    pub resident: ResidentId,
    #[serde(default)]
    card_password: String,
    #[serde(default)]
    risk_last_try: Option<String>,
    #[serde(default)]
    anew: bool,
}

impl Held {
    pub(super) fn shown(self, purpose: Purpose) -> CardShown {
        let password = Some(self.card_password).filter(|typed| !typed.is_empty());
        CardShown {
            resident: self.resident,
            card_sign_pin: password,
            reset: match purpose {
                Purpose::Enrolment => None,
                Purpose::Reset(kind) => Some(kind),
            },
            risk_last_try: self.risk_last_try.is_some(),
        }
    }
}

/// `POST /enrol/card`: the card is held against the phone.
pub(super) async fn hold(screen: Screen, Form(held): Form<Held>) -> Shown {
    if !held.anew {
        expected(&screen, &held.resident).await?;
    }
    Reading::begin(&screen.phone, Purpose::Enrolment, held.shown(Purpose::Enrolment));
    see("/enrol/reading")
}

/// A line of what is done while the card is held.
struct Doing {
    state: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "reading.html")]
struct ReadingPage {
    frame: Frame,
    step: bool,
    watched: bool,
    title: String,
    octets: (usize, usize),
    bytes: String,
    doing: Vec<Doing>,
    earlier: Option<String>,
    next: Link,
    next_text: String,
}

/// Lines of a list in which everything before the first that is not done is done.
fn doing(screen: &Screen, state: &State, purpose: Purpose) -> Vec<Doing> {
    let t = screen.t();
    let read = state.octets.1 > 0 && state.octets.0 >= state.octets.1;
    let auth = purpose == Purpose::Reset(tefuda_types::PinKind::Auth);
    let lines = [
        (purpose == Purpose::Enrolment, state.keys, t.say("phone-doing-keys")),
        (true, state.found, t.say("phone-doing-found")),
        (!auth, state.verified, t.say("phone-doing-verify")),
        (true, read, t.say(if auth { "phone-doing-read-auth" } else { "phone-doing-read" })),
        (true, state.signed, t.say("phone-doing-sign")),
    ];
    let mut current = true;
    let mut doing = Vec::new();
    for (_, done, text) in lines.into_iter().filter(|(shown, ..)| *shown) {
        let state = if done {
            "done"
        } else if current {
            "now"
        } else {
            "later"
        };
        current &= done;
        doing.push(Doing { state, text });
    }
    doing
}

/// What a reading shows while it lasts and when it is over.
pub(super) async fn reading_page(screen: &Screen, reading: &Reading, again: &str, next: Link) -> Shown {
    let state = reading.state();
    let t = screen.t();
    match &state.ended {
        Some(Err(problem)) if AT_THE_FIELD.contains(&problem.reason()) => return see(again),
        Some(Err(problem)) => {
            let refused = Refused::new(problem.clone());
            let way = match problem.reason() {
                "card.torn" | "card.in_use" | "card.not_jpki" => "phone-way-hold-again",
                "enrol.wrong_card" => "phone-way-own-card",
                _ => return Err(refused),
            };
            return Err(refused.with_way(Link::new(again, t.say(way))));
        }
        Some(Ok(())) | None => {}
    }
    let ended = state.ended.is_some();
    let enrolling = reading.purpose == Purpose::Enrolment;
    let family = screen.phone.model()?.family;
    let earlier = if ended && enrolling {
        people::earlier_phone(&screen.phones, &screen.phone, family, &reading.resident).await?
    } else {
        None
    };
    let (read, total) = state.octets;
    page(ReadingPage {
        frame: screen.path(),
        step: enrolling,
        watched: !ended,
        title: t.say(if ended { "phone-reading-done" } else { "phone-reading" }),
        octets: state.octets,
        bytes: t.with2("phone-reading-bytes", "read", read, "total", total),
        doing: doing(screen, &state, reading.purpose),
        earlier: earlier.map(|name| {
            let key = match family {
                Family::Android => "phone-earlier-android",
                Family::Iphone => "phone-earlier-iphone",
            };
            t.with(key, "name", name)
        }),
        next,
        next_text: t.say(if enrolling { "phone-reading-next" } else { "phone-reading-next-reset" }),
    })
}

/// `GET /enrol/reading`: step 3.
pub(super) async fn reading(screen: Screen) -> Shown {
    let reading = screen.phone.desk.reading().filter(|reading| reading.purpose == Purpose::Enrolment);
    let Some(reading) = reading else { return see("/enrol") };
    let t = screen.t();
    let again = format!("/enrol/card?resident={}", quoted(reading.resident.as_str()));
    let mut next = Link::new(screen.confirm("/set-pins"), t.say("phone-choose-passwords"));
    if reading.state().ended == Some(Ok(())) {
        let memory = screen.phone.memory().await?;
        match memory.enrolment.as_ref().map(|enrolment| enrolment.next()) {
            Some(Next::Pins) => {}
            Some(Next::Decision | Next::Register) => return see("/enrol/decision"),
            _ => next = Link::new("/", t.say("phone-home")),
        }
    }
    reading_page(&screen, &reading, &again, next).await
}
