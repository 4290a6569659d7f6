//! `tefuda phone`.

use clap::{Args, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::path::Path;
use tefuda_protocol::{
    device::StopRequest,
    phone::{Act, CardShown, Finger},
};
use tefuda_types::{CertificateKind, PhoneName, PinKind, ResidentId};

use super::{
    phone_consent::{Passwords, agree},
    phone_enrol::{self, Enrolling, Options},
    phone_login,
    pins::{self, PinSource},
};
use crate::{Done, arguments::Arguments, failure::Failure, print, running::Running, up};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The model catalogue: what each family can do since when.
    Models,
    /// A new phone.
    Create {
        name: PhoneName,
        /// As `phone models` names it; the first that can enrol unless said.
        #[arg(long, value_name = "M")]
        model: Option<String>,
    },
    /// Every phone and its state.
    List,
    /// One phone: certificates, tries, biometrics, deletion.
    Status { name: PhoneName },
    /// Throw a phone away. Its certificates stay what they are.
    Delete { name: PhoneName },
    /// The six steps up to registration, from a resident's card.
    Enroll {
        name: PhoneName,
        #[arg(long, value_name = "ID")]
        resident: ResidentId,
        #[command(flatten)]
        pins: EnrollPins,
        #[command(flatten)]
        options: Options,
    },
    /// The tap on the notification, for an application that was decided later.
    Register {
        name: PhoneName,
        /// The phone's signature password: VALUE, `-` or @FILE.
        #[arg(long, value_name = "P")]
        sign_pin: PinSource,
    },
    /// The emulated sensor in place of the authentication PIN.
    Biometrics {
        name: PhoneName,
        #[command(subcommand)]
        act: Biometrics,
    },
    /// A forgotten or blocked password, set anew with the card.
    ResetPin {
        name: PhoneName,
        /// `phone-sign` or `phone-auth`.
        #[arg(long)]
        kind: CertificateKind,
        #[arg(long, value_name = "ID")]
        resident: ResidentId,
        /// The card's signature password, for `phone-sign`.
        #[arg(long, value_name = "P")]
        card_sign_pin: Option<PinSource>,
        #[arg(long, value_name = "P")]
        new_pin: PinSource,
        /// Go on although one try of the card's password is left.
        #[arg(long)]
        risk_last_try: bool,
    },
    /// Log in at a relying party: this command is the browser, the phone approves.
    Login {
        name: PhoneName,
        #[command(flatten)]
        by: Presence,
        /// The relying party's authorization URL.
        #[arg(required_unless_present = "biometric")]
        url: Option<url::Url>,
    },
    /// Hold the phone against a reader until ended.
    Tap {
        name: PhoneName,
        /// A name of the ready file's `readers`, or HOST:PORT.
        #[arg(long, value_name = "READER")]
        to: String,
    },
    /// Give the phone up: both certificates are revoked, the element is wiped.
    Retire { name: PhoneName },
    /// Stop a lost phone with its recovery code.
    Stop {
        name: PhoneName,
        #[arg(long, value_name = "C")]
        recovery_code: PinSource,
    },
    /// The phone was found. With both passwords the signature certificate is applied for anew.
    Lift {
        name: PhoneName,
        #[arg(long, value_name = "P", requires = "sign_pin")]
        card_sign_pin: Option<PinSource>,
        #[arg(long, value_name = "P", requires = "card_sign_pin")]
        sign_pin: Option<PinSource>,
    },
    /// A new recovery code.
    RecoveryCode {
        name: PhoneName,
        #[arg(long, value_name = "P")]
        sign_pin: PinSource,
    },
    /// Clear the phone; the element stays as it is.
    FactoryReset { name: PhoneName },
    /// A sensor of the element fires: the holder's keys are gone.
    Tamper {
        name: PhoneName,
        #[arg(long, value_enum, value_name = "E")]
        event: SensorEvent,
    },
}

/// Passwords of an enrolment: VALUE, `-` (standard input, a line each in this order) or @FILE.
#[derive(Debug, Args)]
pub struct EnrollPins {
    /// The card's signature password.
    #[arg(long, value_name = "P")]
    card_sign_pin: PinSource,
    /// The phone's signature password: 6 to 16 letters and digits.
    #[arg(long, value_name = "P")]
    sign_pin: PinSource,
    /// The phone's authentication PIN: four digits.
    #[arg(long, value_name = "P")]
    auth_pin: PinSource,
}

/// How the person proves presence in a login.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Presence {
    /// The phone's authentication PIN: VALUE, `-` or @FILE.
    #[arg(long, value_name = "P")]
    auth_pin: Option<PinSource>,
    /// A finger or face at the emulated sensor.
    #[arg(long, value_name = "FINGER", num_args = 0..=1, default_missing_value = "1")]
    biometric: Option<Touched>,
}

/// What follows `--biometric`: a finger, or already the URL.
#[derive(Clone, Debug)]
enum Touched {
    Finger(Finger),
    Url(url::Url),
}

impl std::str::FromStr for Touched {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1" => Ok(Self::Finger(Finger::First)),
            "2" => Ok(Self::Finger(Finger::Second)),
            "unknown" => Ok(Self::Finger(Finger::Unknown)),
            other => {
                url::Url::parse(other).map(Self::Url).map_err(|_| "a finger is 1, 2 or unknown".to_owned())
            }
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Biometrics {
    /// Enrol the set that the sensor knows.
    Enroll {
        /// The phone's authentication PIN: VALUE, `-` or @FILE.
        #[arg(long, value_name = "P")]
        auth_pin: PinSource,
    },
    /// Somebody adds a finger at the sensor: the PIN is needed once.
    Change,
    /// The PIN alone from now on.
    Remove,
}

/// Sensors of the element.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SensorEvent {
    Temperature,
    Voltage,
    Light,
    Clock,
    Shield,
}

impl SensorEvent {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::Voltage => "voltage",
            Self::Light => "light",
            Self::Clock => "clock",
            Self::Shield => "shield",
        }
    }
}

/// A phone as the command line reaches it.
#[derive(Debug)]
pub struct Phone<'a> {
    pub running: &'a Running,
    pub name: &'a PhoneName,
}

impl Phone<'_> {
    /// Address of something that the phone answers on its own host.
    fn url(&self, path: &str) -> String {
        let plain = self.running.url("phones", path);
        plain.replacen("://localhost", &format!("://phone-{}.localhost", self.name), 1)
    }

    /// Asks the phone.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.running.answered(self.running.client.get(&self.url(path)).await)
    }

    /// Tells the phone.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl serde::Serialize + Sync),
    ) -> Result<T, Failure> {
        self.running.answered(self.running.client.post(&self.url(path), body).await)
    }

    async fn act(&self, path: &str) -> Done {
        self.post(path, &json!({})).await
    }
}

pub async fn run(home: &Path, verb: Verb) -> Done {
    let running = Running::find(home)?;
    match verb {
        Verb::Models => running.get("phones", "/admin/models").await,
        Verb::List => running.get("phones", "/admin/phones").await,
        Verb::Create { name, model } => {
            running.post("phones", "/admin/phones", &json!({ "name": name, "model": model })).await
        }
        Verb::Delete { name } => {
            let url = running.url("phones", &format!("/admin/phones/{name}"));
            running.answered(running.client.delete(&url).await)
        }
        Verb::Stop { name: _, recovery_code } => stop(&running, &pins::read(&recovery_code)?).await,
        other => of_phone(&running, other).await,
    }
}

/// The verbs that one phone carries out.
async fn of_phone(running: &Running, verb: Verb) -> Done {
    let on = |name| Phone { running, name };
    match &verb {
        Verb::Status { name } => status(&on(name)).await,
        Verb::Retire { name } => on(name).act("/api/retire").await,
        Verb::FactoryReset { name } => on(name).act("/api/factory-reset").await,
        Verb::Tamper { name, event } => {
            on(name).post("/api/tamper", &json!({ "event": event.as_str() })).await
        }
        Verb::Enroll { name, resident, pins: given, options } => {
            let enrolling = Enrolling {
                card_sign: pins::read(&given.card_sign_pin)?,
                passwords: Passwords::both(pins::read(&given.sign_pin)?, pins::read(&given.auth_pin)?)?,
            };
            phone_enrol::enrol(&on(name), resident, &enrolling, options).await
        }
        Verb::Register { name, sign_pin } => {
            phone_enrol::register(&on(name), &Passwords::sign(pins::read(sign_pin)?)?).await
        }
        Verb::Biometrics { name, act } => biometrics(&on(name), act).await,
        Verb::ResetPin { .. } => reset_pin(running, verb).await,
        Verb::Login { name, by, url } => login(&on(name), by, url.as_ref()).await,
        Verb::Tap { name, to } => tap(&on(name), to).await,
        Verb::Lift { name, card_sign_pin, sign_pin } => {
            lift(&on(name), card_sign_pin.as_ref().zip(sign_pin.as_ref())).await
        }
        Verb::RecoveryCode { name, sign_pin } => {
            agree(&on(name), &Act::RecoveryCode, &Passwords::sign(pins::read(sign_pin)?)?).await
        }
        Verb::Models | Verb::List | Verb::Create { .. } | Verb::Delete { .. } | Verb::Stop { .. } => {
            Ok(Value::Null)
        }
    }
}

/// The phone's state, with its inbox.
async fn status(phone: &Phone<'_>) -> Done {
    let mut status: Map<String, Value> = phone.get("/api/status").await?;
    status.extend(phone.get::<Map<String, Value>>("/api/notices").await?);
    Ok(Value::Object(status))
}

async fn login(phone: &Phone<'_>, by: &Presence, url: Option<&url::Url>) -> Done {
    let usage = || {
        let mut command = <Arguments as clap::CommandFactory>::command();
        command.error(clap::error::ErrorKind::MissingRequiredArgument, "the authorization URL is missing")
    };
    match (&by.auth_pin, &by.biometric, url) {
        (Some(pin), _, Some(url)) => {
            phone_login::with_pin(phone, url, &Passwords::auth(pins::read(pin)?)?).await
        }
        (None, Some(Touched::Finger(finger)), Some(url)) => {
            phone_login::with_biometrics(phone, url, *finger).await
        }
        (None, Some(Touched::Url(url)), None) => {
            phone_login::with_biometrics(phone, url, Finger::First).await
        }
        _ => usage().exit(),
    }
}

/// A dark phone cannot help: the code goes to the authority.
async fn stop(running: &Running, typed: &tefuda_types::Secret<String>) -> Done {
    let code = tefuda_phone::recovery::normalised(typed.expose());
    let request = StopRequest { recovery_code: code.expose().clone() };
    running.post("authority", "/api/stops", &request).await
}

async fn biometrics(phone: &Phone<'_>, act: &Biometrics) -> Done {
    match act {
        Biometrics::Enroll { auth_pin } => {
            agree(phone, &Act::EnrolBiometrics, &Passwords::auth(pins::read(auth_pin)?)?).await
        }
        Biometrics::Change => phone.act("/api/biometrics/change").await,
        Biometrics::Remove => phone.act("/api/biometrics/remove").await,
    }
}

async fn reset_pin(running: &Running, verb: Verb) -> Done {
    let Verb::ResetPin { name, kind, resident, card_sign_pin, new_pin, risk_last_try } = verb else {
        return Ok(Value::Null);
    };
    let phone = Phone { running, name: &name };
    let card = card_sign_pin.as_ref().map(pins::read).transpose()?;
    let new_pin = pins::read(&new_pin)?;
    let (kind, passwords) = if kind.is_signature() {
        (PinKind::Sign, Passwords::sign(new_pin)?)
    } else {
        (PinKind::Auth, Passwords::auth(new_pin)?)
    };
    let shown = CardShown {
        resident,
        card_sign_pin: card.map(|pin| pin.expose().clone()),
        reset: Some(kind),
        risk_last_try,
    };
    let _: Value = phone.post("/api/pin-reset", &shown).await?;
    agree(&phone, &Act::ResetPin { kind }, &passwords).await
}

async fn lift(phone: &Phone<'_>, passwords: Option<(&PinSource, &PinSource)>) -> Done {
    let enrolling = match passwords {
        Some((card, sign)) => {
            let card_sign = pins::read(card)?;
            Some(Enrolling { card_sign, passwords: Passwords::sign(pins::read(sign)?)? })
        }
        None => None,
    };
    let lifted: Value = phone.act("/api/lift").await?;
    match enrolling {
        None => Ok(lifted),
        Some(enrolling) => {
            let holder: tefuda_protocol::phone::EnrolmentStart = phone.get("/api/holder").await?;
            phone_enrol::enrol(phone, &holder.resident, &enrolling, &Options::default()).await
        }
    }
}

/// The answer under way is the hand that holds the phone: letting go of it takes the phone away.
async fn tap(phone: &Phone<'_>, to: &str) -> Done {
    let stop_asked = up::told_to_stop()?;
    let to = phone.running.ready.readers.get(to).map_or(to, String::as_str);
    let opened = phone.running.client.open(&phone.url("/api/tap"), &json!({ "to": to })).await;
    let mut held = phone.running.answered(opened)?;
    print::prose(&format!("held against {to}; end with Ctrl-C"));
    let until_gone = async { while let Ok(Some(_)) = held.chunk().await {} };
    let ended_by = tokio::select! {
        () = stop_asked => "holder",
        () = until_gone => "reader",
    };
    Ok(json!({ "name": phone.name, "reader": to, "ended_by": ended_by }))
}
