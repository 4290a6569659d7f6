//! Power cut at every persistent write of a card, in every way, once and twice, by pulling the card out and by
//! a power that flickers.
//!
//! A card is small enough to be held against its whole memory: after every attempt, told or torn, the next
//! power-up finds one of the memories that this attempt may leave.

use crate::fixture::{held_die, hex, personalisation, verify_signature};
use std::fmt::Write;
use tefuda_apdu::Chip;
use tefuda_card::{
    Card, CardError,
    file::{File, FileId, Memory, Password},
    personalisation::JPKI_AID,
};
use tefuda_silicon::{
    Silicon,
    testing::{Cut, Fall, Part, ProbedSilicon, SeededSilicon, Tally, Walk},
};

const SELECT: &str = "00A4040C0AD392F000260100000001";
const TORN: [u8; 2] = [0x65, 0x81];
const AUTH_PIN: FileId = 0x0018;
const SIGN_PASSWORD: FileId = 0x001B;

/// What is done with the card, each from SELECT on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Verify(FileId, &'static str),
    /// VERIFY with the first, CHANGE to the second.
    Change(FileId, [&'static str; 2]),
    /// The municipal counter's.
    Unblock,
    /// VERIFY, and a signature that is checked against the certificate.
    Sign(&'static str),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Done,
    Wrong(u8),
    Blocked,
    Torn,
    /// What no card says.
    Odd,
}

fn told(answer: &[u8]) -> Told {
    match *answer {
        [.., 0x90, 0x00] => Told::Done,
        [0x63, left] => Told::Wrong(left & 0x0F),
        [0x69, 0x83 | 0x84] => Told::Blocked,
        [0x65, 0x81] => Told::Torn,
        _ => Told::Odd,
    }
}

fn command(header: [u8; 4], data: &str) -> Vec<u8> {
    [header.as_slice(), &[u8::try_from(data.len()).unwrap()], data.as_bytes()].concat()
}

fn short(id: FileId) -> u8 {
    0x80 | u8::try_from(id).unwrap()
}

fn verify(card: &mut impl Chip, id: FileId, password: &str) -> Told {
    match told(&card.process(&hex(SELECT))) {
        Told::Done => told(&card.process(&command([0x00, 0x20, 0x00, short(id)], password))),
        other => other,
    }
}

impl Step {
    fn act(self, card: &mut Card<ProbedSilicon>) -> Told {
        match self {
            Self::Verify(id, password) => verify(card, id, password),
            Self::Change(id, [old, new]) => match verify(card, id, old) {
                Told::Done => told(&card.process(&command([0x00, 0x24, 0x01, short(id)], new))),
                other => other,
            },
            Self::Unblock => match card.unblock() {
                Ok(()) => Told::Done,
                Err(CardError::PowerCut) => Told::Torn,
                Err(_) => Told::Odd,
            },
            Self::Sign(pin) => match verify(card, AUTH_PIN, pin) {
                Told::Done => {
                    assert_eq!(card.process(&hex("00A4020C020017")), [0x90, 0x00]);
                    let answer = card.process(&hex("802A008003616263 00"));
                    verify_signature(b"abc", &answer);
                    told(&answer)
                }
                other => other,
            },
        }
    }

    /// The memories that the step goes through, and whether it ends in the last.
    fn course(self, before: &Memory) -> (Vec<Memory>, bool) {
        let change = |before: &Memory, id: FileId, change: &dyn Fn(&mut Password)| {
            let mut after = before.clone();
            let at = after.find(JPKI_AID).unwrap();
            change(after.applications[at].password_mut(id).unwrap());
            after
        };
        let verify = |id, candidate: &str| {
            let present = password(before, id);
            if present.left == 0 {
                return (vec![before.clone()], false);
            }
            let counted = change(before, id, &|password| password.left -= 1);
            let full = change(before, id, &|password| password.left = password.limit);
            let right = present.value.0 == candidate.as_bytes();
            let mut course = vec![before.clone(), counted];
            course.extend(right.then_some(full));
            (course, right)
        };
        match self {
            Self::Verify(id, candidate) => verify(id, candidate),
            Self::Sign(pin) => verify(AUTH_PIN, pin),
            Self::Change(id, [old, new]) => {
                let (mut course, right) = verify(id, old);
                if right {
                    let full = course.last().unwrap();
                    course
                        .push(change(full, id, &|password| password.value = new.as_bytes().to_vec().into()));
                }
                (course, right)
            }
            Self::Unblock => {
                let mut after = before.clone();
                let files =
                    after.applications.iter_mut().flat_map(|application| application.files.values_mut());
                for file in files {
                    if let File::Password(password) = file {
                        password.left = password.limit;
                    }
                }
                (vec![before.clone(), after], true)
            }
        }
    }

    /// Whether a memory is one that the step may leave after what was told.
    fn allows(self, told: Told, before: &Memory, after: &Memory) -> bool {
        let (course, succeeds) = self.course(before);
        let last = course.last().unwrap() == after;
        match told {
            Told::Torn => course.contains(after),
            Told::Done => succeeds && last,
            Told::Wrong(left) => !succeeds && last && after != before && left == self.left(after),
            Told::Blocked => !succeeds && after == before,
            Told::Odd => false,
        }
    }

    fn left(self, memory: &Memory) -> u8 {
        match self {
            Self::Verify(id, _) | Self::Change(id, _) => password(memory, id).left,
            Self::Sign(_) | Self::Unblock => password(memory, AUTH_PIN).left,
        }
    }
}

fn password(memory: &Memory, id: FileId) -> &Password {
    memory.applications[memory.find(JPKI_AID).unwrap()].password(id).unwrap()
}

/// What the next power-up would find.
fn remembered(die: &ProbedSilicon) -> Memory {
    Card::insert(die.probe(|die| die.twin())).memory().unwrap().clone()
}

/// Lives a story under a plan of cuts; each step again until it is told how it ended. What the cuts fell into.
fn live(die: SeededSilicon, steps: &[Step], plan: &[Cut]) -> Vec<Part> {
    let die = ProbedSilicon::new(die);
    let mut card = Card::insert(die.clone());
    card.power_on();
    die.probe(|die| die.plan(plan));
    for step in steps {
        let mut again = true;
        while again {
            let (before, met) = (remembered(&die), die.probe(|die| die.cuts_met().len()));
            let told = step.act(&mut card);
            let scene = || format!("replay: {steps:?} under {plan:?}; {step:?} was told {told:?}");
            again = told == Told::Torn;
            assert_eq!(
                again,
                die.probe(|die| die.cuts_met().len()) > met,
                "a cut is not told apart: {}",
                scene()
            );
            let after = remembered(&die);
            assert!(step.allows(told, &before, &after), "{}", scene());
            while again && card.process(&hex(SELECT)) == TORN {
                assert_eq!(verify(&mut card, AUTH_PIN, "1234"), Told::Torn, "it answers: {}", scene());
                assert_eq!(card.unblock(), Err(CardError::PowerCut), "{}", scene());
                if plan.iter().any(|cut| !cut.flickers) {
                    drop(card);
                    die.probe(SeededSilicon::power_returns);
                    card = Card::insert(die.clone());
                }
                card.power_on();
            }
            assert_eq!(card.memory(), Some(&remembered(&die)), "alive it knows something else: {}", scene());
            assert_eq!(after, remembered(&die), "power alone changed it: {}", scene());
        }
    }
    die.probe(|die| die.cuts_met().to_vec())
}

/// Every kind of write that a card has, with a story short enough to be cut twice everywhere.
const STORIES: [&[Step]; 6] = [
    &[Step::Verify(AUTH_PIN, "0000"), Step::Verify(AUTH_PIN, "0000")],
    &[Step::Verify(AUTH_PIN, "0000"), Step::Verify(AUTH_PIN, "1234")],
    &[Step::Change(SIGN_PASSWORD, ["ABC123", "XYZ789"]), Step::Verify(SIGN_PASSWORD, "XYZ789")],
    &[Step::Change(AUTH_PIN, ["9999", "5678"]), Step::Verify(AUTH_PIN, "5678")],
    &[Step::Verify(AUTH_PIN, "0000"), Step::Unblock, Step::Verify(AUTH_PIN, "1234")],
    &[Step::Sign("1234")],
];

fn walk_all(walk: Walk) -> Tally {
    let mut sum = Tally::default();
    for story in STORIES {
        let tally = walk.through(&mut |plan| live(held_die(), story, plan));
        assert!(tally.writes > 1, "{story:?}");
        sum.plays += tally.plays;
        sum.cuts += tally.cuts;
        sum.writes += tally.writes;
    }
    sum
}

#[test]
fn every_story_survives_a_cut_at_every_write() {
    for seed in 0..3 {
        for flickers in [false, true] {
            let tally = walk_all(Walk { depth: 1, flickers, seed, thorough: false });
            println!("seed {seed}, flickers {flickers}: {tally:?}");
        }
    }
}

#[test]
fn every_story_survives_a_second_cut_during_recovery() {
    for flickers in [false, true] {
        println!(
            "flickers {flickers}: {:?}",
            walk_all(Walk { depth: 2, flickers, seed: 7, thorough: false })
        );
    }
}

/// What somebody learns who cuts the power and looks again: the answer, the writes that were seen, the tries.
fn observe(id: FileId, candidate: &str, cut: Cut) -> ((Told, u64, u8), bool) {
    let die = ProbedSilicon::new(held_die());
    let mut card = Card::insert(die.clone());
    card.power_on();
    die.probe(|die| die.plan(&[cut]));
    let told = verify(&mut card, id, candidate);
    let (writes, met) = die.probe(|die| (die.writes(), !die.cuts_met().is_empty()));
    ((told, writes, password(&remembered(&die), id).left), met)
}

#[test]
fn whoever_cuts_the_power_learns_nothing_that_was_not_counted() {
    for (id, right, limit) in [(AUTH_PIN, "1234", 3), (SIGN_PASSWORD, "ABC123", 5)] {
        for fall in (0..3).flat_map(Fall::all) {
            let mut counted = false;
            for writes in 0.. {
                let cut = Cut { writes, fall, flickers: false };
                let ((wrong, met), (right, _)) = (observe(id, "ZZZ999", cut), observe(id, right, cut));
                counted |= wrong.2 == limit - 1 && right.2 == limit - 1;
                assert!(
                    wrong == right || wrong.2 == limit - 1,
                    "{cut:?}: {wrong:?} and {right:?} tell for free"
                );
                if !met {
                    assert_eq!((wrong.0, right.0), (Told::Wrong(limit - 1), Told::Done));
                    assert_eq!(wrong.1, right.1, "a right password costs as many writes");
                    assert!(counted, "{fall:?}: a right password is compared before its try is counted");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_card_is_nobodys_or_whole() {
    for (writes, fall) in
        [(0, Fall::Dropped), (0, Fall::Garbled(1)), (0, Fall::Unacknowledged), (1, Fall::Dropped)]
    {
        let die = ProbedSilicon::new(SeededSilicon::new(2));
        let mut card = Card::insert(die.clone());
        card.make_keys().unwrap();
        die.probe(|die| die.flicker_after(writes, fall));
        assert_eq!(card.personalise(&personalisation()), Err(CardError::PowerCut));
        assert_eq!(card.make_keys(), Err(CardError::PowerCut), "nobody knows yet whose it is");
        card.power_on();
        assert_eq!(card.is_personalised(), writes == 1 || fall == Fall::Unacknowledged, "{writes} {fall:?}");
        let again = card.personalise(&personalisation());
        assert_eq!(again, Err(CardError::State), "keys that power took are gone");
        assert_eq!(card.memory(), Card::insert(die.probe(|die| die.twin())).memory());
    }
}

#[test]
fn a_card_that_was_set_back_answers_nothing_more() {
    // To each of the states that it had, and under a cut of the power too.
    let die = ProbedSilicon::new(held_die());
    let mut images = vec![die.probe(|die| die.pages())];
    let mut card = Card::insert(die.clone());
    card.power_on();
    for password in ["0000", "1234", "0000"] {
        verify(&mut card, AUTH_PIN, password);
        images.push(die.probe(|die| die.pages()));
    }
    let present = images.pop().unwrap();
    for image in images {
        for torn in [false, true] {
            let die = ProbedSilicon::new(die.probe(|die| die.twin()));
            die.probe(|die| die.put_back(image.clone()));
            if torn {
                die.probe(|die| die.cut_after(0, Fall::Garbled(3)));
            }
            let mut card = Card::insert(die.clone());
            card.power_on();
            assert_eq!(card.process(&hex(SELECT)), TORN);
            assert_eq!(card.make_keys(), Err(CardError::Dead));
        }
    }
    die.probe(|die| die.put_back(present));
    assert_eq!(password(&remembered(&die), AUTH_PIN).left, 2);
}

/// The long form: `TEFUDA_SOAK=ROUNDS` or `TEFUDA_SOAK=ROUNDS@SEED`; a round's seed is the last plus one.
#[test]
#[ignore = "the long form, for `cargo xtask soak`"]
fn soak() {
    for flickers in [false, true] {
        println!("{:?}", walk_all(Walk { depth: 2, flickers, seed: 11, thorough: true }));
    }
    let (rounds, seed) = asked();
    for seed in seed..seed + rounds {
        let (steps, plan) = drawn(seed);
        let mut scene = String::new();
        write!(scene, "seed {seed}: {steps:?} under {plan:?}").unwrap();
        println!("{scene}: {:?}", live(held_die(), &steps, &plan));
    }
    println!("go on with TEFUDA_SOAK={rounds}@{}", seed + rounds);
}

#[expect(clippy::disallowed_methods, reason = "a test takes its rounds from whoever starts it")]
fn asked() -> (u64, u64) {
    let asked = std::env::var("TEFUDA_SOAK").unwrap_or_else(|_| "200".to_owned());
    let (rounds, seed) = asked.split_once('@').unwrap_or((&asked, "0"));
    (rounds.parse().unwrap(), seed.parse().unwrap())
}

/// A story and a plan of one to four cuts.
fn drawn(seed: u64) -> (Vec<Step>, Vec<Cut>) {
    let mut random = SeededSilicon::new(seed);
    let mut below = |bound: u32| {
        let mut octets = [0; 4];
        random.fill_random(&mut octets);
        u32::from_be_bytes(octets) % bound
    };
    let all: Vec<Step> = STORIES.concat();
    let steps = (0..=below(4)).map(|_| all[below(u32::try_from(all.len()).unwrap()) as usize]).collect();
    let flickers = below(2) == 0;
    let cuts = (0..=below(3)).map(|_| Cut {
        writes: below(9),
        fall: Fall::all(u64::from(below(9_999)))[below(5) as usize],
        flickers,
    });
    (steps, cuts.collect())
}
