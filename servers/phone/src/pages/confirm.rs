//! The page of passwords and consent, on a host of its own: what is agreed to, and the fields whose content the
//! page seals to the element. Nothing that is typed here is sent in clear; without script nothing is sent.

use askama::Template;
use axum::{
    Form, Json,
    extract::{Path, Query},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::json;
use std::sync::PoisonError;
use tefuda_element::host::HostError;
use tefuda_pages::{Frame, Link, PageError, Refusal, Texts};
use tefuda_protocol::{
    phone::{Act, Biometrics, PhoneStatus, PinSession, SealedPins},
    sealed::PinPurpose,
    transaction::LoginChannel,
};
use tefuda_types::{Bytes, Family, PinKind, Secret};
use tefuda_web::Problem;

use super::{
    answered,
    approve::{Denied, LoginView, login_of},
    desk::{Ended, Told},
    refusal::Refused,
    screen::{Screen, Shown, page, quoted},
};
use crate::sessions::Given;

/// Refusals after which the same page asks again.
const AGAIN: [&str; 7] = [
    "phone.pin_wrong",
    "phone.pin_blocked",
    "phone.pin_malformed",
    "phone.session_not_found",
    "phone.session_expired",
    "phone.blocks_missing",
    "element.not_bound",
];

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    request: String,
    #[serde(default)]
    told: String,
}

/// The act that an address names.
fn act_of(name: &str, request: &str) -> Result<Act, Refused> {
    Ok(match name {
        "set-pins" => Act::SetPins,
        "register" => Act::Register,
        "enrol-biometrics" => Act::EnrolBiometrics,
        "reset-pin-sign" => Act::ResetPin { kind: PinKind::Sign },
        "reset-pin-auth" => Act::ResetPin { kind: PinKind::Auth },
        "change-pin-sign" => Act::ChangePin { kind: PinKind::Sign },
        "change-pin-auth" => Act::ChangePin { kind: PinKind::Auth },
        "recovery-code" => Act::RecoveryCode,
        "login" => Act::Login { request_url: request.to_owned() },
        _ => return Err(PageError::NotFound.into()),
    })
}

/// A field for a password. The two kinds never look alike.
struct Field {
    id: &'static str,
    /// Four digits, or a long line.
    is_pin: bool,
    /// Chosen now, not asked for.
    is_new: bool,
    label: String,
    hint: String,
    tries: Option<String>,
    last_try: bool,
    error: Option<String>,
    advice: Advice,
}

/// What is advised against in a field, each sentence naming the field.
struct Advice {
    repeated: String,
    sequence: String,
    birth: String,
    again: String,
}

impl Advice {
    fn of(t: Texts, is_pin: bool, submit: &str) -> Self {
        let field = if is_pin { "pin" } else { "password" };
        let say = |what: &str| t.say(&format!("confirm-advice-{field}-{what}"));
        Self {
            repeated: say("repeated"),
            sequence: say("sequence"),
            birth: say("birth"),
            again: t.with("confirm-advice-again", "button", submit),
        }
    }
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    frame: Frame,
    step: Option<(u8, String)>,
    title: String,
    lead: String,
    login: Option<LoginView>,
    request: String,
    facts: Vec<(String, String)>,
    fields: Vec<Field>,
    summary: Option<Refusal>,
    session: String,
    submit: String,
    next: String,
    cancel: Link,
    finger: Option<Link>,
}

/// `GET /` of this host: there is nothing without something to agree to.
pub(super) async fn home(screen: Screen) -> Response {
    Redirect::to(&screen.own("/")).into_response()
}

/// `GET /{act}`.
pub(super) async fn show(screen: Screen, Path(name): Path<String>, Query(asked): Query<Asked>) -> Shown {
    let act = act_of(&name, &asked.request)?;
    let status = screen.phone.status().await?;
    let is_login = matches!(act, Act::Login { .. });
    if !is_login {
        of_use(&screen, &act, &status).await?;
    }
    // The gateway hears first of a phone whose keys are gone.
    let session = screen.phone.open_session(act.clone()).await?;
    if is_login {
        Refused::if_out_of_use(&status)?;
    }
    if let Some(kind) = blocked(&session, &status) {
        let way = match kind {
            PinKind::Sign => "/settings/reset/sign",
            PinKind::Auth => "/settings/reset/auth",
        };
        let way = Link::new(screen.own(way), screen.t().say("phone-reset-with-card"));
        return Err(Refused::from(HostError::PinBlocked).with_way(way));
    }
    let summary = match screen.phone.desk.told(&asked.told).as_deref() {
        Some(Told::Refused(problem)) => Some(Refusal::of(problem.reason(), screen.language)),
        _ => None,
    };
    let login = match &act {
        Act::Login { .. } => Some(LoginView::new(&login_of(&session.transaction)?, &screen, &status)),
        _ => None,
    };
    let mut frame = screen.path();
    frame.home = screen.own("/");
    let texts = Wording::of(&screen, &name, &act, &session);
    page(ConfirmPage {
        frame,
        step: step(&act, &status, screen.t()),
        title: texts.title,
        lead: texts.lead,
        next: texts.next,
        login,
        facts: facts(&screen, &act, &session),
        fields: fields((screen.t(), &texts.submit), &session, &status, summary.as_ref()),
        submit: texts.submit,
        summary,
        session: serde_json::to_string(&session).unwrap_or_default(),
        cancel: Link::new(screen.own(texts.back), screen.t().say("phone-quit")),
        finger: finger(&screen, &asked.request, &act, &status),
        request: asked.request,
    })
}

/// Whether an act is of any use on a phone as it stands, told before a password is asked for. A phone that has
/// ended can apply anew, for which a forgotten password is set anew.
async fn of_use(screen: &Screen, act: &Act, status: &PhoneStatus) -> Result<(), Refused> {
    let applies = match act {
        Act::SetPins | Act::Register => true,
        Act::ResetPin { .. } => screen.phone.memory().await?.is_enrolling(),
        _ => false,
    };
    if applies { Ok(()) } else { Refused::if_ended(status) }
}

/// The password that is asked for and has no try left.
fn blocked(session: &PinSession, status: &PhoneStatus) -> Option<PinKind> {
    let retries = status.retries?;
    session.purposes.iter().find_map(|purpose| match purpose {
        PinPurpose::VerifySign if retries.sign == 0 => Some(PinKind::Sign),
        PinPurpose::VerifyAuth if retries.auth == 0 => Some(PinKind::Auth),
        _ => None,
    })
}

/// Which of the six steps it is.
fn step(act: &Act, status: &PhoneStatus, t: Texts) -> Option<(u8, String)> {
    match act {
        Act::SetPins => Some((4, t.say("phone-step-passwords"))),
        Act::Register => Some((5, t.say("phone-step-register"))),
        Act::EnrolBiometrics if status.biometrics == Biometrics::None => {
            Some((6, t.say("phone-step-biometrics")))
        }
        _ => None,
    }
}

/// Back to the sensor, where it can be used instead.
fn finger(screen: &Screen, request: &str, act: &Act, status: &PhoneStatus) -> Option<Link> {
    let usable = matches!(act, Act::Login { .. }) && status.biometrics == Biometrics::Enrolled;
    let key = match status.family {
        Family::Android => "confirm-with-finger",
        Family::Iphone => "confirm-with-face",
    };
    let href = screen.own(&format!("/approve?request={}", quoted(request)));
    usable.then(|| Link::new(href, screen.t().say(key)))
}

/// What an act is called.
struct Wording {
    title: String,
    lead: String,
    submit: String,
    next: String,
    back: &'static str,
}

impl Wording {
    fn of(screen: &Screen, name: &str, act: &Act, session: &PinSession) -> Self {
        let t = screen.t();
        // Passwords that the element knows already are asked for, not chosen.
        let asks = !session.purposes.iter().any(|p| matches!(p, PinPurpose::SetSign | PinPurpose::SetAuth));
        let name = if matches!(act, Act::SetPins) && asks { "known-pins" } else { name };
        let say = |what: &str| t.say(&format!("confirm-{name}-{what}"));
        Self {
            title: say("title"),
            lead: say("lead"),
            submit: say("submit"),
            next: say("next"),
            back: match act {
                Act::SetPins | Act::Register | Act::Login { .. } => "/",
                Act::EnrolBiometrics => "/enrol/done",
                _ => "/settings",
            },
        }
    }
}

/// What is agreed to, line by line, as the transaction tells it.
fn facts(screen: &Screen, act: &Act, session: &PinSession) -> Vec<(String, String)> {
    #[derive(Default, Deserialize)]
    struct Shown {
        #[serde(default)]
        certificates: Vec<String>,
    }
    let t = screen.t();
    let shown: Shown = serde_json::from_str(&session.transaction.body).unwrap_or_default();
    let certificate = |line: String| {
        let (kind, serial) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        let kind = match kind {
            "phone-sign" => t.say("kind-phone-sign"),
            "phone-auth" => t.say("kind-phone-auth"),
            other => other.to_owned(),
        };
        (kind, serial.to_owned())
    };
    match act {
        Act::Register => shown.certificates.into_iter().map(certificate).collect(),
        _ => Vec::new(),
    }
}

/// The fields, one for each purpose in its order.
fn fields(
    (t, submit): (Texts, &str),
    session: &PinSession,
    status: &PhoneStatus,
    summary: Option<&Refusal>,
) -> Vec<Field> {
    let asked =
        |left: Option<u8>, of: u8| left.map(|left| t.with2("phone-tries-left", "left", left, "of", of));
    let wrong = summary.filter(|refusal| refusal.code == "phone.pin_wrong").is_some();
    let field = |purpose: &PinPurpose| {
        let (id, is_pin, is_new, label) = match purpose {
            PinPurpose::VerifySign => ("password", false, false, "confirm-password"),
            PinPurpose::SetSign => ("new-password", false, true, "confirm-new-password"),
            PinPurpose::VerifyAuth => ("pin", true, false, "confirm-pin"),
            PinPurpose::SetAuth => ("new-pin", true, true, "confirm-new-pin"),
        };
        let left = status.retries.map(|retries| if is_pin { retries.auth } else { retries.sign });
        Field {
            id,
            is_pin,
            is_new,
            label: t.say(label),
            hint: t.say(if is_pin { "confirm-pin-hint" } else { "confirm-password-hint" }),
            tries: asked(left.filter(|_| !is_new), if is_pin { 3 } else { 5 }),
            last_try: !is_new && left == Some(1),
            error: (wrong && !is_new)
                .then(|| t.say(if is_pin { "confirm-pin-wrong" } else { "confirm-password-wrong" })),
            advice: Advice::of(t, is_pin, submit),
        }
    };
    session.purposes.iter().map(field).collect()
}

/// What the page's script sends.
#[derive(Debug, Deserialize)]
pub(super) struct Sealed {
    session: String,
    blocks: Vec<Bytes>,
}

/// `POST /{act}`: the sealed passwords go to the element. Says where the page goes next.
pub(super) async fn seal(
    screen: Screen,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    Json(sealed): Json<Sealed>,
) -> Result<Response, Refused> {
    let act = act_of(&name, &asked.request)?;
    let transaction = {
        let open = screen.phone.session.lock().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map(|open| open.transaction.clone())
    };
    // What the page told is over, so that it is not told again to who goes back.
    screen.phone.desk.forget(&asked.told);
    let pins = SealedPins { blocks: sealed.blocks };
    let next = match screen.phone.complete_session(&sealed.session, &pins).await {
        Ok(given) => {
            let login = transaction.as_ref().and_then(|transaction| login_of(transaction).ok());
            next_page(&screen, &name, (act, given), login)
        }
        Err(problem) => again(&screen, &name, &asked.request, problem),
    };
    Ok(Json(json!({ "next": next })).into_response())
}

/// Where it goes on after an act.
fn next_page(
    screen: &Screen,
    name: &str,
    (act, given): (Act, Given),
    login: Option<tefuda_protocol::transaction::LoginTransaction>,
) -> String {
    match (act, given) {
        (_, Given::Recovery(code)) => {
            let told = screen.phone.desk.tell(Told::Recovery(Secret::new(code.recovery_code)));
            screen.own(&format!("/enrol/recovery?told={told}"))
        }
        (_, Given::Login(outcome)) => {
            let same = login.as_ref().is_some_and(|login| login.channel == LoginChannel::SameDevice);
            if outcome.accepted && same {
                return outcome.continue_url;
            }
            let told = screen.phone.desk.tell(Told::Login(Box::new(Ended { outcome, login })));
            screen.own(&format!("/answered?told={told}"))
        }
        (_, Given::Progress(progress)) => match progress.recovery_code {
            Some(code) => {
                let told = screen.phone.desk.tell(Told::Recovery(Secret::new(code)));
                screen.own(&format!("/enrol/recovery?told={told}"))
            }
            None => screen.own("/enrol/decision"),
        },
        (Act::EnrolBiometrics, Given::Status(_)) => screen.own("/enrol/done"),
        (_, Given::Status(_)) => screen.own(&format!("/settings?done={name}")),
    }
}

/// The same page again, or the page of the refusal.
fn again(screen: &Screen, name: &str, request: &str, problem: Problem) -> String {
    let asks_again = AGAIN.contains(&problem.reason());
    let told = screen.phone.desk.tell(Told::Refused(problem));
    if asks_again {
        screen.confirm(&format!("/{name}?request={}&told={told}", quoted(request)))
    } else {
        screen.own(&format!("/refused?told={told}"))
    }
}

/// `POST /login/denial`: the person says no. Answered here, since a form does not lead to another origin.
pub(super) async fn deny(screen: Screen, Form(denied): Form<Denied>) -> Shown {
    let login = screen.phone.login_transaction(&denied.request).await.ok();
    let login = login.and_then(|transaction| login_of(&transaction).ok());
    let outcome = screen.phone.deny(&denied.request).await?;
    answered::answer(&screen, &outcome, login.as_ref())
}
