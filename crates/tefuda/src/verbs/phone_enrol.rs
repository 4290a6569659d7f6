//! `tefuda phone enroll` and `register`: the six steps from the outside.

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tefuda_phone::{
    advice::{self, Known},
    enrolment::EnrolmentError,
};
use tefuda_protocol::{
    phone::{Act, CardShown, EnrolmentStart, Next, Progress, Step},
    sealed::PinPurpose,
};
use tefuda_types::{ResidentId, Secret, Timestamp};

use super::{
    phone::Phone,
    phone_consent::{Asked, Passwords, Shown, answer, ask},
};
use crate::{
    Done,
    failure::{Exit, Failure},
    print,
};

/// Between two questions whether an application is decided.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// Seconds of the host for which a decision is waited for, unless said otherwise.
const WAIT_SECONDS: u32 = 60;
/// Steps of one command: far more than the way through takes.
const ROUNDS_MAX: usize = 12;

/// How an enrolment is gone through.
#[derive(Debug, Args)]
pub struct Options {
    /// Wait for a decision that falls within so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT_SECONDS)]
    wait: u32,
    /// Go on although one try of the card's password is left.
    #[arg(long)]
    risk_last_try: bool,
    /// Refuse passwords that are easy to guess, instead of advising against them.
    #[arg(long)]
    refuse_guessable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { wait: WAIT_SECONDS, risk_last_try: false, refuse_guessable: false }
    }
}

/// What the person types on the way.
#[derive(Debug)]
pub struct Enrolling {
    pub card_sign: Secret<String>,
    pub passwords: Passwords,
}

/// Steps 1 to 5.
pub async fn enrol(
    phone: &Phone<'_>,
    resident: &ResidentId,
    enrolling: &Enrolling,
    options: &Options,
) -> Done {
    let start = EnrolmentStart { resident: resident.clone() };
    let begun: Result<Progress, Failure> = phone.post("/api/enrolment", &start).await;
    let mut progress = begun.map_err(|refused| at_step(refused, 1))?;
    let mut advice = Vec::new();
    for _ in 0..ROUNDS_MAX {
        progress = match progress.next {
            Next::Card => {
                let shown = CardShown {
                    resident: resident.clone(),
                    card_sign_pin: Some(enrolling.card_sign.expose().clone()),
                    reset: None,
                    risk_last_try: options.risk_last_try,
                };
                let read = phone.post("/api/enrolment/card", &shown).await;
                read.map_err(|refused: Failure| {
                    let step = card_step(&refused.reason);
                    at_step(refused, step)
                })?
            }
            Next::Pins => {
                let asked = ask(phone, &Act::SetPins).await?;
                advice = weigh(&asked, enrolling, options).map_err(|f| at_step(f, 4))?;
                let set = answer(phone, &asked, &enrolling.passwords).await;
                set.map_err(|refused: Failure| {
                    let step = if refused.reason.starts_with("phone.") { 4 } else { 5 };
                    at_step(refused, step)
                })?
            }
            Next::Decision => decision(phone, progress, options.wait).await?,
            Next::Register => registered(phone, &enrolling.passwords).await?,
            Next::Nothing => break,
        };
    }
    complete(progress, advice)
}

/// `phone register`.
pub async fn register(phone: &Phone<'_>, passwords: &Passwords) -> Done {
    let progress: Progress = phone.get("/api/enrolment").await?;
    match progress.next {
        Next::Decision => Err(pending(&progress)),
        Next::Register => complete(registered(phone, passwords).await?, Vec::new()),
        Next::Nothing => complete(progress, Vec::new()),
        Next::Card | Next::Pins => {
            Err(Failure::of(&EnrolmentError::WrongStep).with("steps", json!(progress.steps)))
        }
    }
}

async fn registered(phone: &Phone<'_>, passwords: &Passwords) -> Result<Progress, Failure> {
    let asked = ask(phone, &Act::Register).await?;
    answer(phone, &asked, passwords).await.map_err(|refused| at_step(refused, 5))
}

/// What the control room's clock shows.
#[derive(Deserialize)]
struct Clock {
    civil: Timestamp,
}

/// Waits for a decision that is near; tells when a far one will be.
async fn decision(phone: &Phone<'_>, progress: Progress, wait_seconds: u32) -> Result<Progress, Failure> {
    let clock: Clock = phone.running.get("control", "/admin/clock").await?;
    let far = |at: Timestamp| at.duration_since(clock.civil).as_secs() > i64::from(wait_seconds);
    if progress.decision_at.is_some_and(far) {
        return Err(pending(&progress));
    }
    let rounds = u128::from(wait_seconds) * 1_000 / ASK_AGAIN.as_millis();
    let mut progress = progress;
    for _ in 0..=rounds {
        progress = phone.get("/api/enrolment").await?;
        if progress.next != Next::Decision {
            return Ok(progress);
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
    Err(pending(&progress))
}

fn pending(progress: &Progress) -> Failure {
    let at = progress.decision_at.unwrap_or(Timestamp::UNIX_EPOCH);
    Failure::of(&EnrolmentError::Pending(at))
        .with("decision_at", json!(progress.decision_at))
        .with("state", json!(progress.state))
        .with("steps", json!(progress.steps))
}

/// What is said of the passwords that are to be set; with the policy switch it is a refusal.
fn weigh(asked: &Asked, enrolling: &Enrolling, options: &Options) -> Result<Vec<&'static str>, Failure> {
    let shown = Shown::of(&asked.session.transaction);
    let mut found = Vec::new();
    for purpose in &asked.session.purposes {
        let card = match purpose {
            PinPurpose::SetSign => Some(&enrolling.card_sign),
            PinPurpose::SetAuth => None,
            PinPurpose::VerifySign | PinPurpose::VerifyAuth => continue,
        };
        let known = Known { card, birth_date: shown.birth_date.as_deref() };
        if let Some(password) = enrolling.passwords.of(*purpose) {
            found.extend(advice::about(password, known));
        }
    }
    found.sort_unstable();
    found.dedup();
    if options.refuse_guessable {
        advice::enforce(&found).map_err(|error| Failure::of(&error))?;
    }
    let codes: Vec<_> = found.iter().map(|advice| advice.as_str()).collect();
    if !codes.is_empty() {
        print::prose(&format!("Others could guess this password: {}.", codes.join(", ")));
    }
    Ok(codes.into_iter().chain(asked.advice.iter().copied()).collect())
}

/// A refusal together with the steps before it, which were all done.
fn at_step(refused: Failure, step: u8) -> Failure {
    if refused.exit == Exit::Environment {
        return refused;
    }
    let told = |step, outcome: &str, reason| Step { step, outcome: outcome.to_owned(), reason };
    let mut steps: Vec<Step> = (1..step).map(|step| told(step, "done", None)).collect();
    steps.push(told(step, "refused", Some(refused.reason.clone())));
    refused.with("steps", json!(steps))
}

/// Step 2 is the card's password, step 3 the card.
fn card_step(reason: &str) -> u8 {
    let of_password = reason.starts_with("card.pin_") || reason.starts_with("card.password_");
    if of_password || reason == "card.last_try" { 2 } else { 3 }
}

/// The answer, unless the last step was a refusal.
fn complete(progress: Progress, advice: Vec<&'static str>) -> Done {
    if let Some(Step { reason: Some(reason), .. }) = progress.steps.last() {
        return Err(Failure {
            exit: Exit::Refused,
            reason: reason.clone(),
            detail: "the application was refused".to_owned(),
            more: Box::default(),
        }
        .with("state", json!(progress.state))
        .with("steps", json!(progress.steps)));
    }
    if let Some(code) = &progress.recovery_code {
        print::prose(&format!("Recovery code, shown once: {code}. Write it down: it stops this phone."));
    }
    let mut value = json!(progress);
    if let Value::Object(members) = &mut value {
        members.remove("next");
        if !advice.is_empty() {
            members.insert("advice".to_owned(), json!(advice));
        }
    }
    Ok(value)
}
