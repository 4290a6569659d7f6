//! Style, scripts and pictures: part of the program, fetched from nowhere else.

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// Name, type, content.
const ASSETS: &[(&str, &str, &str)] = &[
    ("tefuda.css", "text/css; charset=utf-8", include_str!("../assets/tefuda.css")),
    ("reveal.js", "text/javascript; charset=utf-8", include_str!("../assets/reveal.js")),
    ("mark.svg", "image/svg+xml", include_str!("../assets/mark.svg")),
];

pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    let found = ASSETS.iter().find(|(asset, ..)| *asset == name);
    let Some((_, kind, content)) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CACHE_CONTROL, "max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, *content).into_response()
}
