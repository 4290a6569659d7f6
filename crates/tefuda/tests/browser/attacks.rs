//! What those try who mean harm: forged forms, frames, redirects, markup in names and addresses, tossed cookies.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::json;
use tefuda_pages::Language;

use crate::browser::{Browser, WIDE};
use crate::phones::{AUTH, SIGN};
use crate::system::System;

/// Markup that would make itself known.
const MARKUP: [&str; 3] =
    ["<script>document.title='owned'</script>", "\"><img src=x onerror=alert(1)>", "'><svg onload=alert(1)>"];

/// A page of somebody else's, on a port of its own; it answers until the tests end.
fn elsewhere(html: String) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |mut stream: TcpStream| {
        let mut asked = [0; 4096];
        let _ = stream.read(&mut asked);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close";
        let cookies = "set-cookie: tossed=1; Domain=localhost; Path=/";
        let _ = write!(stream, "{head}\r\n{cookies}\r\ncontent-length: {}\r\n\r\n{html}", html.len());
    };
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    port
}

/// A page's headers as the server sends them.
fn headers(url: &str) -> String {
    let asked = crate::system::run("curl", &["-s", "-o", "/dev/null", "-D", "-", url]);
    asked.stdout.to_lowercase()
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn every_actor_keeps_its_pages_to_itself() {
    let system = System::up();
    let pages = [
        system.room("/"),
        system.room("/cards/hanako"),
        system.on("android", "/"),
        system.on("android", "/enrol"),
        system.actor("phones", "url"),
        system.gateway("/"),
        format!("{}/console", system.actor("authority", "url")),
        system.portal("/"),
    ];
    for page in pages {
        let headers = headers(&page);
        for header in [
            "cache-control: no-store",
            "frame-ancestors 'none'",
            "default-src 'none'",
            "base-uri 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(headers.contains(header) || headers.contains(" 30"), "{page} lacks {header}:\n{headers}");
        }
        assert!(!headers.contains("unsafe"), "{page}:\n{headers}");
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn forms_of_another_site_are_turned_away_and_no_page_is_framed() {
    let system = System::up();
    system.done(&crate::phones::enroll("android", &system.resident("hanako"), SIGN, AUTH));
    let b = Browser::new("forged", Language::English, WIDE);
    b.close.set(false);
    for target in [
        system.room("/cards/hanako/return"),
        system.room("/clock"),
        system.on("android", "/settings/retire"),
        system.portal("/logout"),
        format!("{}/console/login", system.actor("authority", "url")),
    ] {
        let port = elsewhere(format!(
            "<form method=post action='{target}'><input name=by value=day><button>Win</button></form>"
        ));
        b.go(&format!("http://evil.localhost:{port}/"));
        b.press("Win");
        b.until("refusal", "document.querySelector('[data-reason=\"page.other_site\"]')");
    }
    assert_eq!(system.phone("android")["state"], "registered");
    let framed = system.on("android", "/settings/retire");
    let port = elsewhere(format!("<h1>Win</h1><iframe src='{framed}'></iframe>"));
    b.go(&format!("http://evil.localhost:{port}/"));
    b.until("a page around a frame", "document.querySelector('iframe')");
    let inside = b.wait(async {
        b.driver().enter_frame(0).await?;
        b.driver().execute("return document.body?.innerText ?? ''", Vec::new()).await
    });
    let text = inside.map(|told| told.json().as_str().unwrap_or_default().to_owned()).unwrap_or_default();
    assert!(!text.contains(&b.t.say("phone-retire-go")), "framed: {text}");
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn markup_in_names_and_parameters_stays_text() {
    let system = System::up();
    let b = Browser::new("markup", Language::English, WIDE);
    let safe = || {
        assert_ne!(b.tell("document.title"), json!("owned"), "{}", b.url());
        let made = "document.querySelectorAll('img[src=x], svg[onload], script:not([src])').length";
        assert_eq!(b.tell(made), json!(0), "{}", b.url());
    };
    for (number, markup) in MARKUP.iter().enumerate() {
        let id = format!("markup-{number}");
        let add = [
            "resident",
            "add",
            "--id",
            &id,
            "--name",
            markup,
            "--address",
            markup,
            "--birth-date",
            "1985-04-12",
            "--sex",
            "2",
        ];
        let added = system.verb(&add);
        assert_eq!(added.code, 0, "{added:#?}");
    }
    b.open(&system.room("/?cards=all"));
    safe();
    b.open(&system.on("android", "/enrol/card"));
    safe();
    let coded = "%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
    let realm = system.actor("gateway", "url");
    for url in [
        system.room(&format!("/?hold={coded}&cards={coded}")),
        system.room(&format!("/trace?actor={coded}")),
        system.room(&format!("/clock?done={coded}")),
        system.room(&format!("/reasons/{coded}")),
        system.on("android", &format!("/enrol?resident={coded}")),
        system.on("android", &format!("/enrol/card?resident={coded}")),
        system.on("android", &format!("/approve?request={coded}&told={coded}")),
        system.on("android", &format!("/settings?done={coded}")),
        format!("{}/?open={coded}", system.actor("phones", "url")),
        system.gateway(&format!("/login/{coded}")),
        format!("{realm}/protocol/openid-connect/auth?client_id={coded}&redirect_uri={coded}&state={coded}"),
        system.portal(&format!("/callback?code={coded}&state={coded}&error={coded}")),
        system.portal(&format!("/?lang={coded}")),
    ] {
        b.go(&url);
        b.until("some page", "document.querySelector('h1')");
        safe();
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn nobody_is_sent_elsewhere_and_tossed_cookies_change_nothing() {
    let system = System::up();
    system.done(&crate::phones::enroll("android", &system.resident("hanako"), SIGN, AUTH));
    let b = Browser::new("tossed", Language::English, WIDE);
    b.close.set(false);
    let party = [
        "rp",
        "register",
        "--name",
        "Library",
        "--redirect-uri",
        "http://localhost:9999/callback",
        "--scope",
        "openid",
    ];
    let party = system.done(&party);
    let (gateway, client) = (system.actor("gateway", "url"), party["client_id"].as_str().unwrap().to_owned());
    let begin =
        format!("{gateway}/protocol/openid-connect/auth?response_type=code&client_id={client}&scope=openid");
    b.open(&format!("{begin}&redirect_uri=http%3A%2F%2Fevil.localhost%2F&state=s"));
    b.refused("rp.redirect_uri_unregistered");
    for url in [
        system.portal("/login?next=http://evil.localhost/"),
        system.portal("/callback?iss=http://evil.localhost/"),
    ] {
        b.go(&url);
        b.until("a page of ours", "document.querySelector('h1') && !location.host.startsWith('evil')");
    }
    // A neighbour sets the portal's cookies for everybody under localhost, before and during a login.
    let toss = |port: u16| b.go(&format!("http://evil.localhost:{port}/"));
    b.log_in_by_pin(&system, "android");
    let cookies =
        b.cdp("Network.getCookies", json!({ "urls": [system.portal("/"), gateway] }))["cookies"].clone();
    let names = cookies.as_array().unwrap().iter().map(|cookie| cookie["name"].as_str().unwrap().to_owned());
    let names: Vec<_> = names.filter(|name| name != "tefuda_language").collect();
    assert!(!names.is_empty());
    for cookie in cookies.as_array().unwrap() {
        assert_eq!(cookie["httpOnly"], json!(true), "{cookie}");
        assert_eq!(cookie["sameSite"], json!("Lax"), "{cookie}");
    }
    let set: String = names
        .iter()
        .map(|name| format!("document.cookie = '{name}=evil; domain=localhost; path=/';"))
        .collect();
    let port = elsewhere(format!("<h1>Win</h1><script>{set}</script>"));
    toss(port);
    b.open(&system.portal("/"));
    let still = b.tell("document.querySelector('[data-step]')?.dataset.step");
    assert!(still == json!("home") || still == json!("front"), "{still}");
    if still == json!("home") {
        b.press(&b.t.say("portal-log-out"));
        b.at_step("logged-out");
        toss(port);
    }
    b.begin_login(&system);
    b.on_this_device("android");
    b.approve_by_pin();
    b.at_step("home");
}
