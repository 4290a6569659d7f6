//! The consoles as a browser sees them: who may do what, what takes two, and whom the call centre finds.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use serde_json::Value;
use tefuda_types::Family;
use tower::ServiceExt;

use crate::world::{MORNING, World};

/// What a browser got.
struct Seen {
    status: StatusCode,
    location: String,
    cookie: String,
    page: String,
}

impl Seen {
    fn reason(&self) -> &str {
        between(&self.page, "data-reason=\"", "\"")
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map_or("", |(found, _)| found)
}

/// A browser that keeps its cookie.
struct Browser {
    router: Router,
    cookie: String,
}

impl Browser {
    async fn ask(&self, path: &str, form: Option<&str>) -> Seen {
        let method = if form.is_some() { "POST" } else { "GET" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.map_or_else(Body::empty, |form| Body::from(form.to_owned())))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let text =
            |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let (status, location, cookie) = (answer.status(), text(header::LOCATION), text(header::SET_COOKIE));
        let page = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        Seen { status, location, cookie, page: String::from_utf8(page.to_vec()).unwrap() }
    }

    async fn of(world: &World, operator: &str) -> Self {
        let nobody = Self { router: world.router(), cookie: String::new() };
        let seen = nobody.ask("/console/login", Some(&format!("operator={operator}"))).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.page);
        for part in ["HttpOnly", "SameSite=Strict"] {
            assert!(seen.cookie.contains(part), "{}", seen.cookie);
        }
        Self { cookie: seen.cookie.split(';').next().unwrap().to_owned(), ..nobody }
    }

    /// A page that is shown.
    async fn sees(&self, path: &str) -> String {
        let seen = self.ask(path, None).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}: {}", seen.page);
        seen.page
    }
}

/// Serial number of a resident's certificate.
async fn serial(world: &World, resident: &str, kind: &str) -> String {
    let view: Value = world.get(&format!("/admin/residents/{resident}")).await.unwrap();
    let lines = view["card"]["certificates"].as_array().unwrap().clone();
    let line = lines.into_iter().find(|line| line["kind"] == kind).unwrap();
    line["serial"].as_str().unwrap().to_owned()
}

const CONSOLE: [&str; 6] = [
    "/console",
    "/console/certificates",
    "/console/phones",
    "/console/orders",
    "/console/audit",
    "/console/generations",
];

#[tokio::test]
async fn each_role_sees_its_own_console_and_nobody_any() {
    let world = World::at(MORNING).await;
    let nobody = Browser { router: world.router(), cookie: "tefuda_console=guessed".to_owned() };
    assert!(nobody.sees("/").await.contains("/console"));
    assert_eq!(nobody.ask("/console/login", Some("operator=nobody")).await.reason(), "operator.not_found");
    let call_centre = Browser::of(&world, "denwa").await;
    let operator = Browser::of(&world, "madoguchi").await;
    for path in CONSOLE {
        assert_eq!(nobody.ask(path, None).await.location, "/console/login", "{path}");
        assert_eq!(call_centre.ask(path, None).await.reason(), "console.not_allowed", "{path}");
        operator.sees(path).await;
    }
    call_centre.sees("/call-centre").await;
    assert_eq!(operator.ask("/call-centre", None).await.reason(), "console.not_allowed");
    let out = operator.ask("/console/logout", Some("")).await;
    assert!(out.cookie.contains("Max-Age=0"), "{}", out.cookie);
    assert_eq!(operator.ask("/console", None).await.location, "/console/login");
}

#[tokio::test]
async fn abuse_l01_a_revocation_takes_two_and_stands_beside_its_certificate() {
    let mut world = World::at(MORNING).await;
    world.card("hanako", 1).await;
    let serial = serial(&world, "hanako", "card-auth").await;
    let (one, two) = (Browser::of(&world, "shonin").await, Browser::of(&world, "kakunin").await);
    let clerk = Browser::of(&world, "madoguchi").await;
    let form =
        |why: &str| format!("deed=revoke&kind=card-auth&serial={serial}&reason=keyCompromise&why={why}");
    assert_eq!(one.ask("/console/orders", Some(&form("x"))).await.reason(), "console.reason_missing");
    let hold = form("reported").replace("keyCompromise", "certificateHold");
    assert_eq!(one.ask("/console/orders", Some(&hold)).await.reason(), "revocation.reason_unknown");
    let made = one.ask("/console/orders", Some(&form("reported"))).await;
    assert_eq!(made.location, "/console/orders?done=made");
    let orders = one.sees("/console/orders").await;
    let id = between(&orders, "/console/orders/", "/");
    let confirm = format!("/console/orders/{id}/confirmation");
    assert_eq!(one.ask(&confirm, Some("")).await.reason(), "console.same_person");
    assert_eq!(clerk.ask(&confirm, Some("")).await.reason(), "console.not_allowed");
    assert_eq!(two.ask("/console/orders/none/confirmation", Some("")).await.reason(), "order.not_found");
    let view: Value = world.get("/admin/residents/hanako").await.unwrap();
    assert_eq!(view["card"]["certificates"][1]["status"], "valid");
    // Orders outlive the process, and so does who is logged in.
    world.restart().await;
    let two = Browser { router: world.router(), ..two };
    assert_eq!(two.ask(&confirm, Some("")).await.location, "/console/orders?done=confirmation");
    let view: Value = world.get("/admin/residents/hanako").await.unwrap();
    assert_eq!(view["card"]["certificates"][1]["status"], "revoked");
    assert_eq!(two.ask(&confirm, Some("")).await.reason(), "order.ended");
    let page = two.sees(&format!("/console/certificates/card-auth/{serial}")).await;
    for action in ["certificate.status", "order.made", "order.confirmed"] {
        assert!(page.contains(action), "{action}");
    }
    let listed = two.sees("/console/certificates?kind=card-auth&status=revoked").await;
    assert!(listed.contains(&serial));
    let others = two.sees("/console/certificates?status=valid").await;
    assert!(!others.contains(&serial));
}

#[tokio::test]
async fn a_wipe_is_ordered_and_can_be_withdrawn() {
    let world = World::at(MORNING).await;
    let phone = world.phone("android", 3, Family::Android).await;
    let (one, two) = (Browser::of(&world, "madoguchi").await, Browser::of(&world, "shonin").await);
    let form = format!("deed=wipe&element={}&why=stolen", phone.id);
    for end in ["withdrawal", "confirmation"] {
        one.ask("/console/orders", Some(&form)).await;
        let orders = two.sees("/console/orders").await;
        let id = between(&orders, "action=\"/console/orders/", "/").to_owned();
        let ended = two.ask(&format!("/console/orders/{id}/{end}"), Some("")).await;
        assert_eq!(ended.location, format!("/console/orders?done={end}"));
        let page = two.sees(&format!("/console/phones/{}", phone.id)).await;
        assert_eq!(page.contains("wipe.ordered"), end == "confirmation", "{end}");
    }
}

#[tokio::test]
async fn who_somebody_is_is_shown_for_a_reason_that_is_kept() {
    let world = World::at(MORNING).await;
    world.card("hogo", 1).await;
    let operator = Browser::of(&world, "madoguchi").await;
    let list = operator.sees("/console/certificates").await;
    assert!(list.contains("見＊＊＊") && !list.contains("見本　保護"));
    let refused = operator.ask("/console/people/hogo", Some("why=no")).await;
    assert_eq!(refused.reason(), "console.reason_missing");
    let shown = operator.ask("/console/people/hogo", Some("why=an+application+was+asked+about")).await;
    assert!(shown.page.contains("見本　保護") && !shown.page.contains("99900"), "{}", shown.page);
    let audit = operator.sees("/console/audit?role=console&action=person.").await;
    assert!(audit.contains("person.revealed") && audit.contains("an application was asked about"));
    let logs: Value = world.get("/admin/audit").await.unwrap();
    assert!(logs["logs"].as_array().unwrap().iter().any(|log| log["role"] == "console"));
}

/// As a browser sends a form.
fn encoded(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02X}")).collect()
}

#[tokio::test]
async fn the_call_centre_finds_by_three_things_and_stops() {
    let world = World::at(MORNING).await;
    world.card("hanako", 1).await;
    let desk = Browser::of(&world, "denwa").await;
    assert_eq!(desk.ask("/call-centre/person", None).await.location, "/call-centre");
    let form = |name: &str, birth: &str, address: &str| {
        format!("name={}&birth={birth}&address={}", encoded(name), encoded(address))
    };
    let address = "東京都見本区手札町一丁目2-3";
    for (name, birth, reason) in [
        ("見本花子", "19850413", "call_centre.nobody_fits"),
        ("見本花子", "1985", "call_centre.search_incomplete"),
    ] {
        let refused = desk.ask("/call-centre", Some(&form(name, birth, address))).await;
        assert_eq!(refused.reason(), reason);
        assert!(refused.page.contains(address), "what was typed is still there");
    }
    let found = desk.ask("/call-centre", Some(&form("見本　花子", "1985-04-12", address))).await;
    assert_eq!(found.location, "/call-centre/person");
    let page = desk.sees("/call-centre/person").await;
    assert!(page.contains("見本　花子") && !page.contains(address) && !page.contains("99900"));
    let other = Browser::of(&world, "denwa").await;
    assert_eq!(other.ask("/call-centre/person", None).await.location, "/call-centre");
    // A form that names nothing, or two things, stops nothing; asking stops nothing either.
    for form in ["", "phone=", "card=true&phone=android", "card=yes"] {
        let refused = desk.ask("/call-centre/person/stop", Some(form)).await;
        assert_eq!(refused.reason(), "stop.malformed", "{form}");
    }
    let unknown = desk.ask("/call-centre/person/stop?phone=nobodys", None).await;
    assert_eq!(unknown.reason(), "device.not_found");
    let early = desk.ask("/call-centre/person/stopped?card=true", None).await;
    assert_eq!(early.location, "/call-centre/person", "nothing is told that was not done");
    desk.sees("/call-centre/person/stop?card=true").await;
    let view: Value = world.get("/admin/residents/hanako").await.unwrap();
    assert_eq!(view["card"]["state"], "active");
    let stopped = desk.ask("/call-centre/person/stop", Some("card=true")).await;
    assert_eq!(stopped.location, "/call-centre/person/stopped?card=true");
    desk.sees(&stopped.location).await;
    let again = desk.ask("/call-centre/person/stop?card=true", None).await;
    assert_eq!(again.location, "/call-centre/person");
    let view: Value = world.get("/admin/residents/hanako").await.unwrap();
    assert_eq!(view["card"]["state"], "suspended");
    let auditor = Browser::of(&world, "shonin").await;
    let audit = auditor.sees("/console/audit?role=console").await;
    for action in ["caller.found", "caller.not_found", "caller.stops"] {
        assert!(audit.contains(action), "{action}");
    }
}

#[tokio::test]
async fn abuse_i08_a_form_of_another_site_is_turned_away() {
    let world = World::at(MORNING).await;
    let request = Request::builder()
        .method("POST")
        .uri("/console/login")
        .header("sec-fetch-site", "same-site")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("operator=shonin"))
        .unwrap();
    let answer = world.router().oneshot(request).await.unwrap();
    assert!(answer.headers().get(header::SET_COOKIE).is_none());
    assert_eq!(answer.status(), StatusCode::CONFLICT);
}
