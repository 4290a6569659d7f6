//! Abuse cases of the card, by their numbers in `docs/abuse-cases.md`: what is refused, and that nothing else
//! changed.

use crate::fixture::{card, hex, personalisation};
use std::sync::LazyLock;
use tefuda_apdu::{Chip, Command, LinkError, Response, StatusWord, Transceive};
use tefuda_card::{
    Card,
    file::{File, Memory},
    personalisation::{COMMON_AID, JPKI_AID, KeySlot, REGISTRY_AID, TEXT_AID, VISUAL_AID},
    read::{self, FILE_OCTETS_MAX, ReadError},
};
use tefuda_silicon::{Silicon, testing::SeededSilicon};
use tefuda_types::Reason;

/// One command of each form that a card knows, in an order in which each succeeds.
const CORPUS: [&str; 15] = [
    "00CA00F8000000",
    "00A4040C0AD392F000260100000001",
    "00A4020C020018",
    "0020009804 31323334",
    "0020009B06 414243313233",
    "0024019804 31323334",
    "00B08A0000",
    "00B08100000000",
    "802A029720 0000000000000000000000000000000000000000000000000000000000000000 00",
    "0084000010",
    "00A4040C0AD3921000310001010100",
    "00B2010C00",
    "0088009910 000102030405060708090A0B0C0D0E0F 00",
    "0020009C04 39383736",
    "8032009C04 39383736",
];

/// The die of a card that belongs to somebody; each test takes twins of it.
static DIE: LazyLock<SeededSilicon> = LazyLock::new(|| card().into_silicon());

/// The card in a reader's field.
pub fn in_field() -> Card<SeededSilicon> {
    let mut card = Card::insert(DIE.twin());
    card.power_on();
    card
}

/// How often a card was written since it was put into the field. Its die is the only thing left of it.
fn commits(card: Card<SeededSilicon>) -> u64 {
    card.into_silicon().fuse() - DIE.fuse()
}

pub fn select(aid: &[u8]) -> Vec<u8> {
    Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(aid).to_bytes()
}

/// The status word of an answer.
pub fn status(chip: &mut impl Chip, command: &[u8]) -> u16 {
    Response::from_bytes(&chip.process(command)).unwrap().status.0
}

/// What a cut, a stretch or a slip of the pen makes of a command, as far as it is none any more.
fn mangled(command: &[u8]) -> Vec<Vec<u8>> {
    let header = &command[..4];
    let mut all: Vec<Vec<u8>> = (0..command.len()).map(|length| command[..length].to_vec()).collect();
    all.push([command, &[0xDE, 0xAD, 0xBE, 0xEF]].concat());
    // Shorter or longer, some of them are commands of another case.
    all.retain(|bad| Command::parse(bad).is_err());
    all.push([header, &[0xFF, 0x00]].concat());
    all.push([header, &[0x00, 0x00, 0x00, 0x01]].concat());
    all.push([header, &[0x00, 0x00, 0x00, 0x31, 0x32, 0x33, 0x34]].concat());
    all.push([header, &[0x00, 0xFF, 0xFF], &vec![0x31; 70_000]].concat());
    all.push([header, &vec![0x31; 70_000]].concat());
    all
}

#[test]
fn abuse_a01_a_malformed_command_changes_nothing() {
    let mut card = in_field();
    let mut refused = 0;
    for command in CORPUS.map(hex) {
        // Class and instruction of nobody, and what is no command at all.
        let unknown = (0..=0xFF_u8)
            .filter(|class| !matches!(class, 0x00 | 0x08 | 0x80))
            .map(|class| [&[class], &command[1..]].concat());
        let before = card.memory().cloned();
        for bad in mangled(&command) {
            assert_eq!(status(&mut card, &bad), 0x6700, "{bad:02X?}");
            refused += 1;
        }
        for foreign in unknown {
            assert_eq!(status(&mut card, &foreign), 0x6E00, "{foreign:02X?}");
        }
        assert_eq!(card.memory().cloned(), before);
        // What was selected and verified before is so still.
        assert_eq!(status(&mut card, &command), 0x9000, "{command:02X?}");
    }
    assert!(refused > 150, "{refused}");
    for instruction in (0..=0xFF_u8).filter(|ins| !b"\xA4\xB0\xB2\x20\x24\x84\x88\xC0".contains(ins)) {
        assert_eq!(status(&mut card, &[0x00, instruction, 0x00, 0x00]), 0x6D00, "{instruction:02X}");
    }
    // Three passwords were given and two were changed: as many writes as those need.
    assert_eq!(commits(card), 3 * 2 + 2);
}

const SIGN_WITH_AUTH: &str = "802A029720 0000000000000000000000000000000000000000000000000000000000000000 00";
const SIGN_WITH_SIGN: &str = "802A029A20 0000000000000000000000000000000000000000000000000000000000000000 00";
const GIVE_PIN: &str = "0020009804 31323334";
const GIVE_PASSWORD: &str = "0020009B06 414243313233";

/// Where a card stands, as a person keeps it in mind: the model of case A02.
#[derive(Clone, Debug, Default)]
struct Mind {
    jpki: bool,
    text: bool,
    auth: bool,
    sign: bool,
    text_pin: bool,
    misses: u16,
}

const MOVES: [(&str, &str); 12] = [
    ("power", ""),
    ("select jpki", "00A4040C0AD392F000260100000001"),
    ("select text", "00A4040C0AD3921000310001010408"),
    ("select nothing", "00A4040C07A0000001510000"),
    ("give the pin", GIVE_PIN),
    ("miss the pin", "002000980430303030"),
    ("give the password", GIVE_PASSWORD),
    ("give the text pin", "002000910434333231"),
    ("sign with auth", SIGN_WITH_AUTH),
    ("sign with sign", SIGN_WITH_SIGN),
    ("read the first file", "00B0810004"),
    ("change the pin", "002401980431323334"),
];

impl Mind {
    /// Makes a move: what the card must say to it.
    fn expect(&mut self, move_: &str) -> u16 {
        let misses = self.misses;
        let place = |jpki, text| Self { jpki, text, misses, ..Self::default() };
        let allowed = |is| if is { 0x9000 } else { 0x6982 };
        match move_ {
            "power" | "select nothing" => *self = place(false, false),
            "select jpki" => *self = place(true, false),
            "select text" => *self = place(false, true),
            _ if !self.jpki && !self.text => return 0x6D00,
            "give the text pin" if self.text => self.text_pin = true,
            "read the first file" if self.text => return allowed(self.text_pin),
            "give the text pin" => return 0x6A82,
            _ if self.text => return 0x6A82,
            "give the pin" => (self.auth, self.misses) = (true, 0),
            "miss the pin" => {
                (self.auth, self.misses) = (false, self.misses + 1);
                return 0x63C0 | (3 - self.misses);
            }
            "give the password" => self.sign = true,
            "sign with auth" | "change the pin" => return allowed(self.auth),
            _ => return allowed(self.sign),
        }
        0x9000
    }
}

#[test]
fn abuse_a02_every_pair_of_commands_in_every_state_is_answered_as_the_model_says() {
    let states: [&[&str]; 7] = [
        &[],
        &["select jpki"],
        &["select jpki", "give the pin"],
        &["select jpki", "give the password"],
        &["select jpki", "give the pin", "give the password"],
        &["select text"],
        &["select text", "give the text pin"],
    ];
    let commands = MOVES.map(|(name, command)| (name, hex(command)));
    let octets = |name: &str| commands.iter().find(|(other, _)| *other == name).unwrap().1.clone();
    let play = |moves: &[&str]| {
        let mut card = in_field();
        let mut mind = Mind::default();
        for name in moves {
            let expected = mind.expect(name);
            let answered = match *name {
                "power" => {
                    card.power_off();
                    card.power_on();
                    0x9000
                }
                name => status(&mut card, &octets(name)),
            };
            assert_eq!(answered, expected, "{name} in {moves:?}: {answered:04X}, not {expected:04X}");
        }
    };
    for state in states {
        for (first, _) in MOVES {
            for (second, _) in MOVES {
                play(&[state, &[first, second]].concat());
            }
        }
    }
}

/// Everything that a password of an application opens, refused.
fn assert_closed(card: &mut impl Chip) {
    assert_eq!(status(card, &select(JPKI_AID)), 0x9000);
    for command in [SIGN_WITH_AUTH, SIGN_WITH_SIGN, "00B0810004", "0024019804 31323334"] {
        assert_eq!(status(card, &hex(command)), 0x6982, "{command}");
    }
    assert_eq!(status(card, &select(TEXT_AID)), 0x9000);
    assert_eq!(status(card, &hex("00B0810004")), 0x6982);
    assert_eq!(status(card, &select(VISUAL_AID)), 0x9000);
    assert_eq!(status(card, &hex("00B0850004")), 0x6982);
}

/// Gives both passwords of the public-key application.
fn verified<S: Silicon>(card: &mut Card<S>) {
    for command in [select(JPKI_AID), hex(GIVE_PIN), hex(GIVE_PASSWORD), hex(SIGN_WITH_AUTH)] {
        assert_eq!(status(card, &command), 0x9000);
    }
}

#[test]
fn abuse_a03_a_password_that_was_given_here_opens_nothing_there() {
    let mut card = in_field();
    let given = card.memory().cloned();
    // One password is not the other.
    for command in [select(JPKI_AID), hex(GIVE_PIN)] {
        assert_eq!(status(&mut card, &command), 0x9000);
    }
    assert_eq!(status(&mut card, &hex(SIGN_WITH_SIGN)), 0x6982);
    for other in [&[][..], TEXT_AID, VISUAL_AID, COMMON_AID, REGISTRY_AID, JPKI_AID] {
        verified(&mut card);
        assert_eq!(status(&mut card, &select(other)), 0x9000);
        assert_closed(&mut card);
    }
    // Nor the other way round.
    for (aid, verify) in [(TEXT_AID, "0020009104 34333231"), (COMMON_AID, "0020009C04 39383736")] {
        assert_eq!(status(&mut card, &select(aid)), 0x9000);
        assert_eq!(status(&mut card, &hex(verify)), 0x9000);
        assert_closed(&mut card);
    }
    assert_eq!(card.memory().cloned(), given);
}

#[test]
fn abuse_a04_what_was_verified_ends_with_the_field_and_with_a_reset() {
    let ends: [fn(Card<SeededSilicon>) -> Card<SeededSilicon>; 3] = [
        |mut card| {
            card.power_off();
            card.power_on();
            card
        },
        |mut card| {
            card.power_on();
            card
        },
        |card| {
            let mut card = Card::insert(card.into_silicon());
            card.power_on();
            card
        },
    ];
    for end in ends {
        let mut card = in_field();
        verified(&mut card);
        let given = card.memory().cloned();
        let mut card = end(card);
        assert_eq!(status(&mut card, &hex(SIGN_WITH_AUTH)), 0x6D00, "not even the application is selected");
        assert_closed(&mut card);
        assert_eq!(card.memory().cloned(), given);
    }
    let mut card = in_field();
    verified(&mut card);
    card.power_off();
    assert_eq!(status(&mut card, &hex(SIGN_WITH_AUTH)), 0x6581, "no power, no answer");
}

/// The memory with all tries given back: what guessing must leave as it was.
fn rested(memory: &Memory) -> Memory {
    let mut memory = memory.clone();
    for file in memory.applications.iter_mut().flat_map(|application| application.files.values_mut()) {
        if let File::Password(password) = file {
            password.left = password.limit;
        }
    }
    memory
}

/// Application, short identifier, what is right, tries.
const TARGETS: [(&[u8], u8, &[u8], u16); 5] = [
    (JPKI_AID, 0x98, b"1234", 3),
    (JPKI_AID, 0x9B, b"ABC123", 5),
    (TEXT_AID, 0x91, b"4321", 3),
    (TEXT_AID, 0x94, b"537686677188", 10),
    (COMMON_AID, 0x9C, b"9876", 3),
];

#[test]
fn abuse_a05_ten_thousand_guesses_are_compared_as_often_as_there_are_tries() {
    for (aid, id, right, tries) in TARGETS {
        let mut card = in_field();
        let whole = card.memory().cloned().unwrap();
        let (mut told_wrong, mut blocked) = (0, 0);
        for guess in 0..10_000_u32 {
            // Many readers: some cut the power, some pull the reset line, some do neither.
            match guess % 7 {
                0 => card.power_off(),
                1 => card = Card::insert(card.into_silicon()),
                _ => {}
            }
            if guess % 7 < 3 {
                card.power_on();
                assert_eq!(status(&mut card, &select(aid)), 0x9000);
            }
            let digits = format!("{:0width$}", (guess + 5_000) % 9_000, width = right.len());
            let command = Command::new(0x00, 0x20, 0x00, id).with_data(digits.into_bytes());
            match status(&mut card, &command.to_bytes()) {
                0x6984 => blocked += 1,
                wrong => {
                    told_wrong += 1;
                    assert_eq!(wrong, 0x63C0 + tries - told_wrong);
                }
            }
        }
        assert_eq!(told_wrong, tries);
        assert_eq!(blocked, 10_000 - tries);
        let right = Command::new(0x00, 0x20, 0x00, id).with_data(right).to_bytes();
        assert_eq!(status(&mut card, &right), 0x6984);
        assert_eq!(rested(card.memory().unwrap()), whole, "nothing but the tries");
        // A try is one write before it is compared and one after: the guesses beyond were never compared.
        assert_eq!(commits(card), 2 * u64::from(tries));
    }
}

#[test]
fn abuse_a12_there_is_never_a_response_left_to_fetch() {
    // What is drawn at random is left out: the two cards are compared answer by answer.
    let commands: Vec<_> = CORPUS.map(hex).into_iter().filter(|command| command[1] != 0x84).collect();
    let (mut plain, mut pestered) = (in_field(), in_field());
    for first in &commands {
        for second in &commands {
            for command in [first, second] {
                let expected = plain.process(command);
                assert_eq!(pestered.process(command), expected);
                for le in ["", "00", "01", "FF", "000000", "00FFFF"] {
                    let fetched = pestered.process(&hex(&format!("00C00000{le}")));
                    assert!(fetched == hex("6985") || fetched == hex("6D00"), "{fetched:02X?}");
                }
            }
        }
    }
    assert_eq!(plain.memory(), pestered.memory());
}

/// What the reader makes of a hostile card: each file begins with this, and never ends.
struct Hostile {
    head: Vec<u8>,
    chunk: usize,
    exchanges: usize,
}

impl Transceive for Hostile {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        self.exchanges += 1;
        if command[1] != 0xB0 {
            return Ok(Response::ok(Vec::new()));
        }
        let mut data = if command[2..4] == [0, 0] { self.head.clone() } else { Vec::new() };
        data.resize(data.len().max(self.chunk), 0x5A);
        Ok(Response::ok(data))
    }
}

#[test]
fn abuse_a11_a_file_that_claims_to_be_endless_is_not_read() {
    let read = |head: &[u8], chunk| {
        let mut card = Hostile { head: head.to_vec(), chunk, exchanges: 0 };
        let read = read::read_object(&mut card, 0x0002, &mut |_, _| {});
        (read, card.exchanges)
    };
    for bomb in [
        "30827FFD",
        "308300FFFF",
        "3080",
        "3084FFFFFFFF",
        "3083FFFFFF",
        "30838000",
        "308900000000000000FFFF",
        "FF2084FFFFFFFF",
    ] {
        let (refused, exchanges) = read(&hex(bomb), 2);
        let refused = refused.unwrap_err();
        assert_eq!(refused.code().as_str(), "card.record_malformed", "{bomb}: {refused:?}");
        assert!(exchanges <= 2, "{bomb}: {exchanges} exchanges");
    }
    // The most that is read: a file of the greatest size, an octet at a time.
    let (whole, exchanges) = read(&hex("30827FFC"), 1);
    assert_eq!(whole.unwrap().len(), FILE_OCTETS_MAX);
    assert!(exchanges <= FILE_OCTETS_MAX + 1, "{exchanges}");
    // Answers that stop, and objects in objects in objects: no deeper than what is asked for.
    assert!(matches!(read(&hex("300A"), 0).0, Err(ReadError::Record(_))));
    let nested = (0..10_000).fold(Vec::new(), |inner, _| {
        let outer = tefuda_apdu::tlv::encode(0x30, &inner);
        if outer.len() > 60_000 { inner } else { outer }
    });
    let refused = read::parse_attributes(&nested).unwrap_err();
    assert_eq!(refused.code().as_str(), "tlv.object_missing");
    // A card takes none of it for a command either.
    let mut card = in_field();
    assert_eq!(
        status(&mut card, &[&[0x00, 0x20, 0x00, 0x98, 0x00, 0xEA, 0x60], &nested[..]].concat()),
        0x6700
    );
    assert_eq!(commits(card), 0);
}

#[test]
fn abuse_c05_only_the_one_form_of_a_password_opens_the_card_and_each_other_costs_a_try() {
    for wrong in ["abc123", "Abc123", "ＡＢＣ１２３", "ABC123 ", " ABC123", "ABC123\0", "ABC12", "ABC1234"]
    {
        let mut card = in_field();
        let whole = card.memory().cloned().unwrap();
        status(&mut card, &select(JPKI_AID));
        let verify = Command::new(0x00, 0x20, 0x00, 0x9B).with_data(wrong.as_bytes());
        assert_eq!(status(&mut card, &verify.to_bytes()), 0x63C4, "{wrong}");
        assert_eq!(status(&mut card, &hex(SIGN_WITH_SIGN)), 0x6982, "{wrong}");
        assert_ne!(card.memory(), Some(&whole));
        assert_eq!(rested(card.memory().unwrap()), whole, "one try, and nothing else");
    }
}

/// The lengths that the real card signs, for each of its ways; everything else is refused by length.
const fn fits(scheme: u8, octets: usize) -> bool {
    match scheme {
        0 => octets >= 1 && octets <= 245,
        2 | 4 => octets == 32,
        _ => octets >= 1,
    }
}

#[test]
fn abuse_a13_what_is_signed_is_exactly_what_the_real_card_signs() {
    use rsa::{Pkcs1v15Sign, PublicKey, pkcs8::DecodePublicKey, traits::SignatureScheme};
    let mut card = Card::insert(SeededSilicon::new(5));
    let keys = card.make_keys().unwrap();
    card.personalise(&personalisation()).unwrap();
    let key = PublicKey::from_public_key_der(keys.key(KeySlot::Auth).unwrap()).unwrap();
    card.power_on();
    verified(&mut card);
    let given = card.memory().cloned();
    // DigestInfo of SHA-1, then whatever there is: the card does not parse it, and signs no other octets.
    let start = hex("3021300906052B0E03021A05000414");
    for octets in 0..=300_usize {
        let data: Vec<u8> = start.iter().copied().chain(std::iter::repeat(0)).take(octets).collect();
        for scheme in 0..=6_u8 {
            // Of what has no limit a few lengths are signed, all of them elsewhere.
            let sampled = scheme == 0 || matches!(octets, 0 | 1 | 31 | 32 | 33 | 245 | 246 | 255 | 256 | 300);
            if !sampled && fits(scheme, octets) {
                continue;
            }
            let command = Command::new(0x80, 0x2A, scheme, 0x97).with_data(data.clone()).with_le(256);
            let answer = Response::from_bytes(&card.process(&command.to_bytes())).unwrap();
            let expected = match scheme {
                6 => StatusWord::WRONG_P1P2,
                _ if fits(scheme, octets) => StatusWord::OK,
                _ => StatusWord::WRONG_LENGTH,
            };
            assert_eq!(answer.status, expected, "{scheme}: {octets}");
            if scheme == 0 && answer.status.is_ok() {
                Pkcs1v15Sign::new_unprefixed().verify(&key, &data, &answer.data).unwrap();
            }
        }
    }
    assert_eq!(card.memory().cloned(), given);
}

#[test]
fn abuse_a09_a_wrong_password_costs_as_many_writes_as_a_right_one_wherever_it_is_wrong() {
    let work = |id: u8, candidate: &[u8]| {
        let mut card = in_field();
        status(&mut card, &select(JPKI_AID));
        let command = Command::new(0x00, 0x20, 0x00, id).with_data(candidate);
        let told = status(&mut card, &command.to_bytes());
        let die = card.into_silicon();
        let octets = die.pages().map(|page| page.map_or(0, |page| page.len()));
        (told, (die.fuse() - DIE.fuse(), octets))
    };
    for (id, right, wrong) in [
        (0x98, b"1234".as_slice(), [b"0234".as_slice(), b"1230", b"0000", b"1", b"12345678"]),
        (0x9B, b"ABC123", [b"XBC123", b"ABC12X", b"XXXXXX", b"A", b"ABC123ABC123ABC1"]),
    ] {
        let (told, writes) = work(id, right);
        assert_eq!(told, 0x9000);
        for wrong in wrong {
            let (told, as_many) = work(id, wrong);
            assert_eq!(told & 0xFFF0, 0x63C0);
            assert_eq!(as_many, writes, "writes, and the octets of each");
        }
    }
}
