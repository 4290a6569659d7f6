//! Logging in at the gateway, and coming back.
//!
//! Nothing is kept of a login under way: nonce and PKCE verifier are made from `state` under the portal's secret,
//! and a cookie of that login binds it to its browser.

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use std::sync::Arc;
use tefuda_keys::SystemRandom;
use tefuda_openid::{
    Asked, AuthorizationCall, CLIENT_ASSERTION_TYPE, ClientId, JwkSet, Metadata, Parameters, Returned,
    TokenAnswer, assertion_claims, jws, verify_id_token,
};
use tefuda_pki::Signer;
use tefuda_types::Secret;

use crate::{
    Portal, SCOPE,
    error::{PortalError, Refused},
    session::{Session, after, cookies},
    view::{View, see_other},
};

type Shared = State<Arc<Portal>>;

/// States that came back: each counts once.
pub const STATES: &str = "state";
/// How long a login may take, in seconds.
const LOGIN_SECONDS: i64 = 600;
/// Context class of a login on the phone itself.
const ACR_STRONG: &str = "aal3";

fn random() -> String {
    use base64ct::{Base64UrlUnpadded, Encoding};
    Base64UrlUnpadded::encode_string(&SystemRandom::octets::<32>())
}

/// Name of the cookie of one login, so that two tabs do not disturb one another.
fn login_cookie(state: &str) -> String {
    format!("tefuda_portal_login_{}", state.get(..12).unwrap_or_default())
}

impl Portal {
    fn asked(&self, state: String) -> Asked {
        let nonce = self.fingerprint("nonce", &state);
        let code_verifier = Secret::new(self.fingerprint("verifier", &state));
        Asked { state, nonce, code_verifier }
    }

    async fn begin(&self, view: &View, strong: bool) -> Result<Response, Refused> {
        let client_id = self.client_id().ok_or(PortalError::NotRegistered)?;
        let provider = self.provider().await?;
        let call = AuthorizationCall {
            client_id: &client_id,
            redirect_uri: &self.redirect_uri,
            scope: SCOPE,
            acr_values: strong.then_some(ACR_STRONG),
            ui_locales: view.language.tag(),
        };
        let asked = self.asked(random());
        let bound = self.fingerprint("browser", &asked.state);
        let cookie = self.cookie(&login_cookie(&asked.state), &bound, LOGIN_SECONDS);
        Ok(see_other(&call.url(&provider, &asked), &[cookie]))
    }

    async fn come_back(&self, headers: &HeaderMap, query: &str) -> Result<Response, Refused> {
        let parameters = Parameters::parse(query).map_err(|_| PortalError::OtherBrowser)?;
        let state = parameters.one("state").ok().flatten().unwrap_or_default().to_owned();
        let name = login_cookie(&state);
        let bound = self.fingerprint("browser", &state);
        if !cookies(headers, &name).any(|value| value == bound) {
            return self.again(headers).await;
        }
        let provider = self.provider().await?;
        let asked = self.asked(state);
        let code = match Returned::parse(query, &provider, &asked.state)? {
            Returned::Code(code) => code,
            Returned::Error { description, .. } => return Err(Refused::by_provider(&description)),
        };
        if !self.first_use(&asked.state).await? {
            return self.again(headers).await;
        }
        let cookie = self.redeem(&provider, &asked, &code).await?;
        Ok(see_other("/", &[self.cookie(&name, "", 0), cookie]))
    }

    /// The way back was walked before (reload, back button), or in another browser.
    async fn again(&self, headers: &HeaderMap) -> Result<Response, Refused> {
        match self.live(headers).await? {
            Some(_) => Ok(see_other("/", &[])),
            None => Err(PortalError::OtherBrowser.into()),
        }
    }

    async fn first_use(&self, state: &str) -> Result<bool, Refused> {
        let until = after(self.wire(), LOGIN_SECONDS);
        let mut transaction = self.store.begin().await?;
        let first = transaction.insert(STATES, &self.fingerprint("state", state), &until).await?;
        transaction.commit().await?;
        Ok(first)
    }

    /// Redeems a code for tokens, and these for a session. Gives its cookie.
    async fn redeem(
        &self,
        provider: &Metadata,
        asked: &Asked,
        code: &Secret<String>,
    ) -> Result<String, Refused> {
        let client_id = self.client_id().ok_or(PortalError::NotRegistered)?;
        let assertion = self.assertion(&client_id)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose().as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", asked.code_verifier.expose().as_str()),
            ("client_id", client_id.as_str()),
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", assertion.expose().as_str()),
        ];
        let (status, body) = self.client.post_form(&provider.token_endpoint, &form).await?;
        let tokens: Option<TokenAnswer> = serde_json::from_slice(&body).ok().filter(|_| status == 200);
        let tokens = tokens.ok_or(PortalError::TokenRefused)?;
        let keys: JwkSet = self.client.get(&provider.jwks_uri).await?;
        let claims = verify_id_token(&tokens, &keys, (provider, &client_id), asked, self.wire())?;
        let seconds = Self::session_seconds(tokens.expires_in);
        let session = Session {
            sub: claims.sub,
            sid: claims.sid,
            acr: claims.acr,
            since: self.wire(),
            expires: after(self.wire(), seconds),
            ended: None,
            done: None,
        };
        let value = Secret::new(random());
        self.begin_session(session, tokens.access_token, &value).await?;
        // The cookie outlives the session, so that its browser is told that it is over.
        Ok(self.cookie(self.cookie_name(), value.expose(), 2 * seconds))
    }

    /// Shows the provider who the portal is (RFC 7523).
    fn assertion(&self, client_id: &ClientId) -> Result<Secret<String>, PortalError> {
        let claims = assertion_claims(client_id, &self.issuer, &random(), self.wire());
        let prepared = jws::Prepared::new(self.jwk.kid(), &claims)?;
        let signature = jws::raw_signature(&self.key.sign(prepared.to_be_signed())?)?;
        Ok(Secret::new(prepared.assemble(&signature)))
    }
}

/// `GET /login`, `GET /login?strong=1`. A link and no form: a form of these pages leads nowhere else.
pub(crate) async fn begin(State(portal): Shared, view: View, RawQuery(query): RawQuery) -> Response {
    let strong = query.as_deref().unwrap_or_default().split('&').any(|pair| pair == "strong=1");
    view.answer(portal.begin(&view, strong).await)
}

/// `GET /callback`.
pub(crate) async fn come_back(
    State(portal): Shared,
    view: View,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    view.answer(portal.come_back(&headers, query.as_deref().unwrap_or_default()).await)
}
