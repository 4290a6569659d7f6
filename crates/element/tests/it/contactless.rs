//! A phone in a reader's field: the card's file tree, its certificate behind the PIN, and nothing of the wallet.

use crate::{
    fixture::{AUTH_PIN, SIGN_PASSWORD, Wire, hash, type_in},
    life::verify_rsa,
    story::{NONCE, hand_over, manufacture, provision, story, wipe},
};
use tefuda_apdu::{Command, StatusWord, Transceive};
use tefuda_card::{
    personalisation::{COMMON_AID, JPKI_AID, REGISTRY_AID, TEXT_AID, VISUAL_AID},
    read::{self, ReadError},
};
use tefuda_element::host;
use tefuda_protocol::{
    attestation::{KeyUsage, verify_p256},
    element::{ACCESS_RULES_AID, AUTHORITY_DOMAIN_AID, ISSUER_DOMAIN_AID, OWN_KEY_VERSION, WALLET_AID},
    sealed::PinPurpose,
    transaction::{Method, TransactionKind, login_message, wallet_message},
};
use tefuda_silicon::{engine::P256Key, testing::SeededSilicon};
use tefuda_types::{PinKind, Secret};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn status(wire: &mut Wire, command: &Command) -> StatusWord {
    wire.send(command).unwrap().status
}

#[test]
fn a_reader_finds_one_application() {
    let mut rig = story().held();
    for aid in [
        TEXT_AID,
        VISUAL_AID,
        COMMON_AID,
        REGISTRY_AID,
        &ISSUER_DOMAIN_AID,
        &ACCESS_RULES_AID,
        &AUTHORITY_DOMAIN_AID,
        &WALLET_AID,
        &JPKI_AID[..9],
        &[],
    ] {
        let select = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(aid);
        assert_eq!(status(&mut rig.field, &select), StatusWord::NOT_FOUND, "{aid:02X?}");
    }
    assert_eq!(status(&mut rig.field, &Command::new(0x00, 0x20, 0x00, 0x80)), StatusWord::WRONG_INS);
    read::select_jpki(&mut rig.field).unwrap();
    assert_eq!(read::token_label(&mut rig.field).unwrap(), "JPKIAPGPSETOKEN");
    assert_eq!(status(&mut rig.field, &Command::new(0x80, 0xFC, 0x00, 0x00)), StatusWord::WRONG_LENGTH);
    rig.field.reset();
    assert_eq!(status(&mut rig.field, &Command::new(0x00, 0xB0, 0x8A, 0x00)), StatusWord::WRONG_INS);
}

#[test]
fn an_iphone_is_told_by_its_label_and_the_last_command_indicator() {
    let (mut rig, _) = manufacture(SeededSilicon::new(4));
    provision(&mut rig);
    hand_over(&mut rig, &P256Key::from_bytes(&[9; 32]).unwrap(), "JPKIAPIOSTOKEN");
    read::select_jpki(&mut rig.field).unwrap();
    assert_eq!(read::token_label(&mut rig.field).unwrap(), "JPKIAPIOSTOKEN");
    assert!(status(&mut rig.field, &Command::new(0x80, 0xFC, 0x00, 0x00)).is_ok());
}

#[test]
fn certificates_are_behind_their_passwords() {
    let mut rig = story().held();
    let field = &mut rig.field;
    read::select_jpki(field).unwrap();
    let certificate = |field: &mut Wire, kind| read::certificate(field, kind, &mut |_, _| {});
    for kind in [PinKind::Auth, PinKind::Sign] {
        assert_eq!(certificate(field, kind), Err(ReadError::Status(StatusWord::SECURITY_STATUS)));
    }
    read::verify(field, PinKind::Auth, &secret(AUTH_PIN)).unwrap();
    let auth = certificate(field, PinKind::Auth).unwrap();
    assert_eq!(certificate(field, PinKind::Sign), Err(ReadError::Status(StatusWord::SECURITY_STATUS)));
    read::verify(field, PinKind::Sign, &secret(SIGN_PASSWORD)).unwrap();
    let sign = certificate(field, PinKind::Sign).unwrap();
    for id in [0x0002, 0x000B] {
        assert_eq!(read::read_object(field, id, &mut |_, _| {}).unwrap()[..2], [0x30, 0x82]);
    }
    assert_eq!(host::certificate(rig.wallet(), PinKind::Auth), Ok(Some(auth)));
    assert_eq!(host::certificate(&mut rig.wired, PinKind::Sign), Ok(Some(sign)));
}

#[test]
fn tries_are_the_same_on_both_sides() {
    let mut rig = story().held();
    read::select_jpki(&mut rig.field).unwrap();
    let wrong = read::verify(&mut rig.field, PinKind::Auth, &secret("0000"));
    assert_eq!(wrong, Err(ReadError::PinWrong { left: 2 }));
    assert_eq!(host::status(rig.wallet()).unwrap().auth_tries, Some(2));
    let login = (TransactionKind::Login, "log in");
    type_in(&mut rig.wired, login, &[(PinPurpose::VerifyAuth, "0000")]).unwrap_err();
    assert_eq!(read::tries_left(&mut rig.field, PinKind::Auth), Ok(1));
    let wrong = read::verify(&mut rig.field, PinKind::Auth, &secret("0000"));
    assert_eq!(wrong, Err(ReadError::PinBlocked));
    assert_eq!(read::tries_left(&mut rig.field, PinKind::Auth), Ok(0));
    let command = Command::new(0x00, 0x20, 0x00, 0x98).with_data(AUTH_PIN.as_bytes());
    assert_eq!(status(&mut rig.field, &command), StatusWord::REFERENCE_NOT_USABLE);
    // A wrong try ends what a right one opened.
    read::verify(&mut rig.field, PinKind::Sign, &secret(SIGN_PASSWORD)).unwrap();
    read::verify(&mut rig.field, PinKind::Sign, &secret("WRONG1")).unwrap_err();
    let closed = Err(ReadError::Status(StatusWord::SECURITY_STATUS));
    assert_eq!(read::sign(&mut rig.field, PinKind::Sign, &[0; 32]), closed);
    // Passwords are changed on the phone, not by a reader.
    read::verify(&mut rig.field, PinKind::Sign, &secret(SIGN_PASSWORD)).unwrap();
    let change = Command::new(0x00, 0x24, 0x01, 0x9B).with_data(b"OTHER1");
    assert_eq!(status(&mut rig.field, &change), StatusWord::WRONG_DATA);
}

/// A kiosk that has a tap and the PIN signs what it likes with the authentication key, the text of a login
/// too. The second signature, which the gateway demands, it cannot have.
#[test]
fn abuse_a16_a_tap_and_a_pin_are_no_login() {
    let keys = story().keys.verify(&story().maker, &NONCE).unwrap();
    let spki = |usage| keys.key(usage).unwrap().public_key.0.clone();
    let mut rig = story().held();
    let field = &mut rig.field;
    read::select_jpki(field).unwrap();
    read::verify(field, PinKind::Auth, &secret(AUTH_PIN)).unwrap();
    let hash = hash(TransactionKind::Login, "log in at the bank");
    let message = login_message(Method::Pin, &hash);
    let digest = <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(&message));
    let signature = read::sign(field, PinKind::Auth, &digest).unwrap();
    assert!(verify_rsa(&spki(KeyUsage::Auth), &message, &signature));
    // Every file, every scheme: none of the answers verifies under the wallet-instance key.
    let wallet_key = spki(KeyUsage::WalletInstance);
    let point = &wallet_key[wallet_key.len() - 65..];
    let statement = wallet_message(Method::Pin, &hash);
    for id in 1..0x20_u8 {
        for scheme in 0..6 {
            let command = Command::new(0x80, 0x2A, scheme, 0x80 | id).with_data(digest).with_le(256);
            let answer = field.send(&command).unwrap();
            assert!(!answer.data.windows(64).any(|window| verify_p256(point, &statement, window)));
            assert_eq!(answer.status.is_ok(), id == 0x17, "{id:02X}");
        }
    }
    for command in [
        Command::new(0x80, 0x84, 0x00, 0x00).with_le(16),
        Command::new(0x80, 0x20, 0x00, 0x02).with_data([0; 130]),
        Command::new(0x80, 0xCA, 0xDF, 0x20).with_le(256),
        Command::new(0x80, 0x46, 0x00, 0x03).with_data(NONCE),
        Command::new(0x00, 0x70, 0x00, 0x00).with_le(1),
    ] {
        assert!(!status(field, &command).is_ok(), "{command:?}");
    }
    // What was verified at the reader opens nothing on the wired side.
    host::challenge(rig.wallet()).unwrap();
    assert!(host::sign_login(&mut rig.wired, Method::Pin, "log in at the bank").is_err());
}

#[test]
fn a_phone_without_certificates_has_nothing_to_show() {
    let mut rig = story().pending();
    read::select_jpki(&mut rig.field).unwrap();
    assert_eq!(read::has_signature_certificate(&mut rig.field), Ok(false));
    read::verify(&mut rig.field, PinKind::Auth, &secret(AUTH_PIN)).unwrap();
    assert!(read::certificate(&mut rig.field, PinKind::Auth, &mut |_, _| {}).is_err());
    assert!(read::sign(&mut rig.field, PinKind::Auth, &[0; 32]).is_err());
    let mut rig = story().held();
    let mut ssd = crate::fixture::open(
        &mut rig.wired,
        &AUTHORITY_DOMAIN_AID,
        OWN_KEY_VERSION,
        &crate::fixture::service_manager(),
    );
    ssd.ok(&story().wipe(&wipe(1)));
    read::select_jpki(&mut rig.field).unwrap();
    assert_eq!(read::tries_left(&mut rig.field, PinKind::Auth), Ok(0));
    let (mut rig, _) = manufacture(SeededSilicon::new(4));
    assert_eq!(read::select_jpki(&mut rig.field), Err(ReadError::NotJpki));
    let mut rig = story().held();
    assert!(rig.sensor_event());
    assert_eq!(read::select_jpki(&mut rig.field), Err(ReadError::Status(StatusWord::CONDITIONS)));
}
