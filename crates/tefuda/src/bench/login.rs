//! Whole enrolments and whole logins: what they take of the authority and of the gateway.

use serde_json::{Value, json};
use std::time::Duration;
use tefuda_keys::{Environment, KeySpace, RoleKey};
use tefuda_openid::{CLIENT_ASSERTION_TYPE, Jwk, PATH_TOKEN, jws};
use tefuda_pki::{SignatureAlgorithm, Signer};
use tefuda_store::{Databases, SystemClock, files};
use tefuda_types::Clock;
use tefuda_web::Client;
use url::{Url, form_urlencoded};

use super::{
    Row, Rows,
    meter::{Meter, SQLITE},
    stage::{self, Place, Stage},
};
use crate::failure::Failure;

/// Enrolments that are counted: as many as there is patience for; making an element's keys takes most of each.
const ENROLMENTS: usize = 4;
/// Logins before any are counted.
const WARM: u32 = 3;
const REDIRECT: &str = "http://localhost:9999/callback";
/// A verifier and its challenge (RFC 7636, appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SIGN: &str = "PHONE01A";
const AUTH: &str = "2468";

pub async fn rows(time: Duration, databases: Databases) -> Rows {
    let stage = Stage::open("login", databases).await?;
    let adults = stage.adults().await?;
    let adults = adults.get(..ENROLMENTS).unwrap_or(&adults);
    for (number, _) in adults.iter().enumerate() {
        stage.typed(&["phone", "create", &format!("bench-{number}")]).await?;
    }
    let meter = Meter::of(&[stage::AUTHORITY, SQLITE]);
    for (number, adult) in adults.iter().enumerate() {
        enrol(&stage, &format!("bench-{number}"), adult).await?;
    }
    let enrolled = meter.read();
    let party = Party::register(&stage).await?;
    stage.typed(&["phone", "biometrics", "bench-0", "enroll", "--auth-pin", AUTH]).await?;
    for _ in 0..WARM {
        party.login(&stage).await?;
    }
    let (meter, mut logins) = (Meter::of(&[stage::GATEWAY, SQLITE]), 0);
    while meter.read().wall < time {
        party.login(&stage).await?;
        logins += 1;
    }
    let logged_in = meter.read();
    let enrolments = u32::try_from(adults.len()).unwrap_or_default();
    let limit = (1.0, "nothing: a figure by itself");
    Ok(vec![
        Row::new("enrolments, at the authority", "1/core s", enrolled.per_core_second(enrolments), limit),
        Row::new("logins, whole, at the gateway", "1/core s", logged_in.per_core_second(logins), limit),
        Row::new("logins, whole, with the phone, by the clock", "1/s", logged_in.per_second(logins), limit),
    ])
}

pub async fn enrol(stage: &Stage, phone: &str, adult: &Value) -> Result<(), Failure> {
    let text = |pointer: &str| adult.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (id, pin) = (text("/id"), text("/pins/sign"));
    let enrol = ["phone", "enroll", phone, "--resident", id, "--card-sign-pin", pin];
    stage.typed(&[&enrol[..], &["--sign-pin", SIGN, "--auth-pin", AUTH]].concat()).await.map(drop)
}

/// A member that is a text.
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A relying party with its key.
struct Party {
    client_id: String,
    key: RoleKey,
    kid: String,
    clock: SystemClock,
    issuer: String,
    /// Its own, without the token of the command line.
    client: Client,
}

impl Party {
    async fn register(stage: &Stage) -> Result<Self, Failure> {
        let place = Place::new("party")?;
        let keys = KeySpace::open(place.path(), "party", Environment::Sandbox).map_err(stage::failed)?;
        let key = keys.signer("party", SignatureAlgorithm::EcdsaP256Sha256).map_err(stage::failed)?;
        let jwk = Jwk::from_point(key.public_key()).map_err(stage::failed)?;
        let file = place.path().join("jwks.json");
        files::write(&file, json!({ "keys": [&jwk] }).to_string().as_bytes())?;
        let file = file.to_string_lossy();
        let register = ["rp", "register", "--name", "Bench", "--redirect-uri", REDIRECT, "--jwks", &file];
        let registered = stage.typed(&register).await?;
        let issuer = stage.running.ready.actors.get("gateway").and_then(|gateway| gateway.get("url"));
        Ok(Self {
            client_id: text(&registered, "client_id").to_owned(),
            key,
            kid: jwk.kid().to_owned(),
            clock: SystemClock::open(place.path())?,
            issuer: issuer.cloned().unwrap_or_default(),
            client: Client::new(None),
        })
    }

    /// From the first redirect to the tokens.
    async fn login(&self, stage: &Stage) -> Result<(), Failure> {
        let query = [
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", REDIRECT),
            ("scope", "openid"),
            ("state", "state-of-a-bench"),
            ("nonce", "nonce-of-a-bench"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let url = format!("{}{}?{query}", self.issuer, tefuda_openid::PATH_AUTHORIZATION);
        let done = stage.typed(&["phone", "login", "bench-0", "--biometric=1", &url]).await?;
        let back = Url::parse(text(&done, "redirect")).map_err(stage::failed)?;
        let code = back.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        self.redeem(&code.unwrap_or_default()).await
    }

    async fn redeem(&self, code: &str) -> Result<(), Failure> {
        let now = self.clock.wire().as_second();
        let jti: String = tefuda_types::hexadecimal(&tefuda_keys::SystemRandom::octets::<16>());
        let claims = json!({ "iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "iat": now,
            "exp": now + 60, "jti": jti });
        let prepared = jws::Prepared::new(&self.kid, &claims).map_err(stage::failed)?;
        let signature = self.key.sign(prepared.to_be_signed()).map_err(stage::failed)?;
        let assertion = prepared.assemble(&jws::raw_signature(&signature).map_err(stage::failed)?);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        let url = format!("{}{PATH_TOKEN}", self.issuer);
        let (status, body) = self.client.post_form(&url, &form).await?;
        if status == 200 { Ok(()) } else { Err(stage::failed(String::from_utf8_lossy(&body))) }
    }
}
