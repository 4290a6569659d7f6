//! Tries: counted, kept, warned about, given back with the card; and passwords that are nowhere.

use std::process::{Command, Stdio};

use crate::phones::{AUTH, Party, SIGN, enroll};
use crate::system::{Running, System, eventually, run};

#[test]
fn wrong_pins_block_a_key_and_the_card_gives_it_back() {
    let system = System::up();
    let adult = system.adult();
    system.enrolled("spare", &adult);
    let party = Party::register(&system);
    let with = |system: &System, pin: &str| party.login(system, "spare", &["--auth-pin", pin]);
    for left in [2, 1] {
        assert_eq!(with(&system, "9999").code, 1);
        assert_eq!(system.tries("spare", "auth"), left);
    }
    let system = system.restart("-KILL");
    assert_eq!(system.tries("spare", "auth"), 1, "a restart gives no try back");
    assert_eq!(with(&system, "9999").code, 1);
    assert_eq!(system.tries("spare", "auth"), 0);
    let blocked = with(&system, AUTH);
    assert_eq!(blocked.code, 1, "the right PIN comes too late: {blocked:#?}");

    let reset = |kind, pin| {
        ["phone", "reset-pin", "spare", "--kind", kind, "--resident", adult.id(), "--new-pin", pin]
    };
    system.done(&reset("phone-auth", "7351"));
    assert_eq!(system.tries("spare", "auth"), 3);
    assert_eq!(with(&system, "7351").code, 0);

    for left in [4, 3, 2, 1, 0] {
        assert_eq!(system.verb(&["phone", "recovery-code", "spare", "--sign-pin", "WRONG99"]).code, 1);
        assert_eq!(system.tries("spare", "sign"), left);
    }
    system.refused(&["phone", "recovery-code", "spare", "--sign-pin", SIGN]);
    let with_password =
        [&reset("phone-sign", "AGAIN88")[..], &["--card-sign-pin", adult.pin("sign")]].concat();
    assert_eq!(system.verb(&reset("phone-sign", "AGAIN88")).code, 1, "needs the card's signature password");
    system.done(&with_password);
    assert_eq!(system.tries("spare", "sign"), 5);
    system.done(&["phone", "recovery-code", "spare", "--sign-pin", "again88"]);
}

#[test]
fn biometrics_neither_burn_nor_give_back_tries() {
    let system = System::up();
    system.enrolled("spare", &system.adult());
    let party = Party::register(&system);
    let login = |how: &[&str]| party.login(&system, "spare", how).code;
    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", AUTH]);
    assert_eq!(login(&["--auth-pin", "9999"]), 1);
    assert_eq!(login(&["--biometric", "1"]), 0);
    assert_eq!(system.tries("spare", "auth"), 2, "a finger gives no try back");
    for _ in 0..6 {
        assert_eq!(login(&["--biometric", "unknown"]), 1);
    }
    assert_eq!(system.tries("spare", "auth"), 2, "nor does it burn one");
    assert_eq!(login(&["--biometric", "1"]), 1, "too many misses");
    assert_eq!(login(&["--auth-pin", AUTH]), 0);
    assert_eq!(login(&["--biometric", "1"]), 0);
    system.done(&["phone", "biometrics", "spare", "change"]);
    assert_eq!(system.phone("spare")["biometrics"], "stale");
    assert_eq!(login(&["--biometric", "1"]), 1, "another set of fingers");
    assert_eq!(system.tries("spare", "auth"), 3);
}

#[test]
fn the_cards_password_is_checked_before_a_try_is_risked() {
    let system = System::up();
    system.done(&["phone", "create", "spare"]);
    let adult = system.adult();
    let with = |card_pin: &str| {
        let verb = ["phone", "enroll", "spare", "--resident", adult.id(), "--card-sign-pin", card_pin];
        system.verb(&[&verb[..], &["--sign-pin", SIGN, "--auth-pin", AUTH]].concat())
    };
    let digits = with("1234");
    assert_eq!(digits.code, 1);
    let short = digits.json()["reason"].clone();
    let wrong = with("WRONG99");
    assert_eq!(wrong.code, 1);
    assert_ne!(wrong.json()["reason"], short, "four digits get a message of their own");
    for _ in 0..3 {
        assert_eq!(with("WRONG99").code, 1);
    }
    // One try is left: it is not risked, not even with the right password, unless the person says so.
    let right = adult.pin("sign").to_lowercase();
    let warned = with(&right);
    assert_eq!((warned.code, warned.json()["reason"].as_str()), (1, Some("card.last_try")), "{warned:#?}");
    let enroll = enroll("spare", &adult, SIGN, AUTH);
    system.done(&[&enroll[..], &["--risk-last-try"]].concat());

    // Blocked by five wrong ones; the counter gives them back.
    system.done(&["phone", "create", "other"]);
    let other = &system.adults()[1];
    let wrong = |risk: &[&'static str]| {
        let verb = ["phone", "enroll", "other", "--resident", other.id(), "--card-sign-pin", "WRONG99"];
        let verb = [&verb[..], &["--sign-pin", SIGN, "--auth-pin", AUTH], risk].concat();
        system.refused(&verb)
    };
    let reasons: Vec<String> = (0..6).map(|_| wrong(&["--risk-last-try"])).collect();
    assert_ne!(reasons[0], reasons[4], "the fifth blocks: {reasons:?}");
    assert_eq!(reasons[4], reasons[5]);
    system.done(&["card", "unblock", "--resident", other.id()]);
    let lower = other.pin("sign").to_lowercase();
    let verb = ["phone", "enroll", "other", "--resident", other.id(), "--card-sign-pin", &lower];
    system.done(&[&verb[..], &["--sign-pin", SIGN, "--auth-pin", AUTH]].concat());
}

#[test]
#[ignore = "drives tcpdump: cargo xtask test"]
fn abuse_l06_a_phones_passwords_are_in_no_log_no_store_and_no_message() {
    const UNSEEN_SIGN: &str = "UNSEEN88";
    const UNSEEN_AUTH: &str = "5937";
    let system = System::up();
    let folder = &system.folder;
    let capture = folder.path("capture");
    let tcpdump = Command::new("tcpdump")
        .args(["--interface", "lo", "--immediate-mode", "-Z", "root", "-s", "0", "-w", &capture])
        .args(["tcp", "and", "portrange", &format!("{}-{}", system.base, system.base + 9)])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut tcpdump = Running(tcpdump.expect("tcpdump starts"));
    eventually(|| std::fs::metadata(&capture).is_ok_and(|file| file.len() > 0).then_some(())).unwrap();

    let adult = system.adult();
    system.done(&["phone", "create", "spare"]);
    system.done(&enroll("spare", &adult, UNSEEN_SIGN, UNSEEN_AUTH));
    let party = Party::register(&system);
    assert_eq!(party.login(&system, "spare", &["--auth-pin", UNSEEN_AUTH]).code, 0);
    assert_eq!(party.login(&system, "spare", &["--auth-pin", "9999"]).code, 1);
    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", UNSEEN_AUTH]);
    system.done(&["phone", "recovery-code", "spare", "--sign-pin", UNSEEN_SIGN]);
    tcpdump.signal("-INT");

    let heard = std::fs::metadata(&capture).unwrap().len();
    assert!(heard > 100_000, "{heard} octets were heard");
    let in_phones = run("grep", &["-c", "-a", "phone-spare.localhost", &capture]);
    assert_ne!(in_phones.stdout.trim(), "0", "the phone's messages are among them");
    // The PIN as a value of its own: four digits occur by chance inside of numbers.
    let pin = format!("[\"=: ]{UNSEEN_AUTH}([\"&, ]|$)");
    for pattern in [UNSEEN_SIGN, &pin] {
        let found = run("grep", &["-rlaiE", pattern, &folder.path(".")]);
        assert_eq!(found.code, 1, "{pattern} lies in {}", found.stdout);
    }
    let logged = run("grep", &["-aE", &format!("\\b{}\\b", adult.pin("sign")), &folder.path("log")]);
    assert_eq!(logged.code, 1, "the card's password is logged: {}", logged.stdout);
}
