//! Killed in the middle, started again, asked again.

use std::process::Stdio;

use crate::phones::{AUTH, Party, SIGN, enroll};
use crate::system::{Running, System, eventually};

/// Lines of the log between one cut and the next.
const STEP: usize = 12;

#[test]
fn an_enrolment_that_was_cut_goes_on_to_two_certificates() {
    let mut system = System::up();
    let mut cut_short = 0;
    for (index, adult) in system.adults().iter().take(6).enumerate() {
        let phone = format!("cut-{index}");
        system.done(&["phone", "create", &phone]);
        // The card's keys are made before, so that the cuts fall on what is said between the roles.
        system.done(&["card", "unblock", "--resident", adult.id()]);
        let verb = enroll(&phone, adult, SIGN, AUTH);
        let cut = system.log_lines() + STEP * (index + 1);
        let enrolling =
            system.command(&verb).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut enrolling = Running(enrolling.expect("tefuda starts"));
        eventually(|| (enrolling.has_ended() || system.log_lines() >= cut).then_some(())).expect("a cut");
        cut_short += u8::from(!enrolling.has_ended());
        system = system.restart("-KILL");
        drop(enrolling);

        let enrolled = system.done(&verb);
        assert_eq!(enrolled["state"], "registered", "{enrolled:#}");
        let certificates = system.phone(&phone)["certificates"].clone();
        let mut held: Vec<_> =
            certificates.as_array().unwrap().iter().map(|c| (&c["kind"], &c["status"])).collect();
        held.sort_by_key(|(kind, _)| kind.to_string());
        let valid = |kind: &str| (kind.into(), "valid".into());
        let expected = [valid("phone-auth"), valid("phone-sign")];
        assert_eq!(held, expected.each_ref().map(|(kind, status)| (kind, status)), "{phone}");
        assert_eq!((system.tries(&phone, "sign"), system.tries(&phone, "auth")), (5, 3));
        Party::register(&system).log_in(&system, &phone).unwrap();
    }
    assert!(cut_short >= 5, "{cut_short} enrolments were cut before they ended");
    system.done(&["authority", "audit", "verify"]);
}
