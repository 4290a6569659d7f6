//! Phones out of the factory, and enrolment without accidents.

use serde_json::{Value, json};
use tefuda_protocol::phone::{Next, PhoneState};
use tefuda_types::CertificateStatus;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn two_phones_are_made_once_and_are_the_same_after_a_restart() {
    let mut world = World::new().await;
    let list: Value = world.get("localhost:8484", "/admin/phones").await.unwrap();
    assert_eq!(list["phones"].as_array().unwrap().len(), 2);
    let before = world.phone("android").status().await;
    assert_eq!((before.state, before.retries), (PhoneState::Empty, None));
    world.restart().await;
    let again: Value = world.get("localhost:8484", "/admin/phones").await.unwrap();
    assert_eq!(again, list);

    let made = json!({ "name": "spare", "model": "mihon-i17" });
    let _: Value = world.post("localhost:8484", "/admin/phones", &made).await.unwrap();
    let twice: Result<Value, _> = world.post("localhost:8484", "/admin/phones", &made).await;
    assert_eq!(twice.unwrap_err(), "phone.exists");
    let unknown = json!({ "name": "other", "model": "none" });
    let unknown: Result<Value, _> = world.post("localhost:8484", "/admin/phones", &unknown).await;
    assert_eq!(unknown.unwrap_err(), "phone.model_not_found");
    let nobody: Result<Value, _> = world.phone("nobody").get("/api/status").await;
    assert_eq!(nobody.unwrap_err(), "phone.not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_enrol_says_why() {
    let world = World::new().await;
    for (name, model, reason) in [
        ("lite", "mihon-a-lite", "enrol.no_secure_element"),
        ("ten", "mihon-i10", "enrol.model_too_old"),
        ("old", "mihon-a15-old-app", "enrol.app_too_old"),
    ] {
        let made = json!({ "name": name, "model": model });
        let _: Value = world.post("localhost:8484", "/admin/phones", &made).await.unwrap();
        assert_eq!(world.phone(name).begin("hanako").await.unwrap_err(), reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_code_is_told_once_and_statuses_are_the_authoritys() {
    let mut world = World::new().await;
    world.card("hanako", 1).await;
    let first = world.phone("android").enrol("hanako", "MIHON01A").await;
    assert!(first.recovery_code.is_some() && !first.repeated);
    assert_eq!(first.state, PhoneState::Registered);
    let again = world.phone("android").begin("hanako").await.unwrap();
    assert!(again.recovery_code.is_none() && again.repeated);
    assert_eq!(again.certificates.len(), 2);
    let other = world.phone("android").begin("taro").await;
    assert_eq!(other.unwrap_err(), "enrol.phone_in_use");

    let all = async |world: &World, status| {
        let shown = world.phone("android").status().await;
        shown.certificates.len() == 2 && shown.certificates.iter().all(|c| c.status == status)
    };
    assert!(all(&world, CertificateStatus::Valid).await);
    world.unplug().await;
    assert!(all(&world, CertificateStatus::NotKnown).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_application_that_ended_keeps_nobody_from_the_next_one() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    let phone = world.phone("android");
    let begun = phone.begin("hanako").await.unwrap();
    let signed = phone.step(&begun, "hanako", "MIHON01A").await.unwrap();
    let approved = phone.step(&signed, "hanako", "MIHON01A").await.unwrap();
    assert_eq!((approved.next, approved.state), (Next::Register, PhoneState::Approved));
    // Nobody finished it for more than a month.
    world.set("2027-01-15T01:00:00Z");
    let next = phone.begin("hanako").await.unwrap();
    assert_eq!(next.next, Next::Card, "{next:?}");
    assert_eq!(phone.enrol("hanako", "MIHON01A").await.state, PhoneState::Registered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_factory_reset_clears_the_wallet_and_not_the_element() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    world.card("taro", 2).await;
    let phone = world.phone("android");
    phone.enrol("hanako", "MIHON01A").await;
    let cleared: tefuda_protocol::phone::PhoneStatus =
        phone.post("/api/factory-reset", &json!({})).await.unwrap();
    assert_eq!((cleared.state, cleared.certificates.len()), (PhoneState::Empty, 0));
    // The element still knows its passwords: somebody else is refused before any try of them is spent.
    let begun = phone.begin("taro").await.unwrap();
    assert_eq!(begun.next, Next::Card);
    assert_eq!(phone.show_card("taro", "MIHON02A").await.unwrap_err(), "enrol.phone_in_use");
    let retries = phone.status().await.retries.unwrap();
    assert_eq!((retries.sign, retries.auth), (5, 3));
    let again = phone.enrol("hanako", "MIHON01A").await;
    assert_eq!(again.state, PhoneState::Registered);
    assert!(again.recovery_code.is_some());
}
