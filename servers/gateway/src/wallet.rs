//! What the phone asks and answers.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::sync::Arc;
use tefuda_gateway::{Fingerprint, FlowError, Handle, LinkRow, Login, Person, Purpose, join, opaque};
use tefuda_keys::SystemRandom;
use tefuda_protocol::login::{LoginDeclined, LoginOutcome, LoginProof, LoginRequest};
use tefuda_store::Transaction;
use tefuda_types::Reason;
use tefuda_verifier::{LoginRefusal, VerifiedLogin};
use tefuda_web::{Problem, live::Outcome};

use crate::{
    Gateway,
    store::{LINKS, LOGINS, PERSONS},
};

type Shared = State<Arc<Gateway>>;

impl Gateway {
    async fn request(&self, request: &str) -> Result<LoginRequest, Problem> {
        let login: Option<Login> = self.store.get(LOGINS, request).await?;
        Ok(login.ok_or(FlowError::NotFound)?.shown(self.wire())?)
    }

    /// Judges a phone's proof, with lists that are looked at after it came.
    async fn prove(&self, request: &str, proof: &LoginProof) -> Result<LoginOutcome, Problem> {
        self.status.look().await;
        let mut transaction = self.store.begin().await?;
        let mut login: Login = transaction.get(LOGINS, request).await?.ok_or(FlowError::NotFound)?;
        login.require_open(self.wire())?;
        let verdict = self.status.judge(login.transaction(), proof, self.civil());
        let way_back = opaque(&SystemRandom::octets());
        let outcome = match verdict {
            Ok(verified) => {
                let way_back = self.fingerprints.of(Purpose::WayBack, way_back.expose());
                self.accept(&mut transaction, &mut login, (&verified, way_back)).await?
            }
            Err(refusal) => {
                let ended = self.refuse(&mut transaction, &mut login, &refusal).await?;
                transaction.put(LOGINS, request, &login).await?;
                transaction.commit().await?;
                return match ended {
                    Some(outcome) => Ok(self.with_way_back(outcome, request)),
                    None => Err(refusal.into()),
                };
            }
        };
        transaction.put(LOGINS, request, &login).await?;
        transaction.commit().await?;
        let LoginOutcome { continue_url, .. } = self.with_way_back(outcome.clone(), request);
        Ok(LoginOutcome { continue_url: format!("{continue_url}?way={}", way_back.expose()), ..outcome })
    }

    /// The phone cannot approve; the browser takes that back to the relying party.
    async fn decline(&self, request: &str, declined: LoginDeclined) -> Result<LoginOutcome, Problem> {
        let mut transaction = self.store.begin().await?;
        let mut login: Login = transaction.get(LOGINS, request).await?.ok_or(FlowError::NotFound)?;
        let outcome = login.decline(declined, self.wire())?;
        let detail = json!({ "request": request, "reason": declined.code().as_str() });
        self.audit(&mut transaction, "login.declined", detail).await?;
        transaction.put(LOGINS, request, &login).await?;
        transaction.commit().await?;
        Ok(self.with_way_back(outcome, request))
    }

    /// The person says no on the phone; the browser takes that back to the relying party.
    async fn deny(&self, request: &str) -> Result<LoginOutcome, Problem> {
        let mut transaction = self.store.begin().await?;
        let mut login: Login = transaction.get(LOGINS, request).await?.ok_or(FlowError::NotFound)?;
        let outcome = login.deny(self.wire())?;
        self.audit(&mut transaction, "login.denied", json!({ "request": request })).await?;
        transaction.put(LOGINS, request, &login).await?;
        transaction.commit().await?;
        Ok(self.with_way_back(outcome, request))
    }

    fn with_way_back(&self, outcome: LoginOutcome, request: &str) -> LoginOutcome {
        let continue_url = format!("{}/continue", self.login_url(request));
        LoginOutcome { continue_url, ..outcome }
    }

    async fn accept(
        &self,
        transaction: &mut Transaction,
        login: &mut Login,
        (verified, way_back): (&VerifiedLogin, Fingerprint),
    ) -> Result<LoginOutcome, Problem> {
        let now = self.wire();
        let shown = core::iter::once(verified.certificate()).chain(verified.links());
        let known = self.known(transaction, shown).await?;
        let joined = join(verified, &known, Handle::new(&SystemRandom::octets()), now)?;
        let person = joined.person;
        transaction.put(PERSONS, person.handle.as_str(), &person).await?;
        for handle in &joined.merged {
            if let Some(younger) = transaction.get::<Person>(PERSONS, handle.as_str()).await? {
                let merged = Person { merged_into: Some(person.handle.clone()), ..younger };
                transaction.put(PERSONS, handle.as_str(), &merged).await?;
            }
        }
        for certificate in joined.learned {
            let id = self.link(&certificate);
            let row = LinkRow { certificate, handle: person.handle.clone() };
            transaction.insert(LINKS, id.as_str(), &row).await?;
        }
        let link = self.link(verified.certificate());
        let outcome = login.approve(verified, person.handle, link, way_back, now);
        let detail = json!({ "request": login.request(), "acr": outcome.acr });
        self.audit(transaction, "login.accepted", detail).await?;
        Ok(outcome)
    }

    async fn refuse(
        &self,
        transaction: &mut Transaction,
        login: &mut Login,
        refusal: &LoginRefusal,
    ) -> Result<Option<LoginOutcome>, Problem> {
        let outcome = login.refuse(refusal);
        tracing::info!(reason = %refusal.code(), ended = outcome.is_some(), "login refused");
        let detail = json!({ "request": login.request(), "reason": refusal.code().as_str() });
        self.audit(transaction, "login.refused", detail).await?;
        Ok(outcome)
    }
}

/// An answer that no cache keeps.
fn fresh<T: serde::Serialize>(answer: T) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// What a request came to: `200` for the phone that told it, and perhaps no login for the person.
fn came_to(outcome: LoginOutcome) -> Response {
    let reason = outcome.reason.clone();
    Outcome::of(fresh(outcome), reason.as_deref())
}

/// `GET /api/login/{request}`.
pub(crate) async fn show(State(gateway): Shared, Path(request): Path<String>) -> Result<Response, Problem> {
    Ok(fresh(gateway.request(&request).await?))
}

/// `POST /api/login/{request}/proof`.
pub(crate) async fn prove(
    State(gateway): Shared,
    Path(request): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let proof: LoginProof = serde_json::from_slice(&body).map_err(|_| FlowError::ProofMalformed)?;
    Ok(came_to(gateway.prove(&request, &proof).await?))
}

/// `POST /api/login/{request}/decline`.
pub(crate) async fn decline(
    State(gateway): Shared,
    Path(request): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let declined: LoginDeclined = serde_json::from_slice(&body).map_err(|_| FlowError::ProofMalformed)?;
    Ok(came_to(gateway.decline(&request, declined).await?))
}

/// `POST /api/login/{request}/denial`.
pub(crate) async fn deny(State(gateway): Shared, Path(request): Path<String>) -> Result<Response, Problem> {
    Ok(came_to(gateway.deny(&request).await?))
}
