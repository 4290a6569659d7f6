//! Stop, revoke, wipe: the matrix of SECURITY.md, row by row, certificate by certificate.

use serde_json::Value;

use crate::login::log_in;
use crate::system::{Resident, System, status_of};

/// What becomes of card sign, card auth, phone sign and phone auth.
type Row = [&'static str; 4];

const KEEPS: &str = "valid";
const STOPS: &str = "suspended";
const ENDS: &str = "revoked";

/// A resident with an enrolled phone, an event, and what the certificates are afterwards.
#[track_caller]
fn row(event: impl FnOnce(&System, &Resident, &Value), expected: Row) {
    let system = System::up();
    system.done(&["phone", "create", "spare"]);
    let adult = system.adult();
    let enrolled = system.enroll("spare", &adult);
    log_in(&system, "spare").unwrap();

    event(&system, &adult, &enrolled);

    let card = system.resident(adult.id());
    let phone = system.phone("spare");
    let after = [
        card.certificate("card-sign"),
        card.certificate("card-auth"),
        status_of(&phone["certificates"], "phone-sign"),
        status_of(&phone["certificates"], "phone-auth"),
    ];
    assert_eq!(after, expected, "card sign, card auth, phone sign, phone auth");
    assert_eq!(log_in(&system, "spare").is_ok(), expected[3] == KEEPS, "the gateway follows");
    system.done(&["authority", "audit", "verify"]);
}

fn recovery_code(enrolled: &Value) -> &str {
    enrolled["recovery_code"].as_str().unwrap()
}

#[test]
fn a_move_ends_the_signature_certificates() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&[
            "resident",
            "event",
            adult.id(),
            "move",
            "--address",
            "架空県例示市見本町一丁目2番3号",
        ]);
    };
    row(event, [ENDS, KEEPS, ENDS, KEEPS]);
}

#[test]
fn a_new_name_ends_the_signature_certificates() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["resident", "event", adult.id(), "name-change", "--name", "見本 花子"]);
    };
    row(event, [ENDS, KEEPS, ENDS, KEEPS]);
}

#[test]
fn a_lost_phone_is_stopped_by_its_recovery_code() {
    let event = |system: &System, _: &Resident, enrolled: &Value| {
        system.refused(&["phone", "stop", "spare", "--recovery-code", "0000-0000-0000"]);
        system.done(&["phone", "stop", "spare", "--recovery-code", recovery_code(enrolled)]);
        assert_eq!(system.phone("spare")["state"], "stopped");
    };
    row(event, [KEEPS, KEEPS, STOPS, STOPS]);
}

#[test]
fn a_lost_phone_is_stopped_by_the_call_centre() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["authority", "stop", "--resident", adult.id(), "--phone", "spare"]);
    };
    row(event, [KEEPS, KEEPS, STOPS, STOPS]);
}

#[test]
fn a_found_phone_authenticates_again_and_has_to_apply_for_signing() {
    let event = |system: &System, _: &Resident, enrolled: &Value| {
        system.done(&["phone", "stop", "spare", "--recovery-code", recovery_code(enrolled)]);
        assert!(log_in(system, "spare").is_err());
        system.done(&["phone", "lift", "spare"]);
    };
    row(event, [KEEPS, KEEPS, ENDS, KEEPS]);
}

#[test]
fn a_retired_phone_ends() {
    let event = |system: &System, _: &Resident, _: &Value| {
        system.done(&["phone", "retire", "spare"]);
    };
    row(event, [KEEPS, KEEPS, ENDS, ENDS]);
}

#[test]
fn a_phone_is_replaced_when_the_next_of_its_family_registers() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["phone", "create", "next"]);
        let next = system.enroll("next", adult);
        assert_eq!(status_of(&next["certificates"], "phone-auth"), "valid");
    };
    row(event, [KEEPS, KEEPS, ENDS, ENDS]);
}

#[test]
fn a_lost_card_takes_the_phones_signature_along() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["card", "lose", "--resident", adult.id()]);
    };
    row(event, [STOPS, STOPS, STOPS, KEEPS]);
}

#[test]
fn the_call_centre_stops_a_card() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["authority", "stop", "--resident", adult.id(), "--card"]);
    };
    row(event, [STOPS, STOPS, STOPS, KEEPS]);
}

#[test]
fn a_returned_card_ends_everything() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["card", "return", "--resident", adult.id()]);
    };
    row(event, [ENDS, ENDS, ENDS, ENDS]);
}

#[test]
fn a_renewed_card_ends_the_phone() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["card", "renew", "--resident", adult.id()]);
    };
    row(event, [KEEPS, KEEPS, ENDS, ENDS]);
}

#[test]
fn death_ends_everything() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["resident", "event", adult.id(), "death"]);
    };
    row(event, [ENDS, ENDS, ENDS, ENDS]);
}

#[test]
fn leaving_the_country_ends_everything() {
    let event = |system: &System, adult: &Resident, _: &Value| {
        system.done(&["resident", "event", adult.id(), "departure"]);
    };
    row(event, [ENDS, ENDS, ENDS, ENDS]);
}

#[test]
fn a_tampered_element_says_so_and_ends() {
    let event = |system: &System, _: &Resident, _: &Value| {
        system.done(&["phone", "tamper", "spare", "--event", "light"]);
        let phone = system.phone("spare");
        assert_eq!(phone["state"], "tampered");
        let reasons: Vec<_> =
            phone["certificates"].as_array().unwrap().iter().map(|c| &c["reason"]).collect();
        assert!(reasons.iter().all(|reason| **reason == "keyCompromise"), "{reasons:?}");
    };
    row(event, [KEEPS, KEEPS, ENDS, ENDS]);
}

#[test]
fn a_wipe_is_confirmed_by_the_element_and_a_factory_reset_is_none() {
    let system = System::up();
    system.done(&["phone", "create", "spare"]);
    system.enroll("spare", &system.adult());
    system.done(&["phone", "factory-reset", "spare"]);
    let after_reset = system.phone("spare");
    assert_eq!(after_reset["deletion"], "none", "the element still holds its keys: {after_reset:#}");
    system.done(&["authority", "wipe", "--phone", "spare"]);
    assert_eq!(system.phone("spare")["deletion"], "confirmed");
    assert_eq!(system.phone("spare")["state"], "wiped");
}
