//! Cards torn away, answers lost, processes killed: nothing is half done, nothing is done twice.

use serde_json::{Value, json};
use tefuda_protocol::{
    device::Notice,
    phone::{Act, Next, PhoneState, Progress},
};

use crate::world::{NEVER, World};

const CARD: &str = "MIHON01A";
/// What a die writes.
const DIE: [&str; 3] = ["page-0", "page-1", "fuse"];

#[tokio::test(flavor = "multi_thread")]
async fn a_card_torn_away_at_any_command_leaves_nothing_half_done() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    let phone = world.phone("android");
    phone.begin("hanako").await.unwrap();
    let mut cuts = 0;
    let signed = loop {
        world.tear_after(cuts);
        match phone.show_card("hanako", CARD).await {
            Ok(progress) => break progress,
            Err(reason) => assert_eq!(reason, "card.torn", "after {cuts} commands"),
        }
        let stands: Progress = phone.get("/api/enrolment").await.unwrap();
        assert_eq!((stands.next, stands.steps.len()), (Next::Card, 1), "after {cuts} commands");
        cuts += 1;
    };
    assert!(cuts > 10, "{cuts} commands");
    assert_eq!(signed.next, Next::Pins);
    world.tear_after(NEVER);
    assert_eq!(phone.enrol("hanako", CARD).await.state, PhoneState::Registered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_that_lost_power_is_powered_again_whoever_talked_to_it() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    let phone = world.phone("android");
    // The wallet's channel.
    world.jam("android", &DIE, true);
    assert_eq!(phone.begin("hanako").await.unwrap_err(), "element.torn");
    world.jam("android", &DIE, false);
    let mut progress = phone.begin("hanako").await.unwrap();
    while progress.next != Next::Register {
        progress = phone.step(&progress, "hanako", CARD).await.unwrap();
    }
    // The authority's session through the basic channel.
    world.jam("android", &DIE, true);
    assert_eq!(phone.step(&progress, "hanako", CARD).await.unwrap_err(), "element.torn");
    world.jam("android", &DIE, false);
    let done = phone.step(&progress, "hanako", CARD).await.unwrap();
    assert_eq!(done.state, PhoneState::Registered);
    // A try that was counted is counted, although the fuse could not be advanced when it was.
    let session = phone.open(&Act::RecoveryCode).await.unwrap();
    let wrong = phone.seal(&session, "WRONG01A", "0000").await;
    world.jam("android", &["fuse"], true);
    assert_eq!(phone.complete::<Value>(&session, &wrong).await.unwrap_err(), "element.torn");
    world.jam("android", &["fuse"], false);
    assert_eq!(phone.status().await.retries.unwrap().sign, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_anywhere_is_made_good_without_a_second_issue() {
    let mut world = World::new().await;
    world.card("hanako", 1).await;
    let mut seen = 0;
    for lost in 0.. {
        world.wire.lose_after(lost);
        let phone = world.phone("android");
        let mut progress = phone.begin("hanako").await;
        let mut trail = Vec::new();
        for _ in 0..20 {
            trail.push(progress.as_ref().map(|p| p.next).map_err(Clone::clone));
            progress = match &progress {
                Ok(done) if done.next == Next::Nothing => break,
                Ok(under_way) => phone.step(under_way, "hanako", CARD).await,
                Err(_) => phone.begin("hanako").await,
            };
        }
        let done = progress.unwrap();
        assert_eq!((done.next, done.state), (Next::Nothing, PhoneState::Registered), "{lost} answers");
        let everything_came = world.wire.is_waiting() || lost > 60;
        world.wire.heal();
        let status = phone.status().await;
        assert!(status.certificates.iter().all(|c| c.status.to_string() == "valid"), "{lost} answers");
        let (pairs, last) = issued(&world, seen).await;
        assert_eq!(pairs, 1, "pairs of this round, with {lost} answers: {trail:?}");
        seen = last;
        if everything_came {
            assert!(lost > 10, "{lost} answers");
            break;
        }
        // Given up, so that the next round enrols anew.
        let _: Value = phone.post("/api/retire", &json!({})).await.unwrap();
        world.restart().await;
    }
}

/// Pairs of certificates that were issued to the phone since a notice, and the number of the last notice.
async fn issued(world: &World, since: u64) -> (usize, u64) {
    let told: Value = world.phone("android").get("/api/notices").await.unwrap();
    let notices: Vec<Notice> = serde_json::from_value(told["notices"].clone()).unwrap();
    let fresh = notices.iter().filter(|notice| notice.number > since);
    let approved = fresh.filter(|notice| notice.code == "application.approved").count();
    (approved, notices.last().unwrap().number)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_goes_on_where_its_process_was_stopped() {
    let mut world = World::new().await;
    world.card("hanako", 1).await;
    let mut progress = world.phone("android").begin("hanako").await.unwrap();
    let mut steps = 0;
    while progress.next != Next::Nothing {
        world.restart().await;
        progress = world.phone("android").step(&progress, "hanako", CARD).await.unwrap();
        steps += 1;
    }
    world.restart().await;
    assert_eq!((steps, world.phone("android").status().await.state), (3, PhoneState::Registered));
}
