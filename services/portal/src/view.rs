//! How the portal's pages look around.

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use core::convert::Infallible;
use tefuda_pages::{Frame, Language, Link, problem_page};

use crate::error::Refused;

/// In which language, and where, somebody looks at a page.
#[derive(Clone, Debug)]
pub struct View {
    /// The language.
    pub language: Language,
    uri: Uri,
}

impl<S: Sync> FromRequestParts<S> for View {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { language: Language::of(&parts.uri, &parts.headers), uri: parts.uri.clone() })
    }
}

impl View {
    /// What stands around a page of somebody who is not logged in.
    pub fn frame(&self) -> Frame {
        let frame = Frame::new(self.language, &self.uri, "portal", "");
        Frame { brand: frame.t.say("portal-brand"), ..frame }
    }

    /// What stands around a page of somebody who is.
    pub fn own_frame(&self) -> Frame {
        let frame = self.frame();
        let nav = [("/", "portal-nav-home"), ("/history", "portal-nav-history")];
        let links = nav.map(|(href, key)| Link::new(href, frame.t.say(key)));
        frame.with_nav(&self.uri, links)
    }

    /// A page, or the refusal as one.
    pub fn answer(&self, answer: Result<Response, Refused>) -> Response {
        let Refused { problem, ways } = match answer {
            Ok(response) => return response,
            Err(refused) => refused,
        };
        let frame = self.frame();
        let links = ways.into_iter().map(|(href, key)| Link::new(href, frame.t.say(key))).collect();
        problem_page(frame, &problem, links)
    }
}

/// Sends a browser on with `303 See Other`, setting or clearing cookies.
pub fn see_other(location: &str, cookies: &[String]) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    let fixed: [(HeaderName, &'static str); 2] =
        [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    for cookie in cookies {
        if let Ok(line) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, line);
        }
    }
    response
}
