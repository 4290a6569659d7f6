//! Call centre and authority, and names and addresses that are as long as they come.

use tefuda_pages::Language;

use crate::browser::{Browser, NARROW, WIDE};
use crate::finding::Role;
use crate::phones::{AUTH, SIGN};
use crate::system::System;

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_caller_is_found_and_stopped() {
    let system = System::up();
    let (hanako, authority) = (system.resident("hanako"), system.actor("authority", "url"));
    system.done(&crate::phones::enroll("android", &hanako, SIGN, AUTH));
    for (language, width) in [(Language::Japanese, WIDE), (Language::English, NARROW)] {
        let b = Browser::new("call-centre", language, width);
        let t = b.t;
        b.open(&format!("{authority}/"));
        b.open(&format!("{authority}/call-centre"));
        b.at(&t.say("consoles-login-title"));
        let operator = if language == Language::Japanese { "見本　電話" } else { "Mihon Denwa" };
        log_in(&b, operator);
        b.open(&format!("{authority}/call-centre"));
        b.at(&t.say("consoles-find"));
        b.fill(&t.say("consoles-name"), "見本　だれか");
        b.fill(&t.say("consoles-birth"), "1980-01-01");
        b.fill(&t.say("consoles-address"), "どこにもない番地です");
        b.press(&t.say("consoles-find-do"));
        b.until("answer", "document.querySelector('[data-reason]')");
        b.look();
        b.fill(&t.say("consoles-name"), hanako.name());
        b.fill(&t.say("consoles-birth"), "1985-04-12");
        b.fill(&t.say("consoles-address"), "東京都見本区手札町一丁目2-3");
        b.press(&t.say("consoles-find-do"));
        b.at(&t.with("consoles-caller-of", "name", hanako.name()));
        // The phone is stopped by the first call; the second finds it so.
        if language == Language::Japanese {
            let phone = t.with("consoles-a-phone", "phone", "android");
            b.leave(|| b.press(&t.with("consoles-stop-name", "what", &phone)));
            b.says(&t.say("consoles-stopped"));
            b.look();
            assert_eq!(system.phone("android")["state"], "stopped");
        }
    }
}

/// Chooses an operator of the sandbox's list.
fn log_in(b: &Browser, who: &str) {
    b.leave(|| b.press(&b.t.with("consoles-login-as", "name", who)));
}

/// An operator at the authority's console.
fn operator(name: &str, authority: &str, who: &str) -> Browser {
    let b = Browser::new(name, Language::English, WIDE);
    b.open(&format!("{authority}/console"));
    log_in(&b, who);
    b
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_wipe_needs_a_second_pair_of_eyes() {
    let system = System::up();
    let (hanako, authority) = (system.resident("hanako"), system.actor("authority", "url"));
    system.done(&crate::phones::enroll("android", &hanako, SIGN, AUTH));
    let first = operator("four-eyes-first", &authority, "Mihon Shonin");
    first.open(&format!("{authority}/console/phones"));
    let row = "[...document.querySelectorAll('tbody tr')].find(row => row.textContent.includes('android'))";
    let link = first.tell(&format!("{row}.querySelector('a').href"));
    first.open(link.as_str().unwrap());
    first.fill(&first.t.say("consoles-why"), "found on a train");
    first.leave(|| first.press(&first.t.say("consoles-wipe-order")));
    first.says(&first.t.say("consoles-order-made"));
    // Who ordered it cannot confirm it.
    first.says(&first.t.say("consoles-own-order"));
    assert!(first.all(Role::Button, &first.t.say("consoles-confirm")).is_empty());
    first.look();
    assert_eq!(system.phone("android")["deletion"], "none");

    let second = operator("four-eyes-second", &authority, "Mihon Kakunin");
    second.open(&format!("{authority}/console/orders"));
    second.leave(|| second.press(&second.t.say("consoles-confirm")));
    second.says(&second.t.say("consoles-order-confirmed"));
    second.look();
    assert_ne!(system.phone("android")["deletion"], "none");
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn long_names_and_addresses_break_no_page() {
    let system = System::up();
    let name = format!("{}　{}", "寿限無".repeat(6), "長".repeat(21));
    let address = "東京都千代田区霞が関一丁目".repeat(16).chars().take(200).collect::<String>();
    assert_eq!((name.chars().count(), address.chars().count()), (40, 200));
    let add = [
        "resident",
        "add",
        "--id",
        "long",
        "--name",
        &name,
        "--address",
        &address,
        "--birth-date",
        "1985-04-12",
        "--sex",
        "2",
    ];
    let added = system.verb(&add);
    assert_eq!(added.code, 0, "{added:#?}");
    let authority = system.actor("authority", "url");
    for (language, width) in [(Language::Japanese, NARROW), (Language::English, WIDE)] {
        let b = Browser::new("long", language, width);
        b.open(&system.room("/?cards=all&hold=long"));
        b.open(&system.room("/cards/long"));
        b.open(&system.on("android", "/enrol/card?resident=long"));
        b.open(&format!("{authority}/console"));
        let operator = if language == Language::Japanese { "見本　窓口" } else { "Mihon Madoguchi" };
        log_in(&b, operator);
        for page in ["applications", "certificates", "phones", "orders", "audit", "generations"] {
            b.open(&format!("{authority}/console/{page}"));
        }
    }
}
