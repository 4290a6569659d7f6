//! Sequences of commands against the physical card.

use std::sync::{Mutex, OnceLock, PoisonError};

use tefuda_apdu::{Chip, Command};
use tefuda_card::{
    Card,
    personalisation::{CardProfile, Passwords, Personalisation, Surface},
};
use tefuda_silicon::testing::SeededSilicon;

use crate::{Bound, pieces::pieces};

/// Most octets in an answer: 65,536 and the status word.
pub const ANSWER_OCTETS_MAX: usize = 65_538;
/// A command may have the whole state written: once as it is, once as JSON and once sealed. A command of 20,000 octets
/// adds nothing that lasts.
const COMMAND: Bound = Bound { octets: 262_144, octets_for_each: 16 };

fn new_die() -> SeededSilicon {
    let mut card = Card::insert(SeededSilicon::new(2));
    card.make_keys().unwrap();
    let sign = include_bytes!("../../../vectors/jpki-test-card/jpki-sign-cert.der").to_vec();
    let auth = include_bytes!("../../../vectors/jpki-test-card/jpki-auth-cert.der").to_vec();
    let personalisation = Personalisation {
        profile: CardProfile::Rsa2048ToFifthBirthday,
        passwords: Passwords {
            sign: Some("ABC123".into()),
            auth: "1234".into(),
            text: "4321".into(),
            card: "9876".into(),
            reference_a: "537686677188".into(),
            reference_b: "55021720352285".into(),
            birth_date: "550217".into(),
        },
        sign: (Some(sign.clone().into()), sign.into()),
        auth: (auth.clone().into(), auth.into()),
        token_serial: "4000000127198430".into(),
        surface: vec![
            (Surface::Text(2), b"\xDF\x21\x02hi".to_vec().into()),
            (Surface::Visual(1), b"\xFF\x40\x00".to_vec().into()),
        ],
        common_record: [b"\x01\x1C".as_slice(), b"4000000127198431322120350217"].concat().into(),
        registry_record: b"6000034\x08\x05001\0\0\0\0".to_vec().into(),
        data_objects: vec![(0x00F8, b"\xF8\x01\x00".to_vec().into())],
    };
    card.personalise(&personalisation).unwrap();
    card.into_silicon()
}

/// Every command is answered within bounds, one that is no command leaves the card as it was, and whatever was said,
/// it is a personalised card afterwards. A piece of no octets takes the power away and gives it back.
pub fn card(octets: &[u8]) {
    static DIE: OnceLock<Mutex<SeededSilicon>> = OnceLock::new();
    let die = DIE.get_or_init(|| Mutex::new(new_die()));
    let die = die.lock().unwrap_or_else(PoisonError::into_inner).twin();
    let mut card = Card::insert(die);
    card.power_on();
    let state = |card: &Card<SeededSilicon>| serde_json::to_vec(card.memory().unwrap()).unwrap();
    for (_, command) in pieces(octets) {
        if command.is_empty() {
            card.power_off();
            card.power_on();
        }
        let before = Command::parse(command).is_err().then(|| state(&card));
        let answer = COMMAND.hold(command.len(), || card.process(command));
        assert!((2..=ANSWER_OCTETS_MAX).contains(&answer.len()));
        assert!(before.is_none_or(|before| before == state(&card)));
    }
    assert!(Card::insert(card.into_silicon()).is_personalised());
}
