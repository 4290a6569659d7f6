//! What a person sees and ends of their own logins, through a service that was registered for it; and the token
//! with which that service asks the authority about the person's certificates.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{cmp::Reverse, collections::HashMap, sync::Arc, time::Duration};
use tefuda_gateway::{
    CodeGrant, Ending, GrantError, Handle, LinkRow, Session, SessionError, SessionView, SessionsView,
    policy::{CERTIFICATES_TOKEN_SECONDS, SCOPE_CERTIFICATES, SCOPE_SESSIONS},
};
use tefuda_keys::SystemRandom;
use tefuda_openid::jwe::{self, EncryptionKeys, JweError};
use tefuda_protocol::{
    account::{CERTIFICATES_TYPE, CertificatesClaims},
    statement::CertificateReference,
};
use tefuda_store::StoreError;
use tefuda_types::Secret;
use tefuda_web::{Client, ClientError, Problem};

use crate::{
    Gateway,
    store::{HISTORY, LINKS, SESSIONS},
    token::{Account, NOT_KEPT, OAuthProblem},
};

type Shared = State<Arc<Gateway>>;

/// Host time that the authority may take to give its key.
const KEY_TIMEOUT: Duration = Duration::from_secs(2);

/// A refusal in the words of OAuth, or in ours.
#[derive(Debug)]
pub(crate) enum MeProblem {
    OAuth(OAuthProblem),
    Other(Problem),
}

impl<E: Into<OAuthProblem>> From<E> for MeProblem {
    fn from(error: E) -> Self {
        Self::OAuth(error.into())
    }
}

impl IntoResponse for MeProblem {
    fn into_response(self) -> Response {
        match self {
            Self::OAuth(problem) => problem.with_reason(),
            Self::Other(problem) => (NOT_KEPT, problem).into_response(),
        }
    }
}

impl Gateway {
    /// The login of who asks, with a scope. *Not known* is told apart from ended: the same token is good again when
    /// the lists come.
    async fn me(&self, headers: &HeaderMap, scope: &str) -> Result<Account, MeProblem> {
        let account = self.opened(headers).await?;
        match GrantError::require_valid(account.status) {
            Ok(()) => {}
            Err(error @ GrantError::StatusNotKnown) => return Err(MeProblem::Other(error.into())),
            Err(_) => return Err(GrantError::AccessToken.into()),
        }
        account.access.require_scope(scope)?;
        Ok(account)
    }

    /// Handles as they are today: two that turned out to be one person's are one.
    async fn today<'a>(
        &self,
        handles: impl Iterator<Item = &'a Handle>,
    ) -> Result<HashMap<Handle, Handle>, StoreError> {
        let mut today = HashMap::new();
        let mut transaction = self.store.begin().await?;
        for handle in handles {
            if !today.contains_key(handle) {
                let person = self.person(&mut transaction, handle).await?;
                today.insert(handle.clone(), person.map_or_else(|| handle.clone(), |person| person.handle));
            }
        }
        Ok(today)
    }

    async fn sessions(&self, account: &Account) -> Result<SessionsView, StoreError> {
        let mut all = self.store.list::<Session>(SESSIONS).await?;
        all.extend(self.store.list::<Session>(HISTORY).await?);
        let own = &account.session.handle;
        let today = self.today(all.iter().map(|(_, session)| &session.handle).chain([own])).await?;
        all.retain(|(_, session)| today.get(&session.handle) == today.get(own));
        all.sort_by_key(|(_, session)| Reverse(session.since));
        let asking = (account.access.session.as_str(), &account.session.link);
        let view = |(id, session): &(String, Session)| session.view(id, asking, self.wire());
        Ok(SessionsView { sessions: all.iter().map(view).collect() })
    }

    async fn end_session(&self, account: &Account, id: &str) -> Result<SessionView, MeProblem> {
        let not_found = || MeProblem::Other(SessionError::NotFound.into());
        let session: Session = self.store.get(SESSIONS, id).await?.ok_or_else(not_found)?;
        let own = &account.session.handle;
        let today = self.today([own, &session.handle].into_iter()).await?;
        if today.get(own) != today.get(&session.handle) {
            return Err(not_found());
        }
        let mut transaction = self.store.begin().await?;
        let mut session: Session = transaction.get(SESSIONS, id).await?.ok_or_else(not_found)?;
        self.end(&mut transaction, id, &mut session, Ending::EndedByPerson).await?;
        transaction.commit().await?;
        self.ended.notify_one();
        Ok(session.view(id, (&account.access.session, &account.session.link), self.wire()))
    }

    /// The token of a login that was just made, if it was made for that.
    pub(crate) async fn certificates_token(
        &self,
        grant: &CodeGrant,
    ) -> Result<Option<Secret<String>>, MeProblem> {
        if !grant.scopes().has(SCOPE_CERTIFICATES) {
            return Ok(None);
        }
        let row: Option<LinkRow> = self.store.get(LINKS, grant.link().as_str()).await?;
        let Some(row) = row else { return Ok(None) };
        self.vouch(grant.assurance().0, row.certificate).await.map(Some)
    }

    /// Signed by the gateway, and for the authority's eyes only: who carries it does not see which certificate it is.
    async fn vouch(&self, acr: &str, certificate: CertificateReference) -> Result<Secret<String>, MeProblem> {
        let authority = self.context.urls.authority();
        let now = self.wire().as_second();
        let claims = CertificatesClaims {
            iss: self.issuer.clone(),
            aud: authority.clone(),
            iat: now,
            exp: now + CERTIFICATES_TOKEN_SECONDS,
            acr: acr.to_owned(),
            certificate,
        };
        let signed = self.keys.sign(CERTIFICATES_TYPE, &claims)?;
        let url = format!("{authority}/me/jwks.json");
        let client = Client::new(None);
        let fetched = tokio::time::timeout(KEY_TIMEOUT, client.get::<EncryptionKeys>(&url)).await;
        let keys = fetched.unwrap_or(Err(ClientError::Unreachable(authority)));
        let keys = keys.map_err(|error| MeProblem::Other(error.into()))?;
        let refused = |error: JweError| MeProblem::Other(error.into());
        let key = keys.keys.first().ok_or_else(|| refused(JweError::Key))?;
        jwe::encrypt(&signed, key, &Secret::new(SystemRandom::octets()), SystemRandom::octets())
            .map_err(refused)
    }
}

/// `GET /me`: the sign-in history and live sessions of whose access token it is.
pub(crate) async fn sessions(State(gateway): Shared, headers: HeaderMap) -> Result<Response, MeProblem> {
    let account = gateway.me(&headers, SCOPE_SESSIONS).await?;
    Ok((NOT_KEPT, Json(gateway.sessions(&account).await?)).into_response())
}

/// `POST /me/sessions/{id}/end`.
pub(crate) async fn end(
    State(gateway): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, MeProblem> {
    let account = gateway.me(&headers, SCOPE_SESSIONS).await?;
    Ok((NOT_KEPT, Json(gateway.end_session(&account, &id).await?)).into_response())
}

/// `POST /me/certificates-token`: another one, for as long as the access token is good.
pub(crate) async fn certificates(State(gateway): Shared, headers: HeaderMap) -> Result<Response, MeProblem> {
    let account = gateway.me(&headers, SCOPE_CERTIFICATES).await?;
    let token = gateway.vouch(&account.session.acr, account.certificate).await?;
    let body = json!({ "certificates_token": token.expose(), "expires_in": CERTIFICATES_TOKEN_SECONDS });
    Ok((NOT_KEPT, Json(body)).into_response())
}
