//! Routes of the portal.

use axum::{
    Router,
    routing::{get, post},
};
use std::sync::Arc;

use crate::{Portal, acts, history, login, logout, pages};

/// Everything that the portal answers.
pub fn router(portal: Arc<Portal>) -> Router {
    let pages = Router::new()
        .route("/", get(pages::front))
        .route("/history", get(history::show))
        .route("/done", get(pages::done))
        .route("/login", get(login::begin))
        .route("/callback", get(login::come_back))
        .route("/logout", post(logout::log_out))
        .route("/logged-out", get(pages::logged_out))
        .route("/phones/{element}/stop", get(acts::ask_stop).post(acts::stop))
        .route("/phones/{element}/end", get(acts::ask_end).post(acts::end))
        .route("/card/stop", get(acts::ask_stop_card).post(acts::stop_card))
        .route("/sessions/{id}/end", get(acts::ask_end_session).post(acts::end_session))
        .fallback(pages::not_found);
    Router::new()
        .merge(tefuda_pages::guarded(pages))
        .merge(tefuda_pages::common(&[]))
        // From the gateway, which is no browser.
        .route("/backchannel-logout", post(logout::hear))
        .with_state(portal)
}
