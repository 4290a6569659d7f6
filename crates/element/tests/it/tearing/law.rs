//! What a step may leave on the die, after what was told: the small model that an element is held against.

use super::{
    facts::{Core, Domain, Facts, Holder, Password, index},
    step::{Step, Told, Whose},
};
use crate::story::{NONCE, story};
use serde_json::Value;
use tefuda_element::KeyKinds;
use tefuda_types::{Bytes, PinKind};

/// Misses of a sensor after which the PIN must be given.
const MISSES: u64 = 5;
/// Wrong authentications after which a key set is blocked.
const FAILURES: u64 = 8;

/// The states that a step goes through, and whether it succeeds in the last.
type Course = (Vec<Core>, bool);

/// Holds what a step left against what it may leave.
pub fn expect_lawful(step: Step, told: Told, (before, after): (&Facts, &Facts), scene: &dyn Fn() -> String) {
    let (course, succeeds) = course(step, before, after);
    let last = course.last() == Some(&after.core);
    let lawful = match told {
        Told::Torn => course.contains(&after.core),
        Told::Done => succeeds && last,
        Told::Wrong(left) => {
            !succeeds && last && left.is_none_or(|left| tries(step, &after.core) == u64::from(left))
        }
        Told::Refused => !succeeds && last,
    };
    assert!(lawful, "unlawful, from {:#?} to {:#?}: {}", before.core, after.core, scene());
    assert_eq!(before.identity, after.identity, "{}", scene());
    assert!(before.core.last_command <= after.core.last_command, "{}", scene());
    assert!(!before.core.tampered || after.core.tampered, "{}", scene());
    if let Some(holder) = &after.core.holder {
        let same = before.core.holder.as_ref().is_some_and(|before| before.keys == holder.keys);
        assert!(same || holder.is_whole(), "a key is there by half: {}", scene());
        assert!(!is_destroyed(&after.core) || !holder.has_keys() || !after.core.tampered, "{}", scene());
    }
    expect_lawful_domains(step, told, (before, after), scene);
}

/// A wipe or a sensor event took everything of the holder's, and nobody came since.
pub fn is_destroyed(core: &Core) -> bool {
    let nothing = |holder: &Holder| !holder.has_keys();
    core.tampered || core.holder.as_ref().is_some_and(|holder| holder.stage == "wiped" && nothing(holder))
}

fn tries(step: Step, core: &Core) -> u64 {
    let holder = core.holder.as_ref().unwrap();
    match step {
        Step::Verify(kind, _) | Step::Tap(kind, _) | Step::Change(kind, _) => {
            holder.passwords[index(kind)].as_ref().unwrap().left
        }
        Step::Finger { .. } => holder.biometrics.unwrap().1,
        // Nothing else is a try.
        _ => u64::MAX,
    }
}

/// The same with something else of the holder's.
fn with(core: &Core, change: impl FnOnce(&mut Holder)) -> Core {
    let mut core = core.clone();
    change(core.holder.as_mut().unwrap());
    core
}

fn verify(before: &Core, kind: PinKind, candidate: &str) -> Course {
    let at = index(kind);
    let password = before.holder.as_ref().and_then(|holder| holder.passwords[at].as_ref());
    let Some(password) = password.filter(|password| password.left > 0) else {
        return (vec![before.clone()], false);
    };
    let set_left = |core: &mut Holder, left| core.passwords[at].as_mut().unwrap().left = left;
    let counted = with(before, |holder| set_left(holder, password.left - 1));
    let right = password.value == candidate.as_bytes();
    let mut course = vec![before.clone(), counted];
    if right {
        course.push(with(before, |holder| {
            set_left(holder, password.limit);
            if let (PinKind::Auth, Some((_, misses))) = (kind, &mut holder.biometrics) {
                *misses = MISSES;
            }
        }));
    }
    (course, right)
}

const fn limit(kind: PinKind) -> u64 {
    match kind {
        PinKind::Sign => 5,
        PinKind::Auth => 3,
    }
}

fn set(before: &Core, kind: PinKind, new: &str) -> Core {
    with(before, |holder| {
        holder.grants[index(kind)] = false;
        let limit = limit(kind);
        holder.passwords[index(kind)] = Some(Password { value: new.as_bytes().to_vec(), left: limit, limit });
    })
}

fn course(step: Step, before: &Facts, after: &Facts) -> Course {
    let core = &before.core;
    let stays = |succeeds| (vec![core.clone()], succeeds);
    let holder = core.holder.as_ref();
    match step {
        Step::Sensor => (vec![core.clone(), destroyed(core)], true),
        Step::Open(_) => stays(
            before.domains[Whose::Authority as usize].is_some() || step.channel() == Some(Whose::Operator),
        ),
        Step::Guess(_) => stays(false),
        Step::PutKey(..) | Step::Create | Step::GiveKeys(_) => stays(may_manage(step, before)),
        Step::Wipe(number) => wipe(before, number),
        Step::Delete if holder.is_some() && channel_opens(step, before) => {
            (vec![core.clone(), Core { holder: None, ..core.clone() }], true)
        }
        _ if core.tampered || holder.is_none() => stays(false),
        Step::Verify(kind, candidate) | Step::Tap(kind, candidate) => verify(core, kind, candidate),
        Step::Change(kind, [old, new]) => {
            let (mut course, right) = verify(core, kind, old);
            if right {
                course.push(set(course.last().unwrap(), kind, new));
            }
            (course, right)
        }
        Step::Set(kind, new) if may_set(holder.unwrap(), kind) => {
            (vec![core.clone(), set(core, kind, new)], true)
        }
        Step::Grant(kind)
            if holder.unwrap().passwords[index(kind)].is_some() && channel_opens(step, before) =>
        {
            (vec![core.clone(), with(core, |holder| holder.grants[index(kind)] = true)], true)
        }
        Step::Finger { right } => finger(core, right),
        Step::Generate(kinds, nonce) => (generate(core, kinds, nonce, &after.core), true),
        Step::Register => register(before),
        _ => stays(false),
    }
}

fn destroyed(core: &Core) -> Core {
    Core { tampered: true, holder: core.holder.as_ref().map(|_| Holder::nobodys("wiped")), ..core.clone() }
}

/// Whether a channel of the domain would open for who has its keys.
fn channel_opens(step: Step, facts: &Facts) -> bool {
    let set = step.channel().and_then(|whose| facts.domains[whose as usize].as_ref());
    set.is_some_and(|set| set.failures < FAILURES)
}

fn may_manage(step: Step, before: &Facts) -> bool {
    channel_opens(step, before)
        && match step {
            Step::GiveKeys(_) => before.created && !before.handed_over,
            _ => true,
        }
}

fn wipe(before: &Facts, number: u64) -> Course {
    let core = &before.core;
    let stays = |succeeds| (vec![core.clone()], succeeds);
    if !channel_opens(Step::Wipe(number), before) || !before.command_key || number < core.last_command {
        return stays(false);
    }
    if number == core.last_command {
        return stays(true);
    }
    let holder = core.holder.as_ref().map(|_| Holder::nobodys("wiped"));
    (vec![core.clone(), Core { last_command: number, holder, ..core.clone() }], true)
}

fn may_set(holder: &Holder, kind: PinKind) -> bool {
    let waits = match kind {
        PinKind::Sign => !holder.pending["sign"].is_null(),
        PinKind::Auth => !holder.pending["auth"].is_null(),
    };
    holder.grants[index(kind)] || (waits && holder.passwords[index(kind)].is_none())
}

fn finger(core: &Core, right: bool) -> Course {
    let holder = core.holder.as_ref().unwrap();
    let Some((number, misses)) =
        holder.biometrics.filter(|(_, misses)| *misses > 0 && !holder.keys[1].is_null())
    else {
        return (vec![core.clone()], false);
    };
    let left = |left| with(core, |holder| holder.biometrics = Some((number, left)));
    let mut course = vec![core.clone(), left(misses - 1)];
    course.extend(right.then(|| left(MISSES)));
    (course, right)
}

/// New keys are taken from what is there, and held to be whole and to wait for this nonce.
fn generate(core: &Core, kinds: KeyKinds, nonce: u8, after: &Core) -> Vec<Core> {
    let holder = core.holder.as_ref().unwrap();
    let whole = |pending: &Value| {
        let (sign, auth) = (!pending["sign"].is_null(), !pending["auth"].is_null());
        pending["nonce"] == serde_json::to_value([nonce; 16]).unwrap()
            && sign == matches!(kinds, KeyKinds::Sign | KeyKinds::Both)
            && auth == matches!(kinds, KeyKinds::Auth | KeyKinds::Both)
    };
    if whole(&holder.pending) {
        return vec![core.clone()];
    }
    let fresh = after.holder.as_ref().map(|holder| holder.pending.clone()).filter(whole);
    let mut course = vec![core.clone()];
    course.extend(fresh.map(|fresh| {
        with(core, |holder| {
            if holder.stage != "held" {
                let stage = holder.stage.clone();
                *holder = Holder::nobodys(&stage);
            }
            holder.pending = fresh;
        })
    }));
    course
}

/// VERIFY of the signature password if keys wait, and all certificates at once.
fn register(before: &Facts) -> Course {
    let core = &before.core;
    let holder = core.holder.as_ref().unwrap();
    let present = |holder: &Holder| !holder.keys[0].is_null() && !holder.keys[1].is_null();
    let (mut course, consent) = match (&holder.passwords[0], holder.pending.is_null()) {
        (Some(password), false) => {
            verify(core, PinKind::Sign, core::str::from_utf8(&password.value).unwrap())
        }
        _ => (vec![core.clone()], false),
    };
    if !channel_opens(Step::Register, before) {
        return (course, false);
    }
    if is_loaded(holder) {
        return (course, holder.pending.is_null() || consent);
    }
    let waits = holder.pending["nonce"] == serde_json::to_value(NONCE).unwrap();
    let ready = consent && waits && holder.passwords.iter().all(Option::is_some) && !present(holder);
    if ready {
        let loaded = with(course.last().unwrap(), |holder| {
            let pending = std::mem::take(&mut holder.pending);
            let [sign, auth] = [&pending["sign"], &pending["auth"]["auth"]].map(Clone::clone);
            holder.keys = [credential(&sign, 0), credential(&auth, 1), pending["auth"]["wallet"].clone()];
            "held".clone_into(&mut holder.stage);
        });
        course.push(loaded);
    }
    (course, ready)
}

/// Key, certificate, and its issuer's, as the story has them: signature first.
fn credential(key: &Value, at: usize) -> Value {
    let objects: Vec<Bytes> = tefuda_apdu::tlv::objects(&story().certificates)
        .map(|object| Bytes(object.unwrap().value.to_vec()))
        .collect();
    serde_json::json!({ "key": key, "certificate": objects[2 * at], "ca": objects[2 * at + 1] })
}

fn is_loaded(holder: &Holder) -> bool {
    [0, 1].into_iter().all(|at| holder.keys[at]["certificate"] == credential(&Value::Null, at)["certificate"])
}

/// Sequence counters are spent, failures are forgotten only after a right authentication, and keys change only by
/// a PUT KEY: all of them, or none.
fn expect_lawful_domains(
    step: Step,
    told: Told,
    (before, after): (&Facts, &Facts),
    scene: &dyn Fn() -> String,
) {
    for whose in [Whose::Operator, Whose::Authority] {
        let [was, is] = [before, after].map(|facts| facts.domains[whose as usize].as_ref());
        let put = match step {
            Step::PutKey(of, value) if of == whose => Some((value, true)),
            Step::GiveKeys(value) if whose == Whose::Authority => Some((value, false)),
            _ => None,
        };
        let handed_over = |facts: &Facts| whose == Whose::Authority && facts.handed_over;
        let material = |facts: &Facts| {
            let set = facts.domains[whose as usize].as_ref();
            (set.map(|set| (set.keys, set.generation)), handed_over(facts))
        };
        let (old, new) = (material(before), material(after));
        let fresh = put.map(|(value, by_owner)| {
            let generation = was.map_or(0, |set| set.generation) + 1;
            (Some((value, generation)), whose == Whose::Authority && (by_owner || before.handed_over))
        });
        let done = told == Told::Done;
        let lawful = if fresh == Some(new) {
            told == Told::Torn || done
        } else {
            new == old && !(done && fresh.is_some())
        };
        assert!(lawful, "keys of {whose:?} went from {old:?} to {new:?}: {}", scene());
        if new == old
            && let (Some(was), Some(is)) = (was, is)
        {
            let right = !matches!(step, Step::Guess(_));
            let lawful = counters(step.channel() == Some(whose), right, told).contains(&moved(was, is));
            assert!(lawful || was.failures == FAILURES, "{was:?} to {is:?}: {}", scene());
            assert!(was.failures != FAILURES || was == is, "a blocked key set: {}", scene());
        }
    }
    let created = before.created || (step == Step::Create && after.created);
    assert_eq!(created, after.created, "{}", scene());
}

/// How counters moved: sequences spent, and failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failures {
    Same,
    OneMore,
    Forgotten,
    /// Never lawful.
    Unheard,
}

fn moved(was: &Domain, is: &Domain) -> (i128, Failures) {
    let failures = match is.failures {
        failures if failures == was.failures => Failures::Same,
        failures if failures == was.failures + 1 => Failures::OneMore,
        0 => Failures::Forgotten,
        _ => Failures::Unheard,
    };
    (i128::from(is.sequence) - i128::from(was.sequence), failures)
}

fn counters(used: bool, right: bool, told: Told) -> &'static [(i128, Failures)] {
    use Failures::{Forgotten, OneMore, Same};
    match (used, right, told) {
        (false, ..) => &[(0, Same)],
        (_, false, Told::Torn) => &[(0, Same), (1, Same), (1, OneMore)],
        (_, false, _) => &[(1, OneMore)],
        (_, true, Told::Torn) => &[(0, Same), (1, Same), (1, OneMore), (1, Forgotten)],
        // None failed before, or they are forgotten now.
        (_, true, Told::Done) => &[(1, Same), (1, Forgotten)],
        (_, true, _) => &[(0, Same), (1, Same), (1, Forgotten)],
    }
}
