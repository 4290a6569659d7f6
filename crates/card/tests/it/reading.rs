//! The reader's side: passwords, tries, signatures, and a card that is taken away.

use crate::fixture::{Held, card};
use rsa::{Pkcs1v15Sign, PublicKey, pkcs8::DecodePublicKey, traits::SignatureScheme};
use tefuda_apdu::{LinkError, Response, Transceive};
use tefuda_card::{
    Card,
    personalisation::KeySlot,
    read::{self, ReadError},
};
use tefuda_silicon::testing::SeededSilicon;
use tefuda_types::{PinKind, Reason, Secret};

fn password(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// Goes out of the field after so many commands.
struct TearAfter<T>(T, u32);

impl<T: Transceive> Transceive for TearAfter<T> {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        self.1 = self.1.checked_sub(1).ok_or(LinkError::Torn)?;
        self.0.transceive(command)
    }
}

#[test]
fn a_signature_verifies_under_the_public_key_that_was_certified() {
    let mut card = Card::insert(SeededSilicon::new(5));
    let keys = card.make_keys().unwrap();
    card.personalise(&crate::fixture::personalisation()).unwrap();
    tefuda_apdu::Chip::power_on(&mut card);
    let held = &mut Held(&mut card);
    read::select_jpki(held).unwrap();
    assert_eq!(
        read::sign(held, PinKind::Sign, &[7; 32]),
        Err(ReadError::Status(tefuda_apdu::StatusWord(0x6982)))
    );
    read::verify(held, PinKind::Sign, &password("ABC123")).unwrap();
    let signature = read::sign(held, PinKind::Sign, &[7; 32]).unwrap();
    let key = PublicKey::from_public_key_der(keys.key(KeySlot::Sign).unwrap()).unwrap();
    Pkcs1v15Sign::new::<sha2::Sha256>().verify(&key, &[7; 32], &signature).unwrap();
}

#[test]
fn tries_are_known_before_one_is_risked() {
    let mut card = card();
    let held = &mut Held(&mut card);
    read::select_jpki(held).unwrap();
    for left in (0..5).rev() {
        assert_eq!(read::tries_left(held, PinKind::Sign), Ok(left + 1));
        let expected = if left == 0 { ReadError::PinBlocked } else { ReadError::PinWrong { left } };
        assert_eq!(read::verify(held, PinKind::Sign, &password("WRONG1")), Err(expected));
    }
    assert_eq!(read::verify(held, PinKind::Sign, &password("ABC123")), Err(ReadError::PinBlocked));
    card.unblock().unwrap();
    let held = &mut Held(&mut card);
    assert_eq!(read::verify(held, PinKind::Sign, &password("ABC123")), Ok(()));
}

#[test]
fn a_card_taken_away_mid_read_is_told_as_such() {
    for commands in 0..8 {
        let mut card = card();
        let mut held = TearAfter(Held(&mut card), commands);
        let read = read::select_jpki(&mut held)
            .and_then(|()| read::certificate(&mut held, PinKind::Auth, &mut |_, _| {}));
        assert_eq!(read, Err(ReadError::Torn), "after {commands}");
    }
}

#[test]
fn abuse_c05_what_is_typed_is_refused_before_it_costs_a_try() {
    assert_eq!(read::signature_password("abc123").unwrap().expose(), "ABC123");
    let refused = |typed| read::signature_password(typed).err().map(|error| error.code().as_str());
    assert_eq!(refused("1234"), Some("card.pin_in_place_of_password"));
    for bad in ["", "ABC12", "ABCDEF", "123456", "ABC123ABC123ABC12", "ＡＢＣ１２３", "ABC123 "] {
        assert_eq!(refused(bad), Some("card.password_malformed"), "{bad}");
    }
}
