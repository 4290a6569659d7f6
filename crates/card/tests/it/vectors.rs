//! A card personalised from the bytes that a real test card gave answers them back, byte for byte.

use crate::fixture::{Held, card, vector};
use tefuda_apdu::{Command, Transceive};
use tefuda_card::{
    personalisation::{JPKI_AID, TEXT_AID, VISUAL_AID},
    read,
};
use tefuda_types::{PinKind, Secret};

/// The whole file, filler and all.
fn physical(card: &mut impl Transceive, id: u16) -> Vec<u8> {
    read::select_file(card, id).unwrap();
    card.send(&Command::new(0x00, 0xB0, 0, 0).with_le(65_536)).unwrap().data
}

fn verify(card: &mut impl Transceive, id: u8, value: &str) {
    let command = Command::new(0x00, 0x20, 0x00, 0x80 | id).with_data(value.as_bytes());
    assert!(card.send(&command).unwrap().status.is_ok());
}

#[test]
fn every_file_comes_back_byte_for_byte() {
    let mut card = card();
    let held = &mut Held(&mut card);
    for (tag, name) in [(0x00F8_u16, "mf-do-F8.bin"), (0x7F21, "mf-do-7F21.bin")] {
        let [high, low] = tag.to_be_bytes();
        let answer = held.send(&Command::new(0x00, 0xCA, high, low).with_le(65_536)).unwrap();
        assert_eq!(answer.data, vector(name).0, "{name}");
    }
    read::select_application(held, TEXT_AID).unwrap();
    verify(held, 0x11, "4321");
    assert_eq!(physical(held, 1), vector("text-0001-physical.bin").0);
    for id in 2..=7 {
        assert_eq!(physical(held, id), vector(&format!("text-000{id}.bin")).0, "text {id}");
    }
    read::select_application(held, VISUAL_AID).unwrap();
    verify(held, 0x11, "550217");
    verify(held, 0x13, "537686677188");
    for id in 1..=5 {
        assert_eq!(physical(held, id), vector(&format!("surface-000{id}.bin")).0, "visual {id}");
    }
    read::select_application(held, JPKI_AID).unwrap();
    verify(held, 0x1B, "ABC123");
    for (id, name) in [
        (0x0001, "jpki-sign-cert.der"),
        (0x0002, "jpki-sign-ca-cert.der"),
        (0x000A, "jpki-auth-cert.der"),
        (0x000B, "jpki-auth-ca-cert.der"),
    ] {
        assert_eq!(physical(held, id), vector(name).0, "{name}");
    }
}

#[test]
fn our_reader_reads_them() {
    let mut card = card();
    let held = &mut Held(&mut card);
    let attributes = read::attributes(held, &Secret::new("4321".to_owned())).unwrap();
    assert_eq!((attributes.birth_date.as_str(), attributes.sex.as_str()), ("19800217", "1"));
    read::select_jpki(held).unwrap();
    assert_eq!(read::token_label(held).unwrap(), "JPKIAPICCTOKEN2");
    assert_eq!(
        read::certificate(held, PinKind::Auth, &mut |_, _| {}).unwrap(),
        vector("jpki-auth-cert.der").0
    );
}
