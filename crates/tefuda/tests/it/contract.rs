//! The page of the contract, walked from top to bottom.

use serde_json::Value;

use crate::phones::{AUTH, Party, SIGN, enroll};
use crate::system::{Folder, MORNING, System, TEFUDA, free_ports, run, status_of};

/// Every verb that the contract names, with the words that it needs to print its help.
const VERBS: &[&str] = &[
    "up",
    "clock show",
    "clock set",
    "clock advance",
    "clock skew",
    "trust export",
    "doctor",
    "bench",
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
        let answer = run(TEFUDA, &words);
        assert_eq!(answer.code, 0, "{verb}: {answer:#?}");
        assert!(answer.stdout.contains("--home") && answer.stdout.contains("--json"), "{verb}: {answer:#?}");
    }
}

#[test]
fn figures_stand_beside_their_limits() {
    let answer = run(TEFUDA, &["--json", "bench", "issue", "--seconds", "1"]);
    assert_eq!(answer.code, 0, "{answer:#?}");
    let measured = answer.json();
    let rows = members(&measured, "rows");
    assert_eq!(rows.len(), 3, "{measured:#}");
    for row in rows {
        has(row, &["name", "unit", "value", "limit", "ratio"]);
        assert!(row["value"].as_f64() > Some(0.0), "something was done: {row:#}");
    }
}

#[test]
fn wrong_usage_is_2_and_nothing_running_is_3() {
    assert_eq!(run(TEFUDA, &["card", "dance"]).code, 2);
    assert_eq!(run(TEFUDA, &["card", "lose"]).code, 2, "whose?");
    let folder = Folder::new();
    for json in [&["--json", "resident", "list"][..], &["resident", "list", "--json"]] {
        let answer = run(TEFUDA, &[json, &["--home", &folder.path("none")]].concat());
        assert_eq!(answer.code, 3, "{answer:#?}");
        has(&answer.json(), &["reason", "message"]);
        assert!(!std::path::Path::new(&folder.path("none")).exists(), "looking makes no home");
    }
    let spoken =
        |language| run(TEFUDA, &["resident", "list", "--lang", language, "--home", &folder.path("none")]);
    assert!(spoken("en").stderr.is_ascii() && !spoken("ja").stderr.is_ascii());
    assert!(spoken("en").stdout.is_empty(), "prose goes to standard error");
}

#[test]
fn running_ending_and_starting_again() {
    let system = System::up();
    let (ready, base) = (system.ready(), system.base);
    has(ready, &["pid", "home", "actors", "phones", "readers", "databases", "clock"]);
    has(&ready["actors"]["authority"], &["url", "ocsp", "crl"]);
    assert_eq!(ready["actors"]["authority"]["url"], format!("http://localhost:{}", base + 1));
    assert_eq!(ready["actors"]["gateway"]["url"], format!("http://localhost:{}/api/realms/main", base + 2));
    let phones = ready["phones"].as_object().unwrap();
    assert_eq!(phones.len(), 2, "two out of the box: {ready:#}");
    for (name, phone) in phones {
        assert_eq!(phone["url"], format!("http://phone-{name}.localhost:{}", base + 4));
    }
    let second = system.verb(&["up"]);
    assert_eq!((second.code, second.json()["reason"].as_str()), (3, Some("home.held")), "{second:#?}");
    assert_ne!(system.verb(&["reset", "--yes"]).code, 0, "a running system is not reset");
    let pid = ready["pid"].to_string();
    assert!(second.json()["detail"].as_str().unwrap().contains(&pid), "by whom it is held: {second:#?}");

    let (code, folder) = system.down();
    assert_eq!(code, Some(0), "SIGTERM ends it well");
    let home = folder.path("home");
    let other = run(TEFUDA, &["up", "--json", "--home", &home, "--port-base", &free_ports().to_string()]);
    assert_eq!(
        (other.code, other.json()["reason"].as_str()),
        (3, Some("home.other_port_base")),
        "{other:#?}"
    );
    let shown = run(TEFUDA, &["clock", "show", "--json", "--home", &home]);
    assert_eq!(shown.code, 0, "the clock is the home's: {shown:#?}");
    let unwell = run(TEFUDA, &["doctor", "--json", "--home", &home]);
    assert_eq!(unwell.code, 1, "nothing runs: {unwell:#?}");
    assert!(members(&unwell.json(), "checks").iter().any(|check| check["advice"].is_string()));
    assert_eq!(run(TEFUDA, &["reset", "--json", "--home", &home]).code, 1, "nobody said yes");
    assert_eq!(run(TEFUDA, &["reset", "--yes", "--json", "--home", &home]).code, 0);
    assert!(!std::path::Path::new(&home).exists());
}

#[test]
fn a_port_that_is_taken_leaves_no_home_behind() {
    let folder = Folder::new();
    let base = free_ports();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", base + 1)).unwrap();
    let home = folder.path("home");
    let answer = run(TEFUDA, &["up", "--json", "--home", &home, "--port-base", &base.to_string()]);
    assert_eq!(
        (answer.code, answer.json()["reason"].as_str()),
        (3, Some("system.port_taken")),
        "{answer:#?}"
    );
    assert!(!std::path::Path::new(&home).exists(), "ports are bound before anything is made");
}

#[test]
fn a_home_of_a_later_version_is_refused_with_a_sentence() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("home")).unwrap();
    folder.write("home/version", "4000000000");
    let answer = run(TEFUDA, &["up", "--json", "--home", &folder.path("home")]);
    assert_eq!(
        (answer.code, answer.json()["reason"].as_str()),
        (3, Some("home.later_version")),
        "{answer:#?}"
    );
}

#[test]
fn clock_and_trust() {
    let system = System::up();
    let before = system.done(&["clock", "show"]);
    has(&before, &["civil", "japan", "host"]);
    assert!(before["japan"].as_str().unwrap().starts_with("2026-10-05 10:0"), "Japan time: {before}");
    system.done(&["clock", "advance", "P1D"]);
    let set = system.done(&["clock", "set", "2026-10-07T12:00:00+09:00"]);
    assert!(set["civil"].as_str().unwrap().starts_with("2026-10-07T03:00:0"), "{set}");
    assert_eq!(system.refused(&["clock", "set", MORNING]), "clock.backwards");
    assert_eq!(system.refused(&["clock", "advance", "tomorrow"]), "clock.malformed");
    assert_eq!(system.refused(&["clock", "skew", "nobody", "PT3S"]), "actor.not_found");
    let skewed = system.done(&["clock", "skew", "authority", "PT3S"]);
    assert_eq!(skewed["skew"]["authority"], "PT3S");
    system.done(&["clock", "skew", "authority", "-PT3S"]);
    system.done(&["clock", "skew", "authority", "PT0S"]);

    let system = system.restart("-KILL");
    let kept = system.done(&["clock", "show"]);
    assert!(kept["civil"].as_str().unwrap().starts_with("2026-10-07T03:0"), "it outlives kill -9: {kept}");
    let back = system.done(&["clock", "set", MORNING, "--back"]);
    assert!(back["warning"].as_str().unwrap().contains("not-known"), "{back}");

    let folder = system.folder.path("trust");
    system.done(&["trust", "export", &folder]);
    let index = system.folder.read("trust/index.json");
    for kind in ["card-sign", "card-auth", "phone-sign", "phone-auth"] {
        let root = system.folder.read(&format!("trust/{kind}-ca-g1.pem"));
        assert!(root.contains("BEGIN CERTIFICATE") && !root.contains("PRIVATE"));
        assert!(system.folder.read(&format!("trust/{kind}-g1.crl.pem")).contains("BEGIN X509 CRL"));
        assert!(index.contains(&format!("{kind}-ca-g1.pem")), "{index}");
    }
    let index: Value = serde_json::from_str(&index).unwrap();
    for line in index.as_array().unwrap() {
        has(line, &["role", "subject", "key_id", "file"]);
    }
    has(&system.done(&["doctor"]), &["well", "checks"]);
}

#[test]
fn residents_their_cards_and_the_authority() {
    let system = System::up();
    let masked = system.done(&["resident", "list"]);
    let residents = members(&masked, "residents");
    assert!(residents.len() >= 16, "{} residents", residents.len());
    for resident in residents {
        has(resident, &["id", "name", "individual_number", "can_enroll", "card"]);
        let number = resident["individual_number"].as_str().unwrap();
        assert!(number.chars().filter(char::is_ascii_digit).count() < 12, "{number} is not masked");
        let pins = resident["pins"].as_object().unwrap().values();
        let shown = pins.filter_map(Value::as_str).filter(|pin| pin.chars().any(char::is_alphanumeric));
        assert_eq!(shown.count(), 0, "{resident}");
    }
    let adult = system.adult();
    for pin in ["sign", "auth", "text", "reference_a", "reference_b"] {
        adult.pin(pin);
    }
    assert_eq!(adult.0["card"]["state"], "active");
    has(&adult.0["card"], &["state", "expires", "certificates"]);

    assert_eq!(system.refused(&["card", "unblock", "--resident", "nobody"]), "resident.not_found");
    system.done(&["card", "unblock", "--resident", adult.id()]);
    let nobody_listens = ["card", "attach", "--resident", adult.id(), "--to", "127.0.0.1:9"];
    let nobody_listens = system.verb(&nobody_listens);
    assert_eq!(nobody_listens.code, 3, "{nobody_listens:#?}");
    assert_eq!(nobody_listens.json()["reason"], "reader.unreachable");

    let adult = system.resident(adult.id());
    for kind in ["card-sign", "card-auth"] {
        assert_eq!(adult.certificate(kind), "valid");
        let serial = adult.serial(kind);
        assert!(serial.chars().all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c)), "{serial}");
    }
    let rotated = system.done(&["authority", "rotate", "--kind", "phone-auth"]);
    assert_eq!(rotated["generation"], 2);
    let revoke = |serial, reason| {
        ["authority", "revoke", "--kind", "card-sign", "--serial", serial, "--reason", reason]
    };
    assert!(system.refused(&revoke("0BADCAFE0BADCAFE", "superseded")).ends_with("not_found"));
    assert_eq!(system.refused(&revoke(adult.serial("card-sign"), "boredom")), "revocation.reason_unknown");
    system.done(&revoke(adult.serial("card-sign"), "keyCompromise"));
    assert_eq!(system.resident(adult.id()).certificate("card-sign"), "revoked");
    system.done(&["authority", "stop", "--resident", adult.id(), "--card"]);
    let stopped = system.resident(adult.id());
    assert_eq!(
        (stopped.certificate("card-sign"), stopped.certificate("card-auth")),
        ("revoked", "suspended")
    );
    let audit = system.done(&["authority", "audit", "verify"]);
    assert_eq!(audit["verified"], true);
    let roles: Vec<_> = members(&audit, "logs").iter().filter_map(|log| log["role"].as_str()).collect();
    for role in ["ca-card-sign", "ca-card-auth", "ca-phone-sign", "ca-phone-auth", "registrar"] {
        assert!(roles.contains(&role), "{audit}");
    }
}

#[test]
fn who_comes_and_what_happens_to_people_and_cards() {
    let system = System::up();
    let birth = ["--birth-date", "1990-02-00", "--sex", "2"];
    let come = ["resident", "add", "--name", "見本　新子", "--address", "東京都見本区手札町三丁目１－１"];
    let added = system.done(&[&come[..], &birth, &["--id", "shinko"]].concat());
    assert_eq!(added["id"], "shinko");
    assert_eq!(system.verb(&[&come[..], &birth, &["--id", "shinko"]].concat()).code, 1, "the name is taken");
    let cards = |id: &str| {
        let card = system.resident(id);
        [card.certificate("card-sign").to_owned(), card.certificate("card-auth").to_owned()]
    };
    system.done(&["card", "unblock", "--resident", "shinko"]);
    assert_eq!(cards("shinko"), ["valid", "valid"]);

    let event = |event: &[&str]| system.done(&[&["resident", "event", "shinko"], event].concat());
    event(&["move", "--address", "東京都見本区手札町四丁目１－１"]);
    assert_eq!(cards("shinko"), ["revoked", "valid"], "the address is in the signature certificate");
    let before = system.resident("shinko").serial("card-auth").to_owned();
    system.done(&["card", "renew", "--resident", "shinko"]);
    system.done(&["card", "unblock", "--resident", "shinko"]);
    assert_eq!(cards("shinko"), ["valid", "valid"], "of the next card");
    assert_ne!(system.resident("shinko").serial("card-auth"), before);
    event(&["name-change", "--name", "見本　改子"]);
    assert_eq!(system.resident("shinko").0["name"], "見本　改子");
    assert_eq!(cards("shinko"), ["revoked", "valid"]);
    system.done(&["card", "lose", "--resident", "shinko"]);
    assert_eq!(cards("shinko"), ["revoked", "suspended"]);
    event(&["death"]);
    assert_eq!(cards("shinko"), ["revoked", "revoked"]);
    assert_eq!(system.resident("shinko").0["can_enroll"], false);
    assert!(system.refused(&["resident", "event", "nobody", "departure"]).ends_with("not_found"));
    system.done(&["authority", "audit", "verify"]);
}

#[test]
fn a_phone_from_creation_to_deletion() {
    let system = System::up();
    assert_eq!(members(&system.done(&["phone", "list"]), "phones").len(), 2, "two out of the box");
    let models = system.done(&["phone", "models"]);
    assert!(members(&models, "models").len() >= 2);
    system.done(&["phone", "create", "spare"]);
    assert_eq!(system.verb(&["phone", "create", "Not A Name"]).code, 2, "a name is a matter of usage");
    assert!(members(&system.done(&["phone", "list"]), "phones").len() >= 3);
    let status = system.phone("spare");
    has(&status, &["name", "model", "family", "url", "state", "deletion", "biometrics", "certificates"]);
    assert_eq!(status["state"], "empty");
    assert_eq!(status["url"], format!("http://phone-spare.localhost:{}", system.base + 4));
    assert!(system.refused(&["phone", "status", "nobody"]).ends_with("not_found"));

    let adults = system.adults();
    let enrolled = system.done(&enroll("spare", &adults[0], SIGN, AUTH));
    assert_eq!(enrolled["state"], "registered", "{enrolled:#}");
    has(&enrolled, &["steps", "certificates", "recovery_code"]);
    let again = system.done(&enroll("spare", &adults[0], SIGN, AUTH));
    assert_eq!(again["repeated"], true);
    assert!(again["recovery_code"].is_null(), "the recovery code is shown once");
    assert_eq!(system.refused(&enroll("spare", &adults[1], SIGN, AUTH)), "enrol.phone_in_use");

    let status = system.phone("spare");
    for certificate in members(&status, "certificates") {
        has(certificate, &["kind", "serial", "not_before", "not_after", "status", "as_of", "pem"]);
    }
    assert_eq!((system.tries("spare", "sign"), system.tries("spare", "auth")), (5, 3));
    has(&system.done(&["phone", "recovery-code", "spare", "--sign-pin", SIGN]), &["recovery_code"]);

    system.done(&["phone", "retire", "spare"]);
    assert_eq!(system.phone("spare")["state"], "retired");
    system.done(&["phone", "delete", "spare"]);
    assert!(system.refused(&["phone", "status", "spare"]).ends_with("not_found"));
}

#[test]
fn passwords_come_from_standard_input_and_from_files_too() {
    let system = System::up();
    let adult = system.adult();
    system.done(&["phone", "create", "spare"]);
    let verb = ["phone", "enroll", "spare", "--resident", adult.id(), "--card-sign-pin", "-"];
    let verb = [&verb[..], &["--sign-pin", "-", "--auth-pin", "-"]].concat();
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
fn relying_parties_and_what_the_call_centre_and_operators_do_to_phones() {
    let system = System::up();
    let adult = system.adult();
    system.enrolled("spare", &adult);

    let party = Party::register(&system).registered;
    has(&party, &["client_id", "private_jwk"]);
    let listed = system.done(&["rp", "list"]);
    assert_eq!(members(&listed, "relying_parties").len(), 2, "the portal is one too: {listed}");
    let secret = party["private_jwk"]["d"].as_str().unwrap();
    assert!(!listed.to_string().contains(secret), "it is printed once: {listed}");

    system.done(&["authority", "stop", "--resident", adult.id(), "--phone", "spare"]);
    assert_eq!(status_of(&system.phone("spare")["certificates"], "phone-sign"), "suspended");
    system.done(&["authority", "wipe", "--phone", "spare"]);
    system.done(&["authority", "audit", "verify"]);

    system.done(&["rp", "remove", party["client_id"].as_str().unwrap()]);
    assert!(system.refused(&["rp", "remove", "nobody"]).ends_with("not_found"));
    assert_eq!(members(&system.done(&["rp", "list"]), "relying_parties").len(), 1, "the portal stays");
}
