//! Steps 2 and 3: whose card with its password, the card held.

use askama::Template;
use axum::{Form, extract::Query};
use serde::Deserialize;
use tefuda_pages::{Frame, Link, Refusal};
use tefuda_phone::catalogue::Catalogue;
use tefuda_protocol::phone::{CardShown, Next};
use tefuda_types::ResidentId;

use super::{
    enrol::expected,
    office::OfficeView,
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
    resident: String,
    /// What another card has signed is given up.
    #[serde(default)]
    anew: bool,
    /// Another card than the one that began.
    #[serde(default)]
    other: bool,
    /// The reading whose refusal is told.
    #[serde(default)]
    told: String,
}

#[derive(Template)]
#[template(path = "enrol-card.html")]
struct CardPage {
    frame: Frame,
    action: &'static str,
    step: bool,
    /// Cards to choose from, unless one is in hand.
    cards: Vec<CardAtHand>,
    chosen: String,
    /// Whose card is in hand.
    name: String,
    /// To another card.
    other: String,
    office: Option<OfficeView>,
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

/// What was wrong with a reading, shown where the password is typed, until the next reading.
fn field_refusal(screen: &Screen, told: &str) -> Option<(Refusal, State)> {
    let reading = screen.phone.desk.reading().filter(|reading| reading.id == told)?;
    let state = reading.state();
    let Some(Err(problem)) = &state.ended else { return None };
    let reason = problem.reason().to_owned();
    AT_THE_FIELD.contains(&reason.as_str()).then(|| (Refusal::of(&reason, screen.language), state))
}

/// What the page that takes a card's password is for.
pub(super) struct Wanted<'a> {
    pub purpose: Purpose,
    pub action: &'static str,
    pub title: String,
    /// The cards that can be held.
    pub cards: Vec<CardAtHand>,
    /// Whose card it is, if that is known.
    pub chosen: String,
    /// The reading whose refusal is told.
    pub told: &'a str,
    pub anew: bool,
}

/// The page that takes the card's password, for step 2 and for setting a password anew.
pub(super) async fn card_page(screen: &Screen, wanted: Wanted<'_>) -> Shown {
    let t = screen.t();
    let refused = field_refusal(screen, wanted.told);
    let left = refused.as_ref().and_then(|(_, state)| state.tries_left);
    let summary = refused.map(|(refusal, _)| refusal);
    let last_try = summary.as_ref().is_some_and(|refusal| refusal.code == "card.last_try") || left == Some(1);
    let enrolling = wanted.purpose == Purpose::Enrolment;
    let in_hand = wanted.cards.iter().find(|card| card.id.as_str() == wanted.chosen);
    page(CardPage {
        frame: screen.path(),
        action: wanted.action,
        step: enrolling,
        name: in_hand.map(|card| card.name.clone()).unwrap_or_default(),
        other: other_card(wanted.anew),
        office: if enrolling { OfficeView::of(screen).await } else { None },
        cards: wanted.cards,
        sheet: screen.card_sheet(&wanted.chosen),
        chosen: wanted.chosen,
        field_error: summary.as_ref().map(|refusal| match refusal.code.as_str() {
            "card.pin_in_place_of_password" => t.say("phone-card-pin-in-place"),
            "card.password_malformed" | "card.password_missing" => t.say("phone-card-password-malformed"),
            "card.last_try" => t.say("phone-card-last-try"),
            _ => t.say("phone-card-password-wrong"),
        }),
        summary,
        tries_left: left.map(|left| t.with2("phone-tries-left", "left", left, "of", 5)),
        last_try,
        with_password: wanted.purpose != Purpose::Reset(tefuda_types::PinKind::Auth),
        anew: wanted.anew,
        title: wanted.title,
    })
}

/// Where another card is chosen.
fn other_card(anew: bool) -> String {
    let kept = if anew { "&anew=true" } else { "" };
    format!("/enrol/card?other=true{kept}")
}

#[derive(Template)]
#[template(path = "enrol-choose.html")]
struct ChoosePage {
    frame: Frame,
    cards: Vec<CardAtHand>,
    /// Nobody's yet.
    chosen: String,
    anew: bool,
}

/// A card without a signature certificate: told before a password is asked for that nobody has.
#[derive(Template)]
#[template(path = "enrol-unsigned.html")]
struct UnsignedPage {
    frame: Frame,
    resident: ResidentId,
    name: String,
    anew: bool,
    other: String,
}

/// `GET /enrol/card`: step 2, first whose card, then its password.
pub(super) async fn choose(screen: Screen, Query(wish): Query<Wish>) -> Shown {
    Catalogue::known().check(screen.phone.model()?, screen.phone.now())?;
    let memory = screen.phone.memory().await?;
    let begun = memory.enrolment.filter(|enrolment| !enrolment.is_over() && !wish.other);
    let chosen = if wish.resident.is_empty() {
        begun.map(|enrolment| enrolment.resident.to_string()).unwrap_or_default()
    } else {
        wish.resident
    };
    let cards = people::cards(&screen.phones).await?;
    let Some(card) = cards.iter().find(|card| card.id.as_str() == chosen) else {
        return page(ChoosePage { frame: screen.path(), cards, chosen: String::new(), anew: wish.anew });
    };
    if !card.signs() {
        return page(UnsignedPage {
            frame: screen.path(),
            resident: card.id.clone(),
            name: card.name.clone(),
            anew: wish.anew,
            other: other_card(wish.anew),
        });
    }
    let wanted = Wanted {
        purpose: Purpose::Enrolment,
        action: "/enrol/card",
        title: screen.t().say("phone-step-card"),
        cards,
        chosen,
        told: &wish.told,
        anew: wish.anew,
    };
    card_page(&screen, wanted).await
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
        Some(Err(problem)) if AT_THE_FIELD.contains(&problem.reason()) => {
            let mark = if again.contains('?') { '&' } else { '?' };
            return see(&format!("{again}{mark}told={}", reading.id));
        }
        Some(Err(problem)) => {
            let refused = Refused::new(problem.clone());
            let way = match problem.reason() {
                "card.torn" | "card.in_use" | "card.not_jpki" => "phone-way-hold-again",
                "enrol.wrong_card" => "phone-way-own-card",
                "enrol.child" | "enrol.ward" | "enrol.declined" | "card.no_signature_certificate" => {
                    return Err(refused.with_way(Link::new(other_card(false), t.say("phone-card-other"))));
                }
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
        earlier: earlier.map(|earlier| people::earlier_ends(t, family, &earlier)),
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
