//! The ways it goes wrong: each ends on a page that says what happened, what it means and what to do.

use serde_json::json;
use tefuda_pages::Language;

use crate::browser::{Browser, NARROW, WIDE};
use crate::phones::{AUTH, SIGN};
use crate::system::{Resident, System};

/// One who errs in Japanese on a phone, one in English at a desk.
fn both(name: &str) -> [Browser; 2] {
    [(Language::Japanese, NARROW), (Language::English, WIDE)]
        .map(|(language, width)| Browser::new(name, language, width))
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn the_cards_password_is_confused_mistyped_and_used_up() {
    let system = System::up();
    for (b, resident) in both("password").into_iter().zip(["hanako", "taro"]) {
        let resident = system.resident(resident);
        b.hold_card(&system, "android", &resident, resident.pin("auth"));
        b.refused("card.pin_in_place_of_password");
        b.type_card_password("123");
        b.refused("card.password_malformed");
        for left in ["4", "3", "2", "1"] {
            b.type_card_password("WRONG9");
            b.refused("card.pin_wrong");
            b.says(&b.t.with2("phone-tries-left", "left", left, "of", 5));
        }
        b.says(&b.t.say("phone-last-try-title"));
        b.choose(&b.t.say("phone-last-try-risk"));
        b.type_card_password("WRONG9");
        b.refused("card.pin_blocked");
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn the_card_is_torn_away_foreign_or_without_a_use() {
    let system = System::up();
    for (b, phone) in both("card").into_iter().zip(["android", "iphone"]) {
        let t = b.t;
        b.open(&system.room("/cards/hanako"));
        b.press(&t.say("control-tear-next"));
        b.at(&t.with("control-card-of", "name", system.resident("hanako").name()));
        let hanako = system.resident("hanako");
        b.hold_card(&system, phone, &hanako, hanako.pin("sign"));
        b.refused("card.torn");
        b.follow(&t.say("phone-way-hold-again"));
        b.at_step("2");
        b.type_card_password(hanako.pin("sign"));
        b.card_read();
        b.choose_passwords();
        b.register();
        // Somebody else's card sets no password anew.
        let taro = system.resident("taro");
        b.open(&system.on(phone, "/settings/reset/sign"));
        b.pick(&t.say("phone-card-whose"), "taro");
        b.type_card_password(taro.pin("sign"));
        b.refused("enrol.wrong_card");
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn cards_that_cannot_enrol_say_why() {
    let system = System::up();
    for (b, phone) in both("cards").into_iter().zip(["android", "iphone"]) {
        for (resident, reason) in
            [("kodomo", "enrol.child"), ("kigire", "enrol.card_expired"), ("teishi", "enrol.card_suspended")]
        {
            let resident = system.resident(resident);
            match resident.0["pins"]["sign"].as_str() {
                Some(password) => b.hold_card(&system, phone, &resident, password),
                None => hold_unsigned(&b, &system, phone, &resident),
            }
            // Only the registrar knows of a hold, when the application arrives.
            if reason == "enrol.card_suspended" {
                b.card_read();
                b.choose_passwords();
            }
            b.refused(reason);
            system.done(&["phone", "delete", phone]);
            system.done(&["phone", "create", phone]);
        }
    }
}

/// A card that cannot sign: told when it is chosen, and nobody is asked for a password.
fn hold_unsigned(b: &Browser, system: &System, phone: &str, resident: &Resident) {
    b.open(&system.on(phone, "/enrol"));
    b.press(&b.t.say("phone-begin-go"));
    b.at(&b.t.say("phone-card-choose-title"));
    b.pick(&b.t.say("phone-card-whose"), resident.id());
    b.press(&b.t.say("phone-card-take"));
    b.at(&b.t.say("phone-card-unsigned"));
    assert_eq!(b.tell("document.querySelectorAll('input:not([type=hidden])').length"), json!(0));
    b.press(&b.t.say("phone-card-unsigned-why"));
}

/// Nothing typed, nothing told of what is over.
#[track_caller]
fn is_fresh(b: &Browser) {
    b.until(
        "empty fields",
        "[...document.querySelectorAll('[data-secret], [data-field]')].every((f) => f.value === '')",
    );
    b.until("no refusal", "!document.querySelector('[data-reason], [aria-invalid=true]')");
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn who_goes_back_to_a_page_of_passwords_finds_it_fresh() {
    let system = System::up();
    let hanako = system.resident("hanako");
    let b = Browser::new("back", Language::Japanese, NARROW);
    b.hold_card(&system, "android", &hanako, "WRONG9");
    b.refused("card.pin_wrong");
    b.type_card_password(hanako.pin("sign"));
    b.at(&b.t.say("phone-reading-done"));
    for _ in 0..3 {
        b.back();
        b.until("a page", "document.querySelector('h1')");
        if b.url().contains("/enrol/card") {
            is_fresh(&b);
        }
    }
    // A page that the browser kept whole, as it was.
    b.open(&system.on("android", "/enrol/card?resident=hanako"));
    b.fill(&b.t.say("phone-card-password"), "WRONG9");
    b.leave(|| {
        b.script("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))", &[]);
    });
    b.at_step("2");
    is_fresh(&b);
    system.done(&crate::phones::enroll("iphone", &system.resident("taro"), SIGN, AUTH));
    b.open(&system.on("iphone", "/settings"));
    b.follow(&b.t.say("phone-change-auth"));
    b.at(&b.t.say("confirm-change-pin-auth-title"));
    b.fill(&b.t.say("confirm-pin"), "0000");
    b.fill(&b.t.say("confirm-new-pin"), "7391");
    b.leave(|| b.press(&b.t.say("confirm-change-pin-auth-submit")));
    b.refused("phone.pin_wrong");
    b.fill(&b.t.say("confirm-pin"), AUTH);
    b.fill(&b.t.say("confirm-new-pin"), "7391");
    b.press(&b.t.say("confirm-change-pin-auth-submit"));
    b.at(&b.t.say("phone-settings"));
    b.back();
    b.at(&b.t.say("confirm-change-pin-auth-title"));
    is_fresh(&b);
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_phone_whose_certificates_were_revoked_says_so_and_asks_for_nothing() {
    let system = System::up();
    for (b, (resident, phone)) in both("revoked").into_iter().zip([("hanako", "android"), ("taro", "iphone")])
    {
        let resident = system.resident(resident);
        system.done(&crate::phones::enroll(phone, &resident, SIGN, AUTH));
        let status = system.done(&["phone", "status", phone]);
        for held in status["certificates"].as_array().unwrap() {
            system.revoke(held);
        }
        b.begin_login(&system);
        b.on_this_device(phone);
        b.refused("certificate.revoked");
        b.follow(&b.t.say("phone-way-apply"));
        b.at_step("1");
        b.says(&b.t.say("phone-again-revoked"));
        b.open(&system.on(phone, "/settings"));
        b.says(&b.t.say("phone-state-ended-means"));
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn phones_that_cannot_hold_certificates_say_why() {
    let system = System::up();
    for b in both("models") {
        for (model, reason) in [
            ("mihon-a-lite", "enrol.no_secure_element"),
            ("mihon-i10", "enrol.model_too_old"),
            ("mihon-a15-old-app", "enrol.app_too_old"),
        ] {
            let name = format!("{model}-{}", b.language.tag());
            system.done(&["phone", "create", &name, "--model", model]);
            b.open(&system.on(&name, "/enrol"));
            b.refused(reason);
        }
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn outside_business_hours_one_waits_or_moves_the_clock() {
    let system = System::up_at("2026-10-05T21:00:00+09:00");
    for (b, (resident, phone)) in both("hours").into_iter().zip([("hanako", "android"), ("taro", "iphone")]) {
        let t = b.t;
        let resident = system.resident(resident);
        b.open(&system.on(phone, "/enrol"));
        b.says(&t.say("phone-office-closed"));
        b.hold_card(&system, phone, &resident, resident.pin("sign"));
        b.card_read();
        b.choose_passwords();
        b.at(&t.say("phone-waiting"));
        b.follow(&t.say("phone-go-to-morning"));
        b.at(&t.say("control-clock-title"));
        b.leave(|| b.press(&t.say("control-clock-decision")));
        b.look();
        b.open(&system.on(phone, "/enrol/decision"));
        b.register();
        system.done(&["clock", "advance", "PT13H"]);
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_second_phone_of_the_same_kind_is_told_before_it_ends_the_first() {
    let system = System::up();
    let mut taken = vec![("hanako", "android"), ("taro", "iphone")];
    for b in both("second") {
        let (resident, phone) = taken.remove(0);
        let resident = system.resident(resident);
        let model = if phone == "android" { "mihon-a15" } else { "mihon-i17" };
        let model_name = if phone == "android" { "Mihon A15" } else { "Mihon i17" };
        let second = format!("{phone}-2");
        system.done(&crate::phones::enroll(phone, &resident, SIGN, AUTH));
        system.done(&["phone", "create", &second, "--model", model]);
        b.hold_card(&system, &second, &resident, resident.pin("sign"));
        b.at(&b.t.say("phone-reading-done"));
        b.says(&b.t.with2(&format!("phone-earlier-{phone}"), "name", phone, "model", model_name));
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn the_phones_pin_is_confused_mistyped_used_up_and_set_anew_with_the_card() {
    let system = System::up();
    for (b, (resident, phone)) in both("pin").into_iter().zip([("hanako", "android"), ("taro", "iphone")]) {
        let t = b.t;
        let resident = system.resident(resident);
        system.done(&crate::phones::enroll(phone, &resident, SIGN, AUTH));
        b.begin_login(&system);
        b.on_this_device(phone);
        b.at(&t.say("confirm-login-title"));
        b.type_pin("12", "confirm-login-submit");
        b.until("hint", "document.querySelector('[data-reason=\"phone.pin_malformed\"]')");
        b.look();
        for left in ["2", "1"] {
            b.leave(|| b.type_pin("0000", "confirm-login-submit"));
            b.refused("phone.pin_wrong");
            b.says(&t.with2("phone-tries-left", "left", left, "of", 3));
        }
        b.type_pin("0000", "confirm-login-submit");
        b.refused("phone.pin_blocked");
        b.open(&system.on(phone, "/settings/reset/auth"));
        b.pick(&t.say("phone-card-whose"), resident.id());
        b.press(&t.say("phone-card-hold"));
        b.at(&t.say("phone-reading-done"));
        b.follow(&t.say("phone-choose-new"));
        b.at(&t.say("confirm-reset-pin-auth-title"));
        b.fill(&t.say("confirm-new-pin"), "7391");
        b.press(&t.say("confirm-reset-pin-auth-submit"));
        b.at(&t.say("phone-settings"));
        assert_eq!(system.tries(phone, "auth"), 3);
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_lost_phones_code_is_mistyped() {
    let system = System::up();
    for b in both("lost") {
        b.open(&format!("{}/lost", system.actor("phones", "url")));
        b.fill(&b.t.say("phone-recovery-code"), "7K2M-7K2M-7K2M-7K2M");
        b.press(&b.t.say("phone-lost-go"));
        b.refused("stop.recovery_code_wrong");
    }
}
