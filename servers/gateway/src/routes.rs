//! Routes of the gateway.

use axum::{
    Json, Router,
    extract::State,
    http::header,
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use std::sync::Arc;
use tefuda_gateway::{assurance::ACR_VALUES, policy::SCOPES};
use tefuda_openid::{
    Discovery, JwkSet, PATH_AUTHORIZATION, PATH_CERTS, PATH_DISCOVERY, PATH_TOKEN, PATH_USERINFO,
};
use tefuda_web::Bearer;

use crate::{Gateway, admin, authorize, browser, me, page, token, wallet};

/// Path of the issuer.
const REALM: &str = "/api/realms/main";

type Shared = State<Arc<Gateway>>;

/// Everything that the gateway answers.
pub fn router(gateway: Arc<Gateway>) -> Router {
    let token = Arc::clone(&gateway.context.admin_token);
    let admin = Router::new()
        .route("/admin/clients", post(admin::register).get(admin::list))
        .route("/admin/clients/{id}", delete(admin::remove))
        .route("/admin/open-logins", get(admin::open_logins))
        .route("/admin/keys/rotate", post(admin::rotate))
        .route("/admin/audit", get(admin::audit));
    let realm = Router::new()
        .route(PATH_DISCOVERY, get(discovery))
        .route(PATH_CERTS, get(certs))
        // A relying party's page may send people here by a form: this is what is not guarded below.
        .route(PATH_AUTHORIZATION, get(authorize::get).post(authorize::post).layer(from_fn(page::told)))
        .route(PATH_TOKEN, post(token::token))
        .route(PATH_USERINFO, get(token::user_info).post(token::user_info));
    Router::new()
        .nest(REALM, realm)
        .route("/me", get(me::sessions))
        .route("/me/sessions/{id}/end", post(me::end))
        .route("/me/certificates-token", post(me::certificates))
        .route("/api/login/{request}", get(wallet::show))
        .route("/api/login/{request}/proof", post(wallet::prove))
        .route("/api/login/{request}/decline", post(wallet::decline))
        .route("/api/login/{request}/denial", post(wallet::deny))
        .merge(tefuda_pages::guarded(pages()))
        .merge(tefuda_pages::common(page::ASSETS))
        .merge(Bearer(token).protect(admin))
        .with_state(gateway)
}

/// What the browser that began a login sees.
fn pages() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/", get(browser::front))
        .route("/login/{request}", get(browser::show))
        .route("/login/{request}/state", get(browser::state))
        .route("/login/{request}/other-device", post(browser::other_device))
        .route("/login/{request}/cancel", get(browser::cancel))
        .route("/login/{request}/continue", get(browser::go_on))
        .fallback(browser::not_found)
        .layer(from_fn(page::told))
}

async fn discovery(State(gateway): Shared) -> Json<Discovery> {
    Json(Discovery::new(&gateway.issuer, &SCOPES, &ACR_VALUES))
}

/// Keys change: nobody may keep the set longer than a retired key is published.
async fn certs(State(gateway): Shared) -> Response {
    let keys: JwkSet = gateway.keys.published(gateway.wire());
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(keys)).into_response()
}
