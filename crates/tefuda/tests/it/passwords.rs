//! Tries: counted, kept, warned about, and given back with the card.

use serde_json::Value;

use crate::login::{authorization_url, relying_party};
use crate::system::{AUTH, Resident, SIGN, System};

fn enrolled() -> (System, Resident) {
    let system = System::up();
    system.done(&["phone", "create", "spare"]);
    let adult = system.adult();
    system.enroll("spare", &adult);
    (system, adult)
}

fn log_in_with(system: &System, pin: &str) -> crate::system::Answer {
    let url = authorization_url(system, &relying_party(system));
    system.verb(&["phone", "login", "spare", "--auth-pin", pin, &url])
}

fn tries(system: &System, kind: &str) -> Value {
    system.phone("spare")["retries"][kind].clone()
}

#[test]
fn three_wrong_pins_block_the_key_and_the_card_gives_it_back() {
    let (system, adult) = enrolled();
    for left in [2, 1] {
        assert_eq!(log_in_with(&system, "9999").code, 1);
        assert_eq!(tries(&system, "auth"), left);
    }
    let system = system.restart("-KILL");
    assert_eq!(tries(&system, "auth"), 1, "a restart gives no try back");
    assert_eq!(log_in_with(&system, "9999").code, 1);
    assert_eq!(tries(&system, "auth"), 0);
    let blocked = log_in_with(&system, AUTH);
    assert_eq!(blocked.code, 1, "the right PIN comes too late: {blocked:#?}");

    let reset = [
        "phone",
        "reset-pin",
        "spare",
        "--kind",
        "phone-auth",
        "--resident",
        adult.id(),
        "--new-pin",
        "7351",
    ];
    system.done(&reset);
    assert_eq!(tries(&system, "auth"), 3);
    assert_eq!(log_in_with(&system, "7351").code, 0);
}

#[test]
fn five_wrong_passwords_block_the_signature_key() {
    let (system, adult) = enrolled();
    for left in [4, 3, 2, 1, 0] {
        assert_eq!(system.verb(&["phone", "recovery-code", "spare", "--sign-pin", "WRONG99"]).code, 1);
        assert_eq!(tries(&system, "sign"), left);
    }
    system.refused(&["phone", "recovery-code", "spare", "--sign-pin", SIGN]);
    let reset = [
        "phone",
        "reset-pin",
        "spare",
        "--kind",
        "phone-sign",
        "--resident",
        adult.id(),
        "--new-pin",
        "AGAIN88",
    ];
    let with_card = [&reset[..], &["--card-sign-pin", adult.pin("sign")]].concat();
    system.done(&with_card);
    assert_eq!(tries(&system, "sign"), 5);
    system.done(&["phone", "recovery-code", "spare", "--sign-pin", "again88"]);
}

#[test]
fn biometrics_neither_burn_nor_give_back_tries() {
    let (system, _) = enrolled();
    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", AUTH]);
    assert_eq!(log_in_with(&system, "9999").code, 1);
    let url = || authorization_url(&system, &relying_party(&system));
    system.done(&["phone", "login", "spare", "--biometric", "1", &url()]);
    assert_eq!(tries(&system, "auth"), 2, "a finger gives no try back");
    for _ in 0..6 {
        system.refused(&["phone", "login", "spare", "--biometric", "unknown", &url()]);
    }
    assert_eq!(tries(&system, "auth"), 2, "nor does it burn one");
    system.refused(&["phone", "login", "spare", "--biometric", "1", &url()]);
    assert_eq!(log_in_with(&system, AUTH).code, 0);
    system.done(&["phone", "login", "spare", "--biometric", "1", &url()]);
}

#[test]
fn the_cards_password_is_checked_before_the_last_try_is_risked() {
    let system = System::up();
    system.done(&["phone", "create", "spare"]);
    let adult = system.adult();
    let enroll = |card_pin: &str| {
        let verb = ["phone", "enroll", "spare", "--resident", adult.id(), "--card-sign-pin", card_pin];
        system.verb(&[&verb[..], &["--sign-pin", SIGN, "--auth-pin", AUTH]].concat())
    };
    let digits = enroll("1234");
    assert_eq!(digits.code, 1);
    let short = digits.json()["reason"].clone();
    let wrong = enroll("WRONG99");
    assert_eq!(wrong.code, 1);
    assert_ne!(wrong.json()["reason"], short, "four digits get a message of their own");
    assert_eq!(enroll(&adult.pin("sign").to_lowercase()).code, 0, "lower case is upper-cased");
}

#[test]
fn no_password_is_kept_or_logged() {
    let (system, adult) = enrolled();
    log_in_with(&system, AUTH);
    log_in_with(&system, "9999");
    system.verb(&["phone", "recovery-code", "spare", "--sign-pin", SIGN]);
    let traces = run_grep(&system, SIGN, ".");
    assert!(traces.is_empty(), "the signature password lies in {traces}");
    let logged = run_grep(&system, &format!("\\b({AUTH}|{})\\b", adult.pin("sign")), "log");
    assert!(logged.is_empty(), "a password is logged: {logged}");
}

/// Files under the test's folder in which a pattern occurs.
fn run_grep(system: &System, pattern: &str, below: &str) -> String {
    let folder = system.folder.path(below);
    let mut found = crate::system::run("grep", &["-rlaE", pattern, &folder]);
    assert!(found.code < 2, "{found:#?}");
    found.stdout.truncate(found.stdout.trim_end().len());
    found.stdout
}
