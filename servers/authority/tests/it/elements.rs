//! Sessions into elements, PIN resets, statements and signs of life.

use crate::world::{AUTH_PIN, Held, MORNING, Phone, World};
use serde_json::{Value, json};
use tefuda_apdu::{
    Command, Transceive,
    scp03::{HostChallenged, Mode},
};
use tefuda_element::host;
use tefuda_pki::{Certificate, oid, path::TrustStore};
use tefuda_protocol::{
    Signed, SignedMessage,
    attestation::verify_p256,
    device::{DeviceAction, SessionAnswers, SessionPurpose, SessionTurn},
    element::{AUTHORITY_DOMAIN_AID, Holding, OWN_KEY_VERSION},
    enrolment::{PinReset, PinResetGrant, PinResetRequest},
    sealed::PinPurpose,
    statement::{Heartbeat, Statement},
};
use tefuda_types::{CertificateKind, Clock, Family, PinKind};

async fn answer(
    world: &World,
    turn: &SessionTurn,
    responses: Vec<tefuda_types::Bytes>,
) -> Result<SessionTurn, String> {
    let path = format!("/api/element-sessions/{}", turn.session);
    world.post(&path, &SessionAnswers { responses }).await.map_err(|(_, reason)| reason)
}

#[tokio::test]
async fn a_session_ends_at_the_first_answer_that_is_not_the_element_s() {
    let world = World::at(MORNING).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let mut other = world.phone("other", 2, Family::Android).await;
    assert_eq!(host::access_rules(&mut phone.wire).unwrap().len(), 2);
    assert_eq!(host::status(phone.wallet()).unwrap().holding, Holding::Empty);

    // Again, as after a cut at the very end: harmless.
    world.session(&mut phone, SessionPurpose::Provision).await.unwrap();
    world.session(&mut phone, SessionPurpose::HandOver).await.unwrap();

    let turn = world.begin(&phone, SessionPurpose::HandOver).await.unwrap();
    let responses = host::pipe(&mut other.wire, &turn.commands).unwrap();
    assert_eq!(answer(&world, &turn, responses).await.unwrap_err(), "element_session.other_element");

    let turn = world.begin(&phone, SessionPurpose::HandOver).await.unwrap();
    assert_eq!(answer(&world, &turn, Vec::new()).await.unwrap_err(), "element_session.answers_malformed");
    assert_eq!(answer(&world, &turn, Vec::new()).await.unwrap_err(), "element_session.not_found");

    // The first protected answer is altered.
    let mut turn = world.begin(&phone, SessionPurpose::HandOver).await.unwrap();
    for _ in 0..2 {
        let responses = host::pipe(&mut phone.wire, &turn.commands).unwrap();
        turn = answer(&world, &turn, responses).await.unwrap();
    }
    let mut responses = host::pipe(&mut phone.wire, &turn.commands).unwrap();
    responses[0].0[0] ^= 1;
    assert_eq!(answer(&world, &turn, responses).await.unwrap_err(), "element_session.channel_broken");

    // The element's cryptogram is altered.
    let turn = world.begin(&phone, SessionPurpose::HandOver).await.unwrap();
    let mut responses = host::pipe(&mut phone.wire, &turn.commands).unwrap();
    responses[1].0[40] ^= 1;
    assert_eq!(answer(&world, &turn, responses).await.unwrap_err(), "element_session.channel_broken");

    let unknown = Phone { id: tefuda_types::ElementId::from_bytes([9; 10]), ..phone };
    for (purpose, expected) in [
        (SessionPurpose::Provision, "element.not_found"),
        (SessionPurpose::Commands, "device.not_found"),
        (SessionPurpose::Register { application: "none".into() }, "application.not_found"),
        (SessionPurpose::ResetPin { grant: "none".into() }, "pin_reset.not_found"),
    ] {
        assert_eq!(world.begin(&unknown, purpose).await.unwrap_err().1, expected);
    }
}

/// EXTERNAL AUTHENTICATE by somebody without the keys, until the element blocks the key set.
fn block(phone: &mut Phone) {
    for _ in 0..8 {
        host::select(&mut phone.wire, &AUTHORITY_DOMAIN_AID).unwrap();
        let (_, command) = HostChallenged::begin(Mode::S16, OWN_KEY_VERSION, &[1; 16]).unwrap();
        assert!(phone.wire.send(&command).unwrap().status.is_ok());
        let guess = Command::new(0x84, 0x82, 0x33, 0x00).with_data([0x77; 32]);
        assert!(!phone.wire.send(&guess).unwrap().status.is_ok());
    }
}

#[tokio::test]
async fn a_wipe_arrives_although_somebody_blocked_the_key_set() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    world.enrol(&mut phone, &mut card, "first").await;
    let ordered = world.admin("/admin/phones/pixel/wipe", &json!({})).await.unwrap();
    assert_eq!((&ordered["deletion"], &ordered["command"]), (&json!("ordered"), &json!(1)));
    let again = world.admin("/admin/phones/pixel/wipe", &json!({})).await.unwrap();
    assert_eq!(again["command"], 1, "one that is open is not ordered again");
    block(&mut phone);
    assert_eq!(host::status(phone.wallet()).unwrap().holding, Holding::Held);
    world.session(&mut phone, SessionPurpose::Commands).await.unwrap();
    assert_eq!(host::status(phone.wallet()).unwrap().holding, Holding::Wiped);
    let gone = "revoked cessationOfOperation";
    assert_eq!(world.statuses("hanako", &phone).await, ["valid", "valid", gone, gone]);
    let lines: Value = world.get("/admin/devices").await.unwrap();
    assert_eq!(lines["devices"][0]["deletion"], "confirmed");
}

fn reset(
    phone: &Phone,
    id: &str,
    pin: PinKind,
    sign: impl FnOnce(&[u8]) -> (tefuda_types::Bytes, tefuda_types::Bytes),
    at: tefuda_types::Timestamp,
) -> PinResetRequest {
    let reset = PinReset { id: id.to_owned(), element: phone.id, pin, created_at: at };
    let (payload, message) = Signed::prepare(&reset).unwrap();
    let (certificate, signature) = sign(&message);
    PinResetRequest { certificate, reset: Signed::assemble(payload, signature) }
}

async fn granted(world: &World, request: &PinResetRequest) -> Result<PinResetGrant, String> {
    world.post("/api/pin-resets", request).await.map_err(|(_, reason)| reason)
}

#[tokio::test]
async fn a_password_is_set_anew_for_who_shows_the_card() {
    let world = World::at(MORNING).await;
    let mut card: Held = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    world.enrol(&mut phone, &mut card, "first").await;
    let now = world.clock.civil();

    let request = reset(&phone, "sign", PinKind::Sign, |message| card.sign(message), now);
    let grant = granted(&world, &request).await.unwrap().grant;
    assert_eq!(granted(&world, &request).await.unwrap().grant, grant);
    let purpose = SessionPurpose::ResetPin { grant };
    world.session(&mut phone, purpose.clone()).await.unwrap();
    assert_eq!(world.session(&mut phone, purpose).await, Ok(0), "a grant is delivered once");
    phone.set_anew(PinPurpose::SetSign, "PHONE02B");

    // Authentication: the card's presence suffices.
    let request = reset(&phone, "auth", PinKind::Auth, |message| card.prove_presence(message), now);
    let grant = granted(&world, &request).await.unwrap().grant;
    world.session(&mut phone, SessionPurpose::ResetPin { grant }).await.unwrap();
    phone.set_anew(PinPurpose::SetAuth, AUTH_PIN);

    // The signature password is not to be had that way, nor with another's card, nor with a lost one.
    let weak = reset(&phone, "weak", PinKind::Sign, |message| card.prove_presence(message), now);
    assert_eq!(granted(&world, &weak).await.unwrap_err(), "pin_reset.card_not_in_force");
    let mut taro = world.card("taro", 2).await;
    let other = reset(&phone, "other", PinKind::Sign, |message| taro.sign(message), now);
    assert_eq!(granted(&world, &other).await.unwrap_err(), "pin_reset.other_holder");
    let reused = reset(&phone, "sign", PinKind::Auth, |message| card.prove_presence(message), now);
    assert_eq!(granted(&world, &reused).await.unwrap_err(), "pin_reset.id_reused");
    let forged = reset(&phone, "forged", PinKind::Sign, |_| card.sign(b"something else"), now);
    assert_eq!(granted(&world, &forged).await.unwrap_err(), "pin_reset.signature_wrong");
    world.admin("/admin/residents/hanako/events/card-lost", &json!({})).await.unwrap();
    let lost = reset(&phone, "lost", PinKind::Sign, |message| card.sign(message), now);
    assert_eq!(granted(&world, &lost).await.unwrap_err(), "pin_reset.card_not_in_force");
}

pub async fn trust(world: &World, kind: CertificateKind) -> TrustStore {
    let index: Value = world.get("/trust/index.json").await.unwrap();
    let roots: Vec<_> = index["roots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|root| Certificate::from_pem(root["pem"].as_str().unwrap()).unwrap())
        .collect();
    TrustStore::new(kind, roots)
}

/// What a verifier makes of a statement.
fn verified<T: SignedMessage>(world: &World, trust: &TrustStore, statement: &Statement<T>) -> T {
    let signer = Certificate::from_der(&statement.signer.0).unwrap();
    trust.validate_delegated(&signer, oid::EKU_STATEMENT_SIGNING, world.clock.civil()).unwrap();
    let key = signer.public_key_bits();
    statement.signed.verify(|message, signature| verify_p256(key, message, signature)).unwrap()
}

async fn beat(world: &World) -> Statement<Heartbeat> {
    world.get("/status/phone-auth/heartbeat").await.unwrap()
}

#[tokio::test]
async fn statements_and_signs_of_life_are_the_ca_s() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let view = world.enrol(&mut phone, &mut card, "first").await;
    let store = trust(&world, CertificateKind::PhoneAuth).await;
    let statements = world.say(&mut phone, DeviceAction::Statements).await.unwrap().statements.unwrap();
    let instance = verified(&world, &store, &statements.wallet_instance);
    let auth = view.certificates.iter().find(|line| line.kind == CertificateKind::PhoneAuth).unwrap();
    assert_eq!(instance.certificate.serial, auth.serial);
    assert_eq!(instance.wallet_key.0.len(), 65);
    let link = verified(&world, &store, &statements.links[0]);
    assert_eq!((link.certificate, link.linked.kind), (instance.certificate, CertificateKind::CardAuth));

    let first = verified(&world, &store, &beat(&world).await);
    assert_eq!((first.lists.len(), first.lists[0].generation), (1, 1));
    world.admin("/admin/generations/phone-auth", &json!({})).await.unwrap();
    let _: Value = world.post("/api/stops", &json!({ "recovery_code": crate::world::CODE })).await.unwrap();
    let store = trust(&world, CertificateKind::PhoneAuth).await;
    let second = verified(&world, &store, &beat(&world).await);
    assert_eq!(second.lists.len(), 2);
    assert!(second.lists[0].delta > first.lists[0].delta, "a stop shows in the next delta");
}
