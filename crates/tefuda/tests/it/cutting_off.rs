//! Stop, revoke, wipe: the matrix of SECURITY.md, row by row, certificate by certificate.

use serde_json::Value;

use crate::phones::{Party, SIGN};
use crate::system::{Resident, System, status_of};

/// What becomes of card sign, card auth, phone sign and phone auth.
type Row = [&'static str; 4];

const KEEPS: &str = "valid";
const STOPS: &str = "suspended";
const ENDS: &str = "revoked";

/// A resident with a phone of her own, and what its enrolment said.
struct Holder<'a> {
    system: &'a System,
    resident: Resident,
    phone: String,
    enrolled: Value,
}

impl Holder<'_> {
    fn id(&self) -> &str {
        self.resident.id()
    }

    fn recovery_code(&self) -> &str {
        self.enrolled["recovery_code"].as_str().unwrap()
    }

    fn stop(&self) {
        self.system.refused(&["phone", "stop", &self.phone, "--recovery-code", "0000-0000-0000"]);
        self.system.done(&["phone", "stop", &self.phone, "--recovery-code", self.recovery_code()]);
        assert_eq!(self.system.phone(&self.phone)["state"], "stopped");
    }

    fn event(&self, event: &[&str]) {
        self.system.done(&[&["resident", "event", self.id()], event].concat());
    }
}

type Event = fn(&Holder<'_>);

/// Lets each event happen to a holder and looks at all four certificates and at the gateway.
fn rows(system: &System, residents: &[Resident], rows: &[(&str, Event, Row)]) {
    let party = Party::register(system);
    for (index, ((what, event, expected), resident)) in rows.iter().zip(residents.iter().cycle()).enumerate()
    {
        let (resident, phone) = (resident.clone(), format!("row-{index}"));
        let enrolled = system.enrolled(&phone, &resident);
        party.log_in(system, &phone).unwrap_or_else(|reason| panic!("{what}: {reason}"));
        let holder = Holder { system, resident, phone, enrolled };

        event(&holder);

        let (card, phone) = (system.resident(holder.id()), system.phone(&holder.phone));
        let after = [
            card.certificate("card-sign"),
            card.certificate("card-auth"),
            status_of(&phone["certificates"], "phone-sign"),
            status_of(&phone["certificates"], "phone-auth"),
        ];
        assert_eq!(after, *expected, "{what}: card sign, card auth, phone sign, phone auth");
        // Within ten seconds of civil time.
        system.done(&["clock", "advance", "PT10S"]);
        let login = party.log_in(system, &holder.phone);
        assert_eq!(login.is_ok(), expected[3] == KEEPS, "{what}: the gateway follows: {login:?}");
    }
    system.done(&["authority", "audit", "verify"]);
}

#[test]
fn what_happens_to_a_phone() {
    let system = System::up();
    let table: [(&str, Event, Row); 7] = [
        ("lost, by its recovery code", |holder| holder.stop(), [KEEPS, KEEPS, STOPS, STOPS]),
        (
            "lost, by the call centre",
            |holder| {
                let stop = ["authority", "stop", "--resident", holder.id(), "--phone", &holder.phone];
                holder.system.done(&stop);
            },
            [KEEPS, KEEPS, STOPS, STOPS],
        ),
        (
            "found: authenticates again, has to apply for signing",
            |holder| {
                holder.stop();
                holder.system.done(&["clock", "advance", "PT10S"]);
                assert!(Party::register(holder.system).log_in(holder.system, &holder.phone).is_err());
                holder.system.done(&["phone", "lift", &holder.phone]);
            },
            [KEEPS, KEEPS, ENDS, KEEPS],
        ),
        (
            "found, and applied for anew",
            |holder| {
                holder.stop();
                let passwords = ["--card-sign-pin", holder.resident.pin("sign"), "--sign-pin", SIGN];
                holder.system.done(&[&["phone", "lift", &holder.phone][..], &passwords].concat());
            },
            [KEEPS, KEEPS, KEEPS, KEEPS],
        ),
        (
            "retired",
            |holder| {
                holder.system.done(&["phone", "retire", &holder.phone]);
                assert_eq!(holder.system.phone(&holder.phone)["state"], "retired");
            },
            [KEEPS, KEEPS, ENDS, ENDS],
        ),
        (
            "replaced by the next of its family",
            |holder| {
                let next = holder.system.enrolled("next", &holder.resident);
                assert_eq!(status_of(&next["certificates"], "phone-auth"), KEEPS);
            },
            [KEEPS, KEEPS, ENDS, ENDS],
        ),
        (
            "tampered with",
            |holder| {
                holder.system.done(&["phone", "tamper", &holder.phone, "--event", "light"]);
                let phone = holder.system.phone(&holder.phone);
                assert_eq!(phone["state"], "tampered");
                let certificates = phone["certificates"].as_array().unwrap();
                assert!(certificates.iter().all(|c| c["reason"] == "keyCompromise"), "{phone:#}");
            },
            [KEEPS, KEEPS, ENDS, ENDS],
        ),
    ];
    // One resident, from phone to phone.
    rows(&system, &system.adults()[..1], &table);
}

#[test]
fn what_happens_to_a_card_or_a_person() {
    let system = System::up();
    let table: [(&str, Event, Row); 8] = [
        (
            "moved",
            |holder| holder.event(&["move", "--address", "東京都見本区手札町二丁目１－１"]),
            [ENDS, KEEPS, ENDS, KEEPS],
        ),
        (
            "another name",
            |holder| holder.event(&["name-change", "--name", "見本　花代"]),
            [ENDS, KEEPS, ENDS, KEEPS],
        ),
        (
            "card lost",
            |holder| drop(holder.system.done(&["card", "lose", "--resident", holder.id()])),
            [STOPS, STOPS, STOPS, KEEPS],
        ),
        (
            "card lost, by the call centre",
            |holder| drop(holder.system.done(&["authority", "stop", "--resident", holder.id(), "--card"])),
            [STOPS, STOPS, STOPS, KEEPS],
        ),
        (
            "card returned",
            |holder| drop(holder.system.done(&["card", "return", "--resident", holder.id()])),
            [ENDS, ENDS, ENDS, ENDS],
        ),
        (
            "card renewed: the new one is valid, the phone applies again",
            |holder| drop(holder.system.done(&["card", "renew", "--resident", holder.id()])),
            [KEEPS, KEEPS, ENDS, ENDS],
        ),
        ("death", |holder| holder.event(&["death"]), [ENDS, ENDS, ENDS, ENDS]),
        ("left the country", |holder| holder.event(&["departure"]), [ENDS, ENDS, ENDS, ENDS]),
    ];
    let residents = system.adults();
    assert!(residents.len() >= table.len(), "everybody comes once");
    rows(&system, &residents, &table);
}

#[test]
fn a_wipe_is_confirmed_by_the_element_and_a_factory_reset_is_none() {
    let system = System::up();
    system.enrolled("spare", &system.adult());
    system.done(&["authority", "wipe", "--phone", "spare"]);
    let wiped = system.phone("spare");
    assert_eq!((&wiped["deletion"], &wiped["state"]), (&"confirmed".into(), &"wiped".into()), "{wiped:#}");

    system.enrolled("other", &system.adults()[1]);
    system.done(&["phone", "factory-reset", "other"]);
    let reset = system.phone("other");
    assert_eq!((&reset["deletion"], &reset["state"]), (&"none".into(), &"empty".into()), "{reset:#}");
    assert_eq!(reset["retries"]["sign"], 5, "the element still holds its keys: {reset:#}");
    system.done(&["authority", "wipe", "--phone", "other"]);
    let wiped = system.phone("other");
    assert!(wiped["retries"].is_null(), "now it holds nothing: {wiped:#}");
}
