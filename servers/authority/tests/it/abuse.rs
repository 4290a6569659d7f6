//! What somebody tries with cards, phones and applications that are not theirs, and lists that lag behind.

use serde_json::{Value, json};
use tefuda_element::host;
use tefuda_pki::{Certificate, crl::RevocationList, oid};
use tefuda_protocol::{
    device::SessionPurpose,
    enrolment::{Application, ApplicationState},
};
use tefuda_silicon::engine::P256Key;
use tefuda_types::{CertificateKind, Clock, Family, Serial};

use crate::{
    elements::trust,
    world::{BOTH, MORNING, Phone, World, reason, register, sign},
};

async fn is_unknown(world: &World, id: &str) {
    let known: Result<Value, _> = world.get(&format!("/api/applications/{id}")).await;
    assert_eq!(reason(known), "application.not_found", "{id}");
}

#[tokio::test]
async fn abuse_d01_a_phone_that_was_enrolled_by_force_is_told_and_shown() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut own = world.phone("own", 1, Family::Android).await;
    world.enrol(&mut own, &mut card, "own").await;
    let mut theirs = world.phone("theirs", 2, Family::Android).await;
    world.enrol(&mut theirs, &mut card, "theirs").await;
    let notices = world.device(&own).await.notices;
    assert!(notices.iter().any(|notice| notice.code == "phone.replaced"), "{notices:?}");
    let gone = "revoked cessationOfOperation";
    assert_eq!(
        world.statuses("hanako", &own).await,
        ["valid", "valid", gone, gone],
        "which cannot be missed"
    );
    // Whoever asks at the counter sees it too.
    let devices: Value = world.get("/admin/devices").await.unwrap();
    let shown = devices["devices"].as_array().unwrap().iter().filter(|line| line["resident"] == "hanako");
    assert_eq!(shown.count(), 1, "{devices}");
}

#[tokio::test]
async fn abuse_d04_an_element_that_no_maker_vouches_for_gets_no_certificate() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut fake = world.phone_by(&P256Key::from_bytes(&[8; 32]).unwrap(), "fake", 1, Family::Android).await;
    let request = fake.application(&mut card, "fake", &BOTH, world.clock.civil());
    assert_eq!(reason(world.apply(&request).await), "attestation.maker_unknown");
    // A real element's certificate in front of keys that software made.
    let mut real = world.phone("real", 2, Family::Android).await;
    let mut dressed = request.application.peek_unverified().unwrap();
    dressed.keys.element = real.unsigned("fake", &BOTH, world.clock.civil()).keys.element;
    assert_eq!(reason(world.apply(&sign(&mut card, &dressed)).await), "attestation.signature_wrong");
    is_unknown(&world, "fake").await;
    assert!(world.device(&fake).await.certificates.is_empty());
}

#[tokio::test]
async fn abuse_d06_of_phones_that_race_for_one_place_one_has_it() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phones = Vec::new();
    for (seed, name) in (1..).zip(["first", "second", "third"]) {
        let mut phone = world.phone(name, seed, Family::Android).await;
        let request = phone.application(&mut card, name, &BOTH, world.clock.civil());
        phones.push((phone, request));
    }
    let requests: Vec<_> = phones.iter().map(|(_, request)| request).collect();
    // Each asks twice, all at the same time.
    let applied = tokio::join!(
        world.apply(requests[0]),
        world.apply(requests[1]),
        world.apply(requests[2]),
        world.apply(requests[0]),
        world.apply(requests[1]),
        world.apply(requests[2]),
    );
    let serials = |view: tefuda_protocol::enrolment::ApplicationView| {
        view.certificates.into_iter().map(|line| line.serial).collect::<Vec<Serial>>()
    };
    let (first, again) = (applied.0.unwrap(), applied.3.unwrap());
    assert_eq!(serials(first), serials(again), "one request is one certificate of each kind");
    let mut phones: Vec<Phone> = phones.into_iter().map(|(phone, _)| phone).collect();
    for phone in &mut phones {
        phone.set_pins();
        phone.confirm();
    }
    let [first, second, third] = phones.as_mut_slice() else { unreachable!() };
    let done = tokio::join!(
        world.session(first, register("first")),
        world.session(second, register("second")),
        world.session(third, register("third")),
    );
    assert!(done.0.is_ok() || done.1.is_ok() || done.2.is_ok(), "{done:?}");
    let mut holding = 0;
    for phone in &phones {
        let statuses = world.statuses("hanako", phone).await;
        let valid = statuses[2..].iter().filter(|status| *status == "valid").count();
        assert!(valid == 0 || valid == 2, "{statuses:?}");
        holding += valid / 2;
    }
    assert_eq!(holding, 1);
}

#[tokio::test]
async fn abuse_d07_what_a_certificate_says_is_the_registers_and_never_the_requests() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let mut hostile = phone.unsigned("hostile", &BOTH, world.clock.civil());
    let other = "別人　太郎,C=JP\0\r\n<b>";
    (hostile.model, hostile.app_version) = (other.into(), other.into());
    let named = Application { phone: other.into(), ..hostile.clone() };
    assert_eq!(reason(world.apply(&sign(&mut card, &named)).await), "phone.name_malformed");
    is_unknown(&world, "hostile").await;
    let view = world.apply(&sign(&mut card, &hostile)).await.unwrap();
    let of_card = Certificate::from_der(&card.sign(b"any").0.0).unwrap();
    for line in &view.certificates {
        let issued = Certificate::from_pem(&line.pem).unwrap();
        let der = issued.as_der();
        let has = |text: &str| der.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!has("別人") && !has("<b>") && !has("pixel"));
        if line.kind.is_signature() {
            for value in [oid::JPKI_NAME, oid::JPKI_ADDRESS, oid::JPKI_BIRTH_DATE, oid::JPKI_SEX] {
                assert!(issued.other_name(value).is_some());
                assert_eq!(issued.other_name(value), of_card.other_name(value));
            }
        }
    }
}

#[tokio::test]
async fn abuse_d09_who_died_moved_or_was_renamed_in_the_queue_is_not_certified_as_before() {
    let world = World::at("2026-11-24T12:00:00Z").await;
    let events = [
        ("hanako", "move", json!({ "address": "東京都" })),
        ("taro", "death", json!({})),
        ("hogo", "name-change", json!({ "name": "見本　改名" })),
    ];
    for (seed, (resident, _, _)) in (1..).zip(&events) {
        let mut card = world.card(resident, u64::from(seed)).await;
        let mut phone = world.phone(resident, seed, Family::Android).await;
        let request = phone.application(&mut card, resident, &BOTH, world.clock.civil());
        let view = world.apply(&request).await.unwrap();
        assert!(matches!(view.state, ApplicationState::Pending { .. }), "{view:?}");
    }
    for (resident, event, body) in &events {
        world.admin(&format!("/admin/residents/{resident}/events/{event}"), body).await.unwrap();
    }
    world.set("2026-11-25T01:00:00Z");
    for (resident, event, _) in &events {
        let view = world.application(resident).await;
        let ApplicationState::Refused { reason } = &view.state else { panic!("{event}: {view:?}") };
        assert_eq!(reason, "enrol.card_revoked", "{event}");
        assert!(view.certificates.is_empty(), "{event}");
    }
}

#[tokio::test]
async fn abuse_d12_an_unlocked_phone_registers_nothing_without_its_signature_password() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let request = phone.application(&mut card, "one", &BOTH, world.clock.civil());
    world.apply(&request).await.unwrap();
    phone.set_pins();
    for _ in 0..2 {
        phone.wallet();
        let refused = host::confirm_registration(&mut phone.wire, "register");
        assert_eq!(refused.map(drop).unwrap_err(), host::HostError::NotAllowed);
        assert_eq!(reason(world.session(&mut phone, register("one")).await), "element_session.not_confirmed");
    }
    assert!(world.device(&phone).await.certificates.is_empty());
    assert!(matches!(world.application("one").await.state, ApplicationState::Approved { .. }));
    phone.confirm();
    world.session(&mut phone, register("one")).await.unwrap();
    assert_eq!(world.application("one").await.state, ApplicationState::Registered);
}

#[tokio::test]
async fn abuse_d13_keys_of_two_phones_are_no_application() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let mut other = world.phone("other", 2, Family::Android).await;
    let now = world.clock.civil();
    // The same nonce: whoever has both phones can arrange that.
    let (own, theirs) = (phone.unsigned("mixed", &BOTH, now), other.unsigned("mixed", &BOTH, now));
    for place in 0..own.keys.keys.len() {
        let mut mixed = own.clone();
        mixed.keys.keys[place] = theirs.keys.keys[place].clone();
        assert_eq!(
            reason(world.apply(&sign(&mut card, &mixed)).await),
            "attestation.signature_wrong",
            "{place}"
        );
    }
    let mut mixed = own.clone();
    mixed.keys.element = theirs.keys.element.clone();
    assert_eq!(reason(world.apply(&sign(&mut card, &mixed)).await), "attestation.signature_wrong");
    is_unknown(&world, "mixed").await;
    // Nor is what one phone applied for brought into the other, by name or by wire.
    world.apply(&sign(&mut card, &own)).await.unwrap();
    assert_eq!(reason(world.session(&mut other, register("mixed")).await), "element_session.other_element");
    let turn = world.begin(&phone, register("mixed")).await.unwrap();
    let responses = host::pipe(&mut other.wire, &turn.commands).unwrap();
    let path = format!("/api/element-sessions/{}", turn.session);
    let answers = tefuda_protocol::device::SessionAnswers { responses };
    let refused: Result<Value, _> = world.post(&path, &answers).await;
    assert_eq!(reason(refused), "element_session.other_element");
    for phone in [&phone, &other] {
        assert!(world.device(phone).await.certificates.is_empty());
    }
}

#[tokio::test]
async fn abuse_e07_a_revocation_is_in_the_lists_whatever_stopped_the_process_after_it() {
    let mut world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let view = world.enrol(&mut phone, &mut card, "one").await;
    let serial = |kind| view.certificates.iter().find(|line| line.kind == kind).unwrap().serial.clone();
    let fetch = async |world: &World, kind: CertificateKind, name: &str| {
        let list = world.octets(&format!("/crl/{kind}-g1.{name}")).await;
        RevocationList::verify(&list, &trust(world, kind).await).unwrap()
    };
    let names = ["crl", "delta.crl"];
    let mut before = Vec::new();
    for kind in BOTH {
        for name in names {
            let list = fetch(&world, kind, name).await;
            assert!(list.entries.is_empty());
            before.push(list.number);
        }
    }
    // The act is in the table; nobody has made a list of it when the process ends.
    world.admin("/admin/residents/hanako/events/death", &json!({})).await.unwrap();
    world.restart().await;
    world.advance(1);
    let mut numbers = before.into_iter();
    for kind in BOTH {
        for name in names {
            let list = fetch(&world, kind, name).await;
            assert!(list.number > numbers.next().unwrap(), "{kind} {name}");
            assert!(list.entries.iter().any(|entry| entry.serial == serial(kind)), "{kind} {name}");
        }
    }
}

#[tokio::test]
async fn abuse_e08_an_authority_that_was_restored_from_before_a_revocation_does_not_start() {
    const ROLE: &str = "ca-phone-auth";
    let mut world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    world.enrol(&mut phone, &mut card, "one").await;
    let list = "/crl/phone-auth-g1.delta.crl";
    world.octets(list).await;
    let before = world.back_up(ROLE);
    let behind = "the store is older than what the CA has published";
    // It was acknowledged, and stands in no list yet.
    world.admin("/admin/residents/hanako/events/death", &json!({})).await.unwrap();
    let acknowledged = world.back_up(ROLE);
    assert_eq!(world.put_back(ROLE, &before).await, Err(behind.to_owned()));
    assert_eq!(world.put_back(ROLE, &acknowledged).await, Ok(()), "what is new enough goes on");
    world.advance(1);
    let shown =
        RevocationList::verify(&world.octets(list).await, &trust(&world, CertificateKind::PhoneAuth).await);
    assert_eq!(shown.unwrap().entries.len(), 1);
    // A list went out, though nothing has changed since the backup.
    let newest = world.back_up(ROLE);
    assert_eq!(world.put_back(ROLE, &acknowledged).await, Err(behind.to_owned()));
    assert_eq!(world.put_back(ROLE, &[None, None, None]).await, Err(behind.to_owned()), "nor with no store");
    assert_eq!(world.put_back(ROLE, &newest).await, Ok(()));
}

#[tokio::test]
async fn abuse_e15_a_key_is_certified_once_and_for_one_person() {
    let world = World::at(MORNING).await;
    let (mut card, mut copy) = (world.card("hanako", 1).await, world.card("taro", 2).await);
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let first = phone.unsigned("first", &BOTH, world.clock.civil());
    assert_eq!(world.apply(&sign(&mut card, &first)).await.unwrap().certificates.len(), 2);
    let again = Application { id: "again".into(), ..first.clone() };
    let second = world.apply(&sign(&mut copy, &again)).await.unwrap();
    let refused = ApplicationState::Refused { reason: "ca.draft_refused".into() };
    assert_eq!((second.state, second.certificates.len()), (refused.clone(), 0));
    // Not when what it was certified in has ended either.
    world.admin("/admin/residents/hanako/events/death", &json!({})).await.unwrap();
    let late = Application { id: "late".into(), ..first };
    assert_eq!(world.apply(&sign(&mut copy, &late)).await.unwrap().state, refused);
    // Cards, whose keys were made outside of the chip and put into two.
    assert_eq!(world.pick_up("hogo", 2).await.err().unwrap().1, "ca.draft_refused");
    let view: Value = world.get("/admin/residents/hogo").await.unwrap();
    assert_eq!(view["card"]["certificates"], json!([]));
    assert_eq!(world.get::<Value>("/admin/residents/taro").await.unwrap()["card"]["state"], "active");
}

#[tokio::test]
async fn abuse_c04_nothing_that_is_asked_from_afar_costs_a_try() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    world.enrol(&mut phone, &mut card, "one").await;
    let tries = |phone: &mut Phone| {
        let status = host::status(phone.wallet()).unwrap();
        (status.sign_tries, status.auth_tries)
    };
    let before = tries(&mut phone);
    let (device, guess) =
        (phone.id.to_string(), json!({ "pin": "0000", "recovery_code": "0000", "kind": "auth" }));
    let (nonce, message) =
        (format!("/api/devices/{device}/nonce"), format!("/api/devices/{device}/messages"));
    let routes =
        ["/api/applications", "/api/pin-resets", &nonce, &message, "/api/element-sessions", "/api/stops"];
    for route in routes {
        for _ in 0..8 {
            let _: Result<Value, _> = world.post(route, &guess).await;
            let _: Result<Value, _> = world.admin(route, &guess).await;
            let _: Result<Value, _> = world.call_centre(route, &guess).await;
        }
    }
    // The most that a remote session into the element does, with whatever the other side answers.
    world.session(&mut phone, SessionPurpose::Commands).await.unwrap();
    assert_eq!(tries(&mut phone), before);
}
