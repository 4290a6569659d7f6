//! Logging in: the wallet shows what the gateway asks, has the element sign it, and proves it.

use tefuda_element::host::{self, HostError, LoginSignatures};
use tefuda_phone::{
    os::{App, webauthn::Asserted},
    standing,
    wallet::{self, Wallet, WalletError},
};
use tefuda_protocol::{
    login::{LoginOutcome, LoginProof, LoginRequest},
    phone::{Biometrics, Finger},
    transaction::{LoginTransaction, Method, Transaction},
    user_verification,
};
use tefuda_types::{Bytes, PinKind, Reason};
use tefuda_web::{Client, ClientError, Problem};

use crate::{phone::Phone, sessions::Open};

/// The gateway knows the certificate under no name yet: it asks for links.
const LINKS_WANTED: &str = "login.links_wanted";

/// What was touched in place of the PIN.
#[derive(Debug)]
pub(crate) enum Touch {
    /// The emulated sensor.
    Emulated(Finger),
    /// A real one: its assertion was checked.
    Authenticator(Asserted),
}

/// A denial says nothing but itself.
#[derive(serde::Serialize)]
struct Denial {}

/// What the gateway asks.
struct Asked {
    request: LoginRequest,
    transaction: Transaction,
}

impl Phone {
    async fn asked(&self, request_url: &str) -> Result<Asked, Problem> {
        let urls = &self.around.context.urls;
        let id = wallet::request_of(request_url, &urls.gateway())?;
        let url = format!("{}/api/login/{id}", urls.gateway());
        let request: LoginRequest = Client::new(None).get(&url).await?;
        let transaction = wallet::login_transaction(&request, &urls.issuer(), id)?;
        self.mend().await;
        let seen = self.look().await?;
        if let Err(declined) = standing::able_to_log_in(&seen.memory, seen.element.as_ref()) {
            let with = Some(request.transaction.relying_party);
            self.happened("login", with, Some(declined.code().as_str().to_owned())).await?;
            let _: LoginOutcome = Client::new(None).post(&format!("{url}/decline"), &declined).await?;
            return Err(declined.into());
        }
        Ok(Asked { request, transaction })
    }

    async fn held(&self) -> Result<Wallet, Problem> {
        Ok(self.memory().await?.wallet.ok_or(WalletError::NotRegistered)?)
    }

    /// What the person is asked to agree to. A phone that cannot approve tells the gateway at once.
    pub(crate) async fn login_transaction(&self, request_url: &str) -> Result<Transaction, Problem> {
        Ok(self.asked(request_url).await?.transaction)
    }

    /// The PIN was given. A set of fingers that changed meanwhile is taken on with it.
    pub(crate) async fn login_with_pin(
        &self,
        request_url: &str,
        open: Open,
    ) -> Result<LoginOutcome, Problem> {
        let adopt = match self.look().await? {
            seen if self.shown(&seen)?.biometrics == Biometrics::Stale => {
                let set = self.os().sensor.set_number();
                let key = self.user_verification_key()?;
                let hash = open.transaction.hash();
                Some((set, user_verification::token(&key, &open.challenge, &hash, set)))
            }
            _ => None,
        };
        let body = open.transaction.body.clone();
        let signatures = self
            .wallet(App::Wallet, move |wallet| {
                if let Some((set, token)) = adopt {
                    host::adopt_set(wallet, set, &token, &body)?;
                }
                host::sign_login(wallet, Method::Pin, &body)
            })
            .await?;
        self.prove(request_url, &open.transaction, Method::Pin, signatures).await
    }

    /// `POST /api/logins/biometric`: the sensor is touched instead.
    pub(crate) async fn login_with_biometrics(
        &self,
        request_url: &str,
        touch: Touch,
    ) -> Result<LoginOutcome, Problem> {
        let _act = self.acts.lock().await;
        let asked = self.asked(request_url).await?;
        let (hash, body) = (asked.transaction.hash(), asked.transaction.body.clone());
        let key = self.user_verification_key()?;
        let touched = match touch {
            Touch::Emulated(finger) => self.os().sensor.touch(finger),
            Touch::Authenticator(asserted) => {
                self.change_os(|os| {
                    if let Some(credential) = &mut os.authenticator {
                        credential.counter = asserted.counter();
                    }
                })?;
                Some(self.os().sensor.set_number())
            }
        };
        let signed = self.wallet(App::Wallet, move |wallet| {
            let challenge = host::challenge(wallet)?;
            let Some(set) = touched else {
                return Err(HostError::BiometricsMissed { left: host::report_miss(wallet)? });
            };
            let token = user_verification::token(&key, &challenge, &hash, set);
            host::present_token(wallet, &hash, set, &token)?;
            host::sign_login(wallet, Method::Biometrics, &body)
        });
        match signed.await {
            Ok(signatures) => {
                self.prove(request_url, &asked.transaction, Method::Biometrics, signatures).await
            }
            Err(problem) => {
                let with = Some(asked.request.transaction.relying_party);
                self.happened("login", with, Some(problem.reason().to_owned())).await?;
                Err(problem)
            }
        }
    }

    /// Shows the proof to the gateway; the links only if it asks for them.
    async fn prove(
        &self,
        request_url: &str,
        transaction: &Transaction,
        method: Method,
        signatures: LoginSignatures,
    ) -> Result<LoginOutcome, Problem> {
        let urls = &self.around.context.urls;
        let id = wallet::request_of(request_url, &urls.gateway())?;
        let url = format!("{}/api/login/{id}/proof", urls.gateway());
        let wallet = self.held().await?;
        let certificate = self.wallet(App::Wallet, |wallet| host::certificate(wallet, PinKind::Auth)).await?;
        let certificate: Bytes = certificate.ok_or(WalletError::NotRegistered)?.into();
        let proof = wallet.proof(certificate.0, method, signatures)?;
        let outcome = match self.present(&url, &proof).await {
            Err(ClientError::Refused(_, body)) if body.reason == LINKS_WANTED => {
                self.present(&url, &wallet.with_links(proof)).await
            }
            other => other,
        };
        let agreed: Option<LoginTransaction> = serde_json::from_str(&transaction.body).ok();
        let reason = match &outcome {
            Ok(outcome) => outcome.reason.clone(),
            Err(error) => Some(error.reason().to_owned()),
        };
        self.happened("login", agreed.map(|login| login.relying_party), reason).await?;
        Ok(outcome?)
    }

    /// The person says no: the gateway is told, and takes it back to the relying party.
    pub(crate) async fn deny(&self, request_url: &str) -> Result<LoginOutcome, Problem> {
        let _act = self.acts.lock().await;
        let gateway = self.around.context.urls.gateway();
        let id = wallet::request_of(request_url, &gateway)?;
        let url = format!("{gateway}/api/login/{id}");
        let asked: LoginRequest = Client::new(None).get(&url).await?;
        let outcome: LoginOutcome = Client::new(None).post(&format!("{url}/denial"), &Denial {}).await?;
        let with = Some(asked.transaction.relying_party);
        self.happened("deny", with, outcome.reason.clone()).await?;
        Ok(outcome)
    }

    async fn present(&self, url: &str, proof: &LoginProof) -> Result<LoginOutcome, ClientError> {
        Client::new(None).post(url, proof).await
    }
}
