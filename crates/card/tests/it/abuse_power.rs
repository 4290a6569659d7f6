//! Abuse cases of the card that concern its power and its memory, by their numbers in `docs/abuse-cases.md`.
//!
//! `power.rs` walks the same ground in every way that flash and fuse allow; here each case says what it is about.

use crate::{
    abuse::{in_field, select, status},
    fixture::{hex, personalisation},
};
use tefuda_apdu::Chip;
use tefuda_card::{Card, CardError, personalisation::JPKI_AID};
use tefuda_silicon::testing::{Fall, SeededSilicon};

const RIGHT: &str = "002000980431323334";
const WRONG: &str = "002000980430303030";
const CHANGE: &str = "002401980435363738";
const CHANGED: &str = "002000980435363738";
const TRIES: &str = "00200098";

/// A card whose power goes with the write after so many, and comes back for the next power-up.
fn cut(writes: u32, commands: &[&str]) -> (Vec<u16>, Card<SeededSilicon>) {
    let mut die = in_field().into_silicon();
    die.cut_after(writes, Fall::Halved);
    let mut card = Card::insert(die);
    card.power_on();
    status(&mut card, &select(JPKI_AID));
    let answers = commands.iter().map(|command| status(&mut card, &hex(command))).collect();
    let mut die = card.into_silicon();
    die.restore_power();
    let mut card = Card::insert(die);
    card.power_on();
    assert_eq!(status(&mut card, &select(JPKI_AID)), 0x9000);
    (answers, card)
}

#[test]
fn abuse_a06_tries_rise_only_after_a_right_pin_wherever_power_goes() {
    let story = [WRONG, WRONG, RIGHT, WRONG];
    let answered: [u16; 4] = [0x63C2, 0x63C1, 0x9000, 0x63C2];
    let left: [u16; 5] = [3, 2, 1, 3, 2];
    for writes in 0..=16_u32 {
        let (answers, mut card) = cut(writes, &story);
        // A try is four writes: page and fuse before it is compared, page and fuse after.
        let whole = usize::try_from(writes / 4).unwrap();
        let expected = match writes % 4 {
            0 => left[whole],
            3 => left[whole + 1],
            _ => left[whole] - 1,
        };
        assert_eq!(status(&mut card, &hex(TRIES)), 0x63C0 + expected, "{writes}");
        assert_eq!(answers[..whole], answered[..whole]);
        assert!(answers[whole..].iter().all(|torn| *torn == 0x6581), "{writes}: an answer without power");
    }
}

#[test]
fn abuse_a07_a_pin_is_the_old_or_the_new_and_a_card_is_blank_or_somebodys() {
    for writes in 4..=6 {
        let (answers, mut card) = cut(writes, &[RIGHT, CHANGE]);
        assert_eq!(status(&mut card, &hex(TRIES)), 0x63C3, "{writes}: a change costs no try");
        let (old, new) = (status(&mut card, &hex(RIGHT)), status(&mut card, &hex(CHANGED)));
        assert!((old == 0x9000) ^ (new == 0x9000), "{writes}: {old:04X} {new:04X}");
        assert!(answers[1] == 0x6581 || new == 0x9000, "{writes}: told, and not so");
    }
    for writes in 0..2 {
        let mut die = SeededSilicon::new(6);
        die.cut_after(writes, Fall::Halved);
        let mut card = Card::insert(die);
        card.make_keys().unwrap();
        assert_eq!(card.personalise(&personalisation()).unwrap_err(), CardError::PowerCut);
        let mut die = card.into_silicon();
        die.restore_power();
        let mut card = Card::insert(die);
        card.power_on();
        let selected = status(&mut card, &select(JPKI_AID));
        match card.memory() {
            None => assert_eq!((selected, writes), (0x6A82, 0)),
            Some(memory) => {
                assert_eq!(memory.applications.len(), 5);
                assert_eq!(status(&mut card, &hex(RIGHT)), 0x9000);
            }
        }
    }
}

#[test]
fn abuse_a08_an_image_of_the_memory_does_not_bring_tries_back() {
    let fresh = in_field().into_silicon();
    let mut images = vec![fresh.pages()];
    let mut die = fresh;
    for wrong in [1, 2] {
        let mut card = Card::insert(die);
        card.power_on();
        status(&mut card, &select(JPKI_AID));
        assert_eq!(status(&mut card, &hex(WRONG)), 0x63C3 - wrong);
        die = card.into_silicon();
        images.push(die.pages());
    }
    let present = images.pop().unwrap();
    for image in images {
        let mut set_back = die.twin();
        set_back.put_back(image);
        // It is dead from then on, for every command, at this power-up and at the next.
        for _ in 0..2 {
            let mut card = Card::insert(set_back);
            card.power_on();
            for command in [select(JPKI_AID), hex(TRIES), hex(RIGHT)] {
                assert_eq!(status(&mut card, &command), 0x6581);
            }
            assert_eq!(card.make_keys().unwrap_err(), CardError::Dead);
            assert!(card.memory().is_none());
            set_back = card.into_silicon();
        }
    }
    // Its own pages are no older state: the tries are as they were.
    die.put_back(present);
    let mut card = Card::insert(die);
    card.power_on();
    status(&mut card, &select(JPKI_AID));
    assert_eq!(status(&mut card, &hex(TRIES)), 0x63C1);
}
