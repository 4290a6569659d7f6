//! Style, scripts and pictures: part of the program, fetched from nowhere else.

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// A file that pages refer to as `/assets/NAME`.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name; the ending says what it is.
    pub name: &'static str,
    /// Its content.
    pub content: &'static str,
}

/// What every actor's pages refer to.
const COMMON: &[Asset] = &[
    Asset { name: "tefuda.css", content: include_str!("../assets/tefuda.css") },
    Asset { name: "reveal.js", content: include_str!("../assets/reveal.js") },
    Asset { name: "mark.svg", content: include_str!("../assets/mark.svg") },
];

impl Asset {
    fn content_type(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }
}

/// The common assets and an actor's own.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(own: &'static [Asset]) -> Router<S> {
    let asset = async move |Path(name): Path<String>| -> Response {
        let found = COMMON.iter().chain(own).find(|asset| asset.name == name);
        let Some(asset) = found else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let headers = [
            (header::CONTENT_TYPE, asset.content_type()),
            (header::CACHE_CONTROL, "max-age=300"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (headers, asset.content).into_response()
    };
    Router::new().route("/assets/{name}", get(asset))
}
