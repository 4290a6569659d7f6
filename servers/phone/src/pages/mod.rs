//! The phone's pages.

mod desk;

use axum::{
    Router,
    http::{HeaderMap, header},
};
use std::sync::Arc;

pub(crate) use desk::Desk;

use crate::phones::Phones;

/// The host name that was asked, without its port.
pub(crate) fn host_of(headers: &HeaderMap) -> &str {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

pub(crate) fn router(_phones: &Arc<Phones>) -> Router {
    Router::new()
}
