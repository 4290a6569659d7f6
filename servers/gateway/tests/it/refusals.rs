//! Phones that are not let in, and what the relying party is told.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use tefuda_pki::Signer;
use tefuda_protocol::transaction::{LoginTransaction, Method};
use tefuda_types::{Bytes, CertificateKind};

use crate::fixture::{Authority, Phone, later};
use crate::world::{Begun, LoginProofMaker, Party, World};

async fn setting() -> (World, Party, Phone, LoginProofMaker) {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    (world, party, phone, maker)
}

/// Refused for good: the phone is told, and so is the relying party.
async fn ends_with(world: &World, begun: &Begun, phone: &Phone, maker: &LoginProofMaker, reason: &str) {
    let outcome = world.approve(begun, phone, maker).await;
    assert_eq!((outcome.accepted, outcome.reason.as_deref()), (false, Some(reason)));
    let back = world.go_on(begun).await;
    assert_eq!(back.parameter("error"), "access_denied");
    assert!(back.parameter("error_description").starts_with(reason), "{:?}", back.sent_back());
    assert_eq!(back.parameter("state"), "state & more");
    assert_eq!(back.parameter("iss"), world.issuer());
    assert_eq!(back.parameter("code"), "");
}

#[tokio::test]
async fn stopped_lifted_and_revoked_phones() {
    let (world, party, phone, maker) = setting().await;
    world.authority(|authority, now| authority.suspend(&phone.reference, now));
    let begun = world.begin(&party).await;
    ends_with(&world, &begun, &phone, &maker, "certificate.suspended").await;
    world.authority(|authority, now| authority.lift(&phone.reference, now));
    assert!(!world.code(&party, &phone, &maker).await.is_empty());
    world.authority(|authority, now| authority.revoke(&phone.reference, now));
    let begun = world.begin(&party).await;
    ends_with(&world, &begun, &phone, &maker, "certificate.revoked").await;
}

#[tokio::test]
async fn abuse_c06_a_phone_that_was_reported_opens_nothing_and_keeps_nothing_open() {
    let (world, party, phone, maker) = setting().await;
    let code = world.code(&party, &phone, &maker).await;
    let tokens = world.redeem(&party, &code, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.user_info(access).await.status, StatusCode::OK);
    let unused = world.code(&party, &phone, &maker).await;
    world.authority(|authority, now| authority.suspend(&phone.reference, now));
    let begun = world.begin(&party).await;
    ends_with(&world, &begun, &phone, &maker, "certificate.suspended").await;
    assert_eq!(world.user_info(access).await.status, StatusCode::UNAUTHORIZED);
    let late = world.redeem(&party, &unused, &[]).await;
    assert!(late.body.contains("grant.certificate_ended"), "{}", late.body);
}

#[tokio::test]
async fn abuse_m04_an_authority_that_cannot_be_reached_is_a_state_with_a_name() {
    let (world, party, phone, maker) = setting().await;
    let begun = world.begin(&party).await;
    assert!(world.approve(&begun, &phone, &maker).await.accepted);
    world.unplug();
    world.pass(4);
    let begun = world.begin(&party).await;
    assert!(world.approve(&begun, &phone, &maker).await.accepted, "what is known is still fresh");
    world.pass(10);
    let begun = world.begin(&party).await;
    ends_with(&world, &begun, &phone, &maker, "certificate.status_not_known").await;
}

#[tokio::test]
async fn abuse_e14_time_that_goes_back_is_not_known_also_after_a_restart() {
    let (mut world, party, phone, maker) = setting().await;
    world.pass(200);
    assert!(!world.code(&party, &phone, &maker).await.is_empty());
    world.pass(-100);
    let begun = world.begin(&party).await;
    ends_with(&world, &begun, &phone, &maker, "certificate.status_not_known").await;
    world.restart().await;
    let begun = world.begin(&party).await;
    ends_with(&world, &begun, &phone, &maker, "certificate.status_not_known").await;
    world.pass(120);
    assert!(!world.code(&party, &phone, &maker).await.is_empty());
}

#[tokio::test]
async fn an_expired_certificate_is_refused_to_the_relying_party() {
    let (world, party, phone, maker) = setting().await;
    world.pass(1_001 * 86_400);
    world.authority(|authority, now| {
        // The delegate has expired long ago; the next generation has a new one.
        authority.rotate(now);
        authority.generations[0].publish_full(later(now, 0));
        authority.generations[0].publish_delta(later(now, 0));
    });
    let begun = world.begin(&party).await;
    ends_with(&world, &begun, &phone, &maker, "certificate.expired").await;
}

#[tokio::test]
async fn what_anybody_can_send_leaves_the_request_open() {
    let (world, party, phone, maker) = setting().await;
    let begun = world.begin(&party).await;
    let transaction = world.transaction(&begun).await;
    let good = phone.prove(&transaction, Method::Pin);
    let path = format!("/api/login/{}/proof", begun.request);
    let reply = world.send(Request::post(&path).body(Body::from("{}")).unwrap()).await;
    assert_eq!(
        (reply.status, reply.json()["reason"].as_str()),
        (StatusCode::BAD_REQUEST, Some("login.proof_malformed"))
    );
    let mut wrong = good.clone();
    wrong.auth_signature = Bytes(vec![7; 256]);
    assert_eq!(world.prove(&begun, &wrong).await.unwrap_err(), "login.signature_wrong");
    // A tap and a PIN at a reader: the authentication key signs, the wallet's does not.
    let mut tap = good.clone();
    tap.wallet_signature = Bytes(vec![7; 64]);
    assert_eq!(world.prove(&begun, &tap).await.unwrap_err(), "login.wallet_signature_wrong");
    let card = Authority::new(CertificateKind::CardAuth, world.now()).phone(world.now());
    let refused = world.prove(&begun, &card.prove(&transaction, Method::Pin)).await.unwrap_err();
    assert_eq!(refused, "login.certificate_kind_wrong");
    let stranger = Authority::new(CertificateKind::PhoneAuth, world.now()).phone(world.now());
    let refused = world.prove(&begun, &stranger.prove(&transaction, Method::Pin)).await.unwrap_err();
    assert_eq!(refused, "certificate.issuer_unknown");
    assert!(world.approve(&begun, &phone, &maker).await.accepted);
}

#[tokio::test]
async fn wrong_proofs_are_not_tried_for_ever() {
    let (world, party, phone, _) = setting().await;
    let begun = world.begin(&party).await;
    let mut wrong = phone.prove(&world.transaction(&begun).await, Method::Pin);
    wrong.auth_signature = Bytes(phone.auth.sign(b"something else").unwrap());
    for _ in 1..tefuda_gateway::policy::WRONG_PROOFS_MAX {
        assert_eq!(world.prove(&begun, &wrong).await.unwrap_err(), "login.signature_wrong");
    }
    let outcome = world.prove(&begun, &wrong).await.unwrap();
    assert_eq!(outcome.reason.as_deref(), Some("login.too_many_proofs"));
    assert_eq!(world.go_on(&begun).await.parameter("error"), "access_denied");
}

#[tokio::test]
async fn abuse_c11_what_was_shown_is_what_is_signed_or_nobody_is_logged_in() {
    let (world, party, phone, maker) = setting().await;
    let (first, second) = (world.begin(&party).await, world.begin(&party).await);
    let mut proof = phone.prove(&world.transaction(&first).await, Method::Pin);
    proof.links.clone_from(&maker.links);
    assert_eq!(world.prove(&second, &proof).await.unwrap_err(), "login.signature_wrong");
    let shop = world.register("Shop").await;
    let elsewhere = world.begin(&shop).await;
    assert_eq!(world.prove(&elsewhere, &proof).await.unwrap_err(), "login.signature_wrong");
    let swaps: [fn(&mut LoginTransaction); 6] = [
        |shown| shown.relying_party = "Bank".into(),
        |shown| shown.client_id = "RP00000009".into(),
        |shown| shown.origin = "https://evil.example".into(),
        |shown| shown.purpose = "Nothing much".into(),
        |shown| shown.scopes.clear(),
        |shown| shown.gateway = "https://other.example".into(),
    ];
    for swap in swaps {
        let mut shown = world.transaction(&second).await;
        swap(&mut shown);
        let refused = world.prove(&second, &phone.prove(&shown, Method::Pin)).await.unwrap_err();
        assert_eq!(refused, "login.signature_wrong", "{shown:?}");
    }
    assert!(world.prove(&first, &proof).await.unwrap().accepted);
}

#[tokio::test]
async fn a_phone_that_cannot_approve_tells_the_relying_party_why() {
    let (world, party, phone, maker) = setting().await;
    let begun = world.begin(&party).await;
    let path = format!("/api/login/{}/decline", begun.request);
    let declined = |body: &'static str| world.send(Request::post(&path).body(Body::from(body)).unwrap());
    assert_eq!(declined("{}").await.json()["reason"], "login.proof_malformed");
    assert_eq!(declined(r#"{"because":"wiped"}"#).await.json()["reason"], "phone.wiped");
    assert_eq!(declined(r#"{"because":"wiped"}"#).await.json()["reason"], "login.request_finished");
    let late = phone.prove(&world.transaction(&world.begin(&party).await).await, Method::Pin);
    assert_eq!(world.prove(&begun, &late).await.unwrap_err(), "login.request_finished");
    let back = world.go_on(&begun).await;
    assert_eq!(back.parameter("error"), "access_denied");
    assert!(back.parameter("error_description").starts_with("phone.wiped"));
    assert!(!world.code(&party, &phone, &maker).await.is_empty());
}
