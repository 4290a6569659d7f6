//! The consoles: operators at the authority, and the call centre.

mod call_centre;
mod frame;
mod login;
mod orders;
mod pages;
mod staff;
mod stopping;
mod tables;
mod views;
mod words;

use axum::{
    Router,
    routing::{get, post},
};
use std::sync::Arc;

use crate::Authority;

pub(crate) use staff::Staff;

/// Pages of the authority. Who is not logged in comes to the list of operators.
pub(crate) fn routes() -> Router<Arc<Authority>> {
    let pages = Router::new()
        .route("/", get(login::front))
        .route("/console/login", get(login::choose).post(login::log_in))
        .route("/console/logout", post(login::log_out))
        .route("/console", get(tables::applications))
        .route("/console/applications", get(tables::applications))
        .route("/console/applications/{id}", get(pages::application))
        .route("/console/certificates", get(tables::certificates))
        .route("/console/certificates/{kind}/{serial}", get(pages::certificate))
        .route("/console/phones", get(tables::phones))
        .route("/console/phones/{element}", get(pages::phone))
        .route("/console/people/{resident}", post(pages::person))
        .route("/console/orders", get(tables::orders).post(orders::order))
        .route("/console/orders/{id}/{end}", post(orders::end))
        .route("/console/audit", get(tables::audit))
        .route("/console/generations", get(tables::generations))
        .route("/call-centre", get(call_centre::ask).post(call_centre::find))
        .route("/call-centre/person", get(call_centre::person))
        .route("/call-centre/person/stop", get(stopping::ask).post(stopping::stop))
        .route("/call-centre/person/stopped", get(stopping::stopped))
        .fallback(frame::missing);
    tefuda_pages::guarded(pages.merge(tefuda_pages::common(&[])))
}
