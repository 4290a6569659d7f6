//! What goes over the wire: nothing to elsewhere, and not much.

use serde_json::{Value, json};
use tefuda_pages::Language;
use thirtyfour::BrowserLogEntry;

use crate::browser::{Browser, WIDE};
use crate::looking::screenshots;
use crate::system::System;

/// The most that an actor's first page may weigh with all that it needs, in octets.
const MOST_OCTETS: u64 = 100_000;

/// What Chromium told of its network since it was asked last.
fn told(b: &Browser) -> Vec<Value> {
    let log: Vec<BrowserLogEntry> = b.wait(b.driver().get_log("performance")).unwrap();
    let message = |entry: BrowserLogEntry| serde_json::from_str::<Value>(&entry.message).ok();
    log.into_iter().filter_map(message).map(|entry| entry["message"].clone()).collect()
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn first_pages_are_small_and_ask_nobody_else() {
    let system = System::up();
    let b = Browser::new("traffic", Language::Japanese, WIDE);
    b.close.set(false);
    let pages = [
        ("control room", system.room("/")),
        ("phone", system.on("android", "/")),
        ("phones", system.actor("phones", "url")),
        ("gateway", system.gateway("/")),
        ("authority", system.actor("authority", "url")),
        ("portal", system.portal("/")),
    ];
    // How long a page takes to be drawn is told, not judged.
    let mut told_later = String::new();
    for (actor, url) in pages {
        told(&b);
        b.cdp("Network.clearBrowserCache", json!({}));
        b.open(&url);
        // A picture takes a frame, which is drawn at the latest then.
        b.picture(&actor.replace(' ', "-"));
        let entry = "performance.getEntriesByType('paint').at(-1)?.startTime ?? -1";
        let drawn = b.tell(entry).as_f64().unwrap_or(-1.0);
        let mut octets = 0;
        for event in told(&b) {
            let parameters = &event["params"];
            match event["method"].as_str() {
                Some("Network.loadingFinished") => {
                    octets += parameters["encodedDataLength"].as_u64().unwrap_or(0)
                }
                Some("Network.requestWillBeSent") => {
                    let asked: url::Url = parameters["request"]["url"].as_str().unwrap().parse().unwrap();
                    let ours = asked
                        .host_str()
                        .is_none_or(|host| host == "127.0.0.1" || host.ends_with("localhost"));
                    assert!(ours, "{actor} asks {asked}");
                }
                _ => {}
            }
        }
        told_later.push_str(&format!("{actor}: {octets} octets, drawn after {drawn:.0} ms\n"));
        assert!(octets > 0 && octets < MOST_OCTETS, "{actor}: {octets} octets");
    }
    std::fs::create_dir_all(screenshots()).unwrap();
    std::fs::write(screenshots().join("traffic.txt"), told_later).unwrap();
}
