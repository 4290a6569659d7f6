//! The register and the counter.

use crate::world::{MORNING, World};
use serde_json::{Value, json};

#[tokio::test]
async fn somebody_new_gets_a_number_passwords_and_a_card() {
    let world = World::at(MORNING).await;
    let arrival = json!({
        "name": "見本　新", "address": "東京都見本区手札町９", "birth_date": "1999-09-09", "sex": 2, "auth_pin": "4649",
    });
    let added = world.admin("/admin/residents", &arrival).await.unwrap();
    let id = added["id"].as_str().unwrap();
    assert_eq!(added["pins"]["auth"], "4649");
    assert!(added["individual_number"].as_str().unwrap().starts_with("999"));
    let _card = world.card(id, 3).await;
    let listed: Value = world.get(&format!("/admin/residents/{id}")).await.unwrap();
    assert_eq!((&listed["can_enroll"], &listed["card"]["state"]), (&json!(true), &json!("active")));
    assert_eq!(listed["individual_number"], "************");

    for (field, value, expected) in [
        ("id", json!("hanako"), "resident.id_taken"),
        ("name", json!(" "), "resident.text_malformed"),
        ("birth_date", json!("1999-13-01"), "resident.birth_date_malformed"),
        ("sign_pin", json!("1234"), "resident.pins_malformed"),
    ] {
        let mut wrong = arrival.clone();
        wrong[field] = value;
        assert_eq!(world.admin("/admin/residents", &wrong).await.unwrap_err().1, expected);
    }
}

#[tokio::test]
async fn a_card_that_was_given_back_is_not_made_until_the_next_is_issued() {
    let world = World::at(MORNING).await;
    world.admin("/admin/residents/hanako/events/card-ended", &json!({})).await.unwrap();
    assert_eq!(world.pick_up("hanako", 1).await.err().unwrap().1, "issuance.card_ended");
    let view: Value = world.get("/admin/residents/hanako").await.unwrap();
    assert_eq!((&view["card"]["state"], &view["can_enroll"]), (&json!("none"), &json!(false)));
    // One that was picked up before is not made a second time either.
    let _card = world.card("taro", 2).await;
    world.admin("/admin/residents/taro/events/card-ended", &json!({})).await.unwrap();
    assert_eq!(world.pick_up("taro", 3).await.err().unwrap().1, "issuance.card_ended");
    for (resident, seed) in [("hanako", 4), ("taro", 5)] {
        world.advance(60);
        world.admin(&format!("/admin/residents/{resident}/card/renewal"), &json!({})).await.unwrap();
        let _card = world.card(resident, seed).await;
        let view: Value = world.get(&format!("/admin/residents/{resident}")).await.unwrap();
        assert_eq!((&view["card"]["state"], &view["can_enroll"]), (&json!("active"), &json!(true)));
    }
}

#[tokio::test]
async fn an_event_that_was_cut_off_is_finished_before_anything_else_is_done_at_the_counter() {
    let mut world = World::at(MORNING).await;
    let _card = world.card("hanako", 1).await;
    // The register says it, and that nothing has followed yet.
    world.cut("resident", "hanako", |resident| resident["left"] = json!(true)).await;
    let open = json!(["hanako", "person-left"]);
    world.cut("unfinished-event", "hanako/PersonLeft", |event| *event = open).await;
    let _card = world.card("taro", 2).await;
    let view: Value = world.get("/admin/residents/hanako").await.unwrap();
    let statuses = view["card"]["certificates"].as_array().unwrap();
    assert!(statuses.iter().all(|line| line["status"] == "revoked"), "{statuses:?}");
}

#[tokio::test]
async fn what_the_register_says_follows_the_person() {
    let world = World::at(MORNING).await;
    let _card = world.card("hanako", 1).await;
    world.admin("/admin/residents/hanako/events/name-change", &json!({ "name": "見本　桜" })).await.unwrap();
    let view: Value = world.get("/admin/residents/hanako").await.unwrap();
    assert_eq!(view["name"], "見本　桜");
    assert_eq!(view["card"]["certificates"][0]["status"], "revoked");
    assert_eq!(view["card"]["certificates"][1]["status"], "valid");
    world.advance(1);
    world.admin("/admin/residents/hanako/card/renewal", &json!({})).await.unwrap();
    let mut card = world.card("hanako", 2).await;
    let (certificate, _) = card.sign(b"anything");
    let certificate = tefuda_pki::Certificate::from_der(&certificate.0).unwrap();
    assert_eq!(certificate.other_name(tefuda_pki::oid::JPKI_NAME).as_deref(), Some("見本　桜"));
}
