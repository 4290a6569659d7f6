//! Logging in and out, and being logged out.

use axum::http::{StatusCode, header};
use url::form_urlencoded;

use crate::visitor::{Browser, Scene, claim, holds};

#[tokio::test]
async fn abuse_i07_a_session_ends_at_the_server_and_not_with_its_cookie() {
    let scene = Scene::new().await;
    let phone = scene.world.phone();
    let mut browser = Browser::default();
    scene.get(&mut browser, "/").await.shows("front");
    scene.log_in(&mut browser, &phone).await;
    let value = browser.cookies["tefuda_portal_session"].clone();
    let history = scene.get(&mut browser, "/history").await;
    history.shows("history");
    assert_eq!(history.headers[header::CACHE_CONTROL], "no-store");
    assert!(history.body.contains("手札ポータル"), "{}", history.body);
    assert!(!holds(&scene.stored(), &value), "cookies are kept as hashes");
    assert_eq!(scene.get(&mut browser, "/logged-out").await.location(), "/", "nobody is told so who is not");
    assert!(browser.cookies.len() == 1, "the login's own cookie is gone: {:?}", browser.cookies.keys());

    let out = scene.post(&mut browser, "/logout").await;
    assert_eq!((out.status, out.location()), (StatusCode::SEE_OTHER, "/logged-out"));
    assert!(browser.cookies.is_empty());
    scene.get(&mut browser, "/logged-out").await.shows("logged-out");
    // Who kept the cookie has nothing.
    let mut kept = Browser { tossed: Some(format!("tefuda_portal_session={value}")), ..Browser::default() };
    assert_eq!(scene.get(&mut kept, "/history").await.location(), "/");
    scene.get(&mut kept, "/").await.shows("front");
}

#[tokio::test]
async fn abuse_i07_cookies_are_for_this_portal_and_out_of_reach_of_scripts() {
    let scene = Scene::new().await;
    let away = scene.get(&mut Browser::default(), "/login").await;
    let cookie = away.headers[header::SET_COOKIE].to_str().unwrap();
    for word in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(cookie.contains(word), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    assert_eq!(away.headers[header::REFERRER_POLICY], "no-referrer");
    let state = away.location().split("state=").nth(1).unwrap().split('&').next().unwrap();
    assert!(!cookie.split(';').next().unwrap().ends_with(state), "the address does not tell the cookie");
    assert!(!away.location().contains("acr_values"));
    let strong = scene.get(&mut Browser::default(), "/login?strong=1").await;
    assert!(strong.location().contains("acr_values=aal3"));
}

#[tokio::test]
async fn coming_back_twice_is_coming_back_once() {
    let scene = Scene::new().await;
    let (phone, maker) = scene.world.phone();
    let mut browser = Browser::default();
    let begun = scene.begin(&mut browser, "/login").await;
    scene.world.approve(&begun, &phone, &maker).await;
    let back = scene.way_back(&begun).await;
    let before = browser.clone();
    assert_eq!(scene.get(&mut browser, &back).await.location(), "/");
    // Reload and back button in the browser that is logged in.
    assert_eq!(scene.get(&mut browser, &back).await.location(), "/");
    scene.get(&mut browser, "/history").await.shows("history");
    // A double click that was faster than the first answer.
    let mut twice = before;
    scene.get(&mut twice, &back).await.refuses("portal.login_of_another_browser");
    scene.get(&mut browser, "/history").await.shows("history");
}

#[tokio::test]
async fn what_the_gateway_says_no_with_is_told_under_its_own_reason() {
    let scene = Scene::new().await;
    let mut browser = Browser::default();
    let begun = scene.begin(&mut browser, "/login").await;
    let reply = scene.world.get(&format!("/login/{}/cancel", begun.request), &begun.cookie).await;
    let (_, parameters) = reply.sent_back();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
    let page = scene.get(&mut browser, &format!("/callback?{query}")).await;
    page.refuses("login.cancelled");
    assert!(page.body.contains("href=\"/login\""), "a way to try again");
    assert!(!browser.cookies.contains_key("tefuda_portal_session"));
}

#[tokio::test]
async fn abuse_i14_a_phone_that_is_cut_off_logs_out_and_the_page_says_so() {
    let mut scene = Scene::new().await;
    let (first, second) = (scene.world.phone(), scene.world.phone());
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    scene.log_in(&mut browser, &first).await;
    scene.log_in(&mut other, &second).await;
    scene.world.authority(|authority, now| authority.suspend(&first.0.reference, now));
    scene.world.follow();
    let told = scene.logouts.recv().await.unwrap();
    let token = form_urlencoded::parse(told.as_bytes()).next().unwrap().1.into_owned();
    assert_eq!(claim(&token, "aud"), serde_json::json!(scene.client_id));

    for wrong in ["", "logout_token=", "logout_token=a.b.c", "other=1"] {
        assert_eq!(scene.hear(wrong).await, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let (head, signature) = token.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    assert_eq!(scene.hear(&format!("logout_token={head}.{flipped}")).await, StatusCode::BAD_REQUEST);
    assert_eq!(scene.hear(&told).await, StatusCode::OK);
    assert_eq!(scene.hear(&told).await, StatusCode::BAD_REQUEST, "a token is good once");

    let ended = scene.get(&mut browser, "/").await;
    ended.shows("ended");
    assert!(
        ended.body.contains("data-reason=\"portal.session_ended\"") && ended.body.contains("href=\"/login\"")
    );
    assert_eq!(scene.get(&mut browser, "/history").await.location(), "/");
    scene.get(&mut other, "/history").await.shows("history");
}
