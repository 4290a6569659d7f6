//! Logging in at a relying party.

use serde_json::Value;

use crate::system::{AUTH, System, run};

const REDIRECT: &str = "http://localhost:9999/callback";
/// The challenge of a verifier that nobody redeems.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub fn relying_party(system: &System) -> Value {
    system.done(&["rp", "register", "--name", "Library", "--redirect-uri", REDIRECT, "--scope", "openid"])
}

/// An authorization URL of a relying party, as its discovery of the gateway gives it.
pub fn authorization_url(system: &System, party: &Value) -> String {
    let discovery = format!("{}/.well-known/openid-configuration", system.actor("gateway", "url"));
    let discovery = run("curl", &["--silent", "--show-error", "--fail", &discovery]).json();
    let endpoint = discovery["authorization_endpoint"].as_str().unwrap();
    let client = party["client_id"].as_str().unwrap();
    let redirect = REDIRECT.replace(':', "%3A").replace('/', "%2F");
    format!(
        "{endpoint}?response_type=code&client_id={client}&redirect_uri={redirect}&scope=openid\
         &state=state-of-this-test&nonce=nonce-of-this-test&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

/// Logs a phone in with its PIN: done with a code, or refused with a reason.
#[track_caller]
pub fn log_in(system: &System, phone: &str) -> Result<Value, String> {
    let party = relying_party(system);
    let url = authorization_url(system, &party);
    let answer = system.verb(&["phone", "login", phone, "--auth-pin", AUTH, &url]);
    match answer.code {
        0 => Ok(answer.json()),
        1 => Err(answer.json()["reason"].as_str().unwrap().to_owned()),
        _ => panic!("{answer:#?}"),
    }
}

#[test]
fn with_pin_and_with_biometrics() {
    let system = System::up();
    system.done(&["phone", "create", "spare"]);
    system.enroll("spare", &system.adult());
    let party = relying_party(&system);

    let by_pin =
        system.done(&["phone", "login", "spare", "--auth-pin", AUTH, &authorization_url(&system, &party)]);
    let redirect = by_pin["redirect"].as_str().unwrap();
    assert!(redirect.starts_with(REDIRECT) && redirect.contains("code="), "{redirect}");
    assert!(redirect.contains("state=state-of-this-test"), "{redirect}");
    assert!(by_pin["acr"].is_string() && by_pin["amr"].is_array(), "{by_pin}");

    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", AUTH]);
    let by_finger =
        system.done(&["phone", "login", "spare", "--biometric", &authorization_url(&system, &party)]);
    assert_ne!(by_finger["amr"], by_pin["amr"]);

    let strange = ["phone", "login", "spare", "--biometric", "unknown", &authorization_url(&system, &party)];
    system.refused(&strange);
    assert_eq!(system.phone("spare")["retries"]["auth"], 3, "a strange finger burns no try of the PIN");
}

#[test]
fn a_retired_phone_is_refused_with_a_reason_that_the_relying_party_sees() {
    let system = System::up();
    system.done(&["phone", "create", "spare"]);
    system.enroll("spare", &system.adult());
    log_in(&system, "spare").unwrap();
    system.done(&["phone", "retire", "spare"]);
    assert!(log_in(&system, "spare").is_err());
}

#[test]
fn a_year_later_the_phone_still_logs_in() {
    let system = System::up();
    system.done(&["phone", "create", "spare"]);
    system.enroll("spare", &system.adult());
    system.done(&["clock", "advance", "P365D"]);
    log_in(&system, "spare").unwrap();
}
