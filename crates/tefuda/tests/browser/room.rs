//! The control room: the table from above, sheets, the clock, the trace.

use tefuda_pages::Language;

use crate::browser::{Browser, NARROW, WIDE};
use crate::system::System;

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn every_page_of_the_control_room_in_both_languages() {
    let system = System::up();
    let room = system.actor("control", "url");
    for (language, width) in [(Language::Japanese, NARROW), (Language::English, WIDE)] {
        let b = Browser::new("room", language, width);
        for path in ["/", "/?cards=all", "/cards/hanako", "/phones/new", "/clock", "/trace", "/reasons"] {
            b.open(&format!("{room}{path}"));
        }
        b.go(&format!("{room}/nowhere"));
        b.refused("page.not_found");
    }
}
