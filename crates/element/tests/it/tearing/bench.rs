//! An element on the bench: a probe on its die, power from outside, and stories that are lived to their end.

use super::{
    facts::{Facts, Holder, has_keys_on_any_page},
    law::{expect_lawful, is_destroyed},
    step::{LOGIN, Step, Told, verifies},
};
use crate::{
    fixture::{Wire, hash, type_in},
    life::verify_rsa,
};
use std::{
    collections::HashSet,
    sync::{Arc, LazyLock, Mutex},
};
use tefuda_element::{Element, host};
use tefuda_pki::Certificate;
use tefuda_protocol::{
    attestation::verify_p256,
    element::{Holding, ISSUER_DOMAIN_AID},
    transaction::{Method, login_message, wallet_message},
};
use tefuda_silicon::{
    engine::P256Key,
    testing::{Cut, Part, ProbedSilicon, SeededSilicon},
};
use tefuda_types::PinKind;

const SILENCE: [u8; 2] = [0x65, 0x81];

pub struct Bench {
    pub die: ProbedSilicon,
    element: Arc<Mutex<Element<ProbedSilicon>>>,
    pub wired: Wire,
    pub field: Wire,
}

impl Bench {
    /// Puts a die into an element and gives it power.
    pub fn insert(die: &ProbedSilicon) -> Self {
        let element = Arc::new(Mutex::new(Element::insert(die.clone()).unwrap()));
        let wired = Wire::new(tefuda_element::wired(Arc::clone(&element)));
        let field = Wire::new(tefuda_element::contactless(Arc::clone(&element)));
        Self { die: die.clone(), element, wired, field }
    }

    pub fn sensor_event(&self) -> Told {
        if self.element.lock().unwrap().sensor_event().is_ok() { Told::Done } else { Told::Torn }
    }

    /// Whether the wired side, and the contactless, say nothing.
    pub fn silent(&mut self) -> [bool; 2] {
        let select = [&[0x00, 0xA4, 0x04, 0x0C, 0x08], &ISSUER_DOMAIN_AID[..]].concat();
        [&mut self.wired, &mut self.field].map(|side| side.process(&select) == SILENCE)
    }

    /// Gives the power back until both sides answer. Nothing answers while something is half destroyed.
    fn recover(&mut self, pulled: bool, scene: &dyn Fn() -> String) {
        while self.silent() != [false; 2] {
            if pulled {
                self.die.probe(SeededSilicon::power_returns);
                *self = Self::insert(&self.die);
            } else {
                self.wired.reset();
                self.field.reset();
            }
            if self.silent() != [true; 2] {
                self.expect_no_residue(scene);
            }
        }
    }

    fn expect_no_residue(&self, scene: &dyn Fn() -> String) {
        let facts = Facts::of(&self.die);
        assert!(!facts.residue, "it answers before it has finished: {}", scene());
        if is_destroyed(&facts.core) {
            assert!(!has_keys_on_any_page(&self.die), "keys are still on the die: {}", scene());
        }
    }
}

/// Lives a story under a plan of cuts; each step again until it is told how it ended. What the cuts fell into.
pub fn live(die: SeededSilicon, steps: &[Step], plan: &[Cut]) -> Vec<Part> {
    let die = ProbedSilicon::new(die);
    let mut bench = Bench::insert(&die);
    let pulled = plan.iter().any(|cut| !cut.flickers);
    die.probe(|die| die.plan(plan));
    let mut before = Facts::of(&die);
    for step in steps {
        let mut again = true;
        while again {
            let met = die.probe(|die| die.cuts_met().len());
            let told = step.act(&mut bench, &before);
            let scene = || format!("replay: {steps:?} under {plan:?}; {step:?} was told {told:?}");
            again = told == Told::Torn;
            assert_eq!(
                again,
                die.probe(|die| die.cuts_met().len()) > met,
                "a cut is not told apart: {}",
                scene()
            );
            let mut after = Facts::of(&die);
            expect_lawful(*step, told, (&before, &after), &scene);
            if again {
                assert_eq!(bench.silent(), [true; 2], "it answers without power: {}", scene());
                bench.recover(pulled, &scene);
                after.residue = false;
                assert_eq!(Facts::of(&die), after, "power alone changed it: {}", scene());
            }
            if after.residue || is_destroyed(&after.core) {
                bench.expect_no_residue(&scene);
            }
            before = after;
        }
    }
    die.probe(SeededSilicon::restore_power);
    prove(&mut bench, &|| format!("replay: {steps:?} under {plan:?}"));
    die.probe(|die| die.cuts_met().to_vec())
}

/// What is there can be used, what was destroyed cannot, and the living element says what its die says.
fn prove(bench: &mut Bench, scene: &dyn Fn() -> String) {
    let facts = Facts::of(&bench.die);
    let Some(holder) = &facts.core.holder else { return };
    if host::select_wallet(&mut bench.wired).is_err() {
        return;
    }
    let status = host::status(&mut bench.wired).unwrap();
    let tries = [status.sign_tries, status.auth_tries];
    let left = holder.passwords.each_ref().map(|password| password.as_ref().map(|password| password.left));
    assert_eq!(tries.map(|tries| tries.map(u64::from)), left, "{}", scene());
    let expected = match (facts.core.tampered, holder.stage.as_str()) {
        (true, _) => Holding::Tampered,
        (_, "held") => Holding::Held,
        (_, "wiped") => Holding::Wiped,
        _ => Holding::Empty,
    };
    assert_eq!((status.holding, status.last_command), (expected, facts.core.last_command), "{}", scene());
    match (expected, &holder.passwords[1]) {
        (Holding::Held, Some(pin)) if pin.left > 0 => {
            let pin = String::from_utf8(pin.value.clone()).unwrap();
            // The same keys are tried once.
            if PROVED.lock().unwrap().insert(format!("{pin} {:?}", holder.keys)) {
                log_in(bench, holder, &pin);
            }
        }
        (Holding::Wiped, _) if !holder.has_keys() => {
            let typed = [(verifies(PinKind::Auth), crate::fixture::AUTH_PIN)];
            type_in(&mut bench.wired, LOGIN, &typed).unwrap_err();
        }
        _ => {}
    }
    if matches!(expected, Holding::Wiped | Holding::Tampered) {
        host::sign_login(&mut bench.wired, Method::Pin, LOGIN.1).unwrap_err();
    }
}

/// Keys that a login was signed with and verified.
static PROVED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

fn log_in(bench: &mut Bench, holder: &Holder, pin: &str) {
    type_in(&mut bench.wired, LOGIN, &[(verifies(PinKind::Auth), pin)]).unwrap();
    let signatures = host::sign_login(&mut bench.wired, Method::Pin, LOGIN.1).unwrap();
    let hash = hash(LOGIN.0, LOGIN.1);
    let certificate = host::certificate(&mut bench.wired, PinKind::Auth).unwrap().unwrap();
    let spki = Certificate::from_der(&certificate).unwrap().public_spki().to_vec();
    assert!(verify_rsa(&spki, &login_message(Method::Pin, &hash), &signatures.auth));
    let wallet = P256Key::from_bytes(&holder.wallet_scalar()).unwrap().public_sec1();
    assert!(verify_p256(&wallet, &wallet_message(Method::Pin, &hash), &signatures.wallet));
}
