//! Applications: when they are decided, what is refused, and that nothing is issued twice.

use crate::world::{BOTH, Held, MORNING, Phone, World, reason, register, sign};
use serde_json::{Value, json};
use tefuda_element::KeyKinds;
use tefuda_protocol::{
    Signed,
    device::{Deletion, SessionPurpose},
    enrolment::{Application, ApplicationRequest, ApplicationState, ApplicationView},
};
use tefuda_types::{CertificateKind, Clock, Family, Timestamp};

#[tokio::test]
async fn abuse_d08_after_half_past_seven_an_application_waits_and_is_checked_like_any_other() {
    let world = World::with_closures(MORNING, "2027-01-01\n2027-01-02\n").await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    for (index, (at, decided)) in [
        ("2026-11-24T10:29:59Z", None),
        ("2026-11-24T10:30:00Z", Some("2026-11-24T23:00:00Z")),
        ("2026-11-25T22:59:58Z", Some("2026-11-25T23:00:00Z")),
        ("2026-12-31T12:00:00Z", Some("2027-01-02T23:00:00Z")),
        ("2028-02-28T14:59:59Z", Some("2028-02-28T23:00:00Z")),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("application-{index}");
        let request = phone.application(&mut card, &id, &BOTH, at.parse().unwrap());
        world.set(at);
        let view = world.apply(&request).await.unwrap();
        match (view.state, decided) {
            (ApplicationState::Approved { .. }, None) => assert_eq!(view.certificates.len(), 2),
            (ApplicationState::Pending { decision_at }, Some(decided)) => {
                assert_eq!(decision_at, decided.parse::<Timestamp>().unwrap());
                assert!(view.certificates.is_empty());
                world.set(decided);
                let decided = world.application(&id).await;
                assert!(matches!(decided.state, ApplicationState::Approved { .. }), "{decided:?}");
            }
            other => panic!("{at}: {other:?}"),
        }
    }
    let notices = world.device(&phone).await.notices;
    assert!(notices.iter().any(|notice| notice.code == "application.approved"), "{notices:?}");
}

#[tokio::test]
async fn abuse_d05_an_application_that_is_sent_again_gets_what_it_got() {
    let mut world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let request = phone.application(&mut card, "one", &BOTH, world.clock.civil());
    let first = world.apply(&request).await.unwrap();
    let serials =
        |view: &ApplicationView| view.certificates.iter().map(|line| line.serial.clone()).collect::<Vec<_>>();
    world.restart().await;
    assert_eq!(serials(&world.apply(&request).await.unwrap()), serials(&first));
    let mut altered = request.application.peek_unverified().unwrap();
    altered.model = "another".into();
    assert_eq!(reason(world.apply(&sign(&mut card, &altered)).await), "enrol.application_reused");
    let resident: Value = world.get("/admin/residents/hanako").await.unwrap();
    let card_end: Timestamp = resident["card"]["expires"].as_str().unwrap().parse().unwrap();
    assert!(first.certificates.iter().all(|line| line.not_after == card_end && line.pem.contains("BEGIN")));

    phone.set_pins();
    assert_eq!(reason(world.session(&mut phone, register("one")).await), "element_session.not_confirmed");
    assert!(
        world.device(&phone).await.certificates.is_empty(),
        "nothing is there before the element says so"
    );
    phone.confirm();
    // The answer of the last turn is lost, and with it everything that the authority had in memory.
    let turn = world.begin(&phone, register("one")).await.unwrap();
    world.restart().await;
    let path = format!("/api/element-sessions/{}", turn.session);
    assert_eq!(
        reason(world.post::<Value>(&path, &json!({ "responses": [] })).await),
        "element_session.not_found"
    );
    world.session(&mut phone, register("one")).await.unwrap();
    assert_eq!(world.application("one").await.state, ApplicationState::Registered);
    assert_eq!(world.session(&mut phone, register("one")).await, Ok(0), "over at once");
    assert_eq!(world.statuses("hanako", &phone).await, ["valid"; 4]);

    let audit: Value = world.get("/admin/audit").await.unwrap();
    assert_eq!(audit["logs"].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn abuse_d03_a_key_that_was_swapped_on_the_way_is_not_certified() {
    let world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let mut other_phone = world.phone("other", 2, Family::Android).await;
    let now = world.clock.civil();
    let honest = phone.unsigned("honest", &BOTH, now);
    let other = other_phone.unsigned("other", &BOTH, now);
    let mut signed = |change: &dyn Fn(&mut Application)| {
        let mut application = honest.clone();
        change(&mut application);
        sign(&mut card, &application)
    };
    let cases: [(&str, ApplicationRequest); 9] = [
        ("enrol.family_mismatch", signed(&|a| a.family = Family::Iphone)),
        ("enrol.kinds_unsupported", signed(&|a| a.kinds = vec![CertificateKind::PhoneAuth])),
        ("enrol.kinds_unsupported", signed(&|a| a.recovery_code_hash = None)),
        ("enrol.application_malformed", signed(&|a| a.nonce = vec![1].into())),
        ("attestation.not_bound", signed(&|a| a.nonce = vec![1; 16].into())),
        ("attestation.signature_wrong", signed(&|a| a.keys.keys = other.keys.keys.clone())),
        ("attestation.key_missing", signed(&|a| a.keys.keys.truncate(1))),
        ("phone.name_malformed", signed(&|a| a.phone = "Pixel 9".into())),
        ("enrol.phone_not_registered", signed(&|a| a.kinds = vec![CertificateKind::PhoneSign])),
    ];
    for (expected, request) in cases {
        assert_eq!(reason(world.apply(&request).await), expected);
    }
    let good = sign(&mut card, &honest);
    let (payload, _) = Signed::prepare(&Application { phone: "stolen".into(), ..honest.clone() }).unwrap();
    let altered = ApplicationRequest {
        application: Signed::assemble(payload, vec![0; 256].into()),
        certificate: good.certificate.clone(),
    };
    assert_eq!(reason(world.apply(&altered).await), "message.signature_wrong");
    for id in ["honest", "other"] {
        let known: Result<Value, _> = world.get(&format!("/api/applications/{id}")).await;
        assert_eq!(reason(known), "application.not_found", "nothing was kept");
    }
    world.apply(&good).await.unwrap();
    assert_eq!(reason(world.apply(&altered).await), "enrol.application_reused");
    let unknown: Result<Value, _> = world.get("/api/applications/nobody").await;
    assert_eq!(unknown.unwrap_err(), (404, "application.not_found".to_owned()));
}

async fn applied_with(world: &World, phone: &mut Phone, card: &mut Held, id: &str) -> String {
    let request = phone.application(card, id, &BOTH, world.clock.civil());
    match world.apply(&request).await {
        Ok(view) => match view.state {
            ApplicationState::Refused { reason } => reason,
            other => format!("{other:?}"),
        },
        Err((_, reason)) => reason,
    }
}

#[tokio::test]
async fn abuse_d02_cards_that_are_not_in_force_carry_no_application() {
    let world = World::at(MORNING).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    let mut expired = world.card("kigire", 3).await;
    assert_eq!(applied_with(&world, &mut phone, &mut expired, "a").await, "enrol.card_expired");
    let mut lost = world.card("taro", 4).await;
    world.admin("/admin/residents/taro/events/card-lost", &json!({})).await.unwrap();
    assert_eq!(applied_with(&world, &mut phone, &mut lost, "b").await, "enrol.card_suspended");
    let mut moved = world.card("hanako", 5).await;
    world.admin("/admin/residents/hanako/events/move", &json!({ "address": "東京都" })).await.unwrap();
    assert_eq!(applied_with(&world, &mut phone, &mut moved, "c").await, "enrol.card_revoked");
    let resident: Value = world.get("/admin/residents/hanako").await.unwrap();
    assert_eq!(resident["can_enroll"], false);

    for (resident, seed, expected) in
        [("kodomo", 6, "enrol.child"), ("hikoken", 7, "enrol.ward"), ("nashi", 8, "enrol.declined")]
    {
        let mut card = world.card(resident, seed).await;
        let application = phone.unsigned(resident, &BOTH, world.clock.civil());
        let (payload, message) = Signed::prepare(&application).unwrap();
        let (certificate, signature) = card.prove_presence(&message);
        let request = ApplicationRequest { certificate, application: Signed::assemble(payload, signature) };
        assert_eq!(reason(world.apply(&request).await), expected);
    }
}

#[tokio::test]
async fn abuse_d02_a_card_that_ends_before_the_decision_carries_nothing() {
    let world = World::at("2026-11-24T12:00:00Z").await;
    let mut card = world.card("hanako", 1).await;
    let mut phone = world.phone("pixel", 1, Family::Android).await;
    assert!(applied_with(&world, &mut phone, &mut card, "night").await.starts_with("Pending"));
    world.admin("/admin/residents/hanako/events/card-lost", &json!({})).await.unwrap();
    world.set("2026-11-25T01:00:00Z");
    let refused = ApplicationState::Refused { reason: "enrol.card_suspended".into() };
    assert_eq!(world.application("night").await.state, refused);
    assert_eq!(reason(world.session(&mut phone, register("night")).await), "enrol.not_approved");

    let mut taro = world.card("taro", 2).await;
    assert!(applied_with(&world, &mut phone, &mut taro, "idle").await.starts_with("Approved"));
    world.advance(29 * 86_400);
    assert!(matches!(world.application("idle").await.state, ApplicationState::Approved { .. }));
    world.advance(2 * 86_400);
    let view = world.application("idle").await;
    assert_eq!(view.state, ApplicationState::Expired);
    assert!(view.certificates.iter().all(|line| line.reason.as_deref() == Some("cessationOfOperation")));

    world.set("2027-01-15T01:00:00Z");
    assert!(applied_with(&world, &mut phone, &mut taro, "late").await.starts_with("Approved"));
    world.admin("/admin/residents/taro/events/name-change", &json!({ "name": "見本　次郎" })).await.unwrap();
    let overtaken = ApplicationState::Refused { reason: "enrol.overtaken".into() };
    assert_eq!(world.application("late").await.state, overtaken);
    assert!(phone.keys(KeyKinds::Both, [9; 16]).is_ok(), "the phone can begin anew");
}

#[tokio::test]
async fn a_cut_between_two_roles_issues_nothing_twice_and_leaves_nothing_undone() {
    let mut world = World::at(MORNING).await;
    let mut card = world.card("hanako", 1).await;
    let mut first = world.phone("first", 1, Family::Android).await;
    world.enrol(&mut first, &mut card, "first").await;
    let mut second = world.phone("second", 2, Family::Android).await;
    let request = second.application(&mut card, "second", &BOTH, world.clock.civil());
    let approved = world.apply(&request).await.unwrap();

    // The CAs have issued, the registrar does not know yet.
    let pending = json!({ "state": "pending", "decision_at": MORNING });
    world
        .cut("application", "second", |dossier| {
            dossier["state"] = pending;
            dossier["certificates"] = json!({});
        })
        .await;
    let again = world.application("second").await;
    let serials =
        |view: &ApplicationView| view.certificates.iter().map(|line| line.serial.clone()).collect::<Vec<_>>();
    assert_eq!(serials(&again), serials(&approved));

    // The element has confirmed, the registrar does not know yet; the earlier phone has given way already.
    second.set_pins();
    second.confirm();
    world.session(&mut second, register("second")).await.unwrap();
    let notices = world.device(&second).await.notices;
    let until = json!({ "state": "approved", "register_until": "2026-12-24T01:00:00Z" });
    world.cut("application", "second", |dossier| dossier["state"] = until).await;
    assert_eq!(world.application("second").await.state, ApplicationState::Registered);
    assert_eq!(world.device(&second).await.notices, notices, "nobody is told twice");
    let gone = "revoked cessationOfOperation";
    assert_eq!(world.statuses("hanako", &first).await, ["valid", "valid", gone, gone]);
    assert_eq!(world.statuses("hanako", &second).await, ["valid"; 4]);

    // The same of the phone that gave way: what is finished late takes nobody's place.
    let until = json!({ "state": "approved", "register_until": "2026-12-24T01:00:00Z" });
    world.cut("application", "first", |dossier| dossier["state"] = until).await;
    assert_eq!(world.application("first").await.state, ApplicationState::Registered);
    assert_eq!(world.statuses("hanako", &second).await, ["valid"; 4]);
    assert_eq!(world.session(&mut first, SessionPurpose::Commands).await.unwrap(), 3);
}

/// Turns of a registration, the last of which is the element's confirmation.
const REGISTER_TURNS: usize = 4;

/// A phone whose application is approved and confirmed by its holder.
async fn about_to_register(world: &World, resident: &str, seed: u8, id: &str) -> (Held, Phone) {
    let mut card = world.card(resident, u64::from(seed)).await;
    let mut phone = world.phone(id, seed, Family::Android).await;
    assert!(applied_with(world, &mut phone, &mut card, id).await.starts_with("Approved"));
    phone.set_pins();
    phone.confirm();
    (card, phone)
}

#[tokio::test]
async fn certificates_that_end_on_their_way_into_the_element_are_registered_to_nobody_s_use() {
    let world = World::at(MORNING).await;
    let event = async |path: &str| {
        world.admin(path, &json!({})).await.unwrap();
    };
    let (_card, mut moved) = about_to_register(&world, "hanako", 1, "moved").await;
    let happens = (REGISTER_TURNS, event("/admin/residents/hanako/events/move"));
    assert_eq!(reason(world.session_with(&mut moved, register("moved"), happens).await), "enrol.overtaken");
    let overtaken = ApplicationState::Refused { reason: "enrol.overtaken".into() };
    assert_eq!(world.application("moved").await.state, overtaken);
    let device = world.device(&moved).await;
    assert_eq!(device.certificates.len(), 2, "what the element has is known");
    assert!(device.certificates.iter().all(|line| line.reason.is_some()), "{device:?}");

    let (_card, mut died) = about_to_register(&world, "taro", 2, "died").await;
    let happens = (REGISTER_TURNS, event("/admin/residents/taro/events/death"));
    assert_eq!(reason(world.session_with(&mut died, register("died"), happens).await), "enrol.overtaken");
    let device = world.device(&died).await;
    assert_eq!((device.deletion, device.commands_waiting), (Deletion::Ordered, true));
    world.session(&mut died, SessionPurpose::Commands).await.unwrap();
    assert_eq!(world.device(&died).await.deletion, Deletion::Confirmed);
}

#[tokio::test]
async fn nothing_is_loaded_into_an_element_that_is_to_be_wiped() {
    let world = World::at(MORNING).await;
    let (_card, mut phone) = about_to_register(&world, "hanako", 1, "wiped").await;
    world.admin("/admin/phones/wiped/wipe", &json!({})).await.unwrap();
    assert_eq!(reason(world.session(&mut phone, register("wiped")).await), "enrol.deletion_open");
}
