//! The phone's first screen: what is on it, what it is for, and what can be done now.

use askama::Template;
use axum::extract::Query;
use serde::Deserialize;
use tefuda_pages::{Frame, Language, Texts};
use tefuda_phone::{
    memory::Memory,
    standing::{self, Again},
};
use tefuda_protocol::{
    device::{CertificateView, Deletion},
    phone::{Biometrics, PhoneState, PhoneStatus},
};
use tefuda_types::{CertificateKind, CertificateStatus, Family};

use super::{
    records::{NoticeLine, notice_lines},
    screen::{Screen, Shown, page},
};

/// What a state means to its holder.
pub(super) struct Note {
    pub tone: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub text: String,
}

/// The one main button, and what happens after it.
pub(super) struct Action {
    pub href: &'static str,
    pub text: String,
    pub next: String,
}

/// A certificate as its holder sees it.
pub(super) struct CertificateCard {
    pub icon: &'static str,
    pub name: String,
    pub used_for: String,
    pub until: String,
    pub tries: Option<String>,
    pub status: String,
    pub tone: &'static str,
    pub mark: &'static str,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
    model: String,
    state: &'static str,
    note: Option<Note>,
    certificates: Vec<CertificateCard>,
    biometrics: Option<String>,
    biometrics_icon: &'static str,
    action: Option<Action>,
    renew: bool,
    notices: Vec<NoticeLine>,
    ready: bool,
    resumed: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Look {
    /// What was done just now.
    #[serde(default)]
    done: String,
}

/// `GET /`.
pub(super) async fn show(screen: Screen, Query(look): Query<Look>) -> Shown {
    let status = screen.phone.status().await?;
    let memory = screen.phone.memory().await?;
    let notices = screen.phone.notices().await?;
    let t = screen.t();
    let ready = status.state == PhoneState::Registered && !standing::has_ended(&status);
    let renew = ready && standing::again(&status.certificates) == Again::Signature;
    page(HomePage {
        model: screen.called(),
        state: state_name(status.state),
        note: note(t, &status),
        certificates: status.certificates.iter().map(|c| certificate(&screen, c, &status)).collect(),
        biometrics: ready.then(|| t.say(biometrics(status.biometrics, status.family))),
        biometrics_icon: if status.family == Family::Iphone { "face" } else { "finger" },
        action: action(t, &status, &memory, renew),
        renew,
        notices: notice_lines(&screen, &notices).into_iter().take(2).collect(),
        ready,
        resumed: ready && look.done == "lift",
        frame: screen.main(),
    })
}

const fn state_name(state: PhoneState) -> &'static str {
    match state {
        PhoneState::Empty => "empty",
        PhoneState::Applied => "applied",
        PhoneState::Approved => "approved",
        PhoneState::Registered => "registered",
        PhoneState::Stopped => "stopped",
        PhoneState::Retired => "retired",
        PhoneState::Wiped => "wiped",
        PhoneState::Tampered => "tampered",
    }
}

/// What the phone's state means, where it is not simply in use.
fn note(t: Texts, status: &PhoneStatus) -> Option<Note> {
    let note = |tone, icon, title: &str, text: String| Some(Note { tone, icon, title: t.say(title), text });
    let deletion = |text: &str| {
        let deletion = match status.deletion {
            Deletion::None => "phone-deletion-none",
            Deletion::Ordered => "phone-deletion-ordered",
            Deletion::Confirmed => "phone-deletion-confirmed",
        };
        let between = if t.0 == Language::English { " " } else { "" };
        format!("{}{between}{}", t.say(text), t.say(deletion))
    };
    match status.state {
        PhoneState::Registered if standing::has_ended(status) => {
            note("bad", "cross", "phone-state-ended", t.say("phone-state-ended-means"))
        }
        PhoneState::Registered => None,
        PhoneState::Empty => note("", "info", "phone-state-empty", t.say("phone-state-empty-means")),
        PhoneState::Applied => note("", "clock", "phone-state-applied", t.say("phone-state-applied-means")),
        PhoneState::Approved => {
            note("good", "bell", "phone-state-approved", t.say("phone-state-approved-means"))
        }
        PhoneState::Stopped => {
            note("warn", "pause", "phone-state-stopped", t.say("phone-state-stopped-means"))
        }
        PhoneState::Retired => {
            note("", "trash", "phone-state-retired", deletion("phone-state-retired-means"))
        }
        PhoneState::Wiped => note("", "trash", "phone-state-wiped", deletion("phone-state-wiped-means")),
        PhoneState::Tampered => {
            note("bad", "alert", "phone-state-tampered", t.say("phone-state-tampered-means"))
        }
    }
}

fn action(t: Texts, status: &PhoneStatus, memory: &Memory, renew: bool) -> Option<Action> {
    let action = |href, text: &str, next: &str| Some(Action { href, text: t.say(text), next: t.say(next) });
    let begun = memory.is_enrolling();
    match status.state {
        PhoneState::Empty if begun => action("/enrol", "phone-go-on", "phone-go-on-next"),
        PhoneState::Empty | PhoneState::Retired | PhoneState::Wiped => {
            action("/enrol", "phone-apply", "phone-apply-next")
        }
        PhoneState::Applied => action("/enrol/decision", "phone-look-decision", "phone-look-decision-next"),
        PhoneState::Approved => action("/enrol/decision", "phone-register", "phone-register-next"),
        PhoneState::Stopped => action("/lift", "phone-lift", "phone-lift-look-next"),
        PhoneState::Registered if begun => action("/enrol", "phone-go-on", "phone-go-on-next"),
        PhoneState::Registered if standing::has_ended(status) => {
            action("/enrol", "phone-apply", "phone-apply-next")
        }
        PhoneState::Registered if renew => action("/enrol", "phone-renew", "phone-renew-next"),
        PhoneState::Registered => action("/scan", "phone-scan-code", "phone-scan-code-next"),
        PhoneState::Tampered => None,
    }
}

const fn biometrics(biometrics: Biometrics, family: Family) -> &'static str {
    match (biometrics, family) {
        (Biometrics::None, Family::Iphone) => "phone-face-none",
        (Biometrics::Enrolled, Family::Iphone) => "phone-face-enrolled",
        (Biometrics::Stale, Family::Iphone) => "phone-face-stale",
        (Biometrics::None, Family::Android) => "phone-finger-none",
        (Biometrics::Enrolled, Family::Android) => "phone-finger-enrolled",
        (Biometrics::Stale, Family::Android) => "phone-finger-stale",
    }
}

/// Name, tone and icon of what is known of a certificate.
pub(super) fn standing_of(t: Texts, status: CertificateStatus) -> (String, &'static str, &'static str) {
    match status {
        CertificateStatus::Valid => (t.say("status-valid"), "good", "check"),
        CertificateStatus::Suspended => (t.say("status-suspended"), "warn", "pause"),
        CertificateStatus::Revoked => (t.say("status-revoked"), "bad", "cross"),
        CertificateStatus::NotKnown => (t.say("status-not-known"), "", "info"),
    }
}

fn certificate(screen: &Screen, held: &CertificateView, status: &PhoneStatus) -> CertificateCard {
    let t = screen.t();
    let is_signature = held.kind == CertificateKind::PhoneSign;
    let (word, tone, mark) = standing_of(t, held.status);
    let tries = status.retries.map(|retries| {
        if is_signature {
            t.with2("phone-tries-sign", "left", retries.sign, "of", 5)
        } else {
            t.with2("phone-tries-auth", "left", retries.auth, "of", 3)
        }
    });
    CertificateCard {
        icon: if is_signature { "pen" } else { "person" },
        name: t.say(if is_signature { "kind-phone-sign" } else { "kind-phone-auth" }),
        used_for: t.say(if is_signature { "phone-sign-used-for" } else { "phone-auth-used-for" }),
        until: t.with("phone-until", "day", screen.day(held.not_after)),
        tries,
        status: word,
        tone,
        mark,
    }
}
