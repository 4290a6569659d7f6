//! A page as an HTTP answer, with the headers that keep it to itself.

use askama::Template;
use axum::{
    Router,
    extract::{Path, Request},
    http::{HeaderName, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tefuda_types::Reason;
use tefuda_web::{Problem, live::Outcome};
use thiserror::Error;

use crate::{
    assets::{self, Asset},
    frame::{Frame, Link},
    language::{self, Language},
    reasons::Refusal,
};

/// No script, style, font, frame or request from or to anywhere else, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Why a page is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PageError {
    /// No page has this address.
    #[error("there is no page at this address")]
    NotFound,
    /// A form that was sent from another site's page.
    #[error("the form was sent from another site's page")]
    OtherSite,
}

tefuda_types::reasons! { PageError {
    NotFound => "page.not_found", Caller;
    OtherSite => "page.other_site", Policy;
} }

/// A page that is answered.
#[derive(Clone, Debug)]
pub struct Page<T>(pub T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => html_response(StatusCode::OK, html),
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

fn html_response(status: StatusCode, html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::VARY, "Accept-Language, Cookie"),
    ];
    (status, headers, html).into_response()
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    refusal: Refusal,
    actions: Vec<Link>,
}

/// A refusal as a page: what happened, what it means, what to do next, and where one can go from here, the main
/// way first.
#[must_use]
pub fn problem_page(frame: Frame, problem: &Problem, actions: Vec<Link>) -> Response {
    let refusal = Refusal::of(problem.reason(), frame.language());
    let page = ProblemPage { frame, refusal, actions };
    match page.render() {
        Ok(html) => {
            let mut response = html_response(problem.status(), html);
            response.headers_mut().extend(problem.retry_after());
            Outcome::of(response, Some(problem.reason()))
        }
        Err(_) => problem.status().into_response(),
    }
}

#[derive(Template)]
#[template(path = "reasons.html")]
struct ReasonsPage {
    frame: Frame,
    areas: Vec<Area>,
}

struct Area {
    name: String,
    refusals: Vec<Refusal>,
}

#[derive(Template)]
#[template(path = "reason.html")]
struct ReasonPage {
    frame: Frame,
    refusal: Refusal,
}

async fn all_reasons(language: Language, uri: Uri) -> Page<ReasonsPage> {
    let frame = Frame::new(language, &uri, "", "Tefuda");
    let mut areas: Vec<Area> = Vec::new();
    for refusal in Refusal::all(language) {
        let name = refusal.code.split('.').next().unwrap_or_default().to_owned();
        match areas.last_mut() {
            Some(area) if area.name == name => area.refusals.push(refusal),
            _ => areas.push(Area { name, refusals: vec![refusal] }),
        }
    }
    Page(ReasonsPage { frame, areas })
}

async fn one_reason(language: Language, uri: Uri, Path(code): Path<String>) -> Response {
    let frame = Frame::new(language, &uri, "", "Tefuda");
    if crate::reasons::text(&code, language).is_none() {
        let actions = vec![Link::new("/reasons", frame.t.say("reasons-all"))];
        return problem_page(frame, &PageError::NotFound.into(), actions);
    }
    Page(ReasonPage { frame, refusal: Refusal::of(&code, language) }).into_response()
}

/// Assets (the common ones and the actor's own) and reason pages, for every actor that has pages.
pub fn common<S: Clone + Send + Sync + 'static>(own: &'static [Asset]) -> Router<S> {
    assets::router(own).route("/reasons", get(all_reasons)).route("/reasons/{code}", get(one_reason))
}

/// What pages stand behind: a chosen language is remembered, and forms of other sites are turned away.
pub fn guarded<S: Clone + Send + Sync + 'static>(pages: Router<S>) -> Router<S> {
    pages.layer(middleware::from_fn(same_site)).layer(middleware::from_fn(language::remember))
}

/// Cross-site request forgery is told by what browsers say of a request's origin (Fetch Metadata; older browsers:
/// `Origin`). Whoever says nothing of the kind is no browser, and has no cookies that somebody else could use.
async fn same_site(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || is_same_origin(&request) {
        return next.run(request).await;
    }
    let language = Language::of(request.uri(), request.headers());
    let frame = Frame::new(language, request.uri(), "", "Tefuda");
    let home = vec![Link::new("/", frame.t.say("home"))];
    problem_page(frame, &PageError::OtherSite.into(), home)
}

fn is_same_origin(request: &Request) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, of)| of == host),
        (Some(_), None) => false,
    }
}

/// `page.not_found` as a page.
pub fn not_found(frame: Frame) -> Response {
    let home = vec![Link::new(frame.home.clone(), frame.t.say("home"))];
    let error = PageError::NotFound;
    problem_page(frame, &Problem::new(error.blame(), error.code(), error.to_string()), home)
}
