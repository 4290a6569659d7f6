//! How the gateway's pages look around, and how a refusal becomes one.

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use core::convert::Infallible;
use tefuda_pages::{Asset, Frame, Language, Link, problem_page};
use tefuda_protocol::transaction::in_language;
use tefuda_types::Reason;
use tefuda_web::Problem;

/// Scripts of the gateway's pages.
pub const ASSETS: &[Asset] = &[Asset { name: "wait.js", content: include_str!("../assets/wait.js") }];

/// In which language, and where, somebody looks at a page.
#[derive(Clone, Debug)]
pub struct View {
    language: Language,
    uri: Uri,
    headers: HeaderMap,
}

impl View {
    fn of(request: &Request) -> Self {
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        Self { language: Language::of(&uri, &headers), uri, headers }
    }

    /// What stands around a page.
    pub fn frame(&self) -> Frame {
        let frame = Frame::new(self.language, &self.uri, "gateway", "");
        Frame { brand: frame.t.say("gateway-brand"), ..frame }
    }

    /// The same with a relying party's wish for a language, which the person's own choice goes before.
    #[must_use]
    pub fn wishing(mut self, languages: &[String]) -> Self {
        let wish = languages.iter().find_map(|tag| tag.parse::<Language>().ok());
        let query = self.uri.query().unwrap_or_default();
        let wished = wish.and_then(|wish| format!("/?{query}&ui_locales={}", wish.tag()).parse::<Uri>().ok());
        if let Some(wished) = wished {
            self.language = Language::of(&wished, &self.headers);
        }
        self
    }
}

impl<S: Sync> FromRequestParts<S> for View {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
        Ok(Self { language: Language::of(&uri, &headers), uri, headers })
    }
}

/// Sends a browser on with `303 See Other`.
pub fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    let fixed: [(HeaderName, &'static str); 2] = [
        (header::CACHE_CONTROL, "no-store"),
        // The address names a request, and the next one a code.
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A way on from a refusal.
#[derive(Clone, Debug)]
pub struct Way {
    /// Where to.
    pub href: String,
    /// What it says; `party` stands in it.
    pub key: &'static str,
    /// The relying party.
    pub party: String,
    /// Its name on English pages, where it has one.
    pub party_en: Option<String>,
}

/// A refusal that a person sees. Nobody is sent anywhere with it.
#[derive(Clone, Debug)]
pub struct PageProblem {
    problem: Problem,
    ways: Vec<Way>,
}

impl<E: Reason + core::fmt::Display> From<E> for PageProblem {
    fn from(error: E) -> Self {
        Self { problem: error.into(), ways: Vec::new() }
    }
}

impl PageProblem {
    /// The same with a way on.
    #[must_use]
    pub fn with(mut self, way: Way) -> Self {
        self.ways.push(way);
        self
    }

    fn page(self, view: &View) -> Response {
        let frame = view.frame();
        let language = frame.language().tag();
        let links = self.ways.into_iter().map(|way| {
            let party = in_language(&way.party, way.party_en.as_deref(), language);
            Link::new(&way.href, frame.t.with(way.key, "party", party))
        });
        let mut links: Vec<Link> = links.collect();
        // Nobody is known to whom one could go back: the front page says what this place is.
        if links.is_empty() {
            links.push(Link::new(frame.home.clone(), frame.t.say("home")));
        }
        problem_page(frame, &self.problem, links)
    }
}

impl IntoResponse for PageProblem {
    /// As a problem that [`told`] makes a page of.
    fn into_response(self) -> Response {
        let mut response = self.problem.clone().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Middleware: a refusal is told in the language of whoever asked.
pub async fn told(request: Request, next: Next) -> Response {
    let view = View::of(&request);
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<PageProblem>() {
        Some(problem) => problem.page(&view),
        None => response,
    }
}
