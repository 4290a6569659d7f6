use rsa::{Pkcs1v15Sign, PublicKey, pkcs8::DecodePublicKey, traits::SignatureScheme};
use std::sync::OnceLock;
use tefuda_apdu::{Chip, LinkError, Response, Transceive};
use tefuda_card::{
    Card,
    file::File,
    personalisation::{CardProfile, JPKI_AID, Passwords, Personalisation, Surface},
};
use tefuda_silicon::{engine::RsaKey, testing::SeededSilicon};
use tefuda_types::Bytes;

pub fn vector(name: &str) -> Bytes {
    let path = format!("{}/../../vectors/jpki-test-card/{name}", env!("CARGO_MANIFEST_DIR"));
    Bytes(std::fs::read(path).unwrap())
}

/// The card that the bytes in `vectors/jpki-test-card` were read from, as far as they tell.
pub fn personalisation() -> Personalisation {
    let mut surface: Vec<_> =
        (2..=7).map(|id| (Surface::Text(id), vector(&format!("text-000{id}.bin")))).collect();
    surface.push((Surface::Text(1), vector("text-0001-physical.bin")));
    surface.extend((1..=5).map(|id| (Surface::Visual(id), vector(&format!("surface-000{id}.bin")))));
    Personalisation {
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
        sign: (Some(vector("jpki-sign-cert.der")), vector("jpki-sign-ca-cert.der")),
        auth: (vector("jpki-auth-cert.der"), vector("jpki-auth-ca-cert.der")),
        token_serial: "4000000127198430".into(),
        surface,
        common_record: [b"\x01\x1C".as_slice(), b"4000000127198431322120350217"].concat().into(),
        registry_record: b"6000034\x08\x05001\0\0\0\0".to_vec().into(),
        data_objects: vec![(0x00F8, vector("mf-do-F8.bin")), (0x7F21, vector("mf-do-7F21.bin"))],
    }
}

pub fn card() -> Card<SeededSilicon> {
    let mut card = Card::insert(held_die());
    card.power_on();
    card
}

/// The card's die. Its keys are made once for all tests.
pub fn held_die() -> SeededSilicon {
    static DIE: OnceLock<SeededSilicon> = OnceLock::new();
    let made = DIE.get_or_init(|| {
        let mut card = Card::insert(SeededSilicon::new(2));
        card.make_keys().unwrap();
        card.personalise(&personalisation()).unwrap();
        card.into_silicon()
    });
    made.twin()
}

/// Holds a signature of the authentication key against that key, as the card's die has it.
pub fn verify_signature(message: &[u8], answer: &[u8]) {
    let card = Card::insert(held_die());
    let memory = card.memory().unwrap();
    let application = &memory.applications[memory.find(JPKI_AID).unwrap()];
    let key = match application.files.get(&0x0017) {
        Some(File::PrivateKey(key)) => RsaKey::from_pkcs8(&key.pkcs8.0).ok(),
        _ => None,
    };
    let key = key.unwrap();
    let public = PublicKey::from_public_key_der(&key.public_spki().unwrap()).unwrap();
    let signature = &answer[..answer.len() - 2];
    Pkcs1v15Sign::new_unprefixed().verify(&public, message, signature).unwrap();
}

/// A card in the field of a reader.
pub struct Held<'a>(pub &'a mut Card<SeededSilicon>);

impl Transceive for Held<'_> {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        Response::from_bytes(&self.0.process(command))
    }
}

pub fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}
