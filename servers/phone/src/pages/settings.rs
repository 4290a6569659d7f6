//! What the holder changes: passwords, the recovery code, the finger or face, and giving the phone up.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query},
};
use serde::Deserialize;
use tefuda_pages::{Frame, Link};
use tefuda_phone::standing;
use tefuda_protocol::phone::{Biometrics, PhoneState, PhoneStatus};
use tefuda_types::{Family, PinKind};

use super::{
    card::{self, Held, Wanted},
    people,
    reading::{Purpose, Reading},
    refusal::Refused,
    screen::{Screen, Shown, page, see},
};

#[derive(Debug, Deserialize)]
pub(super) struct Look {
    /// What was done just now.
    #[serde(default)]
    done: String,
    /// The reading whose refusal is told.
    #[serde(default)]
    told: String,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    done: Option<String>,
    status: PhoneStatus,
    in_use: bool,
    /// Its certificates are revoked: there is nothing left to change.
    ended: bool,
    enrolled: bool,
    stale: bool,
    face: bool,
    change_auth: String,
    change_sign: String,
    recovery_code: String,
    enrol: String,
    authenticator: bool,
}

/// `GET /settings`.
pub(super) async fn show(screen: Screen, Query(look): Query<Look>) -> Shown {
    let status = screen.phone.status().await?;
    let t = screen.t();
    page(SettingsPage {
        frame: screen.main(),
        done: match look.done.as_str() {
            "change-pin-sign" | "reset-pin-sign" => Some(t.say("phone-done-password")),
            "change-pin-auth" | "reset-pin-auth" => Some(t.say("phone-done-pin")),
            "enrol-biometrics" => Some(t.say("phone-done-biometrics")),
            "change" => Some(t.say("phone-done-biometrics-changed")),
            "remove" => Some(t.say("phone-done-biometrics-removed")),
            _ => None,
        },
        in_use: matches!(status.state, PhoneState::Registered | PhoneState::Stopped),
        ended: standing::has_ended(&status),
        enrolled: status.biometrics != Biometrics::None,
        stale: status.biometrics == Biometrics::Stale,
        face: status.family == Family::Iphone,
        change_auth: screen.confirm("/change-pin-auth"),
        change_sign: screen.confirm("/change-pin-sign"),
        recovery_code: screen.confirm("/recovery-code"),
        enrol: screen.confirm("/enrol-biometrics"),
        authenticator: screen.phone.os().authenticator.is_some(),
        status,
    })
}

/// `GET /settings/reset/{kind}`: a forgotten password is set anew with the card.
pub(super) async fn reset(screen: Screen, Path(kind): Path<PinKind>, Query(look): Query<Look>) -> Shown {
    let memory = screen.phone.memory().await?;
    // A phone that has ended can apply anew, for which a forgotten password is set anew.
    if !memory.is_enrolling() {
        Refused::if_ended(&screen.phone.status().await?)?;
    }
    let holder = memory.enrolment.map(|enrolment| enrolment.resident.to_string()).unwrap_or_default();
    let (action, title) = match kind {
        PinKind::Sign => ("/settings/reset/sign", "phone-reset-sign-title"),
        PinKind::Auth => ("/settings/reset/auth", "phone-reset-auth-title"),
    };
    let wanted = Wanted {
        purpose: Purpose::Reset(kind),
        action,
        title: screen.t().say(title),
        cards: people::cards(&screen.phones).await?,
        chosen: holder,
        told: &look.told,
        anew: false,
    };
    card::card_page(&screen, wanted).await
}

/// `POST /settings/reset/{kind}`: the card is held.
pub(super) async fn hold(screen: Screen, Path(kind): Path<PinKind>, Form(held): Form<Held>) -> Shown {
    let purpose = Purpose::Reset(kind);
    Reading::begin(&screen.phone, purpose, held.shown(purpose));
    see("/settings/reading")
}

/// `GET /settings/reading`: how far the card is read.
pub(super) async fn reading(screen: Screen) -> Shown {
    let Some(reading) = screen.phone.desk.reading() else { return see("/settings") };
    let Purpose::Reset(kind) = reading.purpose else { return see("/settings") };
    let (again, act) = match kind {
        PinKind::Sign => ("/settings/reset/sign", "/reset-pin-sign"),
        PinKind::Auth => ("/settings/reset/auth", "/reset-pin-auth"),
    };
    let next = Link::new(screen.confirm(act), screen.t().say("phone-choose-new"));
    card::reading_page(&screen, &reading, again, next).await
}

/// What is done to the enrolled fingers or faces.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// Another one is enrolled at the sensor.
    Change,
    /// The PIN alone from now on.
    Remove,
}

/// `POST /settings/biometrics/{change}`.
pub(super) async fn biometrics(screen: Screen, Path(change): Path<Change>) -> Shown {
    match change {
        Change::Change => {
            screen.phone.change_biometrics().await?;
            see("/settings?done=change")
        }
        Change::Remove => {
            screen.phone.remove_biometrics().await?;
            see("/settings?done=remove")
        }
    }
}

#[derive(Template)]
#[template(path = "retire.html")]
struct RetirePage {
    frame: Frame,
    model: String,
}

/// `GET /settings/retire`: what giving the phone up means.
pub(super) async fn retire(screen: Screen) -> Shown {
    page(RetirePage { model: screen.called(), frame: screen.path() })
}

/// `POST /settings/retire`.
pub(super) async fn retired(screen: Screen) -> Shown {
    screen.phone.retire().await?;
    see("/")
}

#[derive(Template)]
#[template(path = "factory-reset.html")]
struct FactoryResetPage {
    frame: Frame,
    in_use: bool,
}

/// `GET /settings/factory-reset`: what it does not do.
pub(super) async fn factory_reset(screen: Screen) -> Shown {
    let in_use = screen.phone.memory().await?.wallet.is_some();
    page(FactoryResetPage { frame: screen.path(), in_use })
}

/// `POST /settings/factory-reset`.
pub(super) async fn factory_resetted(screen: Screen) -> Shown {
    screen.phone.factory_reset().await?;
    see("/")
}

#[derive(Template)]
#[template(path = "lift.html")]
struct LiftPage {
    frame: Frame,
    model: String,
}

/// `GET /lift`: what goes on and what is lost when a phone that was found is resumed.
pub(super) async fn found(screen: Screen) -> Shown {
    if screen.phone.status().await?.state != PhoneState::Stopped {
        return see("/");
    }
    page(LiftPage { model: screen.called(), frame: screen.path() })
}

/// `POST /lift`: the phone was found.
pub(super) async fn lift(screen: Screen) -> Shown {
    screen.phone.lift().await?;
    see("/?done=lift")
}
