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
    b.at_step("front");
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
    b.at_step("front");
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
        b.begin_login(&system);
        b.on_this_device("android");
        b.at(&t.say("confirm-login-title"));
        b.press(&t.say("phone-deny"));
        b.at(&t.say("phone-login-denied"));
        b.follow(&t.say("phone-back-to-browser"));
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
