//! The page of the contract, walked from top to bottom.

use serde_json::Value;

use crate::login;
use crate::system::{AUTH, MORNING, SIGN, System, enroll, run, status_of};

/// Every verb that the contract names, with the words that it needs to print its help.
const VERBS: &[&str] = &[
    "up",
    "clock show",
    "clock set",
    "clock advance",
    "clock skew",
    "trust export",
    "doctor",
    "reset",
    "resident list",
    "resident add",
    "resident event",
    "card attach",
    "card unblock",
    "card lose",
    "card renew",
    "card return",
    "phone models",
    "phone create",
    "phone list",
    "phone status",
    "phone delete",
    "phone enroll",
    "phone register",
    "phone biometrics",
    "phone reset-pin",
    "phone login",
    "phone tap",
    "phone retire",
    "phone stop",
    "phone lift",
    "phone factory-reset",
    "phone tamper",
    "phone recovery-code",
    "authority stop",
    "authority rotate",
    "authority revoke",
    "authority wipe",
    "authority audit",
    "rp register",
    "rp list",
    "rp remove",
];

#[track_caller]
fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(!value[field].is_null(), "no `{field}` in {value:#}");
    }
}

#[track_caller]
fn members<'a>(value: &'a Value, list: &str) -> &'a Vec<Value> {
    value[list].as_array().unwrap_or_else(|| panic!("no list `{list}` in {value:#}"))
}

#[test]
fn every_verb_has_help() {
    for verb in VERBS {
        let mut words: Vec<&str> = verb.split(' ').collect();
        words.push("--help");
        let answer = run(env!("CARGO_BIN_EXE_tefuda"), &words);
        assert_eq!(answer.code, 0, "{verb}: {answer:#?}");
        assert!(answer.stdout.contains("--home") && answer.stdout.contains("--json"), "{verb}: {answer:#?}");
    }
}

#[test]
fn wrong_usage_is_2_and_nothing_running_is_3() {
    let tefuda = env!("CARGO_BIN_EXE_tefuda");
    assert_eq!(run(tefuda, &["phone", "dance"]).code, 2);
    let home = crate::system::Folder::new();
    let answer = run(tefuda, &["resident", "list", "--json", "--home", &home.path("none")]);
    assert_eq!(answer.code, 3, "{answer:#?}");
    has(&answer.json(), &["reason", "message"]);
}

#[test]
fn running_ready_file_and_second_start() {
    let system = System::up();
    let ready = system.ready();
    has(ready, &["pid", "home", "actors", "phones", "readers", "databases", "clock"]);
    has(&ready["actors"]["authority"], &["url", "ocsp", "crl"]);
    let issuer = format!("http://localhost:{}/api/realms/main", system.base + 2);
    assert_eq!(ready["actors"]["gateway"]["url"], issuer);
    for phone in ready["phones"].as_object().unwrap().values() {
        let url = phone["url"].as_str().unwrap();
        assert!(url.starts_with("http://phone-") && url.contains(&format!(".localhost:{}", system.base + 4)));
    }
    let second = system.verb(&["up"]);
    assert_eq!(second.code, 3, "{second:#?}");
    assert_eq!(system.down(), Some(0), "SIGTERM ends it well");
}

#[test]
fn another_port_base_on_the_same_home_is_refused() {
    let system = System::up();
    let folder = system.folder.path("home");
    let other = (system.base + 1).to_string();
    let system_answer = run("kill", &["-TERM", &system.ready()["pid"].to_string()]);
    assert_eq!(system_answer.code, 0);
    let ended = system.down();
    assert!(ended == Some(0) || ended.is_none(), "{ended:?}");
    let answer =
        run(env!("CARGO_BIN_EXE_tefuda"), &["up", "--json", "--home", &folder, "--port-base", &other]);
    assert_eq!(answer.code, 3, "{answer:#?}");
}

#[test]
fn clock_and_trust() {
    let system = System::up();
    system.done(&["clock", "show"]);
    system.done(&["clock", "advance", "P1D"]);
    system.done(&["clock", "set", "2026-10-07T12:00:00+09:00"]);
    assert_eq!(system.verb(&["clock", "set", MORNING]).code, 1, "backwards needs --back");
    system.done(&["clock", "skew", "gateway", "PT3S"]);

    let folder = system.folder.path("trust");
    system.done(&["trust", "export", &folder]);
    let index = std::fs::read_to_string(format!("{folder}/index.json")).unwrap();
    for kind in ["card-sign", "card-auth", "phone-sign", "phone-auth"] {
        let root = std::fs::read_to_string(format!("{folder}/{kind}-ca-g1.pem")).unwrap();
        assert!(root.contains("BEGIN CERTIFICATE") && !root.contains("PRIVATE"));
        assert!(std::fs::read_to_string(format!("{folder}/{kind}-g1.crl.pem")).unwrap().contains("X509 CRL"));
        assert!(index.contains(&format!("{kind}-ca-g1.pem")), "{index}");
    }
    system.done(&["doctor"]);
}

#[test]
fn residents_and_their_cards() {
    let system = System::up();
    let masked = system.done(&["resident", "list"]);
    let residents = members(&masked, "residents");
    assert!(residents.len() >= 16, "{} residents", residents.len());
    for resident in residents {
        has(resident, &["id", "name", "individual_number", "can_enroll", "card"]);
        let number = resident["individual_number"].as_str().unwrap();
        assert!(number.chars().filter(char::is_ascii_digit).count() < 12, "{number} is not masked");
    }
    let adult = system.adult();
    for pin in ["sign", "auth", "text", "reference_a", "reference_b"] {
        adult.pin(pin);
    }
    has(&adult.0["card"], &["state", "expires", "certificates"]);
    for kind in ["card-sign", "card-auth"] {
        assert_eq!(adult.certificate(kind), "valid");
    }
    let serial = adult.0["card"]["certificates"][0]["serial"].as_str().unwrap();
    assert!(serial.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)), "{serial}");
    assert!(system.refused(&["card", "unblock", "--resident", "nobody"]).ends_with("not_found"));
    system.done(&["card", "unblock", "--resident", adult.id()]);
    let nobody_listens = system.verb(&["card", "attach", "--resident", adult.id(), "--to", "127.0.0.1:9"]);
    assert_eq!(nobody_listens.code, 3, "{nobody_listens:#?}");
}

#[test]
fn a_phone_from_creation_to_deletion() {
    let system = System::up();
    let models = system.done(&["phone", "models"]);
    assert!(members(&models, "models").len() >= 2);
    system.done(&["phone", "create", "spare"]);
    assert_eq!(system.verb(&["phone", "create", "Not A Name"]).code, 2, "a name is a matter of usage");
    assert!(members(&system.done(&["phone", "list"]), "phones").len() >= 3);
    let status = system.phone("spare");
    has(&status, &["name", "model", "family", "url", "state", "deletion", "biometrics", "certificates"]);
    assert_eq!(status["state"], "empty");
    assert!(system.refused(&["phone", "status", "nobody"]).ends_with("not_found"));

    let adults = system.adults();
    let enrolled = system.enroll("spare", &adults[0]);
    assert_eq!(enrolled["state"], "registered", "{enrolled:#}");
    has(&enrolled, &["steps", "certificates", "recovery_code"]);
    let again = system.done(&enroll("spare", &adults[0]));
    assert_eq!(again["repeated"], true);
    assert!(again["recovery_code"].is_null(), "the recovery code is shown once");
    assert_eq!(system.refused(&enroll("spare", &adults[1])), "enrol.phone_in_use");

    let status = system.phone("spare");
    for certificate in members(&status, "certificates") {
        has(certificate, &["kind", "serial", "not_before", "not_after", "status", "as_of", "pem"]);
    }
    assert_eq!((status["retries"]["sign"].as_u64(), status["retries"]["auth"].as_u64()), (Some(5), Some(3)));
    let code = system.done(&["phone", "recovery-code", "spare", "--sign-pin", SIGN]);
    has(&code, &["recovery_code"]);

    system.done(&["phone", "retire", "spare"]);
    assert_eq!(system.phone("spare")["state"], "retired");
    system.done(&["phone", "delete", "spare"]);
    assert!(system.refused(&["phone", "status", "spare"]).ends_with("not_found"));
}

#[test]
fn passwords_come_from_standard_input_too() {
    let system = System::up();
    let adult = system.adult();
    system.done(&["phone", "create", "spare"]);
    let verb = [
        "phone",
        "enroll",
        "spare",
        "--resident",
        adult.id(),
        "--card-sign-pin",
        "-",
        "--sign-pin",
        "-",
        "--auth-pin",
        "-",
    ];
    let answer = system.verb_with(&verb, &format!("{}\n{SIGN}\n{AUTH}\n", adult.pin("sign")));
    assert_eq!(answer.code, 0, "{answer:#?}");
    let file = system.folder.write("pin", AUTH);
    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", &format!("@{file}")]);
    assert_eq!(system.phone("spare")["biometrics"], "enrolled");
    system.done(&["phone", "biometrics", "spare", "change"]);
    assert_eq!(system.phone("spare")["biometrics"], "stale");
    system.done(&["phone", "biometrics", "spare", "remove"]);
    assert_eq!(system.phone("spare")["biometrics"], "none");
}

#[test]
fn the_authority_and_relying_parties() {
    let system = System::up();
    let adult = system.adult();
    system.done(&["phone", "create", "spare"]);
    system.enroll("spare", &adult);

    let party = login::relying_party(&system);
    has(&party, &["client_id", "private_jwk"]);
    assert_eq!(members(&system.done(&["rp", "list"]), "relying_parties").len(), 1);

    system.done(&["authority", "rotate", "--kind", "phone-auth"]);
    system.done(&["authority", "stop", "--resident", adult.id(), "--phone", "spare"]);
    assert_eq!(status_of(&system.phone("spare")["certificates"], "phone-sign"), "suspended");
    let serial = adult.0["card"]["certificates"][0]["serial"].as_str().unwrap();
    let kind = adult.0["card"]["certificates"][0]["kind"].as_str().unwrap();
    system.done(&["authority", "revoke", "--kind", kind, "--serial", serial, "--reason", "keyCompromise"]);
    assert_eq!(system.resident(adult.id()).certificate(kind), "revoked");
    system.done(&["authority", "wipe", "--phone", "spare"]);
    system.done(&["authority", "audit", "verify"]);

    system.done(&["rp", "remove", party["client_id"].as_str().unwrap()]);
    assert!(system.refused(&["rp", "remove", "nobody"]).ends_with("not_found"));
}

#[test]
fn reset_empties_the_home() {
    let system = System::up();
    let home = system.folder.path("home");
    assert_ne!(system.verb(&["reset", "--yes"]).code, 0, "a running system is not reset");
    let kept = std::path::Path::new(&home).join("version");
    assert!(kept.exists());
}
