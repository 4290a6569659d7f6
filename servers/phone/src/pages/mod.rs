//! The phone's pages: on its own host the screens of its applications, on a host of their own the passwords, on
//! the plain host a choice of phones.
//!
//! A handler extracts, has the phone do what the command line's route has it do, and renders.

mod answered;
mod approve;
mod biometrics;
mod card;
mod chooser;
mod confirm;
mod decision;
mod desk;
mod enrol;
mod home;
mod office;
mod people;
mod reading;
mod records;
mod refusal;
mod renewal;
mod scan;
mod screen;
mod settings;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, header},
    middleware,
    response::Response,
    routing::{get, post},
};
use std::{convert::Infallible, sync::Arc};
use tefuda_pages::Asset;
use tower::{ServiceExt, service_fn};

pub(crate) use desk::Desk;

use crate::phones::Phones;

/// Scripts of a phone's own host.
const ASSETS: &[Asset] = &[
    Asset { name: "watch.js", content: include_str!("../../assets/watch.js") },
    Asset { name: "recovery.js", content: include_str!("../../assets/recovery.js") },
    Asset { name: "scan.js", content: include_str!("../../assets/scan.js") },
    Asset { name: "webauthn.js", content: include_str!("../../assets/webauthn.js") },
];
/// The one script of the page that takes passwords.
const CONFIRM_ASSETS: &[Asset] = &[Asset { name: "seal.js", content: include_str!("../../assets/seal.js") }];

/// The host name that was asked, without its port.
pub(crate) fn host_of(headers: &HeaderMap) -> &str {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// All pages, by the host that was asked.
pub(crate) fn router(phones: &Arc<Phones>) -> Router {
    let hosts = [phone(), confirm(), plain()].map(|pages| {
        let shown = pages.layer(middleware::from_fn_with_state(Arc::clone(phones), refusal::show));
        tefuda_pages::guarded(shown).with_state(Arc::clone(phones))
    });
    let pages = service_fn(move |request: Request| {
        let [phone, confirm, plain] = hosts.clone();
        async move {
            let host = host_of(request.headers());
            let pages = match host {
                host if host.starts_with("confirm.phone-") => confirm,
                host if host.starts_with("phone-") => phone,
                _ => plain,
            };
            Ok::<Response, Infallible>(pages.oneshot(request).await.unwrap_or_else(|never| match never {}))
        }
    });
    Router::new().fallback_service(pages)
}

fn phone() -> Router<Arc<Phones>> {
    tefuda_pages::common(ASSETS)
        .route("/", get(home::show))
        .route("/enrol", get(enrol::begin))
        .route("/enrol/card", get(card::choose).post(card::hold))
        .route("/enrol/reading", get(card::reading))
        .route("/enrol/decision", get(decision::show))
        .route("/enrol/recovery", get(decision::recovery).post(decision::written_down))
        .route("/enrol/biometrics", get(biometrics::step))
        .route("/enrol/done", get(decision::done))
        .route("/biometrics/challenge", post(biometrics::challenge))
        .route("/biometrics/authenticator", post(biometrics::take_on))
        .route("/approve", get(approve::show))
        .route("/approve/denial", post(approve::deny))
        .route("/approve/touch", post(approve::touch))
        .route("/approve/authenticator", post(approve::authenticate))
        .route("/answered", get(answered::show))
        .route("/refused", get(refusal::told))
        .route("/scan", get(scan::show).post(scan::open))
        .route("/history", get(records::history))
        .route("/notices", get(records::notices))
        .route("/settings", get(settings::show))
        .route("/settings/reset/{kind}", get(settings::reset).post(settings::hold))
        .route("/settings/reading", get(settings::reading))
        .route("/settings/biometrics/{change}", post(settings::biometrics))
        .route("/settings/retire", get(settings::retire).post(settings::retired))
        .route("/settings/factory-reset", get(settings::factory_reset).post(settings::factory_resetted))
        .route("/lift", get(settings::found).post(settings::lift))
        .fallback(refusal::no_page)
}

fn confirm() -> Router<Arc<Phones>> {
    tefuda_pages::common(CONFIRM_ASSETS)
        .route("/", get(confirm::home))
        .route("/{act}", get(confirm::show).post(confirm::seal))
        .route("/login/denial", post(confirm::deny))
        .fallback(refusal::no_page)
}

fn plain() -> Router<Arc<Phones>> {
    tefuda_pages::common(ASSETS)
        .route("/", get(chooser::show))
        .route("/lost", get(chooser::lost).post(chooser::stop))
        .fallback(refusal::no_page)
}
