//! Every way in which a login page ends: cancelled, denied, expired, in two tabs, by the back button.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use tefuda_protocol::login::LoginOutcome;

use crate::world::{Begun, REDIRECT_URI, Reply, World, begun};

impl World {
    async fn page(&self, own: &Begun, path: &str) -> Reply {
        self.get(&format!("/login/{}{path}", own.request), &own.cookie).await
    }

    async fn deny(&self, own: &Begun) -> Reply {
        let path = format!("/api/login/{}/denial", own.request);
        self.send(Request::post(path).body(Body::empty()).unwrap()).await
    }

    async fn other_device(&self, own: &Begun) -> Reply {
        let request = Request::post(format!("/login/{}/other-device", own.request));
        self.send(request.header(header::COOKIE, &own.cookie).body(Body::empty()).unwrap()).await
    }
}

#[track_caller]
fn told(reply: &Reply, reason: &str) {
    assert_eq!(reply.sent_back().0, REDIRECT_URI);
    assert_eq!(reply.parameter("error"), "access_denied");
    assert!(
        reply.parameter("error_description").starts_with(reason),
        "{}",
        reply.parameter("error_description")
    );
    assert_eq!(reply.parameter("state"), "state & more");
}

#[tokio::test]
async fn a_login_is_cancelled_in_the_browser_that_began_it() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let own = world.begin(&party).await;
    let foreign = world.get(&format!("/login/{}/cancel", own.request), "").await;
    assert!(foreign.body.contains("data-reason=\"login.other_browser\""));
    told(&world.page(&own, "/cancel").await, "login.cancelled");
    // The back button, another tab, and the phone that was still looking at it.
    for path in ["", "/cancel", "/continue"] {
        let over = world.page(&own, path).await;
        assert_eq!(over.status, StatusCode::CONFLICT, "{path}");
        assert!(over.body.contains("data-reason=\"login.request_finished\""), "{path}: {}", over.body);
        assert!(over.body.contains("href=\"https://rp.example\""), "a way back to the service");
    }
    assert_eq!(world.page(&own, "/state").await.json()["state"], "over");
    assert_eq!(world.deny(&own).await.json()["reason"], "login.request_finished");
    // An approval that came first is thrown away with the login.
    let late = world.begin(&party).await;
    world.approve(&late, &phone, &maker).await;
    told(&world.page(&late, "/cancel").await, "login.cancelled");
}

#[tokio::test]
async fn who_says_no_on_the_phone_is_not_logged_in() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let own = world.begin(&party).await;
    let outcome: LoginOutcome = serde_json::from_str(&world.deny(&own).await.body).unwrap();
    assert!(!outcome.accepted && outcome.continue_url.ends_with("/continue"));
    assert_eq!(outcome.reason.as_deref(), Some("login.denied"));
    assert_eq!(world.page(&own, "/state").await.json()["state"], "answered");
    assert_eq!(world.deny(&own).await.json()["reason"], "login.request_finished", "said twice");
    // The page goes on by itself, with script or without.
    let page = world.page(&own, "").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(page.headers[header::LOCATION].to_str().unwrap().ends_with("/continue"));
    told(&world.page(&own, "/continue").await, "login.denied");
    assert_eq!(world.deny(&begun(&world.authorize(&party, &[]).await)).await.status, StatusCode::OK);
    let unknown = Request::post("/api/login/none/denial").body(Body::empty()).unwrap();
    assert_eq!(world.send(unknown).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn two_tabs_and_a_double_click_are_one_login_each() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let (first, second) = (world.begin(&party).await, world.begin(&party).await);
    // Both cookies are in one browser.
    let both = format!("{}; {}", first.cookie, second.cookie);
    let show = async |own: &Begun| world.get(&format!("/login/{}", own.request), &both).await;
    assert_eq!(show(&first).await.status, StatusCode::OK);
    assert_eq!(show(&second).await.status, StatusCode::OK);
    for _ in 0..2 {
        assert_eq!(world.other_device(&second).await.status, StatusCode::SEE_OTHER);
    }
    let open = world.admin("GET", "/admin/open-logins", &Value::Null).await.json();
    let open = open["open_logins"].as_array().unwrap().clone();
    assert_eq!(open.len(), 1, "the same device's needs no scanning: {open:?}");
    assert_eq!(open[0]["request"], json!(second.request));
    let page = show(&second).await.body;
    assert!(page.contains(&format!("<strong>{}</strong>", open[0]["number"].as_str().unwrap())));
    assert!(page.contains("data-step=\"waiting\"") && page.contains("<svg"));
    assert!(world.approve(&first, &phone, &maker).await.accepted);
    assert!(world.approve(&second, &phone, &maker).await.accepted);
    let codes = [world.go_on(&first).await.parameter("code"), world.go_on(&second).await.parameter("code")];
    assert!(!codes[0].is_empty() && codes[0] != codes[1]);
    assert!(world.go_on(&second).await.body.contains("login.request_finished"));
    let open = world.admin("GET", "/admin/open-logins", &Value::Null).await.json();
    assert_eq!(open, json!({ "open_logins": [] }));
    assert_eq!(world.get("/admin/open-logins", "").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn abuse_i09_pages_are_in_the_language_that_is_asked_for_and_no_page_is_framed() {
    let world = World::new().await;
    let party = world.register("<b>\"L&L\"</b>").await;
    let own = begun(&world.authorize(&party, &[("ui_locales", "fr en")]).await);
    let english = world.page(&own, "").await;
    assert!(english.body.contains("<html lang=\"en\">"), "{}", english.body);
    assert!(!english.body.contains("<b>\"L"), "names are text");
    let japanese = world.page(&own, "?lang=ja").await;
    assert!(japanese.body.contains("<html lang=\"ja\">"));
    assert!(japanese.headers[header::SET_COOKIE].to_str().unwrap().starts_with("tefuda_language=ja"));
    let policy = english.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    for word in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
        assert!(policy.contains(word), "{policy}");
    }
    assert_eq!(english.headers[header::CACHE_CONTROL], "no-store");
    let front = world.get("/", "").await;
    assert!(front.status.is_success() && front.body.contains("data-step=\"front\""));
}
