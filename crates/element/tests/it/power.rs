//! Power cut at every persistent write of an element, in every way that a die allows, once and again during
//! recovery, by pulling it out and by a power that flickers: no counter goes up, no key is there by half, no try
//! is free, and a wipe goes on before anything answers.

use crate::{
    fixture::{AUTH_PIN, SIGN_PASSWORD},
    story::story,
    tearing::{
        GENERATION, STORIES, Start,
        bench::{Bench, live},
        facts::{Facts, has_keys_on_any_page},
        step::{Step, Told, Whose},
        walk,
    },
};
use tefuda_element::host;
use tefuda_protocol::element::Holding;
use tefuda_silicon::{
    Silicon,
    testing::{Cut, Fall, ProbedSilicon, SeededSilicon, Walk},
};
use tefuda_types::PinKind::{Auth, Sign};

#[test]
fn every_story_survives_a_cut_at_every_write() {
    for seed in 0..2 {
        for flickers in [false, true] {
            println!("{:?}", walk(STORIES, Walk { depth: 1, flickers, seed, thorough: false }));
        }
    }
}

#[test]
fn every_story_survives_a_second_cut_when_it_is_pulled_out() {
    println!("{:?}", walk(STORIES, Walk { depth: 2, flickers: false, seed: 7, thorough: false }));
}

#[test]
fn every_story_survives_a_second_cut_while_it_lives_on() {
    println!("{:?}", walk(STORIES, Walk { depth: 2, flickers: true, seed: 8, thorough: false }));
}

#[test]
fn a_wipe_that_is_interrupted_again_and_again_goes_on() {
    for flickers in [false, true] {
        println!(
            "{:?}",
            walk(&[(Start::Held, &[Step::Sensor])], Walk { depth: 3, flickers, seed: 9, thorough: false })
        );
    }
}

#[test]
fn keys_are_made_whole_or_not_at_all() {
    println!("{:?}", walk(GENERATION, Walk { depth: 1, flickers: true, seed: 1, thorough: false }));
}

/// What somebody learns who cuts the power and looks again: the answer, the writes that were seen, the tries.
fn observe(start: Start, step: Step, cut: Cut) -> ((Told, u64, u64), bool) {
    let die = ProbedSilicon::new(start.die());
    let mut bench = Bench::insert(&die);
    die.probe(|die| die.plan(&[cut]));
    let before = Facts::of(&die);
    let told = step.act(&mut bench, &before);
    let (writes, met) = die.probe(|die| (die.writes(), !die.cuts_met().is_empty()));
    let after = Facts::of(&die);
    let holder = after.core.holder.unwrap();
    let left = match step {
        Step::Verify(Sign, _) | Step::Tap(Sign, _) => holder.passwords[0].as_ref().unwrap().left,
        Step::Verify(Auth, _) | Step::Tap(Auth, _) => holder.passwords[1].as_ref().unwrap().left,
        Step::Finger { .. } => holder.biometrics.unwrap().1,
        _ => 8 - after.domains[1].as_ref().unwrap().failures,
    };
    ((told, writes, left), met)
}

#[test]
fn whoever_cuts_the_power_learns_nothing_that_was_not_counted() {
    for (start, wrong, right, limit) in [
        (Start::Held, Step::Verify(Sign, "WRONG1"), Step::Verify(Sign, SIGN_PASSWORD), 5),
        (Start::Held, Step::Verify(Auth, "0000"), Step::Verify(Auth, AUTH_PIN), 3),
        (Start::Held, Step::Tap(Sign, "WRONG1"), Step::Tap(Sign, SIGN_PASSWORD), 5),
        (Start::Held, Step::Tap(Auth, "0000"), Step::Tap(Auth, AUTH_PIN), 3),
        (Start::Fingers, Step::Finger { right: false }, Step::Finger { right: true }, 5),
        (Start::Held, Step::Guess(Whose::Authority), Step::Open(Whose::Authority), 8),
    ] {
        for fall in Fall::all(5) {
            let mut counted = false;
            for writes in 0.. {
                let cut = Cut { writes, fall, flickers: false };
                let ((wrong, met), (right, _)) = (observe(start, wrong, cut), observe(start, right, cut));
                counted |= wrong.2 == limit - 1 && right.2 == limit - 1;
                assert!(
                    wrong == right || wrong.2 == limit - 1,
                    "{cut:?}: {wrong:?} and {right:?} tell for free"
                );
                if !met {
                    assert!(matches!(wrong.0, Told::Wrong(_)) && right.0 == Told::Done && writes > 1);
                    assert!(counted, "{fall:?}: a right proof is compared before its try is counted");
                    break;
                }
            }
        }
    }
}

/// A die that was set back to an image, under a plan of cuts.
fn expect_tampered(die: &ProbedSilicon, image: &[Option<Vec<u8>>; 2], plan: &[Cut]) -> usize {
    let die = ProbedSilicon::new(die.probe(|die| die.twin()));
    die.probe(|die| die.put_back(image.clone()));
    die.probe(|die| die.plan(plan));
    let mut bench = Bench::insert(&die);
    while bench.silent() != [false; 2] {
        if plan.iter().all(|cut| cut.flickers) {
            bench.wired.reset();
            bench.field.reset();
        } else {
            die.probe(SeededSilicon::power_returns);
            bench = Bench::insert(&die);
        }
    }
    host::select_wallet(&mut bench.wired).unwrap();
    assert_eq!(host::status(&mut bench.wired).unwrap().holding, Holding::Tampered, "{plan:?}");
    assert!(!has_keys_on_any_page(&die), "{plan:?}");
    let facts = Facts::of(&die);
    assert_eq!(Step::Verify(Auth, AUTH_PIN).act(&mut bench, &facts), Told::Refused);
    assert_eq!(Step::Tap(Auth, AUTH_PIN).act(&mut bench, &facts), Told::Refused);
    // To put the image back once more, or to take the power, makes nothing whole.
    let met = die.probe(|die| die.cuts_met().len());
    die.probe(SeededSilicon::restore_power);
    die.probe(|die| die.put_back(image.clone()));
    let mut bench = Bench::insert(&die);
    host::select_wallet(&mut bench.wired).unwrap();
    assert_eq!(host::status(&mut bench.wired).unwrap().holding, Holding::Tampered, "{plan:?}");
    met
}

#[test]
fn a_die_that_was_set_back_says_tampered_however_power_goes() {
    let die = ProbedSilicon::new(story().held_die());
    let mut bench = Bench::insert(&die);
    let mut images = vec![die.probe(|die| die.pages())];
    for step in [Step::Verify(Auth, "0000"), Step::Verify(Sign, SIGN_PASSWORD), Step::Wipe(1)] {
        let facts = Facts::of(&die);
        step.act(&mut bench, &facts);
        images.push(die.probe(|die| die.pages()));
    }
    // The last is as it is, and a page of it alone is set back too if it is the older.
    images.pop();
    let alone = |page: usize| {
        let mut image = images[1].clone();
        image[page] = None;
        image
    };
    images.extend([alone(0), alone(1)]);
    for image in &images {
        for fall in Fall::all(2) {
            for flickers in [false, true] {
                for writes in 0.. {
                    let cut = Cut { writes, fall, flickers };
                    if expect_tampered(&die, image, &[cut, Cut { writes: 0, fall: Fall::Garbled(3), ..cut }])
                        == 0
                    {
                        assert!(writes > 1);
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_page_that_cannot_be_read_now_costs_no_keys() {
    /// A die whose pages cannot be read for a while.
    #[derive(Debug)]
    struct Deaf(SeededSilicon, u32);
    impl Silicon for Deaf {
        fn fill_random(&mut self, out: &mut [u8]) {
            self.0.fill_random(out);
        }
        fn die_key(&self) -> &tefuda_types::Secret<[u8; 32]> {
            self.0.die_key()
        }
        fn read_page(&self, page: u8) -> Result<Option<Vec<u8>>, tefuda_silicon::PowerCut> {
            if self.1 == u32::from(page) { Err(tefuda_silicon::PowerCut) } else { self.0.read_page(page) }
        }
        fn write_page(&mut self, page: u8, bytes: &[u8]) -> Result<(), tefuda_silicon::PowerCut> {
            self.0.write_page(page, bytes)
        }
        fn fuse(&self) -> u64 {
            self.0.fuse()
        }
        fn advance_fuse(&mut self) -> Result<(), tefuda_silicon::PowerCut> {
            self.0.advance_fuse()
        }
    }
    for page in 0..2 {
        let element = tefuda_element::Element::insert(Deaf(story().held_die(), page)).unwrap();
        let die = ProbedSilicon::new(element.into_silicon().0);
        let facts = Facts::of(&die);
        assert_eq!(Step::Verify(Auth, AUTH_PIN).act(&mut Bench::insert(&die), &facts), Told::Done);
    }
}

/// The long form: `TEFUDA_SOAK=ROUNDS` or `TEFUDA_SOAK=ROUNDS@SEED`; a round's seed is the last plus one.
#[test]
#[ignore = "the long form, for `cargo xtask soak`"]
fn soak() {
    let (rounds, seed) = asked();
    for seed in seed..seed + rounds {
        let (start, steps, plan) = drawn(seed);
        println!("seed {seed}: {start:?}, {steps:?} under {plan:?}");
        println!("seed {seed}: fell into {:?}", live(start.die(), &steps, &plan));
    }
    println!("go on with TEFUDA_SOAK={rounds}@{}", seed + rounds);
}

/// The long form of the walks: every way to fall for both cuts, and three cuts in a row for what destroys.
#[test]
#[ignore = "the long form, for `cargo xtask soak`"]
fn soak_walks() {
    let (_, seed) = asked();
    for flickers in [false, true] {
        println!("{:?}", walk(STORIES, Walk { depth: 2, flickers, seed, thorough: true }));
        println!("{:?}", walk(GENERATION, Walk { depth: 1, flickers, seed, thorough: true }));
        println!("{:?}", walk(&STORIES[15..], Walk { depth: 3, flickers, seed, thorough: false }));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test takes its rounds from whoever starts it")]
fn asked() -> (u64, u64) {
    let asked = std::env::var("TEFUDA_SOAK").unwrap_or_else(|_| "500".to_owned());
    let (rounds, seed) = asked.split_once('@').unwrap_or((&asked, "0"));
    (rounds.parse().unwrap(), seed.parse().unwrap())
}

/// A story of one to six steps out of all stories, from where one of them begins, and one to four cuts.
fn drawn(seed: u64) -> (Start, Vec<Step>, Vec<Cut>) {
    let mut random = SeededSilicon::new(seed);
    let mut below = |bound: usize| {
        let mut octets = [0; 4];
        random.fill_random(&mut octets);
        usize::try_from(u32::from_be_bytes(octets)).unwrap() % bound
    };
    let begun: Vec<_> = STORIES.iter().filter(|(start, _)| *start != Start::Fresh).collect();
    let all: Vec<Step> = begun.iter().flat_map(|(_, steps)| steps.iter().copied()).collect();
    let start = begun[below(begun.len())].0;
    let steps = (0..=below(6)).map(|_| all[below(all.len())]).collect();
    let flickers = below(2) == 0;
    let cuts = (0..=below(4)).map(|_| {
        let fall = Fall::all(u64::try_from(below(9_999)).unwrap())[below(5)];
        Cut { writes: u32::try_from(below(14)).unwrap(), fall, flickers }
    });
    (start, steps, cuts.collect())
}
