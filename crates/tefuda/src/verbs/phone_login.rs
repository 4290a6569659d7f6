//! `tefuda phone login`: this command is the resident's browser, the phone approves.

use serde_json::{Value, json};
use tefuda_protocol::{
    login::LoginOutcome,
    phone::{Act, BiometricLogin, Finger},
};
use tefuda_web::client::Visit;
use url::Url;

use super::{
    phone::Phone,
    phone_consent::{Passwords, answer, ask, with_advice},
};
use crate::{
    Done,
    failure::{Exit, Failure, ProgramError},
    running::Running,
};

/// A browser that has come to the gateway's page of one request.
struct Browser {
    request_url: String,
    cookies: String,
}

/// Logs in with the authentication PIN.
pub async fn with_pin(phone: &Phone<'_>, url: &Url, passwords: &Passwords) -> Done {
    let browser = Browser::open(phone.running, url).await?;
    let act = Act::Login { request_url: browser.request_url.clone() };
    let asked = match ask(phone, &act).await {
        Ok(asked) => asked,
        Err(refused) => return Err(browser.declined(phone.running, refused).await),
    };
    let outcome = answer(phone, &asked, passwords).await;
    browser.goes_on(phone.running, outcome, &asked.advice).await
}

/// Logs in with a finger or face.
pub async fn with_biometrics(phone: &Phone<'_>, url: &Url, finger: Finger) -> Done {
    let browser = Browser::open(phone.running, url).await?;
    let login = BiometricLogin { request_url: browser.request_url.clone(), finger };
    let outcome = phone.post("/api/logins/biometric", &login).await;
    browser.goes_on(phone.running, outcome, &[]).await
}

impl Browser {
    /// Goes to the authorization URL and is sent to the gateway's page of the request.
    async fn open(running: &Running, url: &Url) -> Result<Self, Failure> {
        let visit = running.answered(running.client.browse(url, "").await)?;
        let location = visit.location.clone().ok_or(ProgramError::LoginNotBegun(visit.status))?;
        let target = url.join(&location).map_err(|_| ProgramError::LoginNotBegun(visit.status))?;
        let gateway = Url::parse(&running.url("gateway", "")).ok();
        let at_gateway = gateway.is_some_and(|gateway| gateway.origin() == target.origin());
        if at_gateway && target.path().starts_with("/login/") {
            return Ok(Self { request_url: target.to_string(), cookies: cookies(&visit) });
        }
        // Sent back at once: the relying party is told why.
        let query = |name: &str| {
            target.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        Err(Failure {
            exit: Exit::Refused,
            reason: query("error").unwrap_or_else(|| "login.not_begun".to_owned()),
            detail: query("error_description").unwrap_or_default(),
            more: Box::default(),
        }
        .with("redirect", json!(target.as_str())))
    }

    /// Where the browser is sent back to once the gateway has an answer.
    async fn redirect(&self, running: &Running, continue_url: &str) -> Result<Option<String>, Failure> {
        let url = Url::parse(&self.request_url).and_then(|base| base.join(continue_url));
        let url = url.map_err(|_| ProgramError::LoginNotBegun(0))?;
        let visit = running.answered(running.client.browse(&url, &self.cookies).await)?;
        Ok(visit.location)
    }

    /// After the phone's answer: back to the relying party, if there is something to tell it.
    async fn goes_on(
        &self,
        running: &Running,
        outcome: Result<LoginOutcome, Failure>,
        advice: &[&str],
    ) -> Done {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(refused) => return Err(self.declined(running, refused).await),
        };
        let redirect = self.redirect(running, &outcome.continue_url).await?;
        if outcome.accepted {
            let done = json!({ "redirect": redirect, "acr": outcome.acr, "amr": outcome.amr });
            return Ok(with_advice(done, advice));
        }
        let refused = Failure {
            exit: Exit::Refused,
            reason: outcome.reason.unwrap_or_else(|| "login.refused".to_owned()),
            detail: "the gateway refused the login".to_owned(),
            more: Box::default(),
        };
        Err(refused.with("redirect", json!(redirect)))
    }

    /// The phone did not approve. If that ended the request, the relying party is told.
    async fn declined(&self, running: &Running, refused: Failure) -> Failure {
        let continue_url = format!("{}/continue", self.request_url);
        match self.redirect(running, &continue_url).await {
            Ok(Some(redirect)) => refused.with("redirect", Value::String(redirect)),
            Ok(None) | Err(_) => refused,
        }
    }
}

/// `name=value` of each cookie that was set.
fn cookies(visit: &Visit) -> String {
    let pairs = visit.cookies.iter().filter_map(|cookie| cookie.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}
