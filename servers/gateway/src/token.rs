//! Token and UserInfo endpoints.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::sync::Arc;
use tefuda_gateway::{
    AccessGrant, CodeGrant, Ending, GrantError, LinkRow, PartyError, Purpose, RelyingParty, Session, opaque,
};
use tefuda_keys::SystemRandom;
use tefuda_openid::{
    AssertionError, ClaimsError, ClientAssertion, OAuthError, PATH_TOKEN, Parameters, RequestError,
    TokenRequest, TokenResponse, UserInfo, error_description,
};
use tefuda_protocol::statement::CertificateReference;
use tefuda_store::{StoreError, Transaction};
use tefuda_types::{CertificateStatus, Reason};

use crate::{
    Gateway,
    keys::SigningError,
    store::{ACCESS, ASSERTIONS, CODES, LINKS, PARTIES, SESSIONS},
};

type Shared = State<Arc<Gateway>>;

/// A refusal in the words of OAuth (RFC 6749, 5.2; RFC 6750, 3).
#[derive(Debug)]
pub(crate) struct OAuthProblem {
    error: OAuthError,
    description: String,
}

impl OAuthProblem {
    fn new(error: OAuthError, cause: &(impl Reason + core::fmt::Display)) -> Self {
        let description = match error {
            OAuthError::ServerError => {
                tracing::error!(reason = %cause.code(), error = %cause, "backend failure");
                error_description(cause.code(), "something behind the gateway failed; try again")
            }
            _ => error_description(cause.code(), &cause.to_string()),
        };
        Self { error, description }
    }
}

macro_rules! told_as {
    ($($cause:ty => $wire:expr;)*) => {$(
        impl From<$cause> for OAuthProblem {
            fn from(cause: $cause) -> Self {
                let wire: fn(&$cause) -> OAuthError = $wire;
                Self::new(wire(&cause), &cause)
            }
        }
    )*};
}

told_as! {
    RequestError => |error| error.wire();
    GrantError => |error| error.wire();
    AssertionError => |_| OAuthError::InvalidClient;
    PartyError => |_| OAuthError::InvalidClient;
    StoreError => |_| OAuthError::ServerError;
    SigningError => |_| OAuthError::ServerError;
}

impl OAuthProblem {
    /// The answer with the two members of every other problem of this system beside those of OAuth.
    pub(crate) fn with_reason(self) -> Response {
        let (reason, message) = self.description.split_once(": ").unwrap_or_default();
        let body = json!({ "error": self.error.as_str(), "error_description": self.description,
            "reason": reason, "message": message });
        self.answer(&body)
    }

    fn answer(&self, body: &serde_json::Value) -> Response {
        let status = StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let word = self.error.as_str();
        let mut response = (status, NOT_KEPT, Json(body)).into_response();
        if matches!(self.error, OAuthError::InvalidToken | OAuthError::InsufficientScope) {
            let challenge = format!(r#"Bearer error="{word}", error_description="{}""#, self.description);
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        response
    }
}

impl IntoResponse for OAuthProblem {
    fn into_response(self) -> Response {
        self.answer(&json!({ "error": self.error.as_str(), "error_description": self.description }))
    }
}

/// No cache keeps a token, or that there is none (RFC 6749, 5.1).
pub(crate) const NOT_KEPT: [(header::HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];

impl Gateway {
    /// The relying party that a request's assertion proves. The assertion is used up by that.
    async fn authenticate(&self, request: &TokenRequest) -> Result<RelyingParty, OAuthProblem> {
        let compact = request.client_assertion.expose();
        let claimed = ClientAssertion::peek_unverified(compact)?;
        if request.client_id.as_ref().is_some_and(|client_id| *client_id != claimed) {
            return Err(AssertionError::from(ClaimsError::Issuer).into());
        }
        let party: Option<RelyingParty> = self.store.get(PARTIES, claimed.as_str()).await?;
        let party = party.ok_or(PartyError::NotFound)?;
        let token_endpoint = format!("{}{PATH_TOKEN}", self.issuer);
        let audiences = [self.issuer.as_str(), token_endpoint.as_str()];
        let assertion = ClientAssertion::verify(compact, &claimed, &party.jwks, &audiences, self.wire())?;
        let value = format!("{claimed}/{}", assertion.jti());
        let id = self.fingerprints.of(Purpose::AssertionId, &value);
        let mut transaction = self.store.begin().await?;
        if !transaction.insert(ASSERTIONS, id.as_str(), &assertion.expires()).await? {
            return Err(AssertionError::from(ClaimsError::Replayed).into());
        }
        transaction.commit().await?;
        Ok(party)
    }

    async fn redeem(
        &self,
        party: &RelyingParty,
        request: &TokenRequest,
    ) -> Result<TokenResponse, OAuthProblem> {
        let now = self.wire();
        let access_token = opaque(&SystemRandom::octets());
        let access_id = self.fingerprints.of(Purpose::AccessToken, access_token.expose());
        let code_id = self.fingerprints.of(Purpose::Code, request.code.expose());
        let mut transaction = self.store.begin().await?;
        let grant: Option<CodeGrant> = transaction.get(CODES, code_id.as_str()).await?;
        let mut grant = grant.ok_or(GrantError::Unknown)?;
        let verdict = grant.redeem(&party.client_id, request, access_id.clone(), now);
        if verdict == Err(GrantError::Used) {
            self.take_back(&mut transaction, &grant).await?;
        }
        transaction.put(CODES, code_id.as_str(), &grant).await?;
        let verdict = match verdict {
            Ok(()) => self.still_in_force(&mut transaction, &grant).await?,
            refused => refused,
        };
        if let Err(error) = verdict {
            transaction.commit().await?;
            return Err(error.into());
        }
        let person = self.person(&mut transaction, grant.handle()).await?;
        let handle = person.map_or_else(|| grant.handle().clone(), |person| person.handle);
        let sub = self.subjects.of(&party.client_id, &handle);
        let access = grant.access(sub.clone(), now);
        let expires_in_seconds = access.expires.as_second() - now.as_second();
        transaction.put(ACCESS, access_id.as_str(), &access).await?;
        let session = Session {
            handle,
            link: grant.link().clone(),
            client_id: party.client_id.clone(),
            relying_party: party.name.clone(),
            relying_party_en: party.name_en.clone(),
            acr: grant.assurance().0.to_owned(),
            amr: grant.assurance().1.to_vec(),
            cross_device: grant.is_cross_device(),
            since: now,
            civil: Some(self.civil()),
            ended: None,
            ended_civil: None,
        };
        transaction.put(SESSIONS, grant.session(), &session).await?;
        let detail = json!({ "client_id": party.client_id });
        self.audit(&mut transaction, "code.redeemed", detail).await?;
        transaction.commit().await?;
        let claims = grant.claims(&self.issuer, party.client_id.clone(), sub, access_token.expose(), now);
        Ok(TokenResponse {
            id_token: self.keys.sign("JWT", &claims)?,
            access_token,
            expires_in_seconds,
            scopes: grant.scopes().clone(),
            // The authority is needed for it: without it there is a login all the same.
            certificates_token: self.certificates_token(&grant).await.ok().flatten(),
        })
    }

    /// A second use of a code: whoever came first may be the thief.
    async fn take_back(&self, transaction: &mut Transaction, grant: &CodeGrant) -> Result<(), StoreError> {
        if let Some(access) = grant.access_token() {
            transaction.remove(ACCESS, access.as_str()).await?;
        }
        if let Some(mut session) = transaction.get::<Session>(SESSIONS, grant.session()).await? {
            self.end(transaction, grant.session(), &mut session, Ending::CodeUsedTwice).await?;
        }
        self.audit(transaction, "code.used_twice", json!({ "client_id": grant.client_id() })).await
    }

    /// A phone that was stopped between its approval and the code's use is not logged in.
    async fn still_in_force(
        &self,
        transaction: &mut Transaction,
        grant: &CodeGrant,
    ) -> Result<Result<(), GrantError>, StoreError> {
        let row: Option<LinkRow> = transaction.get(LINKS, grant.link().as_str()).await?;
        let status = row.map(|row| self.status.status(&row.certificate, self.civil()));
        Ok(status.map_or(Err(GrantError::CertificateEnded), GrantError::require_valid))
    }

    /// What an access token opens, if the login behind it still stands.
    async fn account(&self, headers: &HeaderMap) -> Result<Account, OAuthProblem> {
        let account = self.opened(headers).await?;
        GrantError::require_valid(account.status).map_err(|_| GrantError::AccessToken)?;
        Ok(account)
    }

    /// What an access token opens, whatever is known of the certificate behind it.
    pub(crate) async fn opened(&self, headers: &HeaderMap) -> Result<Account, OAuthProblem> {
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, token)| self.fingerprints.of(Purpose::AccessToken, token.trim()))
            .ok_or(GrantError::AccessToken)?;
        let access: Option<AccessGrant> = self.store.get(ACCESS, shown.as_str()).await?;
        let access = access.ok_or(GrantError::AccessToken)?;
        access.require_good(self.wire())?;
        let session: Option<Session> = self.store.get(SESSIONS, &access.session).await?;
        let session = session.filter(|session| session.ended.is_none()).ok_or(GrantError::AccessToken)?;
        let row: Option<LinkRow> = self.store.get(LINKS, session.link.as_str()).await?;
        let row = row.ok_or(GrantError::AccessToken)?;
        let status = self.status.status(&row.certificate, self.civil());
        Ok(Account { access, session, certificate: row.certificate, status })
    }
}

/// A login as the holder of its access token sees it.
pub(crate) struct Account {
    pub(crate) access: AccessGrant,
    pub(crate) session: Session,
    pub(crate) certificate: CertificateReference,
    pub(crate) status: CertificateStatus,
}

/// `POST …/protocol/openid-connect/token`.
pub(crate) async fn token(
    State(gateway): Shared,
    headers: HeaderMap,
    body: String,
) -> Result<Response, OAuthProblem> {
    let parameters = Parameters::parse(&body)?;
    let request = TokenRequest::parse(&parameters, headers.contains_key(header::AUTHORIZATION))?;
    let party = gateway.authenticate(&request).await?;
    let response = gateway.redeem(&party, &request).await?;
    Ok((NOT_KEPT, Json(response.to_json())).into_response())
}

/// `GET` and `POST …/protocol/openid-connect/userinfo`.
pub(crate) async fn user_info(State(gateway): Shared, headers: HeaderMap) -> Result<Response, OAuthProblem> {
    let sub = gateway.account(&headers).await?.access.sub;
    Ok((NOT_KEPT, Json(UserInfo { sub })).into_response())
}
