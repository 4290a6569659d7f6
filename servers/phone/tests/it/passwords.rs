//! What a sealed password is good for: one transaction, one session, one use.

use serde_json::{Value, json};
use tefuda_protocol::{
    phone::{Act, CardShown, PhoneStatus, PinSession, RecoveryCode, SealedPins},
    transaction::Transaction,
};
use tefuda_types::PinKind;

use crate::world::{AUTH, Phone, SIGN, World};

async fn enrolled() -> World {
    let world = World::new().await;
    world.card("hanako", 1).await;
    world.phone("android").enrol("hanako", "MIHON01A").await;
    world
}

async fn tries(phone: &Phone<'_>) -> (u8, u8) {
    let retries = phone.status().await.retries.unwrap();
    (retries.sign, retries.auth)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_good_for_its_own_session_and_once() {
    let world = enrolled().await;
    let phone = world.phone("android");
    let session = phone.open(&Act::EnrolBiometrics).await.unwrap();
    let captured = phone.seal(&session, SIGN, AUTH).await;
    let status: PhoneStatus = phone.complete(&session, &captured).await.unwrap();
    assert_eq!(json!(status.biometrics), "enrolled");

    let again: Result<Value, _> = phone.complete(&session, &captured).await;
    assert_eq!(again.unwrap_err(), "phone.session_not_found");
    let next = phone.open(&Act::EnrolBiometrics).await.unwrap();
    let replayed: Result<Value, _> = phone.complete(&next, &captured).await;
    assert_eq!(replayed.unwrap_err(), "element.not_bound");
    let missing = phone.open(&Act::EnrolBiometrics).await.unwrap();
    let none: Result<Value, _> = phone.complete(&missing, &SealedPins { blocks: Vec::new() }).await;
    assert_eq!(none.unwrap_err(), "phone.blocks_missing");
    assert_eq!(tries(&phone).await, (5, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn abuse_c11_a_text_that_was_swapped_before_sealing_is_not_agreed_to() {
    let world = enrolled().await;
    let phone = world.phone("android");
    let session = phone.open(&Act::RecoveryCode).await.unwrap();
    let body = session.transaction.body.replace("recovery-code", "something-else");
    let swapped =
        PinSession { transaction: Transaction { body, ..session.transaction.clone() }, ..session.clone() };
    let sealed = phone.seal(&swapped, SIGN, AUTH).await;
    let refused: Result<Value, _> = phone.complete(&session, &sealed).await;
    assert_eq!(refused.unwrap_err(), "element.not_bound");
    assert_eq!(tries(&phone).await, (5, 3));
    let code: RecoveryCode = phone.agree(&Act::RecoveryCode).await.unwrap();
    assert_eq!(code.recovery_code.len(), 19);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_counted_and_the_card_gives_them_back() {
    let world = enrolled().await;
    let phone = world.phone("android");
    for left in [2, 1, 0] {
        let session = phone.open(&Act::EnrolBiometrics).await.unwrap();
        let sealed = phone.seal(&session, SIGN, "9999").await;
        let refused: Result<Value, _> = phone.complete(&session, &sealed).await;
        let reason = if left == 0 { "phone.pin_blocked" } else { "phone.pin_wrong" };
        assert_eq!(refused.unwrap_err(), reason);
        assert_eq!(tries(&phone).await, (5, left));
    }
    let reset = Act::ResetPin { kind: PinKind::Auth };
    assert_eq!(phone.open(&reset).await.unwrap_err(), "phone.card_not_shown");
    let shown = |resident: &str| CardShown {
        resident: resident.parse().unwrap(),
        card_sign_pin: None,
        reset: Some(PinKind::Auth),
        risk_last_try: false,
    };
    world.card("taro", 2).await;
    let wrong: Result<Value, _> = phone.post("/api/pin-reset", &shown("taro")).await;
    assert_eq!(wrong.unwrap_err(), "enrol.wrong_card");
    let _: PhoneStatus = phone.post("/api/pin-reset", &shown("hanako")).await.unwrap();
    let status: PhoneStatus = phone.agree(&reset).await.unwrap();
    assert_eq!(status.retries.unwrap().auth, 3);
    // The grant is used up.
    assert_eq!(phone.open(&reset).await.unwrap_err(), "phone.card_not_shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_a_password_needs_the_present_one() {
    let world = enrolled().await;
    let phone = world.phone("android");
    let session = phone.open(&Act::ChangePin { kind: PinKind::Sign }).await.unwrap();
    let wrong = phone.seal(&session, "WRONG123", AUTH).await;
    let refused: Result<Value, _> = phone.complete(&session, &wrong).await;
    assert_eq!(refused.unwrap_err(), "phone.pin_wrong");
    let _: PhoneStatus = phone.agree(&Act::ChangePin { kind: PinKind::Sign }).await.unwrap();
    assert_eq!(tries(&phone).await, (5, 3));
}
