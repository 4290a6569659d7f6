//! Tearing: stories of an element, lived under plans of power cuts and held against a small model after
//! every attempt.

pub mod bench;
pub mod facts;
mod law;
pub mod step;

use crate::story::{manufacture, story};
use facts::altered;
use serde_json::{Value, json};
use step::{SET_NUMBER, Step, Whose};
use tefuda_element::KeyKinds;
use tefuda_silicon::testing::{SeededSilicon, Tally, Walk};
use tefuda_types::PinKind::{Auth, Sign};

use crate::fixture::{AUTH_PIN, SIGN_PASSWORD};

/// Where a story begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// From the factory.
    Fresh,
    /// Handed over, nobody's.
    Provisioned,
    /// Keys wait, and no password is set.
    Waiting,
    /// Keys wait, passwords are set.
    Pending,
    Held,
    /// Held, with fingers enrolled.
    Fingers,
}

impl Start {
    pub fn die(self) -> SeededSilicon {
        match self {
            Self::Fresh => manufacture(SeededSilicon::new(4)).0.power_down(),
            Self::Provisioned => story().provisioned().power_down(),
            Self::Waiting => altered(story().pending_die(), |state| {
                let holder = &mut state["authority"]["applet"]["holder"];
                (holder["sign_password"], holder["auth_pin"]) = (Value::Null, Value::Null);
            }),
            Self::Pending => story().pending_die(),
            Self::Held => story().held_die(),
            Self::Fingers => altered(story().held_die(), |state| {
                let holder = &mut state["authority"]["applet"]["holder"];
                holder["biometrics"] = json!({ "set": SET_NUMBER, "misses_left": 5 });
            }),
        }
    }
}

/// Every kind of write that an element has but the making of keys, which takes long, with stories short enough
/// to be cut twice everywhere.
pub const STORIES: &[(Start, &[Step])] = &[
    (Start::Held, &[Step::Verify(Auth, "0000"), Step::Verify(Auth, AUTH_PIN)]),
    (Start::Held, &[Step::Verify(Sign, "WRONG1")]),
    (Start::Held, &[Step::Verify(Sign, SIGN_PASSWORD)]),
    (Start::Held, &[Step::Tap(Auth, "0000"), Step::Tap(Sign, SIGN_PASSWORD)]),
    (Start::Held, &[Step::Change(Sign, [SIGN_PASSWORD, "OTHER1"])]),
    (Start::Held, &[Step::Change(Auth, ["1111", "1357"])]),
    (Start::Held, &[Step::Grant(Auth), Step::Set(Auth, "1357")]),
    (Start::Waiting, &[Step::Set(Sign, SIGN_PASSWORD), Step::Set(Auth, AUTH_PIN)]),
    (Start::Pending, &[Step::Register]),
    (Start::Fingers, &[Step::Finger { right: false }, Step::Finger { right: true }]),
    (Start::Held, &[Step::Guess(Whose::Authority), Step::Open(Whose::Authority)]),
    (Start::Held, &[Step::PutKey(Whose::Operator, 0x40)]),
    (Start::Held, &[Step::PutKey(Whose::Authority, 0x40)]),
    (Start::Fresh, &[Step::Create]),
    (Start::Fresh, &[Step::Create, Step::GiveKeys(0x20), Step::PutKey(Whose::Authority, 0x30)]),
    (Start::Held, &[Step::Wipe(1)]),
    (Start::Held, &[Step::Sensor]),
    (Start::Pending, &[Step::Sensor, Step::Wipe(1)]),
    (Start::Held, &[Step::Delete]),
];

/// Keys are made in these.
pub const GENERATION: &[(Start, &[Step])] = &[
    (Start::Held, &[Step::Generate(KeyKinds::Sign, 6)]),
    (Start::Provisioned, &[Step::Generate(KeyKinds::Auth, 6)]),
];

/// Walks through stories: what it came past.
pub fn walk(stories: &[(Start, &[Step])], walk: Walk) -> Tally {
    let mut sum = Tally::default();
    for (start, steps) in stories {
        let die = start.die();
        let tally = walk.through(&mut |plan| bench::live(die.twin(), steps, plan));
        assert!(tally.writes > 1, "{steps:?}");
        sum.plays += tally.plays;
        sum.cuts += tally.cuts;
        sum.writes += tally.writes;
    }
    sum
}
