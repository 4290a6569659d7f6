//! A card personalised from the bytes that a real test card gave answers them back, byte for byte.

use crate::fixture::{Held, card, vector};
use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey, traits::SignatureScheme};
use sha2::{Digest, Sha256};
use tefuda_apdu::{Command, Transceive, tlv};
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

/// Tags inside a record, in order.
fn tags(octets: &[u8]) -> Vec<u32> {
    tlv::objects(octets).map(|object| object.unwrap().tag).collect()
}

fn value(octets: &[u8], tag: u32) -> Vec<u8> {
    tlv::find(octets, tag).unwrap().value.to_vec()
}

#[test]
fn every_record_is_parsed() {
    let records: [(&str, u32, &[u32]); 12] = [
        ("surface-0001.bin", 0xFF10, &[0xDF11, 0xDF12, 0xDF13]),
        (
            "surface-0002.bin",
            0xFF20,
            &[0xDF21, 0xDF22, 0xDF23, 0xDF24, 0xDF25, 0xDF26, 0xDF27, 0xDF28, 0xDF29, 0xDF2A],
        ),
        ("surface-0003.bin", 0xFF30, &[0xDF31, 0xDF32, 0xDF33, 0xDF34, 0xDF35]),
        ("surface-0004.bin", 0x7F21, &[0x5F4E, 0x5F37]),
        ("surface-0005.bin", 0xFF40, &[0xDF41, 0xDF42, 0xDF43]),
        ("text-0002.bin", 0xFF20, &[0xDF21, 0xDF22, 0xDF23, 0xDF24, 0xDF25]),
        ("text-0003.bin", 0xFF30, &[0xDF31, 0xDF32, 0xDF33]),
        ("text-0004.bin", 0x7F21, &[0x5F4E, 0x5F37]),
        ("text-0005.bin", 0xFF40, &[0xDF41, 0xDF42, 0xDF43]),
        ("text-0006.bin", 0xA1, &[0x90, 0x91]),
        ("text-0007.bin", 0xFF50, &[0xDF51, 0xDF52]),
        ("cv-certificate-synthetic.bin", 0x7F21, &[0x5F4E, 0x5F37]),
    ];
    for (name, outer, inner) in records {
        let file = vector(name);
        assert_eq!(tags(&file.0), [outer], "{name}");
        assert_eq!(tags(&value(&file.0, outer)), inner, "{name}");
    }
    for name in ["mf-do-F8.bin", "mf-do-7F21.bin"] {
        assert_eq!(tags(&vector(name).0), [0x4D, 0x5F4E, 0x5F37], "{name}");
    }
    assert_eq!(value(&vector("text-0001-physical.bin").0, 0xFF10), b"537686677188", "filler is left out");
    let attributes = read::parse_attributes(&vector("text-0002.bin").0).unwrap();
    assert_eq!(attributes.address, "東京都清瀬市観布子南１２－７－２０２");
}

/// A public key from `90` exponent, `91` modulus.
fn public_key(object: &[u8]) -> PublicKey {
    let number = |tag| BoxedUint::from_be_slice_vartime(&value(object, tag));
    PublicKey::new(number(0x91), number(0x90)).unwrap()
}

#[track_caller]
fn verify_signed(key: &PublicKey, message: &[u8], signature: &[u8]) {
    Pkcs1v15Sign::new::<Sha256>().verify(key, &Sha256::digest(message), signature).unwrap();
}

/// The key that a card-verifiable certificate certifies, below two key identifiers of 16 octets.
fn certified_key(certificate: &[u8]) -> PublicKey {
    public_key(&value(certificate, 0x5F4E)[32..])
}

/// What real cards' records sign is what [`tefuda_card::face`] signs in ours.
#[test]
fn the_signatures_of_real_records_hold_over_what_ours_sign() {
    let visual = certified_key(&value(&vector("surface-0004.bin").0, 0x7F21));
    let text = certified_key(&value(&vector("text-0004.bin").0, 0x7F21));
    for (key, name, outer, signature) in [
        (&visual, "surface-0001.bin", 0xFF10, 0xDF13),
        (&visual, "surface-0005.bin", 0xFF40, 0xDF43),
        (&text, "text-0003.bin", 0xFF30, 0xDF33),
        (&text, "text-0007.bin", 0xFF50, 0xDF52),
    ] {
        let record = value(&vector(name).0, outer);
        let signed: Vec<u8> = tlv::objects(&record)
            .map(Result::unwrap)
            .filter(|object| object.tag != signature)
            .flat_map(|object| object.object.to_vec())
            .collect();
        verify_signed(key, &signed, &value(&record, signature));
    }
    let certificate = value(&vector("cv-certificate-synthetic.bin").0, 0x7F21);
    let authority = public_key(&vector("cv-ca-key-synthetic.bin").0);
    verify_signed(&authority, &value(&certificate, 0x5F4E), &value(&certificate, 0x5F37));
    let (upper, lower) = (vector("mf-do-F8.bin"), vector("mf-do-7F21.bin"));
    verify_signed(&certified_key(&upper.0), &value(&lower.0, 0x5F4E), &value(&lower.0, 0x5F37));
}
