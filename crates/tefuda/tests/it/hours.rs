//! Business hours, as an applicant meets them. The exact seconds are tested where the rule is
//! (`tefuda-authority`); from outside the clock ticks while the application is on its way.

use crate::phones::{AUTH, SIGN, enroll};
use crate::system::System;

fn instant(time: &str) -> jiff::Timestamp {
    time.parse().unwrap()
}

#[test]
fn decided_at_once_within_hours_and_from_the_next_eight_o_clock_outside() {
    let system = System::up_at("2026-10-04T12:00:00+09:00");
    let adults = system.adults();
    let mut applicants = adults.iter();

    // A Sunday, the first second, the last minutes.
    for (index, clock) in
        ["2026-10-04T12:00:00+09:00", "2026-10-05T08:00:00+09:00", "2026-10-05T19:25:00+09:00"]
            .into_iter()
            .enumerate()
    {
        let _ = system.verb(&["clock", "set", clock]);
        system.enrolled(&format!("day-{index}"), applicants.next().unwrap());
    }

    for (index, (clock, opens)) in [
        ("2026-10-05T19:30:00+09:00", "2026-10-06T08:00:00+09:00"),
        ("2026-12-31T23:59:00+09:00", "2027-01-01T08:00:00+09:00"),
        ("2028-02-28T20:00:00+09:00", "2028-02-29T08:00:00+09:00"),
    ]
    .into_iter()
    .enumerate()
    {
        let phone = format!("night-{index}");
        system.done(&["clock", "set", clock]);
        system.done(&["phone", "create", &phone]);
        let verb = enroll(&phone, applicants.next().unwrap(), SIGN, AUTH);
        let answer = system.verb(&[&verb[..], &["--wait", "0"]].concat());
        assert_eq!(answer.code, 1, "{answer:#?}");
        let waiting = answer.json();
        assert_eq!(waiting["reason"], "enrol.pending");
        assert_eq!(system.phone(&phone)["state"], "applied");
        assert_eq!(instant(waiting["decision_at"].as_str().unwrap()), instant(opens), "{waiting}");

        system.done(&["clock", "set", opens]);
        system.done(&["phone", "register", &phone, "--sign-pin", SIGN]);
        assert_eq!(system.phone(&phone)["state"], "registered");
    }
}
