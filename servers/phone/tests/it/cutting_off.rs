//! Phones that are stopped, found, given up and tampered with.

use serde_json::{Value, json};
use tefuda_protocol::{
    device::{CertificateView, Deletion},
    phone::{Act, Next, PhoneState, PhoneStatus, RecoveryCode},
};
use tefuda_types::{CertificateKind, CertificateStatus};

use crate::world::World;

fn of(certificates: &[CertificateView], kind: CertificateKind) -> (String, CertificateStatus) {
    let found = certificates.iter().find(|certificate| certificate.kind == kind).unwrap();
    (found.serial.to_string(), found.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_found_phone_goes_on_logging_in_and_applies_for_its_signature_anew() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    let phone = world.phone("android");
    let first = phone.enrol("hanako", "MIHON01A").await;
    let not_stopped: Result<Value, _> = phone.post("/api/lift", &json!({})).await;
    assert_eq!(not_stopped.unwrap_err(), "device.not_stopped");

    let fresh: RecoveryCode = phone.agree(&Act::RecoveryCode).await.unwrap();
    assert_eq!(world.stop(&first.recovery_code.unwrap()).await.unwrap_err(), "stop.recovery_code_wrong");
    world.stop(&fresh.recovery_code).await.unwrap();
    assert_eq!(phone.status().await.state, PhoneState::Stopped);

    let lifted: PhoneStatus = phone.post("/api/lift", &json!({})).await.unwrap();
    assert_eq!(lifted.state, PhoneState::Registered);
    let (auth, status) = of(&lifted.certificates, CertificateKind::PhoneAuth);
    assert_eq!(status, CertificateStatus::Valid);
    let (revoked, status) = of(&lifted.certificates, CertificateKind::PhoneSign);
    assert_eq!(status, CertificateStatus::Revoked);

    let again = phone.enrol("hanako", "MIHON01A").await;
    assert!(again.recovery_code.is_none());
    assert_eq!(of(&again.certificates, CertificateKind::PhoneAuth), (auth, CertificateStatus::Valid));
    let (sign, status) = of(&again.certificates, CertificateKind::PhoneSign);
    assert!(sign != revoked && status == CertificateStatus::Valid);
}

#[tokio::test(flavor = "multi_thread")]
async fn abuse_c09_a_phone_that_was_given_up_is_empty_for_the_next_person() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    world.card("taro", 2).await;
    let phone = world.phone("android");
    phone.enrol("hanako", "MIHON01A").await;
    let retired: PhoneStatus = phone.post("/api/retire", &json!({})).await.unwrap();
    assert_eq!((retired.state, retired.deletion), (PhoneState::Retired, Deletion::Confirmed));
    assert!(retired.retries.is_none(), "the element knows no passwords any more");
    assert!(retired.certificates.iter().all(|c| c.reason.as_deref() == Some("cessationOfOperation")));
    let twice: PhoneStatus = phone.post("/api/retire", &json!({})).await.unwrap();
    assert_eq!(twice.state, PhoneState::Retired);

    let next = phone.enrol("taro", "MIHON02A").await;
    assert_eq!(next.state, PhoneState::Registered);
    assert!(next.recovery_code.is_some());
    assert_eq!(phone.status().await.deletion, Deletion::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_event_is_told_to_the_authority_even_later() {
    let mut world = World::new().await;
    world.card("hanako", 1).await;
    world.phone("android").enrol("hanako", "MIHON01A").await;
    let event = json!({ "event": "light" });
    // The authority does not hear of it at first: the answer to the nonce is lost.
    world.wire.lose_after(1);
    let status: PhoneStatus = world.phone("android").post("/api/tamper", &event).await.unwrap();
    assert_eq!(status.state, PhoneState::Tampered);
    world.wire.heal();
    world.restart().await;
    let status = world.phone("android").status().await;
    assert_eq!(status.state, PhoneState::Tampered);
    assert!(status.certificates.iter().all(|c| c.reason.as_deref() == Some("keyCompromise")));
    assert_eq!(world.phone("android").begin("hanako").await.unwrap_err(), "phone.tampered");
    let biometrics = world.phone("android").open(&Act::EnrolBiometrics).await;
    assert!(biometrics.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_night_an_application_waits_and_is_registered_in_the_morning() {
    let mut world = World::new().await;
    world.set("2026-11-24T19:30:00+09:00");
    world.card("hanako", 1).await;
    let phone = world.phone("android");
    phone.begin("hanako").await.unwrap();
    phone.show_card("hanako", "MIHON01A").await.unwrap();
    let waiting: tefuda_protocol::phone::Progress = phone.agree(&Act::SetPins).await.unwrap();
    assert_eq!((waiting.next, waiting.state), (Next::Decision, PhoneState::Applied));
    assert_eq!(waiting.decision_at, "2026-11-25T08:00:00+09:00".parse().ok());
    assert_eq!(phone.open(&Act::Register).await.unwrap_err(), "enrol.pending");

    world.set("2026-11-25T08:00:00+09:00");
    world.restart().await;
    let phone = world.phone("android");
    assert_eq!(phone.status().await.state, PhoneState::Approved);
    let done: tefuda_protocol::phone::Progress = phone.agree(&Act::Register).await.unwrap();
    assert!(done.recovery_code.is_some());
}
