//! The authorization endpoint: a relying party's request becomes one that waits for the phone.

use axum::{
    extract::{RawQuery, State},
    http::{HeaderValue, header},
    response::Response,
};
use std::sync::Arc;
use tefuda_gateway::{Fresh, Login, PartyError, Purpose, RelyingParty, opaque, policy::REQUEST_SECONDS};
use tefuda_keys::SystemRandom;
use tefuda_openid::{
    AuthorizationRequest, AuthorizationTarget, Parameters, RedirectUri, RequestError, error_description,
};
use tefuda_types::Reason;

use crate::{
    Gateway,
    page::{PageProblem, Way, see_other},
    store::{LOGINS, PARTIES},
};

/// Name of the cookie that binds a browser to a request.
pub(crate) fn cookie_name(request: &str) -> String {
    format!("tefuda_login_{request}")
}

/// Where a wrong address would lead is nowhere to send people; the registered one is.
fn refused(error: PartyError, party: &RelyingParty) -> PageProblem {
    let way = |registered: &RedirectUri| Way {
        href: registered.origin(),
        key: "gateway-back-to",
        party: party.name.clone(),
        party_en: party.name_en.clone(),
    };
    let problem = PageProblem::from(error);
    match party.redirect_uris.first().map(way) {
        Some(way) => problem.with(way),
        None => problem,
    }
}

impl Gateway {
    /// Validates and stores a request, and sends the browser to its page. Until it is known that the relying
    /// party registered the address, whatever is wrong is shown here and nobody is sent anywhere.
    async fn authorize(&self, query: &str) -> Result<Response, PageProblem> {
        let parameters = Parameters::parse(query)?;
        let target = AuthorizationTarget::parse(&parameters)?;
        let party: Option<RelyingParty> = self.store.get(PARTIES, target.client_id.as_str()).await?;
        let party = party.ok_or(PartyError::NotFound)?;
        party.expects(&target).map_err(|error| refused(error, &party))?;
        match AuthorizationRequest::parse(&parameters) {
            Ok(request) => self.begin(&party, request).await,
            Err(error) => Ok(see_other(&self.told(&target, error))),
        }
    }

    /// Where a wrong request goes back to (RFC 6749, 4.1.2.1; RFC 9207, 2).
    fn told(&self, target: &AuthorizationTarget, error: RequestError) -> String {
        let description = error_description(error.code(), &error.to_string());
        let mut answer = vec![("error", error.wire().as_str()), ("error_description", &description)];
        answer.extend(target.state.as_ref().map(|state| ("state", state.as_str())));
        answer.push(("iss", &self.issuer));
        target.redirect_uri.with(&answer)
    }

    async fn begin(
        &self,
        party: &RelyingParty,
        request: AuthorizationRequest,
    ) -> Result<Response, PageProblem> {
        let cookie = opaque(&SystemRandom::octets());
        let fresh = Fresh {
            request: SystemRandom::octets(),
            nonce: SystemRandom::octets(),
            cookie: self.fingerprints.of(Purpose::Cookie, cookie.expose()),
        };
        let login = Login::begin(&self.issuer, party, request, &fresh, self.wire());
        self.open.begin(login.party(), login.request(), self.wire())?;
        let mut transaction = self.store.begin().await?;
        transaction.insert(LOGINS, login.request(), &login).await?;
        transaction.commit().await?;
        let path = format!("/login/{}", login.request());
        let gateway = self.context.urls.gateway();
        let mut response = see_other(&format!("{gateway}{path}"));
        let secure = if gateway.starts_with("https:") { "; Secure" } else { "" };
        let name = cookie_name(login.request());
        let life = 2 * REQUEST_SECONDS;
        let line = format!(
            "{name}={}; Path={path}; Max-Age={life}; HttpOnly; SameSite=Lax{secure}",
            cookie.expose()
        );
        if let Ok(line) = HeaderValue::from_str(&line) {
            response.headers_mut().insert(header::SET_COOKIE, line);
        }
        Ok(response)
    }
}

/// `GET …/protocol/openid-connect/auth`.
pub(crate) async fn get(
    State(gateway): State<Arc<Gateway>>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageProblem> {
    gateway.authorize(query.as_deref().unwrap_or_default()).await
}

/// `POST …/protocol/openid-connect/auth` (OpenID Connect Core, 3.1.2.1).
pub(crate) async fn post(State(gateway): State<Arc<Gateway>>, body: String) -> Result<Response, PageProblem> {
    gateway.authorize(&body).await
}
