//! A request from its first redirect to its last.

use serde::{Deserialize, Serialize};
use tefuda_openid::{
    AuthorizationRequest, CodeChallenge, Nonce, OAuthError, RedirectUri, Scopes, State, error_description,
};
use tefuda_protocol::{
    login::{LoginDeclined, LoginOutcome, LoginRequest},
    transaction::{LoginChannel, LoginTransaction},
};
use tefuda_types::{Bytes, Reason, Timestamp};
use tefuda_verifier::{LoginRefusal, VerifiedLogin};
use thiserror::Error;

use crate::{
    CodeGrant, Fingerprint, Handle, RelyingParty, assurance,
    policy::{CODE_SECONDS, REQUEST_SECONDS, WRONG_PROOFS_MAX},
};

/// Why a step of a login is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FlowError {
    /// There is no such request, or no longer.
    #[error("there is no such login request")]
    NotFound,
    /// It waited too long.
    #[error("the login request has expired")]
    Expired,
    /// It has its answer.
    #[error("the login request has its answer already")]
    Finished,
    /// It has no answer yet.
    #[error("the phone has not approved yet")]
    NotApproved,
    /// The browser is not the one that began.
    #[error("the login was begun in another browser")]
    OtherBrowser,
    /// The relying party wants the same device.
    #[error("the relying party does not take approval on another device")]
    SameDeviceOnly,
    /// Too many wrong proofs.
    #[error("too many wrong proofs were sent for this request")]
    TooManyProofs,
    /// What was sent is no proof.
    #[error("what was sent is no proof of a login")]
    ProofMalformed,
    /// The certificate was never seen: the wallet has to show its links.
    #[error("the certificate is new here: show its links")]
    LinksWanted,
    /// The person said no on the phone.
    #[error("the person did not allow the login on the phone")]
    Denied,
    /// The person gave up in the browser.
    #[error("the person cancelled the login in the browser")]
    Cancelled,
    /// More requests wait for their phones than are kept.
    #[error("too many login requests wait for their phones already")]
    TooMany,
}

tefuda_types::reasons! { FlowError {
    NotFound => "login.request_not_found", Caller;
    Expired => "login.request_expired", Policy;
    Finished => "login.request_finished", Policy;
    NotApproved => "login.not_approved", Policy;
    OtherBrowser => "login.other_browser", Policy;
    SameDeviceOnly => "login.same_device_only", Policy;
    TooManyProofs => "login.too_many_proofs", Policy;
    ProofMalformed => "login.proof_malformed", Malformed;
    LinksWanted => "login.links_wanted", Policy;
    Denied => "login.denied", Policy;
    Cancelled => "login.cancelled", Policy;
    TooMany => "login.too_many_requests", Policy;
} }

/// Randomness of a new request.
#[derive(Debug)]
pub struct Fresh {
    /// Its identifier.
    pub request: [u8; 16],
    /// What the holder's keys sign.
    pub nonce: [u8; 32],
    /// Of the browser's cookie.
    pub cookie: Fingerprint,
}

/// How the phone's answer is told to the relying party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Approval {
    /// What the phone was given for the browser beside it.
    #[serde(default)]
    way_back: Option<Fingerprint>,
    handle: Handle,
    link: Fingerprint,
    acr: String,
    amr: Vec<String>,
    auth_time: Timestamp,
}

/// A refusal on its way to the relying party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Reason code.
    pub reason: String,
    /// `error_description`.
    pub description: String,
}

impl Refused {
    fn of(error: &(impl Reason + core::fmt::Display)) -> Self {
        Self {
            reason: error.code().as_str().to_owned(),
            description: error_description(error.code(), &error.to_string()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Stage {
    Open,
    Approved(Approval),
    Refused(Refused),
    Finished,
}

/// What the browser is sent back with.
#[derive(Debug, PartialEq, Eq)]
pub enum Continuation {
    /// A code that gives this.
    Code(Box<CodeGrant>),
    /// `access_denied`.
    Denied(Refused),
}

/// A request as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    transaction: LoginTransaction,
    redirect_uri: RedirectUri,
    scopes: Scopes,
    state: State,
    nonce: Nonce,
    code_challenge: CodeChallenge,
    acr_values: Vec<String>,
    #[serde(default)]
    ui_locales: Vec<String>,
    cookie: Fingerprint,
    expires: Timestamp,
    wrong_proofs: u32,
    stage: Stage,
}

impl Login {
    /// A request that a relying party made rightly, waiting for the phone. Scopes that it did not register are
    /// left out of it.
    #[must_use]
    pub fn begin(
        issuer: &str,
        party: &RelyingParty,
        request: AuthorizationRequest,
        fresh: &Fresh,
        now: Timestamp,
    ) -> Self {
        let scopes = request.scopes.within(&party.scopes);
        let nonce = serde_json::to_value(Bytes(fresh.nonce.to_vec())).ok();
        let transaction = LoginTransaction {
            gateway: issuer.to_owned(),
            request: tefuda_types::hexadecimal(&fresh.request),
            client_id: party.client_id.to_string(),
            relying_party: party.name.clone(),
            origin: request.redirect_uri.origin(),
            purpose: party.purpose.clone(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            nonce: nonce.and_then(|nonce| nonce.as_str().map(str::to_owned)).unwrap_or_default(),
            time: now,
            channel: LoginChannel::SameDevice,
            relying_party_en: party.name_en.clone(),
            purpose_en: party.purpose_en.clone(),
        };
        Self {
            transaction,
            redirect_uri: request.redirect_uri,
            scopes,
            state: request.state,
            nonce: request.nonce,
            code_challenge: request.code_challenge,
            acr_values: request.acr_values,
            ui_locales: request.ui_locales,
            cookie: fresh.cookie.clone(),
            expires: after(now, REQUEST_SECONDS),
            wrong_proofs: 0,
            stage: Stage::Open,
        }
    }

    /// The relying party that made it.
    #[must_use]
    pub fn party(&self) -> &str {
        &self.transaction.client_id
    }

    /// Identifier of the request.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.transaction.request
    }

    /// What the person agrees to.
    #[must_use]
    pub const fn transaction(&self) -> &LoginTransaction {
        &self.transaction
    }

    /// Whether it is of no use any more to anybody.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now > after(self.expires, REQUEST_SECONDS)
    }

    /// Whether the browser was sent back already.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.stage, Stage::Finished)
    }

    /// Languages that the relying party would like pages to be in, best first.
    #[must_use]
    pub fn ui_locales(&self) -> &[String] {
        &self.ui_locales
    }

    /// Whether the answer is there and waits for the browser.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        match self.stage {
            Stage::Approved(_) => self.is_cross_device(),
            Stage::Refused(_) => true,
            Stage::Open | Stage::Finished => false,
        }
    }

    /// Whether the phone approved, and this page is not the one that goes on: the browser beside the phone is.
    #[must_use]
    pub const fn goes_on_beside_the_phone(&self) -> bool {
        matches!(self.stage, Stage::Approved(_)) && !self.is_cross_device()
    }

    const fn is_cross_device(&self) -> bool {
        matches!(self.transaction.channel, LoginChannel::CrossDevice { .. })
    }

    /// Whether approval on another device is possible.
    #[must_use]
    pub fn takes_cross_device(&self) -> bool {
        assurance::takes_cross_device(&self.acr_values)
    }

    /// That it waits for the phone.
    ///
    /// # Errors
    /// [`FlowError::Finished`], [`FlowError::Expired`].
    pub fn require_open(&self, now: Timestamp) -> Result<(), FlowError> {
        if self.stage != Stage::Open {
            Err(FlowError::Finished)
        } else if now >= self.expires {
            Err(FlowError::Expired)
        } else {
            Ok(())
        }
    }

    /// That a browser is the one that began.
    ///
    /// # Errors
    /// [`FlowError::OtherBrowser`].
    pub fn require_browser(&self, cookie: Option<&Fingerprint>) -> Result<(), FlowError> {
        if cookie == Some(&self.cookie) { Ok(()) } else { Err(FlowError::OtherBrowser) }
    }

    /// What the phone shows.
    ///
    /// # Errors
    /// As [`Login::require_open`].
    pub fn shown(&self, now: Timestamp) -> Result<LoginRequest, FlowError> {
        self.require_open(now)?;
        let seconds = self.expires.as_second() - now.as_second();
        Ok(LoginRequest {
            transaction: self.transaction.clone(),
            expires_in_seconds: u32::try_from(seconds).unwrap_or_default(),
        })
    }

    /// The person wants to approve on another device: a number is to be compared. What was signed for the same
    /// device is void from now on.
    ///
    /// # Errors
    /// [`FlowError::SameDeviceOnly`], or as [`Login::require_open`].
    pub fn cross_device(&mut self, random: u32, now: Timestamp) -> Result<(), FlowError> {
        self.require_open(now)?;
        if !self.takes_cross_device() {
            return Err(FlowError::SameDeviceOnly);
        }
        // Asking twice does not change the number: the phone may be showing it already.
        if self.transaction.channel == LoginChannel::SameDevice {
            self.transaction.channel = LoginChannel::CrossDevice { number: format!("{:02}", random % 100) };
        }
        Ok(())
    }

    /// The phone proved it: who it was, and by which line of the link table.
    pub fn approve(
        &mut self,
        login: &VerifiedLogin,
        handle: Handle,
        link: Fingerprint,
        way_back: Fingerprint,
        now: Timestamp,
    ) -> LoginOutcome {
        let way_back = Some(way_back);
        let acr = assurance::acr(&self.transaction.channel);
        let amr = assurance::amr(login.method()).map(str::to_owned).to_vec();
        self.stage = Stage::Approved(Approval {
            way_back,
            handle,
            link,
            acr: acr.to_owned(),
            amr: amr.clone(),
            auth_time: now,
        });
        LoginOutcome {
            accepted: true,
            reason: None,
            acr: Some(acr.to_owned()),
            amr,
            continue_url: String::new(),
        }
    }

    /// The phone's proof was refused. What the holder alone can have caused ends the request; what anybody can
    /// send is counted, and `None` says that the request stays open.
    pub fn refuse(&mut self, refusal: &LoginRefusal) -> Option<LoginOutcome> {
        let refused = if refusal.is_the_holders() {
            Refused::of(refusal)
        } else {
            self.wrong_proofs += 1;
            if self.wrong_proofs < WRONG_PROOFS_MAX {
                return None;
            }
            Refused::of(&FlowError::TooManyProofs)
        };
        Some(self.denied(refused))
    }

    /// The phone says that it cannot approve: the relying party is told why.
    ///
    /// # Errors
    /// As [`Login::require_open`].
    pub fn decline(&mut self, declined: LoginDeclined, now: Timestamp) -> Result<LoginOutcome, FlowError> {
        self.require_open(now)?;
        Ok(self.denied(Refused::of(&declined)))
    }

    /// The person says no on the phone: the relying party is told.
    ///
    /// # Errors
    /// As [`Login::require_open`].
    pub fn deny(&mut self, now: Timestamp) -> Result<LoginOutcome, FlowError> {
        self.require_open(now)?;
        Ok(self.denied(Refused::of(&FlowError::Denied)))
    }

    /// The person gives up in the browser. What the phone answered before stays answered.
    ///
    /// # Errors
    /// [`FlowError::Finished`].
    pub fn cancel(&mut self) -> Result<(), FlowError> {
        match self.stage {
            Stage::Finished => Err(FlowError::Finished),
            Stage::Refused(_) => Ok(()),
            Stage::Open | Stage::Approved(_) => {
                self.denied(Refused::of(&FlowError::Cancelled));
                Ok(())
            }
        }
    }

    fn denied(&mut self, refused: Refused) -> LoginOutcome {
        let reason = refused.reason.clone();
        self.stage = Stage::Refused(refused);
        LoginOutcome {
            accepted: false,
            reason: Some(reason),
            acr: None,
            amr: Vec::new(),
            continue_url: String::new(),
        }
    }

    /// The browser goes back to the relying party: once. On the same device it has what the phone was given when
    /// it approved; whoever began a login and had somebody else approve it has not, and gets no code.
    ///
    /// # Errors
    /// [`FlowError::NotApproved`] while the phone may still answer; [`FlowError::OtherBrowser`];
    /// [`FlowError::Finished`].
    pub fn go_on(
        &mut self,
        session: String,
        way_back: Option<&Fingerprint>,
        now: Timestamp,
    ) -> Result<Continuation, FlowError> {
        let continuation = match &self.stage {
            Stage::Finished => return Err(FlowError::Finished),
            Stage::Refused(refused) => Continuation::Denied(refused.clone()),
            _ if now >= self.expires => Continuation::Denied(Refused::of(&FlowError::Expired)),
            Stage::Open => return Err(FlowError::NotApproved),
            Stage::Approved(approval)
                if !self.is_cross_device()
                    && (way_back.is_none() || approval.way_back.as_ref() != way_back) =>
            {
                return Err(FlowError::OtherBrowser);
            }
            Stage::Approved(approval) => Continuation::Code(Box::new(self.grant(approval, session, now))),
        };
        self.stage = Stage::Finished;
        Ok(continuation)
    }

    fn grant(&self, approval: &Approval, session: String, now: Timestamp) -> CodeGrant {
        CodeGrant {
            client_id: self.transaction.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            code_challenge: self.code_challenge.clone(),
            nonce: self.nonce.clone(),
            scopes: self.scopes.clone(),
            handle: approval.handle.clone(),
            link: approval.link.clone(),
            acr: approval.acr.clone(),
            amr: approval.amr.clone(),
            auth_time: approval.auth_time,
            session,
            cross_device: self.is_cross_device(),
            expires: after(now, CODE_SECONDS),
            used: false,
            access_token: None,
        }
    }

    /// Where a browser goes with a code (RFC 6749, 4.1.2; RFC 9207, 2).
    #[must_use]
    pub fn redirect_with_code(&self, code: &str, session: &str) -> String {
        self.redirect_uri.with(&[
            ("code", code),
            ("state", self.state.as_str()),
            ("session_state", session),
            ("iss", &self.transaction.gateway),
        ])
    }

    /// Where a browser goes with a refusal (RFC 6749, 4.1.2.1).
    #[must_use]
    pub fn redirect_denied(&self, refused: &Refused) -> String {
        self.redirect_uri.with(&[
            ("error", OAuthError::AccessDenied.as_str()),
            ("error_description", &refused.description),
            ("state", self.state.as_str()),
            ("iss", &self.transaction.gateway),
        ])
    }
}

pub(crate) fn after(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(time.as_second().saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fingerprints, Purpose, Registration};
    use tefuda_openid::Parameters;
    use tefuda_types::Secret;
    use tefuda_verifier::{LoginError, StatusRefusal};

    fn at(seconds: i64) -> Timestamp {
        after("2026-11-24T03:00:00Z".parse().unwrap(), seconds)
    }

    fn login(added: &str) -> Login {
        let registration = Registration {
            name: "Library".into(),
            name_en: None,
            redirect_uris: vec!["https://rp.example/cb".into()],
            jwks: serde_json::json!({ "keys": [{ "kty": "EC", "crv": "P-256",
                "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" }] }),
            scopes: vec![],
            purpose: "Borrow".into(),
            purpose_en: None,
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
        };
        let party = registration.accept(1, at(0)).unwrap();
        let query = format!(
            "response_type=code&client_id=RP00000001&redirect_uri=https%3A%2F%2Frp.example%2Fcb\
             &scope=openid%20profile&state=s%26t&nonce=n&code_challenge_method=S256\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM{added}"
        );
        let request = AuthorizationRequest::parse(&Parameters::parse(&query).unwrap()).unwrap();
        let cookie = Fingerprints::new(Secret::new([0; 32])).of(Purpose::Cookie, "c");
        Login::begin("i", &party, request, &Fresh { request: [1; 16], nonce: [2; 32], cookie }, at(0))
    }

    #[test]
    fn a_request_is_open_for_five_minutes_and_shows_what_was_registered() {
        let own = login("");
        let shown = own.shown(at(10)).unwrap();
        assert_eq!(shown.expires_in_seconds, 290);
        assert_eq!(shown.transaction.scopes, ["openid"]);
        assert_eq!(shown.transaction.origin, "https://rp.example");
        assert_eq!(own.shown(at(REQUEST_SECONDS)).unwrap_err(), FlowError::Expired);
        let mut late = login("");
        let Ok(Continuation::Denied(refused)) = late.go_on("s".into(), None, at(REQUEST_SECONDS)) else {
            panic!("an expired request tells the relying party")
        };
        assert_eq!(refused.reason, "login.request_expired");
        assert_eq!(
            late.redirect_denied(&refused),
            "https://rp.example/cb?error=access_denied&error_description=login.request_expired%3A+the+login+\
             request+has+expired&state=s%26t&iss=i"
        );
        assert_eq!(late.go_on("s".into(), None, at(REQUEST_SECONDS)), Err(FlowError::Finished));
    }

    #[test]
    fn what_anybody_can_send_ends_a_request_only_when_it_is_too_much() {
        let mut own = login("");
        let wrong = LoginRefusal::Proof(LoginError::AuthSignature);
        for _ in 1..WRONG_PROOFS_MAX {
            assert!(own.refuse(&wrong).is_none());
            assert_eq!(own.go_on("s".into(), None, at(0)), Err(FlowError::NotApproved));
        }
        assert_eq!(own.refuse(&wrong).unwrap().reason.unwrap(), "login.too_many_proofs");
        assert_eq!(own.require_open(at(0)), Err(FlowError::Finished));
        let mut other = login("");
        let outcome = other.refuse(&LoginRefusal::Status(StatusRefusal::Revoked)).unwrap();
        assert_eq!(outcome.reason.unwrap(), "certificate.revoked");
    }

    #[test]
    fn another_device_has_a_number_unless_the_party_insists() {
        let mut own = login("");
        let before = own.transaction().to_transaction().hash();
        own.cross_device(1_207, at(0)).unwrap();
        own.cross_device(55, at(0)).unwrap();
        assert_eq!(own.transaction().channel, LoginChannel::CrossDevice { number: "07".into() });
        assert_ne!(own.transaction().to_transaction().hash(), before);
        assert_eq!(login("&acr_values=aal3").cross_device(7, at(0)), Err(FlowError::SameDeviceOnly));
    }
}
