//! The control room, as a browser without script sees it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::phones::{AUTH, SIGN, enroll};
use crate::system::System;

/// Status, headers and body of an answer.
struct Seen {
    status: u16,
    head: String,
    body: String,
}

impl Seen {
    fn reason(&self) -> &str {
        let rest = self.body.split_once("data-reason=\"").map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_once('"')).map_or("", |(reason, _)| reason)
    }
}

/// Asks the control room; a form is posted as a browser posts one from its own page.
fn ask(system: &System, host: &str, path: &str, form: Option<&str>) -> Seen {
    let mut stream = connect(system, host, path, form);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    Seen { status, head: head.to_owned(), body: body.to_owned() }
}

fn connect(system: &System, host: &str, path: &str, form: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", system.base)).unwrap();
    let method = if form.is_some() { "POST" } else { "GET" };
    let form = form.unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    stream
}

fn see(system: &System, path: &str) -> Seen {
    ask(system, "localhost", path, None)
}

fn send(system: &System, path: &str, form: &str) -> Seen {
    ask(system, "localhost", path, Some(form))
}

#[test]
fn every_page_is_there_in_both_languages_and_for_our_own_host_only() {
    let system = System::up();
    let paths = [
        "/?x=",
        "/?hold=hanako",
        "/?cards=all",
        "/cards/hanako?x=",
        "/cards/nagai?done=unblock",
        "/phones/android?x=",
        "/phones/new?x=",
        "/clock?x=",
        "/trace?actor=1",
        "/reasons/card.torn?x=",
    ];
    for path in paths {
        for (language, brand) in [("ja", "lang=\"ja\""), ("en", "lang=\"en\"")] {
            let seen = see(&system, &format!("{path}&lang={language}"));
            assert_eq!(seen.status, 200, "{path} {}", seen.body);
            assert!(seen.body.contains(brand) && seen.body.contains("<h1"), "{path}");
            assert!(seen.head.contains("no-store") && seen.head.contains("frame-ancestors 'none'"), "{path}");
        }
    }
    assert!(!see(&system, "/cards/hanako").body.contains("999000000016"), "a My Number is masked");
    assert!(send(&system, "/cards/hanako", "why=learning").body.contains("999000000016"));
    assert!(!send(&system, "/cards/hanako", "why=").body.contains("999000000016"));
    for missing in ["/cards/nobody", "/cards/%22", "/phones/nobody", "/nowhere"] {
        assert_eq!(see(&system, missing).status, 404, "{missing}");
    }
    for host in ["evil.localhost", "rebound.example:80"] {
        let turned_away = ask(&system, host, "/", None);
        assert!(turned_away.body.contains("access.host_unknown"), "{}", turned_away.body);
    }
}

/// Letters as the bytes of an exchange are printed.
fn hexadecimal(text: &str) -> String {
    text.bytes().map(|octet| format!("{octet:02X} ")).collect::<String>().trim_end().to_owned()
}

#[test]
fn the_trace_tells_of_everything_but_secrets() {
    let system = System::up();
    let resident = system.adult();
    system.done(&enroll("android", &resident, SIGN, AUTH));
    system.done(&["phone", "biometrics", "android", "enroll", "--auth-pin", AUTH]);
    let text = see(&system, "/trace.txt?lang=en").body;
    // Without the times, whose digits can be anything.
    let lines: Vec<&str> =
        text.lines().map(|line| line.trim_start_matches(|c: char| !c.is_whitespace())).collect();
    let told = lines.join("\n");
    for what in ["VERIFY ••••", "PRESENT PIN", "GENERATE KEYS", "POST /api/applications → 200", "READ BINARY"]
    {
        assert!(told.contains(what), "{what} is not in {told}");
    }
    assert!(told.contains(&format!("Card {}", resident.id())));
    for secret in [resident.pin("sign"), resident.pin("auth"), SIGN, AUTH, resident.pin("reference_a")] {
        for form in [secret.to_owned(), hexadecimal(secret)] {
            assert!(!told.contains(&form), "{form} is in {told}");
        }
    }
    // The stream begins with what was before.
    let mut stream = connect(&system, "localhost", "/events?after=0&lang=en", None);
    let mut begin = [0; 2_000];
    stream.read_exact(&mut begin).unwrap();
    let begin = String::from_utf8_lossy(&begin);
    assert!(begin.contains("text/event-stream") && begin.contains("data: <li"), "{begin}");
}

#[test]
fn a_card_is_pulled_away_in_the_middle_of_its_reading() {
    let system = System::up();
    let resident = system.adult();
    let path = format!("/cards/{}", resident.id());
    let armed = send(&system, &format!("{path}/tear"), "");
    assert!(armed.status == 303 && armed.head.contains("done=tear"), "{}", armed.head);
    assert_eq!(system.refused(&enroll("android", &resident, SIGN, AUTH)), "card.torn");
    // Once: the next time it stays, and no try was lost.
    let enrolled: Value = system.done(&enroll("android", &resident, SIGN, AUTH));
    assert_eq!(enrolled["state"], "registered");
    let lost = send(&system, &format!("{path}/lose"), "");
    assert_eq!(lost.status, 303, "{}", lost.body);
    assert_eq!(system.resident(resident.id()).0["card"]["state"], "suspended");
    let nowhere = send(&system, &format!("{path}/reader"), "to=localhost%3A1");
    assert_eq!(nowhere.reason(), "reader.unreachable");
}

#[test]
fn the_clock_is_moved_and_goes_back_only_when_that_is_meant() {
    let system = System::up();
    let civil =
        || -> jiff::Timestamp { system.done(&["clock", "show"])["civil"].as_str().unwrap().parse().unwrap() };
    let before = civil();
    assert_eq!(send(&system, "/clock", "by=morning").status, 303);
    let morning = civil();
    assert!(morning.duration_since(before).as_hours() >= 21, "{before} {morning}");
    let refused = send(&system, "/clock", "to=2026-10-05T09%3A00");
    assert_eq!(refused.reason(), "clock.backwards");
    assert_eq!(send(&system, "/clock", "to=soon").reason(), "clock.malformed");
    assert_eq!(send(&system, "/clock", "to=2026-10-05T09%3A00&back=yes").status, 303);
    assert!(civil() < before);
}

#[test]
fn phones_are_made_and_thrown_away_at_the_table() {
    let system = System::up();
    assert_eq!(
        send(&system, "/phones/new", "name=Not+a+name&model=mihon-a15").reason(),
        "phone.name_malformed"
    );
    let made = send(&system, "/phones/new", "name=mine&model=mihon-i17");
    assert_eq!(made.status, 303, "{}", made.body);
    assert!(see(&system, "/").body.contains("phone-mine.localhost"));
    let shaken = send(&system, "/phones/mine/tamper", "event=shield");
    assert_eq!(shaken.status, 303, "{}", shaken.body);
    assert_eq!(system.phone("mine")["state"], "tampered");
    assert_eq!(send(&system, "/phones/mine/discard", "").status, 303);
    assert!(!see(&system, "/").body.contains("phone-mine.localhost"));
}
