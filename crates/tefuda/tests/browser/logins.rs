//! Logging in at the portal: on one device and across two, and everything that people do to a page in between.

use serde_json::json;
use tefuda_pages::Language;

use crate::browser::{Browser, NARROW, WIDE};
use crate::phones::AUTH;
use crate::system::System;

fn enrolled() -> System {
    let system = System::up();
    system.done(&crate::phones::enroll("android", &system.resident("hanako"), crate::phones::SIGN, AUTH));
    system
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn across_devices_the_number_is_on_both_and_what_cannot_be_undone_needs_more() {
    let system = enrolled();
    for language in Language::ALL {
        let (desk, phone) = (Browser::new("desk", language, WIDE), Browser::new("hand", language, NARROW));
        desk.begin_login(&system);
        let (number, url) = desk.on_another_device();
        phone.scan(&system, "android", &url);
        phone.at(&phone.t.say("confirm-login-title"));
        assert_eq!(
            phone.tell("document.querySelector('[data-number]').innerText.trim().split(/\\s/).pop()"),
            json!(number)
        );
        phone.type_pin(AUTH, "confirm-login-submit");
        phone.at_step("answered");
        desk.at_step("home");
        desk.says(&desk.t.say("portal-weak"));
        desk.follow(&desk.t.say("portal-end-phone-title"));
        desk.at_step("end-phone");
        desk.says(&desk.t.say("portal-needs-strong"));
        // On the phone itself the login is the stronger one.
        phone.log_in_by_pin(&system, "android");
        phone.says(&phone.t.say("portal-strong"));
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_code_that_somebody_else_scans_is_harmless() {
    let system = enrolled();
    system.done(&crate::phones::enroll("iphone", &system.resident("taro"), crate::phones::SIGN, AUTH));
    let desk = Browser::new("stranger", Language::Japanese, WIDE);
    let stranger = Browser::new("stranger", Language::English, NARROW);
    desk.begin_login(&system);
    let (_, url) = desk.on_another_device();
    stranger.scan(&system, "iphone", &url);
    stranger.at(&stranger.t.say("confirm-login-title"));
    stranger.press(&stranger.t.say("phone-deny"));
    stranger.at(&stranger.t.say("phone-login-denied"));
    // Nobody is logged in, neither here nor there.
    desk.until("way back", "!document.querySelector('[data-step=waiting]')");
    desk.look();
    assert!(!desk.text().contains(&desk.t.say("portal-log-out")), "{}", desk.text());
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn back_reload_two_tabs_and_a_closed_browser_end_well() {
    let system = enrolled();
    let b = Browser::new("habits", Language::English, WIDE);
    let t = b.t;
    // Back after the login, then forward again by the same answer.
    b.log_in_by_pin(&system, "android");
    b.back();
    b.until("some page", "document.querySelector('h1')");
    b.look();
    b.open(&system.portal("/"));
    b.at_step("home");
    b.press(&t.say("portal-log-out"));
    b.at_step("logged-out");
    // Two tabs: the first is finished, the second is told.
    b.begin_login(&system);
    let first = b.url();
    b.on_this_device("android");
    b.at(&t.say("confirm-login-title"));
    let approving = b.url();
    b.type_pin(AUTH, "confirm-login-submit");
    b.at_step("home");
    b.go(&approving);
    b.refused("login.request_finished");
    b.go(&first);
    b.until("some page", "document.querySelector('h1')");
    b.look();
    // A browser that was closed: another one has no part in its login.
    b.open(&system.portal("/"));
    b.press(&t.say("portal-log-out"));
    b.at_step("logged-out");
    b.begin_login(&system);
    let url = b.url();
    let other = Browser::new("habits-other", Language::Japanese, NARROW);
    other.go(&url);
    other.refused("login.other_browser");
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn requests_end_denied_unknown_or_altered() {
    let system = enrolled();
    for (language, width) in [(Language::Japanese, NARROW), (Language::English, WIDE)] {
        let b = Browser::new("requests", language, width);
        let t = b.t;
        b.decline_login(&system, "android");
        b.follow(&t.say("phone-back-to-browser"));
        b.refused("login.denied");
        b.until(
            "the portal",
            &format!("location.origin === {}", json!(system.portal("").trim_end_matches('/'))),
        );
        b.look();
        assert!(!b.text().contains(&t.say("portal-log-out")), "{}", b.text());
        b.open(&system.gateway("/login/5a145f29ddd32de84ae967cc621b6f1d"));
        b.refused("login.request_not_found");
        b.open(&system.on("android", "/approve?request=http%3A%2F%2Fevil.localhost%2Flogin%2F1"));
        b.refused("login.gateway_unknown");
        b.open(&format!("{}/protocol/openid-connect/auth?response_type=code&scope=openid&client_id=nobody&redirect_uri=http%3A%2F%2Flocalhost%2F", system.actor("gateway", "url")));
        b.refused("rp.not_found");
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_request_that_waited_too_long_says_so_and_leads_back() {
    let system = System::up_on_a_hosts_clock();
    system.done(&crate::phones::enroll("android", &system.resident("hanako"), crate::phones::SIGN, AUTH));
    let both = [(Language::Japanese, NARROW, "手札ポータル"), (Language::English, WIDE, "Tefuda Portal")];
    for (at, (language, width, portal)) in (1..).zip(both) {
        let b = Browser::new("expired", language, width);
        b.begin_login(&system);
        let (_, url) = b.on_another_device();
        system.put_the_host_ahead(7 * 60 * at);
        // Over, and not yet forgotten. The page looks for itself. The phone that scans its code now is told the same.
        b.refused("login.request_expired");
        b.scan(&system, "android", &url);
        b.refused("login.request_expired");
        b.open(&url);
        b.refused("login.request_expired");
        b.follow(&b.t.with("gateway-back-to", "party", portal));
        // The portal got the answer, and begins anew.
        b.until("the portal", "document.body.dataset.actor === 'portal'");
        b.refused("login.request_expired");
        b.follow(&b.t.say("portal-log-in-again"));
        b.at_step("choose");
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn logging_out_is_said_and_what_is_out_of_the_ordinary_stands_out() {
    let system = enrolled();
    system.done(&crate::phones::enroll("iphone", &system.resident("hanako"), crate::phones::SIGN, AUTH));
    let signature = crate::system::newest(&system.phone("iphone")["certificates"], "phone-sign").clone();
    for (language, width) in [(Language::Japanese, NARROW), (Language::English, WIDE)] {
        let b = Browser::new("ordinary", language, width);
        let t = b.t;
        b.log_in_by_pin(&system, "android");
        if language == Language::Japanese {
            // All is well: nothing is said of stopping and deletion.
            assert_eq!(b.tell("document.querySelectorAll('[data-fact], [data-advice]').length"), json!(0));
            system.revoke(&signature);
            b.reload();
            b.at_step("home");
            b.says(&t.say("portal-advice-no-signature"));
            let auth = crate::system::newest(&system.phone("iphone")["certificates"], "phone-auth").clone();
            system.revoke(&auth);
            b.reload();
            b.at_step("home");
        }
        b.says(&t.say("portal-advice-revoked"));
        b.says(&t.say("portal-advice-revoked-what"));
        b.follow(&t.say("portal-nav-history"));
        b.at_step("history");
        b.press(&t.say("portal-log-out"));
        b.at_step("logged-out");
        b.says(&t.say("portal-out-what"));
        b.follow(&t.say("portal-to-front"));
        b.at_step("front");
        b.follow(&t.say("portal-lost"));
        b.at_step("lost");
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn the_trace_says_what_a_refused_login_came_to() {
    let system = enrolled();
    for (language, width) in [(Language::Japanese, NARROW), (Language::English, WIDE)] {
        let b = Browser::new("trace", language, width);
        let t = b.t;
        b.decline_login(&system, "android");
        b.open(&system.room("/trace"));
        b.says(&t.say("control-said-denial"));
        let told =
            b.tell("[...document.querySelectorAll('#trace .refused')].map((e) => e.innerText).join(' ')");
        let told = told.as_str().unwrap();
        assert!(told.contains("/denial → 200") && told.contains("login.denied"), "{told}");
        assert!(!b.text().contains("{request}"), "{}", b.text());
        b.open(&system.room("/reasons/login.denied"));
    }
}
