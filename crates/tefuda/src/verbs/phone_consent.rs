//! Agreeing to a transaction with a phone's passwords: shown here, sealed here, opened by the element alone.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tefuda_keys::SystemRandom;
use tefuda_phone::{
    advice::Advice,
    password::{self, PasswordError},
    seal,
};
use tefuda_protocol::{
    phone::{Act, PhoneStatus, PinSession, Retries},
    sealed::PinPurpose,
    transaction::{LoginChannel, LoginTransaction, Transaction, TransactionKind},
};
use tefuda_types::{Bytes, Secret};

use super::phone::Phone;
use crate::{
    Done,
    failure::{Failure, ProgramError},
    print,
};

/// A phone's passwords, in the form in which the element knows them.
#[derive(Debug, Default)]
pub struct Passwords {
    pub sign: Option<Secret<String>>,
    pub auth: Option<Secret<String>>,
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        Self::of(&error)
    }
}

impl Passwords {
    /// The signature password alone.
    pub fn sign(typed: Secret<String>) -> Result<Self, Failure> {
        Ok(Self { sign: Some(password::signature(&typed)?), auth: None })
    }

    /// The authentication PIN alone.
    pub fn auth(typed: Secret<String>) -> Result<Self, Failure> {
        Ok(Self { sign: None, auth: Some(password::pin(&typed)?) })
    }

    /// Both.
    pub fn both(sign: Secret<String>, auth: Secret<String>) -> Result<Self, Failure> {
        Ok(Self { sign: Some(password::signature(&sign)?), auth: Some(password::pin(&auth)?) })
    }

    /// The one that a purpose is about.
    pub fn of(&self, purpose: PinPurpose) -> Option<&Secret<String>> {
        match purpose {
            PinPurpose::VerifySign | PinPurpose::SetSign => self.sign.as_ref(),
            PinPurpose::VerifyAuth | PinPurpose::SetAuth => self.auth.as_ref(),
        }
    }
}

/// Who vouches for elements.
#[derive(Deserialize)]
struct Maker {
    public_key: Bytes,
}

/// What a person is shown of a transaction that is no login.
#[derive(Default, Deserialize)]
pub struct Shown {
    #[serde(default)]
    phone: String,
    #[serde(default)]
    certificates: Vec<String>,
    /// Told where passwords are set.
    #[serde(default)]
    pub birth_date: Option<String>,
}

impl Shown {
    pub fn of(transaction: &Transaction) -> Self {
        serde_json::from_str(&transaction.body).unwrap_or_default()
    }
}

/// A session that waits for its passwords, and what there is to say before they are risked.
pub struct Asked {
    pub session: PinSession,
    pub advice: Vec<&'static str>,
}

/// Opens a session and shows what is to be agreed to. Who has one try left is told before it is spent.
pub async fn ask(phone: &Phone<'_>, act: &Act) -> Result<Asked, Failure> {
    let status: PhoneStatus = phone.get("/api/status").await?;
    let session: PinSession = phone.post("/api/pin-sessions", act).await?;
    print::prose(&text_of(&session.transaction));
    let advice = last_try(status.retries, &session.purposes);
    if !advice.is_empty() {
        print::prose("One try is left. After another wrong password it is blocked until the card is shown.");
    }
    Ok(Asked { session, advice })
}

fn last_try(retries: Option<Retries>, purposes: &[PinPurpose]) -> Vec<&'static str> {
    let risked = |purpose: &PinPurpose| match (purpose, retries) {
        (PinPurpose::VerifySign, Some(retries)) => retries.sign == 1,
        (PinPurpose::VerifyAuth, Some(retries)) => retries.auth == 1,
        _ => false,
    };
    if purposes.iter().any(risked) { vec![Advice::LastTry.as_str()] } else { Vec::new() }
}

/// Seals the passwords with the hash of what was shown, and hands them to the phone.
pub async fn answer<T: DeserializeOwned>(
    phone: &Phone<'_>,
    asked: &Asked,
    passwords: &Passwords,
) -> Result<T, Failure> {
    let maker: Maker = phone.running.get("phones", "/admin/maker").await?;
    let given: Vec<Secret<Vec<u8>>> = asked
        .session
        .purposes
        .iter()
        .filter_map(|purpose| passwords.of(*purpose))
        .map(|password| Secret::new(password.expose().as_bytes().to_vec()))
        .collect();
    if given.len() != asked.session.purposes.len() {
        return Err(ProgramError::PasswordMissing.into());
    }
    let sealed = seal::seal(&asked.session, &maker.public_key.0, &given, &mut SystemRandom)
        .map_err(|error| Failure::of(&error))?;
    match phone.post(&format!("/api/pin-sessions/{}", asked.session.id), &sealed).await {
        Err(refused) if refused.reason.starts_with("phone.pin_") => Err(with_retries(phone, refused).await),
        other => other,
    }
}

/// A wrong password is told with the tries that are left.
async fn with_retries(phone: &Phone<'_>, refused: Failure) -> Failure {
    let Ok(PhoneStatus { retries: Some(retries), .. }) = phone.get("/api/status").await else {
        return refused;
    };
    let refused = refused.with("retries", json!(retries));
    if retries.sign == 1 || retries.auth == 1 {
        print::prose("One try is left. After another wrong password it is blocked until the card is shown.");
        return refused.with("advice", json!([Advice::LastTry.as_str()]));
    }
    refused
}

/// Asks and answers.
pub async fn agree(phone: &Phone<'_>, act: &Act, passwords: &Passwords) -> Done {
    let asked = ask(phone, act).await?;
    let given: Value = answer(phone, &asked, passwords).await?;
    Ok(with_advice(given, &asked.advice))
}

/// A result with the advice that came with it.
pub fn with_advice(mut given: Value, advice: &[&str]) -> Value {
    if let (false, Value::Object(members)) = (advice.is_empty(), &mut given) {
        members.insert("advice".to_owned(), json!(advice));
    }
    given
}

/// What the person agrees to, for reading.
fn text_of(transaction: &Transaction) -> String {
    let act = match transaction.kind {
        TransactionKind::Login => {
            let login = serde_json::from_str::<LoginTransaction>(&transaction.body);
            return login.map_or_else(|_| transaction.body.clone(), |login| login_text(&login));
        }
        TransactionKind::SetPin => "Passwords are given to the phone",
        TransactionKind::ChangePin => "A password of the phone is changed",
        TransactionKind::Register => "Certificates are loaded into the phone",
        TransactionKind::EnrolBiometrics => "Biometrics stand in for the authentication PIN from now on",
        TransactionKind::ResetPin => "A password of the phone is set anew",
        TransactionKind::RecoveryCode => "The phone gets a new recovery code, and the last one ends",
        TransactionKind::Document => "A document is signed",
    };
    let shown = Shown::of(transaction);
    let lines = shown.certificates.iter().map(|line| format!("\n  {line}"));
    format!("{act} ({}).{}", shown.phone, lines.collect::<String>())
}

fn login_text(login: &LoginTransaction) -> String {
    let number = match &login.channel {
        LoginChannel::SameDevice => String::new(),
        LoginChannel::CrossDevice { number } => format!("\n  only if the other screen shows {number}"),
    };
    format!(
        "You log in at {} ({})\n  {}\n  it asks for: {}{number}",
        login.relying_party_in("en"),
        login.origin,
        login.purpose_in("en"),
        login.scopes.join(", "),
    )
}
