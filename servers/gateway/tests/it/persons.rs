//! One person, whatever phone or card; another to each relying party.

use tefuda_protocol::transaction::Method;
use tefuda_types::CertificateKind;

use crate::{
    fixture::Phone,
    world::{LoginProofMaker, Party, World},
};

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

/// What tokens of one person say at two parties has nothing in common that is the person's.
async fn two_parties_share_no_value(
    world: &World,
    parties: [&Party; 2],
    phone: &Phone,
    maker: &LoginProofMaker,
) {
    let mut values = Vec::new();
    for party in parties {
        let code = world.code(party, phone, maker).await;
        let tokens = world.redeem(party, &code, &[]).await.json();
        let claims = world.claims(tokens["id_token"].as_str().unwrap()).await;
        let told = claims.to_string().to_lowercase();
        for own in [phone.reference.serial.to_string(), phone.reference.issuer_key_id.clone()] {
            assert!(!told.contains(&own.to_lowercase()), "{told}");
        }
        let names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(
            ["name", "address", "birthdate", "email"].iter().all(|name| !names.contains(name)),
            "{names:?}"
        );
        values.push(["sub", "sid", "at_hash"].map(|name| claims[name].as_str().unwrap_or(name).to_owned()));
        values.push([code, tokens["access_token"].as_str().unwrap().to_owned(), party.client_id.clone()]);
    }
    assert!(
        values[..2].concat().iter().all(|value| value == "at_hash" || !values[2..].concat().contains(value))
    );
}

#[tokio::test]
async fn abuse_i05_a_person_has_another_subject_at_each_party_and_keeps_it() {
    let mut world = World::new().await;
    let library = world.register("Library").await;
    let shop = world.register("Shop").await;
    let (phone, maker) = world.phone();
    let at_library = world.sub(&library, &phone, &maker).await;
    let at_shop = world.sub(&shop, &phone, &maker).await;
    assert_ne!(at_library, at_shop);
    two_parties_share_no_value(&world, [&library, &shop], &phone, &maker).await;
    let (other, links) = world.phone();
    assert_ne!(world.sub(&library, &other, &links).await, at_library);
    world.restart().await;
    assert_eq!(world.sub(&library, &phone, &maker).await, at_library);
}

#[tokio::test]
async fn abuse_l07_the_authority_does_not_learn_who_logs_in_where() {
    let world = World::new().await;
    let (library, shop) = (world.register("Library").await, world.register("Shop").await);
    let persons = [world.phone(), world.phone()];
    let mut known = vec![library.client_id.clone(), shop.client_id.clone(), "rp.example".to_owned()];
    for party in [&library, &shop] {
        for (phone, maker) in &persons {
            known.push(world.sub(party, phone, maker).await);
            known.push(phone.reference.serial.to_string());
        }
    }
    // What is fetched is whole, and the same whoever logs in: lists, roots and signs of life.
    let asked = world.asked_of_the_authority();
    assert!(asked.iter().any(|told| told.contains("/crl/")), "{asked:?}");
    for told in &asked {
        assert!(told.starts_with("GET ") && told.ends_with(" b\"\""), "{told}");
        assert!(known.iter().all(|own| !told.contains(own)), "{told}");
        let address = told.split(' ').nth(1).unwrap();
        let whole = ["/trust/index.json", "/status/phone-auth/heartbeat", "/crl/index.json"];
        assert!(
            whole.contains(&address)
                || address.starts_with("/crl/full-")
                || address.starts_with("/crl/delta-")
        );
    }
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
