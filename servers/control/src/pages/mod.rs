//! The control room's pages: the table from above, a card's and a phone's sheet, the clock, the live trace.

mod card;
mod clock;
mod phone;
mod room;
mod said;
mod trace;

use axum::{
    Router,
    http::Uri,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::sync::Arc;
use tefuda_pages::{Asset, Frame, Language, Link, dates};
use tefuda_types::Clock;
use tefuda_web::{ActorContext, Client, Problem};

use crate::{clock::Clocks, others::Addresses, table::CardTable};

const ASSETS: &[Asset] = &[
    Asset { name: "room.js", content: include_str!("../../assets/room.js") },
    Asset { name: "trace.js", content: include_str!("../../assets/trace.js") },
    Asset { name: "copy.js", content: include_str!("../../assets/copy.js") },
];

/// What pages are made of. The person at the table may do everything: nobody here is real.
pub(crate) struct Room {
    pub context: ActorContext,
    pub clocks: Clocks,
    pub table: Arc<CardTable>,
    pub addresses: Addresses,
    pub client: Client,
}

type Shared = axum::extract::State<Arc<Room>>;

/// A page, or a refusal that is one.
type Shown = Result<Response, Response>;

/// Pages, behind no login: who can reach them sits at this machine.
pub(crate) fn router(room: Arc<Room>) -> Router {
    let pages = Router::new()
        .route("/", get(room::show))
        .route("/cards/{resident}", get(card::show).post(card::show_number))
        .route("/cards/{resident}/{act}", post(card::act))
        .route("/phones/new", get(phone::choose).post(phone::make))
        .route("/phones/{phone}", get(phone::show))
        .route("/phones/{phone}/{act}", post(phone::act))
        .route("/clock", get(clock::show).post(clock::shift))
        .route("/trace", get(trace::show))
        .route("/trace.txt", get(trace::text))
        .route("/events", get(trace::events));
    let pages = pages.merge(tefuda_pages::common(ASSETS)).fallback(missing);
    tefuda_pages::guarded(pages).with_state(room)
}

async fn missing(language: Language, uri: Uri) -> Response {
    tefuda_pages::not_found(Frame::new(language, &uri, "control", "Tefuda"))
}

/// No such card, phone or act.
fn missing_page(room: &Room, language: Language, uri: &Uri) -> Response {
    tefuda_pages::not_found(room.frame(language, uri))
}

impl Room {
    /// What stands around a page.
    fn frame(&self, language: Language, uri: &Uri) -> Frame {
        let frame = Frame::new(language, uri, "control", "Tefuda");
        let t = frame.t;
        let authority = self.context.urls.authority();
        frame.with_nav(
            uri,
            [
                Link::new("/", t.say("control-title")),
                Link::new("/trace", t.say("control-trace-title")),
                Link::new("/clock", t.say("control-clock-title")),
                Link::new(format!("{authority}/console"), t.say("control-console")),
                Link::new(format!("{authority}/call-centre"), t.say("control-call-centre")),
            ],
        )
    }

    /// Civil time as the bar shows it.
    fn now(&self, language: Language) -> String {
        dates::moment(self.clocks.home.civil(), language)
    }

    /// Where a lost phone is stopped.
    fn lost(&self, language: Language) -> String {
        format!("{}/lost?lang={}", self.context.urls.phones(), language.tag())
    }

    /// A refusal, with the way back.
    fn refused(&self, (language, uri): (Language, &Uri), problem: &Problem, back: &str) -> Response {
        let frame = self.frame(language, uri);
        let mut ways = vec![Link::new(back, frame.t.say("back"))];
        if back != "/" {
            ways.push(Link::new("/", frame.t.say("control-title")));
        }
        tefuda_pages::problem_page(frame, problem, ways)
    }
}

/// After a form: the page that shows what it did.
fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}
