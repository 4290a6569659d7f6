//! One person, whatever phone or card; another to each relying party.

use tefuda_protocol::transaction::Method;
use tefuda_types::CertificateKind;

use crate::world::{LoginProofMaker, World};

#[tokio::test]
async fn a_new_certificate_has_to_show_its_links_and_a_known_one_has_not() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let begun = world.begin(&party).await;
    let mut proof = phone.prove(&world.transaction(&begun).await, Method::Pin);
    assert_eq!(world.prove(&begun, &proof).await.unwrap_err(), "login.links_wanted");
    proof.links.clone_from(&maker.links);
    assert!(world.prove(&begun, &proof).await.unwrap().accepted, "the request stayed open");
    let none = LoginProofMaker { links: Vec::new() };
    assert!(!world.code(&party, &phone, &none).await.is_empty());
}

#[tokio::test]
async fn a_person_has_another_subject_at_each_party_and_keeps_it() {
    let mut world = World::new().await;
    let library = world.register("Library").await;
    let shop = world.register("Shop").await;
    let (phone, maker) = world.phone();
    let at_library = world.sub(&library, &phone, &maker).await;
    let at_shop = world.sub(&shop, &phone, &maker).await;
    assert_ne!(at_library, at_shop);
    let (other, links) = world.phone();
    assert_ne!(world.sub(&library, &other, &links).await, at_library);
    world.restart().await;
    assert_eq!(world.sub(&library, &phone, &maker).await, at_library);
}

#[tokio::test]
async fn one_link_joins_a_new_phone_or_a_new_card() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (old, maker) = world.phone();
    let sub = world.sub(&party, &old, &maker).await;
    let card = maker.links[0].signed.peek_unverified().unwrap().linked;
    // A phone of the other family, linked by the card alone.
    let second = world.authority(|authority, now| authority.phone(now));
    let links = world.authority(|authority, now| vec![authority.link(&second, &card, now)]);
    assert_eq!(world.sub(&party, &second, &LoginProofMaker { links }).await, sub);
    // The card is renewed; a new phone knows the new card and, by one hop, the old phone.
    let third = world.authority(|authority, now| authority.phone(now));
    let mut renewed = world.authority(|authority, now| authority.phone(now)).reference;
    renewed.kind = CertificateKind::CardAuth;
    let links = world.authority(|authority, now| {
        vec![authority.link(&third, &renewed, now), authority.link(&third, &old.reference, now)]
    });
    assert_eq!(world.sub(&party, &third, &LoginProofMaker { links }).await, sub);
}

#[tokio::test]
async fn of_two_handles_of_one_person_the_older_stays() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let ((one, of_one), (two, of_two)) = (world.phone(), world.phone());
    let older = world.sub(&party, &one, &of_one).await;
    let younger = world.sub(&party, &two, &of_two).await;
    assert_ne!(older, younger);
    let third = world.authority(|authority, now| authority.phone(now));
    let links = world.authority(|authority, now| {
        vec![authority.link(&third, &two.reference, now), authority.link(&third, &one.reference, now)]
    });
    assert_eq!(world.sub(&party, &third, &LoginProofMaker { links }).await, older);
    assert_eq!(world.sub(&party, &two, &of_two).await, older);
}
