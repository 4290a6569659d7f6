//! Business hours, as an applicant meets them. The exact seconds are tested where the rule is
//! (`tefuda-authority`); from outside the clock ticks while the application is on its way.

use serde_json::Value;

use crate::system::{SIGN, System, enroll};

#[test]
fn within_hours_the_decision_comes_at_once() {
    for clock in ["2026-10-05T08:00:00+09:00", "2026-10-05T19:25:00+09:00", "2026-10-04T12:00:00+09:00"] {
        let system = System::up_at(clock);
        system.done(&["phone", "create", "spare"]);
        assert_eq!(system.enroll("spare", &system.adult())["state"], "registered", "{clock}");
    }
}

#[test]
fn outside_hours_it_waits_for_the_next_eight_o_clock() {
    for (clock, opens) in [
        ("2026-10-05T19:30:00+09:00", "2026-10-06T08:00:00+09:00"),
        ("2026-12-31T23:59:00+09:00", "2027-01-01T08:00:00+09:00"),
        ("2028-02-28T20:00:00+09:00", "2028-02-29T08:00:00+09:00"),
    ] {
        let system = System::up_at(clock);
        system.done(&["phone", "create", "spare"]);
        let adult = system.adult();
        let mut verb = enroll("spare", &adult);
        verb.extend(["--wait", "0"]);
        let answer = system.verb(&verb);
        assert_eq!(answer.code, 1, "{answer:#?}");
        let waiting = answer.json();
        assert_eq!(waiting["reason"], "enrol.pending");
        assert_eq!(system.phone("spare")["state"], "applied");
        let decision: Value = waiting["decision_at"].clone();
        assert_eq!(instant(decision.as_str().unwrap()), instant(opens), "{waiting}");

        system.done(&["clock", "set", opens]);
        system.done(&["phone", "register", "spare", "--sign-pin", SIGN]);
        assert_eq!(system.phone("spare")["state"], "registered");
    }
}

fn instant(time: &str) -> jiff::Timestamp {
    time.parse().unwrap()
}
