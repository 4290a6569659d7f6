//! The whole story, from a card on the table to a phone that is lost, found and given up.

use tefuda_pages::Language;

use crate::browser::{Browser, NARROW, WIDE, soon};
use crate::phones::{AUTH, SIGN};
use crate::system::System;

const PHONE: &str = "android";

fn pick_up_card(b: &Browser, system: &System) {
    let (hanako, t) = (system.resident("hanako"), b.t);
    b.open(&system.room("/"));
    b.follow(&t.with("control-hold-name", "name", hanako.name()));
    b.at(&t.say("control-title"));
    b.follow(&t.with("control-hold-here-name", "phone", PHONE));
    b.at_step("1");
    b.press(&t.say("phone-begin-go"));
    b.at_step("2");
    b.type_card_password(hanako.pin("sign"));
}

fn enrol(b: &Browser) -> String {
    let t = b.t;
    b.card_read();
    b.choose_passwords();
    let code = b.register();
    b.at(&t.say("phone-biometrics-finger"));
    b.follow(&t.say("phone-biometrics-go"));
    b.at(&t.say("confirm-enrol-biometrics-title"));
    b.type_pin(AUTH, "confirm-enrol-biometrics-submit");
    b.at(&t.say("phone-done"));
    code
}

/// In the portal by PIN, out, and in again by finger.
fn log_in_twice(b: &Browser, system: &System) {
    let t = b.t;
    b.follow(&t.say("phone-done-portal"));
    b.at_step("front");
    b.follow(&t.say("portal-log-in"));
    b.at_step("choose");
    b.on_this_device(PHONE);
    b.at_step("approve");
    b.follow(&t.say("phone-allow-pin"));
    b.approve_by_pin();
    b.at_step("home");
    b.says(&t.say("portal-strong"));
    b.follow(&t.say("portal-nav-history"));
    b.at_step("history");
    b.press(&t.say("portal-log-out"));
    b.at_step("logged-out");
    b.begin_login(system);
    b.on_this_device(PHONE);
    b.at_step("approve");
    b.choose(&t.say("phone-finger-1"));
    b.press(&t.say("phone-allow"));
    b.at_step("home");
}

/// The phone is lost: stopped by its recovery code; the portal hears of it; found, it goes on.
fn lose_and_find(b: &Browser, system: &System, code: &str) {
    let t = b.t;
    b.open(&format!("{}/lost", system.actor("phones", "url")));
    b.at_step("lost");
    b.fill(&t.say("phone-recovery-code"), code);
    b.press(&t.say("phone-lost-go"));
    b.until("stop", &format!("document.body.innerText.includes({:?})", t.say("phone-lost-stopped")));
    b.look();
    b.go(&system.portal("/"));
    let ended = soon(|| {
        b.reload();
        (b.tell("!!document.querySelector('[data-step=ended]')") == serde_json::json!(true)).then_some(())
    });
    assert!(ended.is_some(), "the portal was not told:\n{}", b.text());
    b.look();
    b.open(&system.on(PHONE, "/"));
    b.follow(&t.say("phone-lift"));
    b.at_step("lift");
    b.press(&t.say("phone-lift-go"));
    b.until("phone in use", "document.querySelector('[data-state=registered]')");
    b.look();
}

/// Its own pages, then the end of it.
fn give_up(b: &Browser, system: &System) {
    let t = b.t;
    for page in ["/history", "/notices", "/scan", "/settings/factory-reset", "/settings"] {
        b.open(&system.on(PHONE, page));
    }
    b.follow(&t.say("phone-retire"));
    b.at_step("retire");
    b.press(&t.say("phone-retire-go"));
    b.until("end of its use", "document.querySelector('[data-state=retired], [data-state=wiped]')");
    b.look();
    b.open(&system.room("/"));
    b.open(&system.room("/trace"));
    assert!(!b.text().contains(SIGN) && !b.text().contains("MIHON01A"), "a password is told");
}

fn walk(language: Language, width: u32) {
    let system = System::up();
    let b = Browser::new("story", language, width);
    pick_up_card(&b, &system);
    let code = enrol(&b);
    log_in_twice(&b, &system);
    lose_and_find(&b, &system, &code);
    give_up(&b, &system);
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn in_japanese_on_a_phone() {
    walk(Language::Japanese, NARROW);
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn in_japanese_at_a_desk() {
    walk(Language::Japanese, WIDE);
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn in_english_on_a_phone() {
    walk(Language::English, NARROW);
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn in_english_at_a_desk() {
    walk(Language::English, WIDE);
}

/// Every key is Tab, Enter, Space or a character; every stop shows where the focus is.
#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn by_keyboard_alone() {
    let system = System::up();
    let hanako = system.resident("hanako");
    let b = Browser::new("keyboard", Language::Japanese, WIDE);
    b.close.set(false);
    let t = b.t;
    b.open(&system.room("/"));
    b.key_follow(&t.with("control-hold-name", "name", hanako.name()));
    b.until("card in hand", "location.search.includes('hold=')");
    b.key_follow(&t.with("control-hold-here-name", "phone", PHONE));
    b.at_step("1");
    b.key_press(&t.say("phone-begin-go"));
    b.at_step("2");
    b.key_fill(&t.say("phone-card-password"), hanako.pin("sign"));
    b.key_press(&t.say("phone-card-hold"));
    b.at(&t.say("phone-reading-done"));
    b.key_follow(&t.say("phone-choose-passwords"));
    b.at_step("4");
    b.key_fill(&t.say("confirm-new-password"), SIGN);
    b.key_fill(&t.say("confirm-new-pin"), AUTH);
    b.key_press(&t.say("confirm-set-pins-submit"));
    b.at(&t.say("phone-approved"));
    b.key_follow(&t.say("phone-register"));
    b.at(&t.say("confirm-register-title"));
    b.key_fill(&t.say("confirm-password"), SIGN);
    b.key_press(&t.say("confirm-register-submit"));
    b.at(&t.say("phone-recovery"));
    b.key_press(&t.say("phone-recovery-done"));
    b.at(&t.say("phone-biometrics-finger"));
    b.key_follow(&t.say("phone-biometrics-skip"));
    b.at(&t.say("phone-done"));
    b.key_follow(&t.say("phone-done-portal"));
    b.at_step("front");
    b.key_follow(&t.say("portal-log-in"));
    b.at_step("choose");
    b.key_follow(&t.say("gateway-this-device"));
    b.at(&t.say("phone-chooser-title"));
    b.key_follow(PHONE);
    b.at(&t.say("confirm-login-title"));
    b.key_fill(&t.say("confirm-pin"), AUTH);
    b.key_press(&t.say("confirm-login-submit"));
    b.at_step("home");
    b.key_press(&t.say("portal-log-out"));
    b.at_step("logged-out");
}
