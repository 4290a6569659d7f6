//! Stop, lift, revoke, wipe: every row of the matrix, certificate by certificate.

use crate::world::{CODE, Held, MORNING, Phone, World};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tefuda_authority::device::WRONG_CODES_PER_HOUR_MAX;
use tefuda_element::host;
use tefuda_protocol::{
    device::{Deletion, DeviceAction, DeviceReply, SessionPurpose},
    element::Holding,
};
use tefuda_types::{Bytes, CertificateKind, Clock, Family};

async fn enrolled(world: &World) -> (Held, Phone) {
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    world.enrol(&mut phone, &mut card, "first").await;
    (card, phone)
}

async fn civil(world: &World, event: &str) {
    world.admin(&format!("/admin/residents/hanako/events/{event}"), &json!({})).await.unwrap();
}

#[tokio::test]
async fn moving_leaves_authentication_and_leaving_ends_everything() {
    let world = World::at(MORNING).await;
    let (_card, mut phone) = enrolled(&world).await;
    for _ in 0..2 {
        civil(&world, "move").await;
        let statuses = world.statuses("hanako", &phone).await;
        assert_eq!(statuses, ["revoked", "valid", "revoked affiliationChanged", "valid"]);
    }
    civil(&world, "card-lost").await;
    let statuses = world.statuses("hanako", &phone).await;
    assert_eq!(statuses, ["revoked", "suspended", "revoked affiliationChanged", "valid"]);
    civil(&world, "death").await;
    let statuses = world.statuses("hanako", &phone).await;
    let phone_sign = "revoked affiliationChanged";
    assert_eq!(statuses, ["revoked", "revoked", phone_sign, "revoked cessationOfOperation"]);
    let device = world.device(&phone).await;
    assert_eq!((device.deletion, device.commands_waiting), (Deletion::Ordered, true));
    world.session(&mut phone, SessionPurpose::Commands).await.unwrap();
    assert_eq!(host::status(phone.wallet()).unwrap().holding, Holding::Wiped);
    let renewal = world.admin("/admin/residents/hanako/card/renewal", &json!({})).await;
    assert_eq!(renewal.unwrap_err().1, "issuance.person_left");
}

#[tokio::test]
async fn a_lost_card_stops_three_and_a_renewed_one_ends_four() {
    let world = World::at(MORNING).await;
    let (_card, phone) = enrolled(&world).await;
    let stop = json!({ "resident": "hanako", "card": true });
    for _ in 0..2 {
        world.call_centre("/call-centre/stops", &stop).await.unwrap();
        assert_eq!(world.statuses("hanako", &phone).await, ["suspended", "suspended", "suspended", "valid"]);
    }
    world.advance(60);
    world.admin("/admin/residents/hanako/card/renewal", &json!({})).await.unwrap();
    let statuses = world.statuses("hanako", &phone).await;
    assert_eq!(statuses, ["revoked", "revoked", "revoked superseded", "revoked superseded"]);
    let _card = world.card("hanako", 9).await;
    let resident: Value = world.get("/admin/residents/hanako").await.unwrap();
    assert_eq!((&resident["card"]["state"], &resident["can_enroll"]), (&json!("active"), &json!(true)));
    assert_eq!(world.statuses("hanako", &phone).await[..2], ["valid", "valid"]);
}

#[tokio::test]
async fn a_phone_is_stopped_found_and_applied_for_anew() {
    let world = World::at(MORNING).await;
    let (mut card, mut phone) = enrolled(&world).await;
    assert_eq!(world.say(&mut phone, DeviceAction::Lift).await.unwrap_err().1, "device.not_stopped");
    let wrong: Result<Value, _> = world.post("/api/stops", &json!({ "recovery_code": "WRONG" })).await;
    assert_eq!(wrong.unwrap_err().1, "stop.recovery_code_wrong");
    for _ in 0..2 {
        let stopped: Value = world.post("/api/stops", &json!({ "recovery_code": CODE })).await.unwrap();
        assert_eq!(stopped, json!({ "stopped": true, "phone": "pixel" }));
        assert_eq!(world.statuses("hanako", &phone).await, ["valid", "valid", "suspended", "suspended"]);
    }
    let stops = |codes: Vec<tefuda_protocol::device::Notice>| {
        codes.iter().filter(|notice| notice.code == "phone.stopped").count()
    };
    assert_eq!(stops(world.device(&phone).await.notices), 1, "a stop twice is one stop");
    world.say(&mut phone, DeviceAction::Lift).await.unwrap();
    world.say(&mut phone, DeviceAction::Lift).await.unwrap();
    assert_eq!(world.statuses("hanako", &phone).await, ["valid", "valid", "revoked superseded", "valid"]);

    let request = phone.application(&mut card, "anew", &[CertificateKind::PhoneSign], world.clock.civil());
    assert_eq!(world.apply(&request).await.unwrap().certificates.len(), 1);
    phone.confirm();
    world.session(&mut phone, SessionPurpose::Register { application: "anew".into() }).await.unwrap();
    assert_eq!(world.statuses("hanako", &phone).await, ["valid"; 4]);

    // The code still stops it, until too many wrong ones in an hour close that door; the call centre stays open.
    for _ in 0..WRONG_CODES_PER_HOUR_MAX {
        let _: Result<Value, _> = world.post("/api/stops", &json!({ "recovery_code": "WRONG" })).await;
    }
    let closed: Result<Value, _> = world.post("/api/stops", &json!({ "recovery_code": CODE })).await;
    assert_eq!(closed.unwrap_err().1, "stop.too_many_codes");
    let stop = json!({ "resident": "hanako", "phone": "pixel" });
    world.call_centre("/call-centre/stops", &stop).await.unwrap();
    assert_eq!(world.statuses("hanako", &phone).await, ["valid", "valid", "suspended", "suspended"]);
}

#[tokio::test]
async fn abuse_c15_the_call_centre_stops_and_nothing_else() {
    let world = World::at(MORNING).await;
    for (path, body) in [
        ("/admin/residents", json!({})),
        ("/admin/generations/phone-auth", json!({})),
        ("/admin/phones/pixel/wipe", json!({})),
        ("/admin/residents/hanako/events/card-lost", json!({})),
    ] {
        assert_eq!(world.call_centre(path, &body).await.unwrap_err(), (401, "access.unauthorized".into()));
    }
    assert_eq!(world.admin("/call-centre/stops", &json!({})).await.unwrap_err().0, 401);
    for (stop, expected) in [
        (json!({ "resident": "hanako", "phone": "none" }), "device.not_found"),
        (json!({ "resident": "nobody", "card": true }), "resident.not_found"),
        (json!({ "resident": "hanako", "card": true, "phone": "pixel" }), "stop.malformed"),
        (json!({ "resident": "hanako" }), "stop.malformed"),
    ] {
        assert_eq!(world.call_centre("/call-centre/stops", &stop).await.unwrap_err().1, expected);
    }
}

#[tokio::test]
async fn a_phone_that_is_given_up_is_revoked_wiped_and_free_again() {
    let world = World::at(MORNING).await;
    let (mut card, mut phone) = enrolled(&world).await;
    let message = world.message(&mut phone, DeviceAction::Retire).await;
    let path = format!("/api/devices/{}/messages", phone.id);
    let reply: DeviceReply = world.post(&path, &message).await.unwrap();
    assert_eq!((reply.device.deletion, reply.device.commands_waiting), (Deletion::Ordered, true));
    let again: Result<DeviceReply, _> = world.post(&path, &message).await;
    assert_eq!(again.unwrap_err().1, "device.nonce_used");
    let gone = "revoked cessationOfOperation";
    assert_eq!(world.statuses("hanako", &phone).await, ["valid", "valid", gone, gone]);

    let request = phone.application(
        &mut card,
        "too-early",
        &[CertificateKind::PhoneSign, CertificateKind::PhoneAuth],
        world.clock.civil(),
    );
    assert_eq!(world.apply(&request).await.unwrap_err().1, "enrol.deletion_open");
    world.session(&mut phone, SessionPurpose::Commands).await.unwrap();
    assert_eq!(world.session(&mut phone, SessionPurpose::Commands).await, Ok(0));
    assert_eq!(world.device(&phone).await.deletion, Deletion::Confirmed);
    assert_eq!(host::status(phone.wallet()).unwrap().last_command, 1);
    // Somebody else can have it now.
    let mut taro = world.card("taro", 2).await;
    world.enrol(&mut phone, &mut taro, "second-hand").await;
    assert_eq!(world.statuses("taro", &phone).await, ["valid"; 4]);
    assert_eq!(world.device(&phone).await.deletion, Deletion::None);
}

#[tokio::test]
async fn the_next_phone_of_a_family_takes_the_place_of_the_last() {
    let world = World::at(MORNING).await;
    let (mut card, mut first) = enrolled(&world).await;
    let mut other = world.phone("apple", 2, Family::Iphone).await;
    world.enrol(&mut other, &mut card, "other-family").await;
    assert_eq!(world.statuses("hanako", &first).await, ["valid"; 4], "one phone of each family");
    let mut second = world.phone("galaxy", 3, Family::Android).await;
    let request = second.application(
        &mut card,
        "second",
        &[CertificateKind::PhoneSign, CertificateKind::PhoneAuth],
        world.clock.civil(),
    );
    world.apply(&request).await.unwrap();
    assert_eq!(world.statuses("hanako", &first).await, ["valid"; 4], "not before the element confirms");
    second.set_pins();
    second.confirm();
    world.session(&mut second, SessionPurpose::Register { application: "second".into() }).await.unwrap();
    let gone = "revoked cessationOfOperation";
    assert_eq!(world.statuses("hanako", &first).await, ["valid", "valid", gone, gone]);
    assert_eq!(world.statuses("hanako", &second).await, ["valid"; 4]);
    assert_eq!(world.statuses("hanako", &other).await, ["valid"; 4]);
    let codes = |view: tefuda_protocol::device::DeviceView| {
        view.notices.into_iter().map(|notice| notice.code).collect::<Vec<_>>()
    };
    assert!(codes(world.device(&first).await).contains(&"phone.replaced".to_owned()));
    assert!(codes(world.device(&second).await).contains(&"phone.earlier_replaced".to_owned()));
    world.session(&mut first, SessionPurpose::Commands).await.unwrap();

    // What a wallet receives links it to every other one of the same person, and to nobody else's.
    let mut taro = world.card("taro", 5).await;
    let mut stranger = world.phone("stranger", 4, Family::Android).await;
    world.enrol(&mut stranger, &mut taro, "stranger").await;
    let statements = world.say(&mut second, DeviceAction::Statements).await.unwrap().statements.unwrap();
    assert_eq!(statements.links.len(), 3, "the card and two phones");
    let taken = world.application("second").await;
    let mut cards = world.card("taro", 5).await;
    let request = second.application(
        &mut cards,
        "somebody-else",
        &[CertificateKind::PhoneSign, CertificateKind::PhoneAuth],
        world.clock.civil(),
    );
    assert_eq!(world.apply(&request).await.unwrap_err().1, "enrol.phone_in_use");
    assert_eq!(taken.certificates.len(), 2);
}

#[tokio::test]
async fn an_element_that_was_tampered_with_says_so_and_is_never_used_again() {
    let world = World::at(MORNING).await;
    let (mut card, mut phone) = enrolled(&world).await;
    phone.element.lock().unwrap().sensor_event().unwrap();
    let forged = world.message(&mut phone, DeviceAction::Tampered).await;
    let path = format!("/api/devices/{}/messages", phone.id);
    let _: DeviceReply = world.post(&path, &forged).await.unwrap();
    let gone = "revoked keyCompromise";
    assert_eq!(world.statuses("hanako", &phone).await, ["valid", "valid", gone, gone]);
    assert!(phone.keys(tefuda_element::KeyKinds::Both, [3; 16]).is_err());
    // An application that was signed before is no way back.
    let mut other = world.phone("galaxy", 2, Family::Android).await;
    world.enrol(&mut other, &mut card, "other").await;
    assert_eq!(world.statuses("hanako", &other).await, ["valid"; 4]);
}

#[tokio::test]
async fn a_new_recovery_code_takes_the_place_of_the_old_one() {
    let world = World::at(MORNING).await;
    let (_card, mut phone) = enrolled(&world).await;
    let hash = Bytes(Sha256::digest("NEWC-ODE0").to_vec());
    world.change_recovery_code(&mut phone, hash).await.unwrap();
    let stop = |code: &str| json!({ "recovery_code": code });
    let old: Result<Value, _> = world.post("/api/stops", &stop(CODE)).await;
    assert_eq!(old.unwrap_err().1, "stop.recovery_code_wrong");
    let _: Value = world.post("/api/stops", &stop("NEWC-ODE0")).await.unwrap();
}
