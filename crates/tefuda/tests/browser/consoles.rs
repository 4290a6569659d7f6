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
        // The phone is stopped by the first call, the card by the second.
        let phone = t.with("consoles-a-phone", "phone", "android");
        let (stop, sure, what) = if language == Language::Japanese {
            let stop = t.with("consoles-stop-phone", "phone", "android");
            (stop, t.with("consoles-stop-phone-sure", "phone", "android"), phone)
        } else {
            (t.say("consoles-stop-card"), t.say("consoles-stop-card-sure"), t.say("consoles-the-card"))
        };
        let state = || (system.phone("android")["state"].clone(), card_state(&system));
        let before = state();
        // Asked first, and not done by asking.
        b.follow(&stop);
        b.at(&sure);
        b.says(&t.say("consoles-stop-within"));
        b.follow(&t.say("consoles-stop-not"));
        b.at(&t.with("consoles-caller-of", "name", hanako.name()));
        assert_eq!(state(), before);
        b.follow(&stop);
        b.at(&sure);
        b.press(&stop);
        b.at(&t.with("consoles-stopped-title", "what", &what));
        b.says(&t.say("consoles-tell"));
        assert_eq!(system.phone("android")["state"], "stopped");
        b.follow(&t.say("consoles-stopped-more"));
        b.at(&t.with("consoles-caller-of", "name", hanako.name()));
        assert!(b.all(Role::Link, &stop).is_empty(), "it can be stopped once");
    }
    assert_eq!(card_state(&system), "suspended");
}

fn card_state(system: &System) -> String {
    system.resident("hanako").0["card"]["state"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn what_the_caller_is_asked_stands_on_the_cards_sheet() {
    let system = System::up();
    for (language, width) in [(Language::Japanese, NARROW), (Language::English, WIDE)] {
        let b = Browser::new("telephone", language, width);
        let t = b.t;
        b.open(&system.room("/cards/hanako"));
        let address = "東京都見本区手札町一丁目２－３";
        assert!(!b.text().contains(address), "masked until it is asked for");
        b.press(&t.say("control-telephone-show"));
        for text in ["1985-04-12", address] {
            b.says(text);
        }
        b.find(Role::Button, &t.with("control-copy-name", "name", t.say("control-address")));
        b.look();
        b.follow(&t.say("control-telephone-call"));
        b.at(&t.say("consoles-login-title"));
    }
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn tables_of_the_console_lose_no_column_and_say_what_has_expired() {
    let system = System::up();
    let (hanako, authority) = (system.resident("hanako"), system.actor("authority", "url"));
    system.done(&crate::phones::enroll("android", &hanako, SIGN, AUTH));
    // The card with expired certificates is made when it is first held against something.
    let kigire = system.resident("kigire");
    system.refused(&crate::phones::enroll("iphone", &kigire, SIGN, AUTH));
    for (language, width) in [(Language::Japanese, NARROW), (Language::English, WIDE)] {
        let b = Browser::new("tables", language, width);
        b.open(&format!("{authority}/console"));
        let operator = if language == Language::Japanese { "見本　承認" } else { "Mihon Shonin" };
        log_in(&b, operator);
        for page in ["applications", "certificates", "phones", "audit", "generations"] {
            b.open(&format!("{authority}/console/{page}"));
            assert_eq!(b.tell(CUT_OFF), serde_json::json!([]), "{page} at {width}");
        }
        b.open(&format!("{authority}/console/certificates?status=expired"));
        b.says(&b.t.say("consoles-expired"));
        assert_eq!(b.tell("document.querySelectorAll('tbody tr').length"), 2, "signature and authentication");
    }
}

/// Cells of a narrow page's tables that are not wholly within it or have lost their column's name.
const CUT_OFF: &str = "[...document.querySelectorAll('td')].filter((cell) => innerWidth < 640 && \
    (cell.getBoundingClientRect().right > innerWidth || cell.getBoundingClientRect().width === 0 || \
    getComputedStyle(cell, '::before').content !== JSON.stringify(cell.dataset.label))).map((cell) => cell.outerHTML)";

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
