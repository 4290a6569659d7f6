//! The pages, as a browser asks for them.

use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};
use tefuda_protocol::phone::{PhoneState, PinSession};

use crate::world::{SIGN, Seen, World};

const PHONE: &str = "phone-android.localhost:8484";
const CONFIRM: &str = "confirm.phone-android.localhost:8484";
const PLAIN: &str = "localhost:8484";

async fn get(world: &World, host: &str, path: &str) -> Seen {
    world.browse(host, Request::get(path).header("sec-fetch-site", "none"), String::new()).await
}

async fn post(world: &World, path: &str, form: &str) -> Seen {
    let request = Request::post(path)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    world.browse(PHONE, request, form.to_owned()).await
}

/// Where an answer leads, without host and language.
fn leads_to(url: &str) -> String {
    let path = url.split_once("localhost:8484").map_or(url, |(_, path)| path);
    let path = path.split_once(".localhost:").map_or(path, |(_, rest)| &rest[rest.find('/').unwrap()..]);
    path.split('?').next().unwrap().to_owned()
}

/// Holds a card against the phone and waits until it was read.
async fn hold(world: &World, resident: &str, password: &str) -> Seen {
    let form = format!("resident={resident}&card_password={password}");
    let held = post(world, "/enrol/card", &form).await;
    assert_eq!((held.status, held.header("location")), (StatusCode::SEE_OTHER, "/enrol/reading"));
    loop {
        let mut seen = get(world, PHONE, "/enrol/reading").await;
        if seen.status == StatusCode::SEE_OTHER {
            let next = seen.header("location").to_owned();
            seen = get(world, PHONE, &next).await;
        }
        if seen.attribute("data-watch").is_none() {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

fn session_of(page: &Seen) -> PinSession {
    serde_json::from_str(&page.attribute("data-session").unwrap()).unwrap()
}

/// What the script of the page of passwords sends, sealed here; gives where the page goes.
async fn agree(world: &World, path: &str, sign: &str, auth: &str) -> String {
    let page = get(world, CONFIRM, path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let session = session_of(&page);
    let sealed = world.phone("android").seal(&session, sign, auth).await;
    send(world, path, &session, &json!(sealed.blocks)).await
}

async fn send(world: &World, path: &str, session: &PinSession, blocks: &Value) -> String {
    let body = json!({ "session": session.id, "blocks": blocks }).to_string();
    let request = Request::post(path)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/json");
    let answer = world.browse(CONFIRM, request, body).await;
    let next: Value = serde_json::from_str(&answer.text).unwrap();
    next["next"].as_str().unwrap().to_owned()
}

fn query(url: &str) -> String {
    let path = leads_to(url);
    url.split_once('?').map_or(path.clone(), |(_, query)| format!("{path}?{query}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_six_steps_are_walked_by_forms() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    let first = get(&world, PHONE, "/enrol?resident=hanako").await;
    assert_eq!(first.attribute("data-step").as_deref(), Some("1"));
    let second = get(&world, PHONE, "/enrol/card?resident=hanako").await;
    assert_eq!(second.attribute("data-step").as_deref(), Some("2"));

    for (password, reason) in [
        ("1237", "card.pin_in_place_of_password"),
        ("SHORT", "card.password_malformed"),
        ("WRONG999", "card.pin_wrong"),
    ] {
        let again = hold(&world, "hanako", password).await;
        assert_eq!(again.attribute("data-reason").as_deref(), Some(reason));
        assert_eq!(again.attribute("data-step").as_deref(), Some("2"));
        assert!(!again.text.contains(password));
    }
    let third = hold(&world, "hanako", "MIHON01A").await;
    assert_eq!(third.attribute("data-step").as_deref(), Some("3"));
    let octets = third.attribute("max").unwrap();
    assert_eq!(third.attribute("value"), Some(octets));

    let fourth = get(&world, CONFIRM, "/set-pins").await;
    assert_eq!(fourth.attribute("data-step").as_deref(), Some("4"));
    assert_eq!(leads_to(&agree(&world, "/set-pins", SIGN, "2749").await), "/enrol/decision");
    let fifth = get(&world, PHONE, "/enrol/decision").await;
    assert_eq!(fifth.attribute("data-step").as_deref(), Some("5"));

    let wrong = agree(&world, "/register", "WRONG999", "0000").await;
    assert_eq!(leads_to(&wrong), "/register");
    let told = get(&world, CONFIRM, &query(&wrong)).await;
    assert_eq!(told.attribute("data-reason").as_deref(), Some("phone.pin_wrong"));
    assert!(told.text.contains("4 / 5"), "tries left are shown");

    let recovery = agree(&world, "/register", SIGN, "0000").await;
    assert_eq!(leads_to(&recovery), "/enrol/recovery");
    let shown = get(&world, PHONE, &query(&recovery)).await;
    assert!(shown.text.contains("recovery-code"));
    let told = shown.attribute("value").unwrap();
    let next = post(&world, "/enrol/recovery", &format!("told={told}")).await;
    assert_eq!(next.header("location"), "/enrol/biometrics");
    let gone = get(&world, PHONE, &query(&recovery)).await;
    assert_eq!(gone.header("location"), "/enrol/biometrics");

    assert_eq!(leads_to(&agree(&world, "/enrol-biometrics", SIGN, "2749").await), "/enrol/done");
    assert_eq!(world.phone("android").status().await.state, PhoneState::Registered);
    let home = get(&world, PHONE, "/").await;
    assert_eq!(home.attribute("data-state").as_deref(), Some("registered"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_that_go_wrong_end_on_a_page_with_a_way_on() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    let made = json!({ "name": "lite", "model": "mihon-a-lite" });
    let _: Value = world.post(PLAIN, "/admin/phones", &made).await.unwrap();
    let lite = get(&world, "phone-lite.localhost:8484", "/enrol").await;
    assert_eq!(lite.attribute("data-reason").as_deref(), Some("enrol.no_secure_element"));

    world.tear_after(5);
    let torn = hold(&world, "hanako", "MIHON01A").await;
    assert_eq!(torn.attribute("data-reason").as_deref(), Some("card.torn"));
    assert!(torn.text.contains("/enrol/card?resident=hanako"), "{}", torn.text);

    for (host, path, reason) in [
        (PHONE, "/approve?request=http%3A%2F%2Fevil.example%2Flogin%2Fa", "login.gateway_unknown"),
        (PLAIN, "/?open=http%3A%2F%2Fevil.example%2Flogin%2Fa", "login.gateway_unknown"),
        (PHONE, "/nowhere", "page.not_found"),
        (CONFIRM, "/nothing-to-agree", "page.not_found"),
        (CONFIRM, "/register", "enrol.wrong_step"),
        ("phone-nobody.localhost:8484", "/", "phone.not_found"),
    ] {
        let seen = get(&world, host, path).await;
        assert!(seen.status.is_client_error(), "{host}{path}: {}", seen.status);
        assert_eq!(seen.attribute("data-reason").as_deref(), Some(reason), "{host}{path}");
        assert!(seen.text.contains("class=\"button main\""), "{host}{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_card_does_not_go_on_with_what_was_signed() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    world.card("taro", 2).await;
    // A card that was not read has begun nothing that another one could not.
    hold(&world, "hanako", "WRONG999").await;
    let read = hold(&world, "taro", "MIHON02A").await;
    assert_eq!(read.attribute("data-step").as_deref(), Some("3"));
    let wrong = post(&world, "/enrol/card", "resident=hanako&card_password=MIHON01A").await;
    assert_eq!(wrong.attribute("data-reason").as_deref(), Some("enrol.wrong_card"));
    assert!(wrong.text.contains("/enrol/card?resident=hanako&#38;anew=true"), "{}", wrong.text);
    let link = get(&world, PHONE, "/enrol?resident=hanako").await;
    assert_eq!(link.attribute("data-reason").as_deref(), Some("enrol.wrong_card"));
    let anew = post(&world, "/enrol/card", "resident=hanako&card_password=MIHON01A&anew=true").await;
    assert_eq!(anew.header("location"), "/enrol/reading");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_password_is_told_once_and_nothing_is_kept() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    let wrong = hold(&world, "hanako", "WRONG999").await;
    assert_eq!(wrong.attribute("data-reason").as_deref(), Some("card.pin_wrong"));
    let back = get(&world, PHONE, "/enrol/card?resident=hanako").await;
    assert_eq!(back.attribute("data-reason"), None, "what was told is not told again");
    assert!(back.text.contains("data-secret") && back.text.contains("/assets/reveal.js"));

    hold(&world, "hanako", "MIHON01A").await;
    agree(&world, "/set-pins", SIGN, "2749").await;
    let again = agree(&world, "/register", "WRONG999", "0000").await;
    let told = get(&world, CONFIRM, &query(&again)).await;
    assert_eq!(told.attribute("data-reason").as_deref(), Some("phone.pin_wrong"));
    for page in [&wrong, &back, &told] {
        assert_eq!(page.header("cache-control"), "no-store");
    }
    // The next password goes where the page came from; what it told is over then.
    let session = session_of(&told);
    let sealed = world.phone("android").seal(&session, "WRONG999", "0000").await;
    send(&world, &query(&again), &session, &json!(sealed.blocks)).await;
    let back = get(&world, CONFIRM, &query(&again)).await;
    assert_eq!(back.attribute("data-reason"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_has_ended_says_so_before_it_asks_for_a_password() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    let asking = [
        (CONFIRM, "/change-pin-auth"),
        (CONFIRM, "/change-pin-sign"),
        (CONFIRM, "/enrol-biometrics"),
        (CONFIRM, "/recovery-code"),
        (CONFIRM, "/reset-pin-auth"),
        (PHONE, "/settings/reset/sign"),
    ];
    let phone = world.phone("android");
    phone.enrol("hanako", "MIHON01A").await;
    world.revoke(&phone.status().await).await;
    for (host, path) in asking {
        let told = get(&world, host, path).await;
        assert_eq!(told.attribute("data-reason").as_deref(), Some("certificate.revoked"), "{host}{path}");
        assert!(told.text.contains("/enrol?lang=ja"), "the way on is to apply again: {}", told.text);
    }
    let again = get(&world, PHONE, "/enrol?lang=en").await;
    assert!(again.text.contains("The certificates are revoked"), "{}", again.text);
    assert!(again.text.contains("action=\"/enrol/card\""));

    phone.enrol("hanako", "MIHON01A").await;
    let _: Value = phone.post("/api/retire", &json!({})).await.unwrap();
    for (host, path) in asking {
        let told = get(&world, host, path).await;
        assert_eq!(told.attribute("data-reason").as_deref(), Some("phone.retired"), "{host}{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn applying_again_tells_what_the_certificates_are_worth() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    world.card("taro", 2).await;
    let phone = world.phone("android");
    let done = phone.enrol("hanako", "MIHON01A").await;
    let valid = get(&world, PHONE, "/enrol?lang=en").await;
    assert!(valid.text.contains("The certificates on this phone are valid"), "{}", valid.text);
    assert!(!valid.text.contains("action=\"/enrol/card\""), "there is nothing to apply for");
    let other = get(&world, PHONE, "/enrol?resident=taro").await;
    assert_eq!(other.attribute("data-reason").as_deref(), Some("enrol.phone_in_use"));

    world.stop(&done.recovery_code.unwrap()).await.unwrap();
    let stopped = get(&world, PHONE, "/enrol?lang=en").await;
    assert!(stopped.text.contains("This phone is stopped") && stopped.text.contains("href=\"/lift\""));
    let lift = get(&world, PHONE, "/lift?lang=en").await;
    assert!(lift.text.contains("Resuming asks for no PIN"), "{}", lift.text);
    let _: Value = phone.post("/api/lift", &json!({})).await.unwrap();
    let lifted = get(&world, PHONE, "/enrol?lang=en").await;
    assert!(lifted.text.contains("Only the signature certificate is applied for again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_cannot_sign_is_asked_for_no_password() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    world.card("kodomo", 9).await;
    let chooses = get(&world, PHONE, "/enrol/card").await;
    assert!(chooses.text.contains("value=\"kodomo\"") && !chooses.text.contains("card_password"));
    let child = get(&world, PHONE, "/enrol/card?resident=kodomo").await;
    assert_eq!(child.attribute("data-step").as_deref(), Some("2"));
    assert!(!child.text.contains("card_password"), "{}", child.text);
    assert!(child.text.contains("15歳未満"));
    let held = post(&world, "/enrol/card", "resident=kodomo").await;
    assert_eq!(held.header("location"), "/enrol/reading");
    let told = hold(&world, "kodomo", "").await;
    assert_eq!(told.attribute("data-reason").as_deref(), Some("enrol.child"));
    assert!(told.text.contains("/enrol/card?other=true"), "{}", told.text);
    let adult = get(&world, PHONE, "/enrol/card?resident=hanako").await;
    assert!(adult.text.contains("card_password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_office_is_told_before_a_password_is_asked_for() {
    let mut world = World::new().await;
    let office = async |world: &World, path: &str| get(world, PHONE, path).await.attribute("data-office");
    let pages = ["/enrol", "/enrol/card?resident=hanako"];
    for path in pages {
        assert_eq!(office(&world, path).await.as_deref(), Some("open"));
    }
    world.set("2026-11-24T19:30:00+09:00");
    for path in pages {
        assert_eq!(office(&world, path).await.as_deref(), Some("closed"));
    }
    let closed = get(&world, PHONE, "/enrol").await;
    assert!(closed.text.contains("2026年11月25日(水)08:00"), "{}", closed.text);
    world.unplug().await;
    assert_eq!(office(&world, "/enrol").await, None, "nothing is said that is not known");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_keep_to_themselves_and_forms_of_other_sites_are_turned_away() {
    let world = World::new().await;
    for (host, path) in [(PHONE, "/"), (PHONE, "/settings"), (PHONE, "/scan"), (PLAIN, "/"), (PLAIN, "/lost")]
    {
        for language in ["ja", "en"] {
            let page = get(&world, host, &format!("{path}?lang={language}")).await;
            assert_eq!(page.status, StatusCode::OK, "{host}{path}");
            assert_eq!(page.attribute("html lang").as_deref(), Some(language));
            assert_eq!(page.header("cache-control"), "no-store");
            assert!(page.header("content-security-policy").contains("default-src 'none'"));
            assert!(!page.text.contains("style=\"") && !page.text.contains("<script>"));
        }
    }
    let foreign = Request::post("/settings/retire").header("sec-fetch-site", "cross-site");
    let turned_away = world.browse(PHONE, foreign, String::new()).await;
    assert_eq!(turned_away.attribute("data-reason").as_deref(), Some("page.other_site"));
    let tossed = Request::post("/settings/retire").header("sec-fetch-site", "same-site");
    let turned_away = world.browse(PHONE, tossed, String::new()).await;
    assert_eq!(turned_away.attribute("data-reason").as_deref(), Some("page.other_site"));

    let unknown = get(&world, PHONE, "/api/status").await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED, "the interface stays behind its token");
    let script = get(&world, CONFIRM, "/assets/seal.js").await;
    assert_eq!(script.status, StatusCode::OK);
    let other = get(&world, CONFIRM, "/assets/webauthn.js").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND, "the page of passwords has one script");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_an_address_stays_a_text() {
    let world = World::new().await;
    let injected = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in ["/enrol?resident=", "/enrol/card?resident=", "/approve?request=", "/answered?told="] {
        let page = get(&world, PHONE, &format!("{path}{injected}")).await;
        assert!(!page.text.contains("<script>alert"), "{path}");
    }
}

/// Seals by the page's own script, in a program that has `WebCrypto`.
fn seal_by_script(session: &PinSession, passwords: &[&str]) -> Value {
    let program = "
        import { readFileSync } from 'node:fs';
        const [session, passwords] = JSON.parse(readFileSync(0, 'utf8'));
        const script = 'data:text/javascript,' + encodeURIComponent(readFileSync(process.argv[1], 'utf8'));
        const { seal } = await import(script);
        console.log(JSON.stringify(await seal(session, passwords)));";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/seal.js");
    let mut node = Command::new("node")
        .args(["--input-type=module", "-e", program, script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let given = serde_json::to_vec(&json!([session, passwords])).unwrap();
    node.stdin.take().unwrap().write_all(&given).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node; run by cargo xtask test"]
async fn the_element_opens_what_the_pages_script_seals() {
    let world = World::new().await;
    world.card("hanako", 1).await;
    hold(&world, "hanako", "MIHON01A").await;
    let session = session_of(&get(&world, CONFIRM, "/set-pins").await);
    let blocks = seal_by_script(&session, &[SIGN, "2749"]);
    assert!(!blocks.to_string().contains(SIGN));
    assert_eq!(leads_to(&send(&world, "/set-pins", &session, &blocks).await), "/enrol/decision");
    let session = session_of(&get(&world, CONFIRM, "/register").await);
    let blocks = seal_by_script(&session, &[SIGN]);
    assert_eq!(leads_to(&send(&world, "/register", &session, &blocks).await), "/enrol/recovery");
    // A block of this session is of no use in the next one, and costs no try.
    let session = session_of(&get(&world, CONFIRM, "/recovery-code").await);
    let again = send(&world, "/recovery-code", &session, &blocks).await;
    let told = get(&world, CONFIRM, &query(&again)).await;
    assert_eq!(told.attribute("data-reason").as_deref(), Some("element.not_bound"));
    assert_eq!(world.phone("android").status().await.retries.unwrap().sign, 5);
}
