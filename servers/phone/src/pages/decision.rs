//! Step 5: the authority decides, the phone is told, the holder registers; then the recovery code, once.

use askama::Template;
use axum::{Form, extract::Query, http::StatusCode};
use serde::Deserialize;
use tefuda_pages::Frame;
use tefuda_phone::enrolment::EnrolmentError;
use tefuda_protocol::{
    enrolment::ApplicationState,
    phone::{Biometrics, Next, PhoneState},
};
use tefuda_types::{CertificateKind, Family, Secret};
use tefuda_web::{Problem, ProblemBody};

use super::{
    desk::Told,
    people,
    refusal::{Name, Refused},
    screen::{Screen, Shown, page, see},
};

#[derive(Template)]
#[template(path = "enrol-waiting.html")]
struct WaitingPage {
    frame: Frame,
    decision_at: String,
    now: String,
    clock: String,
}

#[derive(Template)]
#[template(path = "enrol-approved.html")]
struct ApprovedPage {
    frame: Frame,
    certificates: Vec<(String, String)>,
    register: String,
    register_until: String,
    earlier: Option<String>,
}

/// `GET /enrol/decision`: waiting, or the notification.
pub(super) async fn show(screen: Screen) -> Shown {
    let progress = match screen.phone.enrolment().await {
        Ok(progress) => progress,
        Err(problem) if problem.reason() == "enrol.not_begun" => return see("/enrol"),
        Err(problem) => return Err(Refused::new(problem)),
    };
    if let Some(code) = progress.recovery_code {
        let told = screen.phone.desk.tell(Told::Recovery(Secret::new(code)));
        return see(&format!("/enrol/recovery?told={told}"));
    }
    match (progress.next, progress.decision_at) {
        (Next::Decision, Some(at)) => page(WaitingPage {
            decision_at: screen.moment(at),
            now: screen.moment(screen.phone.now()),
            clock: screen.clock(),
            frame: screen.path(),
        }),
        // Sent and not answered: the next look sends it again.
        (Next::Decision, None) => page(WaitingPage {
            decision_at: screen.t().say("phone-waiting-soon"),
            now: screen.moment(screen.phone.now()),
            clock: screen.clock(),
            frame: screen.path(),
        }),
        (Next::Register, _) => approved(&screen).await,
        (Next::Nothing, _) if progress.state == PhoneState::Registered => see("/enrol/done"),
        (Next::Nothing, _) => Err(refused(&screen).await?),
        (Next::Card | Next::Pins, _) => see("/enrol"),
    }
}

/// Why the application came to nothing.
async fn refused(screen: &Screen) -> Result<Refused, Refused> {
    let memory = screen.phone.memory().await?;
    let enrolment = memory.enrolment.ok_or(EnrolmentError::NotBegun)?;
    let told = enrolment.steps(false).into_iter().find_map(|step| step.reason);
    let Some(reason) = told else { return Ok(EnrolmentError::Ended.into()) };
    let body = ProblemBody { reason, message: String::new() };
    Ok(Refused::new(Problem::passed_on(StatusCode::CONFLICT, body)))
}

async fn approved(screen: &Screen) -> Shown {
    let t = screen.t();
    let memory = screen.phone.memory().await?;
    let enrolment = memory.enrolment.as_ref().ok_or(EnrolmentError::NotBegun)?;
    let certificates = enrolment.to_register()?.iter().map(|issued| {
        let name = t.say(match issued.kind {
            CertificateKind::PhoneSign => "kind-phone-sign",
            _ => "kind-phone-auth",
        });
        (name, t.with("phone-until", "day", screen.day(issued.not_after)))
    });
    let until = match &enrolment.stage {
        tefuda_phone::enrolment::Stage::Sent {
            state: ApplicationState::Approved { register_until }, ..
        } => screen.moment(*register_until),
        _ => String::new(),
    };
    let family = screen.phone.model()?.family;
    let earlier = people::earlier_phone(&screen.phones, &screen.phone, family, &enrolment.resident).await?;
    page(ApprovedPage {
        frame: screen.path(),
        certificates: certificates.collect(),
        register: screen.confirm("/register"),
        register_until: until,
        earlier: earlier.map(|earlier| people::earlier_ends(t, family, &earlier)),
    })
}

#[derive(Template)]
#[template(path = "recovery.html")]
struct RecoveryPage {
    frame: Frame,
    code: String,
    told: String,
    step: bool,
}

/// `GET /enrol/recovery?told=`: shown until the person says that it is written down, or this process ends.
pub(super) async fn recovery(screen: Screen, Query(name): Query<Name>) -> Shown {
    let status = screen.phone.status().await?;
    let step = status.biometrics == Biometrics::None;
    match screen.phone.desk.told(&name.told).as_deref() {
        Some(Told::Recovery(code)) => {
            page(RecoveryPage { frame: screen.path(), code: code.expose().clone(), told: name.told, step })
        }
        _ => see("/enrol/biometrics"),
    }
}

#[derive(Deserialize)]
pub(super) struct WrittenDown {
    told: String,
}

/// `POST /enrol/recovery`.
pub(super) async fn written_down(screen: Screen, Form(done): Form<WrittenDown>) -> Shown {
    screen.phone.desk.forget(&done.told);
    let status = screen.phone.status().await?;
    see(if status.biometrics == Biometrics::None { "/enrol/biometrics" } else { "/" })
}

#[derive(Template)]
#[template(path = "enrol-done.html")]
struct DonePage {
    frame: Frame,
    biometrics: bool,
    biometrics_icon: &'static str,
    portal: String,
}

/// `GET /enrol/done`: what one can do now.
pub(super) async fn done(screen: Screen) -> Shown {
    let status = screen.phone.status().await?;
    if status.state != PhoneState::Registered {
        return see("/");
    }
    page(DonePage {
        frame: screen.path(),
        biometrics: status.biometrics == Biometrics::Enrolled,
        biometrics_icon: if status.family == Family::Iphone { "face" } else { "finger" },
        portal: format!("{}/?lang={}", screen.phones.context().urls.portal(), screen.language.tag()),
    })
}
