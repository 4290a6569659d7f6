//! A relying party is shown in the language of the page, and every text that is shown is among what is signed.

use serde_json::json;
use tefuda_protocol::transaction::{LoginTransaction, Method};

use crate::world::World;

#[tokio::test]
async fn an_english_page_shows_the_english_texts_and_the_phone_signs_them_with_the_others() {
    let world = World::new().await;
    let texts = json!({ "name#en": "Town Library", "purpose": "本の貸出", "purpose#en": "Lending" });
    let party = world.register_with("図書館", &texts).await;
    let own = world.begin(&party).await;
    for (query, shown, hidden) in [
        ("?lang=en", ["Town Library", "Lending"], ["図書館", "本の貸出"]),
        ("?lang=ja", ["図書館", "本の貸出"], ["Town Library", "Lending"]),
    ] {
        let page = world.get(&format!("/login/{}{query}", own.request), &own.cookie).await;
        assert!(shown.iter().all(|text| page.body.contains(text)), "{query}: {}", page.body);
        assert!(!hidden.iter().any(|text| page.body.contains(text)), "{query}: {}", page.body);
    }
    let (phone, maker) = world.phone();
    let transaction = world.transaction(&own).await;
    assert_eq!(
        (transaction.relying_party_in("en"), transaction.purpose_in("ja")),
        ("Town Library", "本の貸出")
    );
    let renamed = LoginTransaction { relying_party_en: Some("Bank".into()), ..transaction };
    let mut proof = phone.prove(&renamed, Method::Pin);
    proof.links.clone_from(&maker.links);
    assert!(world.prove(&own, &proof).await.is_err(), "another name was shown than the gateway's");
    assert!(world.approve(&own, &phone, &maker).await.accepted);
}

#[tokio::test]
async fn a_party_without_english_texts_signs_what_it_always_did() {
    let world = World::new().await;
    let own = world.begin(&world.register("Library").await).await;
    let transaction = world.transaction(&own).await;
    assert_eq!(transaction.relying_party_in("en"), "Library");
    assert!(!transaction.to_transaction().body.contains("#en"));
}
