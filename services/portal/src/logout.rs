//! Logging out: here, or because the gateway says so (OpenID Connect Back-Channel Logout).

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::sync::Arc;
use tefuda_openid::{JwkSet, LogoutTokenClaims, Parameters, verify_logout_token};
use tefuda_types::Timestamp;

use crate::{
    Portal,
    error::{PortalError, Refused},
    session::{BY_SID, Ended, SESSIONS, Session},
    view::{View, see_other},
};

type Shared = State<Arc<Portal>>;

/// Logout tokens that were heard, until they end anyway.
pub const TOKENS: &str = "logout-token";

impl Portal {
    async fn hear(&self, body: &str) -> Result<(), Refused> {
        let parameters = Parameters::parse(body).map_err(|_| PortalError::TokenRefused)?;
        let token = parameters.required("logout_token").map_err(|_| PortalError::TokenRefused)?;
        let client_id = self.client_id().ok_or(PortalError::NotRegistered)?;
        let provider = self.provider().await?;
        let keys: JwkSet = self.client.get(&provider.jwks_uri).await?;
        let claims = verify_logout_token(token, &keys, (&provider, &client_id), self.wire())?;
        let until = Timestamp::from_second(claims.exp).unwrap_or(Timestamp::MAX);
        let mut transaction = self.store.begin().await?;
        let first = transaction.insert(TOKENS, &self.fingerprint("jti", &claims.jti), &until).await?;
        transaction.commit().await?;
        if !first {
            return Err(PortalError::TokenRefused.into());
        }
        for id in self.named(&claims).await? {
            self.end_session(&id, Ended::Elsewhere).await?;
        }
        Ok(())
    }

    /// The sessions that a logout token names: one, or all of a person.
    async fn named(&self, claims: &LogoutTokenClaims) -> Result<Vec<String>, Refused> {
        if let Some(sid) = &claims.sid {
            let id: Option<String> = self.store.get(BY_SID, sid).await?;
            return Ok(id.into_iter().collect());
        }
        let sessions = self.store.list::<Session>(SESSIONS).await?;
        let own = sessions.into_iter().filter(|(_, session)| Some(&session.sub) == claims.sub.as_ref());
        Ok(own.map(|(id, _)| id).collect())
    }

    /// Logs out here and, if the gateway still knows the login, there.
    async fn log_out(&self, headers: &HeaderMap) -> Result<Response, Refused> {
        if let Some(found) = self.session(headers).await? {
            if let Some((live, token)) = self.live(headers).await? {
                // The gateway's record ends too; if it does not answer, this end is enough.
                let _ = self.end_at_gateway(&token, &live.session.sid).await;
            }
            self.end_session(&found.id, Ended::Here).await?;
        }
        Ok(see_other("/logged-out", &[self.cookie(self.cookie_name(), "", 0)]))
    }
}

/// `POST /logout`.
pub(crate) async fn log_out(State(portal): Shared, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.log_out(&headers).await)
}

/// `POST /backchannel-logout`: from the provider, without cookies.
pub(crate) async fn hear(State(portal): Shared, body: String) -> Response {
    let kept = [(header::CACHE_CONTROL, "no-store")];
    match portal.hear(&body).await {
        Ok(()) => (StatusCode::OK, kept).into_response(),
        Err(Refused { problem, .. }) => {
            tracing::info!(reason = problem.reason(), "a logout token was refused");
            let body = json!({ "error": "invalid_request", "error_description": problem.reason() });
            (StatusCode::BAD_REQUEST, kept, Json(body)).into_response()
        }
    }
}
