//! Power cut at every persistent write of VERIFY and of a PIN change.

use crate::fixture::{card, hex};
use tefuda_apdu::Chip;
use tefuda_card::{Card, file::Memory, personalisation::JPKI_AID};
use tefuda_silicon::{PowerCut, Silicon, testing::SeededSilicon};

const SELECT: &str = "00A4040C0AD392F000260100000001";
const RIGHT: &str = "002000980431323334";
const WRONG: &str = "002000980430303030";
const CHANGE: &str = "002401980435363738";

fn pin(card: &Card<SeededSilicon>) -> (u8, Vec<u8>) {
    pin_of(card.memory().unwrap())
}

fn pin_of(memory: &Memory) -> (u8, Vec<u8>) {
    let password = memory.applications[memory.find(JPKI_AID).unwrap()].password(0x0018).unwrap();
    (password.left, password.value.0.clone())
}

/// Runs commands with power for so many writes, then looks at what the next power-up finds.
fn cut(writes: u32, commands: &[&str]) -> (Vec<Vec<u8>>, (u8, Vec<u8>)) {
    let mut silicon = card().into_silicon();
    silicon.cut_after(writes);
    let mut card = Card::insert(silicon);
    card.power_on();
    card.process(&hex(SELECT));
    let answers = commands.iter().map(|command| card.process(&hex(command))).collect();
    let mut silicon = card.into_silicon();
    silicon.restore_power();
    (answers, pin(&Card::insert(silicon)))
}

#[test]
fn no_try_is_free_wherever_power_goes() {
    for writes in 0..6 {
        let (answers, (left, _)) = cut(writes, &[WRONG]);
        let told_wrong = answers[0] == hex("63C2");
        assert!(left == 3 || left == 2, "{writes}: {left}");
        assert!(!told_wrong || left == 2, "{writes}: told that it was wrong, and the try is back");
    }
}

/// A die whose power fails in the middle of one write and is back for the next.
struct Flickering {
    die: SeededSilicon,
    writes_left: u32,
}

impl Silicon for Flickering {
    fn fill_random(&mut self, out: &mut [u8]) {
        self.die.fill_random(out);
    }
    fn die_key(&self) -> &tefuda_types::Secret<[u8; 32]> {
        self.die.die_key()
    }
    fn read_page(&self, page: u8) -> Option<Vec<u8>> {
        self.die.read_page(page)
    }
    fn write_page(&mut self, page: u8, bytes: &[u8]) -> Result<(), PowerCut> {
        self.flicker()?;
        self.die.write_page(page, bytes)
    }
    fn fuse(&self) -> u64 {
        self.die.fuse()
    }
    fn advance_fuse(&mut self) -> Result<(), PowerCut> {
        self.flicker()?;
        self.die.advance_fuse()
    }
}

impl Flickering {
    fn flicker(&mut self) -> Result<(), PowerCut> {
        let cut = self.writes_left == 0;
        self.writes_left = self.writes_left.wrapping_sub(1);
        if cut { Err(PowerCut) } else { Ok(()) }
    }
}

#[test]
fn a_card_that_lives_on_knows_what_its_die_knows() {
    for writes in 0..4 {
        let die = Flickering { die: card().into_silicon(), writes_left: writes };
        let mut card = Card::insert(die);
        card.power_on();
        card.process(&hex(SELECT));
        assert_eq!(card.process(&hex(WRONG)), hex("6581"), "{writes}");
        assert_eq!(card.process(&hex(WRONG)), hex("6581"), "{writes}: it answers without power");
        card.power_on();
        let alive = pin_of(card.memory().unwrap());
        let anew = Card::insert(card.into_silicon());
        assert_eq!(alive, pin_of(anew.memory().unwrap()), "{writes}: a try that was counted came back");
    }
}

#[test]
fn a_right_pin_costs_at_most_the_try_that_was_counted() {
    for writes in 0..6 {
        let (answers, (left, _)) = cut(writes, &[RIGHT]);
        assert!(left == 3 || left == 2, "{writes}: {left}");
        assert!(answers[0] != hex("9000") || left == 3);
    }
}

#[test]
fn a_pin_change_leaves_the_old_or_the_new() {
    for writes in 4..8 {
        let (answers, (left, value)) = cut(writes, &[RIGHT, CHANGE]);
        assert_eq!(left, 3);
        assert!(value == b"1234" || value == b"5678");
        assert!(answers[1] != hex("9000") || value == b"5678");
    }
}

#[test]
fn a_card_that_was_set_back_answers_nothing_more() {
    let mut silicon = card().into_silicon();
    let image = silicon.pages();
    let mut used = Card::insert(silicon);
    used.power_on();
    for command in [SELECT, WRONG, WRONG] {
        used.process(&hex(command));
    }
    silicon = used.into_silicon();
    silicon.put_back(image);
    let mut card = Card::insert(silicon);
    card.power_on();
    assert_eq!(card.process(&hex(SELECT)), hex("6581"));
}
