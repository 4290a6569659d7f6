//! Logging in at a relying party, by the command line and by other people's clients.

use serde_json::Value;

use crate::peer::{installed, script, well};
use crate::phones::{AUTH, Party, REDIRECT};
use crate::system::{System, TEFUDA};

#[test]
fn by_pin_by_finger_and_no_more_once_retired() {
    let system = System::up();
    system.enrolled("spare", &system.adult());
    let party = Party::register(&system);

    let by_pin = party.log_in(&system, "spare").unwrap();
    let redirect = by_pin["redirect"].as_str().unwrap();
    assert!(redirect.starts_with(&format!("{REDIRECT}?")) && redirect.contains("code="), "{redirect}");
    assert!(redirect.contains("state=state-of-this-test") && redirect.contains("iss="), "{redirect}");
    assert!(by_pin["acr"].is_string() && by_pin["amr"].is_array(), "{by_pin}");

    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", AUTH]);
    let by_finger = party.login(&system, "spare", &["--biometric"]);
    assert_eq!(by_finger.code, 0, "{by_finger:#?}");
    assert_ne!(by_finger.json()["amr"], by_pin["amr"]);

    system.done(&["phone", "retire", "spare"]);
    system.done(&["clock", "advance", "PT10S"]);
    let refused = party.login(&system, "spare", &["--auth-pin", AUTH]);
    assert_eq!(refused.code, 1, "{refused:#?}");
}

/// A relying party of somebody else, once: what it prints.
#[track_caller]
fn relying_party(system: &System, client: &[&str], phone: &str, how: &[&str]) -> Value {
    let party = Party::register(system);
    let file = system.folder.write("party.json", party.registered.to_string());
    let issuer = system.actor("gateway", "url");
    let home = system.folder.path("home");
    let login = [TEFUDA, "--home", &home, "--json", "phone", "login", phone];
    let arguments = [&client[1..], &[&issuer, &file, REDIRECT], &login, how].concat();
    well(client[0], &arguments).json()
}

#[test]
#[ignore = "drives openid-client and Authlib: cargo xtask test"]
fn openid_client_and_authlib_log_people_in_and_are_told_when_not() {
    let system = System::up();
    system.enrolled("spare", &system.adult());
    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", AUTH]);
    let (node, python) = (script("relying-party.mjs", "node"), script("relying_party.py", "python"));
    let python_program = installed("python/bin/python");
    let clients = [["node", node.as_str()], [python_program.as_str(), python.as_str()]];

    for year in 0..2 {
        for client in &clients {
            for how in [&["--auth-pin", AUTH][..], &["--biometric"]] {
                let told = relying_party(&system, client, "spare", how);
                let claims = &told["claims"];
                assert_eq!(told["userinfo"]["sub"], claims["sub"], "{told:#}");
                assert!(claims["sub"].as_str().is_some_and(|sub| sub.len() >= 22), "{told:#}");
                assert!(claims["acr"].is_string() && claims["auth_time"].is_u64(), "{told:#}");
                let amr = claims["amr"].as_array().unwrap();
                assert!(amr.contains(&if how.len() == 2 { "pin".into() } else { "fpt".into() }), "{told:#}");
            }
        }
        if year == 0 {
            // Civil time goes on by a year; the clients' clocks do not.
            system.done(&["clock", "advance", "P1Y"]);
        }
    }

    system.done(&["phone", "retire", "spare"]);
    system.done(&["clock", "advance", "PT10S"]);
    for client in &clients {
        let told = relying_party(&system, client, "spare", &["--auth-pin", AUTH]);
        assert_eq!(told["error"], "access_denied", "{told:#}");
        assert!(told["error_description"].as_str().is_some_and(|reason| reason.contains('.')), "{told:#}");
    }
}

#[test]
fn two_parties_know_a_person_by_two_names_that_outlive_phone_and_card() {
    // The subject stays with the person from phone to phone, by the links that a wallet carries; who it is
    // differs from one relying party to the next.
    let system = System::up();
    let adult = system.adult();
    system.enrolled("spare", &adult);
    let party = Party::register(&system);
    party.log_in(&system, "spare").unwrap();
    system.enrolled("next", &adult);
    party.log_in(&system, "next").unwrap();
    assert!(party.log_in(&system, "spare").is_err(), "the next of its family replaced it");
}
