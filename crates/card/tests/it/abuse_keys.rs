//! Abuse case A10: every command there is, asked for a private key.

use crate::abuse::{in_field, select, status};
use std::collections::HashSet;
use tefuda_apdu::{Chip, Command};
use tefuda_card::{
    Card,
    file::{File, Memory},
    personalisation::{COMMON_AID, ISD_AID, JPKI_AID, REGISTRY_AID, TEXT_AID, VISUAL_AID},
};
use tefuda_silicon::testing::SeededSilicon;

/// Octets that are looked for at a time.
const PIECE: usize = 12;

/// The private parts of all keys in pieces: of PKCS #8 its end, where primes and exponents are.
fn pieces(memory: &Memory) -> HashSet<Vec<u8>> {
    let files = memory.applications.iter().flat_map(|application| application.files.values());
    let keys =
        files.filter_map(|file| if let File::PrivateKey(key) = file { Some(&key.pkcs8.0) } else { None });
    let parts = keys.flat_map(|key| key[key.len() - 600..].chunks_exact(PIECE).map(<[u8]>::to_vec));
    parts.collect()
}

/// The application with all its passwords given: nobody can be let further in.
fn opened(card: &mut Card<SeededSilicon>, aid: &[u8]) {
    assert_eq!(status(card, &select(aid)), 0x9000);
    let given: [(&[u8], u8, &[u8]); 10] = [
        (JPKI_AID, 0x98, b"1234"),
        (JPKI_AID, 0x9B, b"ABC123"),
        (TEXT_AID, 0x91, b"4321"),
        (TEXT_AID, 0x94, b"537686677188"),
        (TEXT_AID, 0x95, b"55021720352285"),
        (VISUAL_AID, 0x91, b"550217"),
        (VISUAL_AID, 0x92, b"55021720352285"),
        (VISUAL_AID, 0x93, b"537686677188"),
        (COMMON_AID, 0x9C, b"9876"),
        (REGISTRY_AID, 0x9C, b"9876"),
    ];
    for (_, id, password) in given.iter().filter(|(of, ..)| *of == aid) {
        let verify = Command::new(0x00, 0x20, 0x00, *id).with_data(*password);
        assert_eq!(status(card, &verify.to_bytes()), 0x9000);
    }
}

/// Goes through the answers of one instruction to every P1-P2 that it may know.
struct Search<'a> {
    card: Card<SeededSilicon>,
    aid: &'a [u8],
    pieces: HashSet<Vec<u8>>,
    /// Octets of answers that were looked through.
    octets: usize,
}

impl Search<'_> {
    fn ask(&mut self, command: &[u8]) -> u16 {
        let answer = self.card.process(command);
        let (data, status) = answer.split_at(answer.len() - 2);
        self.octets += data.len();
        let found = data.windows(PIECE).any(|window| self.pieces.contains(window));
        assert!(!found, "{command:02X?} answers with a part of a private key");
        // SELECT of another application is undone.
        if command[1] == 0xA4 && status == [0x90, 0x00] {
            opened(&mut self.card, self.aid);
        }
        u16::from_be_bytes([status[0], status[1]])
    }

    fn walk(&mut self, class: u8, instruction: u8) {
        let known = |status| !matches!(status, 0x6D00 | 0x6E00 | 0x69FC);
        // A data object comes whole or not at all; which there are is not known from the first.
        let data = instruction == 0xCA;
        let le: &[u8] = if data { &[0x00; 3] } else { &[0x00] };
        let walked = data || known(self.ask(&[class, instruction, 0x00, 0x00, 0x00]));
        let step = if walked { 1 } else { 255 };
        for p1 in (0..=0xFF_u8).step_by(step) {
            for p2 in 0..=0xFF_u8 {
                let status = self.ask(&[&[class, instruction, p1, p2], le].concat());
                assert!(walked || !known(status), "{class:02X} {instruction:02X} {p1:02X} {p2:02X}");
            }
        }
    }
}

#[test]
fn abuse_a10_no_command_reads_a_private_key() {
    let pieces = pieces(in_field().memory().unwrap());
    assert_eq!(pieces.len(), 5 * 50);
    for aid in [ISD_AID, JPKI_AID, TEXT_AID, VISUAL_AID, COMMON_AID, REGISTRY_AID] {
        let mut search = Search { card: in_field(), aid, pieces: pieces.clone(), octets: 0 };
        opened(&mut search.card, aid);
        for class in [0x00, 0x80] {
            (0..=0xFF).for_each(|instruction| search.walk(class, instruction));
        }
        // With a file selected, with data, and for the longest answer.
        for id in 0..0x20_u8 {
            search.ask(&[0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, id]);
            for instruction in 0..=0xFF_u8 {
                search.ask(&[0x00, instruction, 0x00, 0x00, 0x00, 0x00, 0x00]);
                search.ask(&[0x80, instruction, 0x00, 0x00, 0x00, 0x00, 0x00]);
            }
            for scheme in 0..=7 {
                search.ask(&[&[0x80, 0x2A, scheme, 0x80 | id, 0x20][..], &[0; 32], &[0x00]].concat());
            }
            search.ask(&[&[0x00, 0x88, 0x00, 0x80 | id, 0x10][..], &[0; 16], &[0x00]].concat());
        }
        assert!(search.octets > 1_000 || aid == REGISTRY_AID, "{aid:02X?}: {} octets", search.octets);
    }
}

#[test]
fn abuse_a10_no_debug_text_shows_a_private_key_or_a_password() {
    let card = in_field();
    let memory = card.memory().unwrap();
    let shown = format!("{card:?} {memory:?}");
    for piece in pieces(memory) {
        let hexadecimal: String = piece.iter().map(|octet| format!("{octet:02x}")).collect();
        let decimal = format!("{piece:?}");
        let text = shown.to_lowercase().replace([' ', ','], "");
        assert!(!text.contains(&hexadecimal) && !shown.contains(decimal.trim_matches(['[', ']'])));
    }
    assert!(!shown.contains("ABC123"));
    assert!(!shown.contains("537686677188"));
}
