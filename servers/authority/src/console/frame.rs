//! Who looks at a console, and what stands around what they see.

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use std::{convert::Infallible, sync::Arc};
use tefuda_authority::console::{Operator, Right, Role};
use tefuda_pages::{Frame, Language, Link, Texts};
use tefuda_types::ResidentId;
use tefuda_web::Problem;

use super::words;
use crate::Authority;

/// A page, or a refusal that is one.
pub(super) type Shown = Result<Response, Response>;

/// A visit of anybody.
pub(super) struct Visit {
    pub language: Language,
    pub uri: Uri,
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let language = Language::from_request_parts(parts, state).await?;
        Ok(Self { language, uri: parts.uri.clone() })
    }
}

impl Visit {
    /// The frame for whoever is not logged in.
    pub fn frame(&self) -> Frame {
        let mut frame = Frame::new(self.language, &self.uri, "authority", "");
        frame.brand = frame.t.say("consoles-authority");
        frame
    }

    /// A refusal with the way back.
    pub fn refused(&self, frame: Frame, problem: &Problem, back: &str) -> Response {
        let ways = vec![Link::new(back, frame.t.say("back"))];
        tefuda_pages::problem_page(frame, problem, ways)
    }
}

/// A visit of an operator who is logged in.
pub(super) struct Desk {
    pub visit: Visit,
    pub operator: Operator,
    pub found: Option<ResidentId>,
}

impl FromRequestParts<Arc<Authority>> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, authority: &Arc<Authority>) -> Result<Self, Response> {
        let Ok(visit) = Visit::from_request_parts(parts, authority).await;
        match authority.staff.session(&parts.headers).await {
            Ok(Some((operator, session))) => Ok(Self { visit, operator, found: session.found }),
            Ok(None) => Err(Redirect::to("/console/login").into_response()),
            Err(error) => Err(visit.refused(visit.frame(), &error.into(), "/")),
        }
    }
}

impl Desk {
    /// The frame of a console, by role.
    pub fn frame(&self) -> Frame {
        let frame = self.visit.frame();
        let t = frame.t;
        if self.operator.role == Role::CallCentre {
            let mut frame = frame;
            frame.actor = "call-centre";
            frame.brand = t.say("consoles-call-centre");
            frame.home = "/call-centre".to_owned();
            return frame.with_nav(&self.visit.uri, [Link::new("/call-centre", t.say("consoles-find"))]);
        }
        let mut frame = frame.as_wide();
        frame.home = "/console".to_owned();
        let mut frame = frame.with_nav(
            &self.visit.uri,
            [
                Link::new("/console", t.say("consoles-applications")),
                Link::new("/console/certificates", t.say("consoles-certificates")),
                Link::new("/console/phones", t.say("consoles-phones")),
                Link::new("/console/orders", t.say("consoles-orders")),
                Link::new("/console/audit", t.say("consoles-audit")),
                Link::new("/console/generations", t.say("consoles-generations")),
            ],
        );
        // The list of applications is the console's first page, and not what every other page is below.
        if let Some(first) = frame.nav.first_mut() {
            first.current = matches!(self.visit.uri.path(), "/console")
                || self.visit.uri.path().starts_with("/console/applications");
        }
        frame
    }

    /// The operator's name in the page's language.
    pub fn name(&self) -> String {
        words::name(Texts(self.visit.language), &self.operator)
    }

    /// Whom the call centre found; where nobody was, the way to the page that finds people.
    #[expect(
        clippy::result_large_err,
        reason = "handlers answer with the page, which is made at most once a visit"
    )]
    pub fn caller(&self) -> Result<ResidentId, Response> {
        self.needs(Right::Stop)?;
        self.found.clone().ok_or_else(|| Redirect::to("/call-centre").into_response())
    }

    /// Asks whether the operator may do something; a page if not.
    #[expect(
        clippy::result_large_err,
        reason = "handlers answer with the page, which is made at most once a visit"
    )]
    pub fn needs(&self, right: Right) -> Result<(), Response> {
        self.operator.needs(right).map_err(|error| {
            let frame = self.frame();
            let ways = vec![
                Link::new(frame.home.clone(), frame.t.say("back")),
                Link::new("/console/login", frame.t.say("consoles-login-other")),
            ];
            tefuda_pages::problem_page(frame, &error.into(), ways)
        })
    }

    /// A refusal with the way to the operator's first page.
    pub fn refused(&self, problem: impl Into<Problem>) -> Response {
        let frame = self.frame();
        let home = frame.home.clone();
        self.visit.refused(frame, &problem.into(), &home)
    }
}

pub(super) async fn missing(visit: Visit) -> Response {
    tefuda_pages::not_found(visit.frame())
}
