//! From the factory to the wipe, and what is asked at the wrong time.

use crate::{
    fixture::{AUTH_PIN, ELEMENT, Rig, SIGN_PASSWORD, hash, open, service_manager, type_in},
    story::{
        NONCE, REGISTER, hand_over, manufacture, personalise, provision, register, rules, set_passwords,
        story, wipe,
    },
};
use rsa::{Pkcs1v15Sign, PublicKey, pkcs8::DecodePublicKey, traits::SignatureScheme};
use sha2::{Digest, Sha256};
use tefuda_apdu::{
    StatusWord,
    globalplatform::{delete, store_data},
    tlv,
};
use tefuda_element::{
    KeyKinds,
    host::{self, HostError, LogicalChannel},
};
use tefuda_pki::Certificate;
use tefuda_protocol::{
    Signed,
    attestation::{KeyUsage, PinPolicy, verify_p256},
    device::{DeviceAction, DeviceMessage},
    element::{
        AUTHORITY_DOMAIN_AID, CommandReceipt, Holding, ISSUER_DOMAIN_AID, OWN_KEY_VERSION, WALLET_AID, object,
    },
    sealed::PinPurpose,
    transaction::{Method, TransactionKind, login_message, wallet_message},
};
use tefuda_silicon::{engine::P256Key, testing::SeededSilicon};
use tefuda_types::{ElementId, PinKind};

const LOGIN: (TransactionKind, &str) = (TransactionKind::Login, "log in at the library");

pub fn spki(usage: KeyUsage) -> Vec<u8> {
    story().keys.verify(&story().maker, &NONCE).unwrap().key(usage).unwrap().public_key.0.clone()
}

fn point(spki: &[u8]) -> &[u8] {
    &spki[spki.len() - 65..]
}

pub fn verify_rsa(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = PublicKey::from_public_key_der(spki).unwrap();
    Pkcs1v15Sign::new::<Sha256>().verify(&key, &Sha256::digest(message), signature).is_ok()
}

fn message(action: DeviceAction) -> (Vec<u8>, Vec<u8>) {
    let message = DeviceMessage { element: ELEMENT, action, nonce: vec![3; 16].into() };
    let (payload, to_be_signed) = Signed::prepare(&message).unwrap();
    (payload.0, to_be_signed)
}

#[test]
fn a_new_element_shows_only_what_was_made() {
    let (mut rig, _) = manufacture(SeededSilicon::new(4));
    assert_eq!(host::select(&mut rig.wired, &ISSUER_DOMAIN_AID), Ok(()));
    assert_eq!(host::select(&mut rig.wired, &AUTHORITY_DOMAIN_AID), Err(HostError::NotInstalled));
    assert_eq!(host::access_rules(&mut rig.wired), Ok(Vec::new()));
    provision(&mut rig);
    assert_eq!(host::access_rules(&mut rig.wired).unwrap(), rules());
    assert_eq!(host::select(&mut rig.wired, &AUTHORITY_DOMAIN_AID), Ok(()));
    assert_eq!(host::select_wallet(&mut rig.wired), Err(HostError::NotInstalled));
    hand_over(&mut rig, &P256Key::from_bytes(&[9; 32]).unwrap(), "JPKIAPGPSETOKEN");
    let status = host::status(rig.wallet()).unwrap();
    assert_eq!((status.holding, status.pending, status.sign_tries), (Holding::Empty, None, None));
}

#[test]
fn keys_are_vouched_for_by_maker_and_element() {
    let keys = story().keys.verify(&story().maker, &NONCE).unwrap();
    assert_eq!(keys.element().element, ELEMENT);
    for (usage, policy) in [
        (KeyUsage::Sign, PinPolicy::SignaturePassword),
        (KeyUsage::Auth, PinPolicy::AuthenticationPin),
        (KeyUsage::WalletInstance, PinPolicy::None),
        (KeyUsage::PinEntry, PinPolicy::None),
    ] {
        assert_eq!(keys.key(usage).unwrap().pin_policy, policy);
    }
    assert!(story().keys.verify(&story().maker, &[0; 16]).is_err());
    let mut rig = story().pending();
    let again = host::generate_keys(rig.wallet(), KeyKinds::Both, &NONCE).unwrap();
    assert_eq!(again, story().keys, "the same nonce gives the same keys");
    assert_eq!(host::status(&mut rig.wired).unwrap().pending, Some(NONCE));
    assert_eq!(host::status(&mut rig.wired).unwrap().sign_tries, Some(5), "and leaves the passwords");
}

#[test]
fn certificates_are_loaded_after_consent_and_only_for_the_keys_that_wait() {
    let mut rig = story().pending();
    let load = |rig: &mut Rig, objects: &[u8]| {
        let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
        ssd.ok(&personalise(&WALLET_AID));
        ssd.send(&store_data(objects)).status
    };
    assert_eq!(load(&mut rig, &story().certificates), StatusWord::CONDITIONS);
    type_in(rig.wallet(), REGISTER, &[(PinPurpose::VerifySign, SIGN_PASSWORD)]).unwrap();
    host::confirm_registration(&mut rig.wired, REGISTER.1).unwrap();
    rig.wired.reset();
    assert_eq!(load(&mut rig, &story().certificates), StatusWord::CONDITIONS, "consent ends with the power");
    type_in(rig.wallet(), REGISTER, &[(PinPurpose::VerifySign, SIGN_PASSWORD)]).unwrap();
    host::confirm_registration(&mut rig.wired, REGISTER.1).unwrap();
    let half = &story().certificates[..story().certificates.len() / 2];
    assert_eq!(load(&mut rig, half), StatusWord::WRONG_DATA);
    let mut other = story().certificates.clone();
    let at = spki(KeyUsage::Sign).len();
    let modulus = other.windows(32).position(|window| window == &spki(KeyUsage::Sign)[at - 200..at - 168]);
    other[modulus.unwrap()] ^= 1;
    assert_eq!(load(&mut rig, &other), StatusWord::WRONG_DATA, "another key");
    assert_eq!(load(&mut rig, &story().certificates), StatusWord::OK);
    let status = host::status(rig.wallet()).unwrap();
    assert_eq!((status.holding, status.pending), (Holding::Held, None));
    for (kind, usage) in [(PinKind::Sign, KeyUsage::Sign), (PinKind::Auth, KeyUsage::Auth)] {
        let certificate = host::certificate(&mut rig.wired, kind).unwrap().unwrap();
        assert_eq!(Certificate::from_der(&certificate).unwrap().public_spki(), spki(usage));
    }
    rig.wired.reset();
    assert_eq!(load(&mut rig, &story().certificates), StatusWord::OK, "the answer was lost: once more");
}

#[test]
fn a_login_is_signed_by_both_keys_once() {
    let mut rig = story().held();
    let mut wallet = LogicalChannel::open(&mut rig.wired).unwrap();
    host::select_wallet(&mut wallet).unwrap();
    type_in(&mut wallet, LOGIN, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
    let signatures = host::sign_login(&mut wallet, Method::Pin, LOGIN.1).unwrap();
    let hash = hash(LOGIN.0, LOGIN.1);
    assert!(verify_rsa(&spki(KeyUsage::Auth), &login_message(Method::Pin, &hash), &signatures.auth));
    let wallet_key = spki(KeyUsage::WalletInstance);
    let statement = wallet_message(Method::Pin, &hash);
    assert!(verify_p256(point(&wallet_key), &statement, &signatures.wallet));
    assert_eq!(host::sign_login(&mut wallet, Method::Pin, LOGIN.1), Err(HostError::NotAllowed));
    wallet.close().unwrap();
}

#[test]
fn device_messages_are_typed() {
    let mut rig = story().held();
    let wallet_key = spki(KeyUsage::WalletInstance);
    let wallet = rig.wallet();
    for action in [DeviceAction::Retire, DeviceAction::Lift, DeviceAction::Statements] {
        let (payload, to_be_signed) = message(action);
        let signature = host::sign_device_message(wallet, &payload).unwrap();
        assert!(verify_p256(point(&wallet_key), &to_be_signed, &signature));
    }
    let (code, to_be_signed) = message(DeviceAction::RecoveryCode { hash: vec![1; 32].into() });
    assert_eq!(host::sign_device_message(wallet, &code), Err(HostError::NotAllowed));
    assert_eq!(
        host::sign_device_message(wallet, &message(DeviceAction::Tampered).0),
        Err(HostError::NotAllowed)
    );
    let act = (TransactionKind::RecoveryCode, "a new recovery code");
    type_in(wallet, act, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
    let with =
        |wallet: &mut _, payload: &[u8]| host::sign_device_message_with_password(wallet, payload, act.1);
    assert_eq!(with(wallet, &code), Err(HostError::NotAllowed), "the wrong password");
    type_in(wallet, act, &[(PinPurpose::VerifySign, SIGN_PASSWORD)]).unwrap();
    let signature = with(wallet, &code).unwrap();
    assert!(verify_p256(point(&wallet_key), &to_be_signed, &signature));
    let foreign = DeviceMessage {
        element: ElementId::from_bytes([1; 10]),
        action: DeviceAction::Retire,
        nonce: vec![3; 16].into(),
    };
    let foreign = Signed::prepare(&foreign).unwrap().0.0;
    assert_eq!(host::sign_device_message(wallet, &foreign), Err(HostError::NotBound));
    let padded = [message(DeviceAction::Retire).0.as_slice(), b" "].concat();
    assert_eq!(host::sign_device_message(wallet, &padded), Err(HostError::NotBound));
}

#[test]
fn the_signature_certificate_is_renewed_alone() {
    let mut rig = story().held();
    let auth = host::certificate(rig.wallet(), PinKind::Auth).unwrap();
    let keys = host::generate_keys(&mut rig.wired, KeyKinds::Sign, &[6; 16]).unwrap();
    let keys = keys.verify(&story().maker, &[6; 16]).unwrap();
    assert!(keys.key(KeyUsage::Auth).is_err());
    type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
    host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).unwrap();
    register(&mut rig, &story().certify(&keys));
    let sign = host::certificate(rig.wallet(), PinKind::Sign).unwrap().unwrap();
    let expected = &keys.key(KeyUsage::Sign).unwrap().public_key.0;
    assert_eq!(&Certificate::from_der(&sign).unwrap().public_spki(), expected);
    assert_eq!(host::certificate(&mut rig.wired, PinKind::Auth).unwrap(), auth);
}

#[test]
fn abuse_b13_a_command_is_for_one_element_and_each_number_once() {
    let mut rig = story().held();
    let send = |rig: &mut Rig, command| {
        let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
        ssd.send(&story().wipe(&command))
    };
    let other = ElementId::from_bytes([1; 10]);
    let misdirected = tefuda_protocol::element::DeviceCommand { element: other, ..wipe(1) };
    assert_eq!(send(&mut rig, misdirected).status, StatusWord::WRONG_DATA);
    assert_eq!(send(&mut rig, wipe(0)).status, StatusWord::WRONG_DATA);
    assert_eq!(host::status(rig.wallet()).unwrap().holding, Holding::Held);
    let receipt = CommandReceipt { element: ELEMENT, number: 2 }.to_bytes();
    assert_eq!(send(&mut rig, wipe(2)).data, receipt);
    let status = host::status(rig.wallet()).unwrap();
    assert_eq!((status.holding, status.last_command), (Holding::Wiped, 2));
    assert_eq!((status.sign_tries, status.auth_tries, status.biometric_set), (None, None, None));
    assert_eq!(host::certificate(&mut rig.wired, PinKind::Auth), Ok(None));
    assert_eq!(
        type_in(&mut rig.wired, LOGIN, &[(PinPurpose::VerifyAuth, AUTH_PIN)]),
        Err(HostError::PinNotSet)
    );
    // A new holder: the old command gets its receipt again, and wipes nothing.
    let keys = host::generate_keys(&mut rig.wired, KeyKinds::Both, &[8; 16]).unwrap();
    let certificates = story().certify(&keys.verify(&story().maker, &[8; 16]).unwrap());
    set_passwords(&mut rig);
    register(&mut rig, &certificates);
    assert_eq!(send(&mut rig, wipe(2)).data, receipt);
    assert_eq!(send(&mut rig, wipe(1)).status, StatusWord::CONDITIONS);
    assert_eq!(host::status(rig.wallet()).unwrap().holding, Holding::Held);
}

#[test]
fn abuse_c08_a_forged_wipe_is_refused() {
    let mut rig = story().held();
    let before = host::status(rig.wallet()).unwrap();
    let stored = |signed: &serde_json::Value| {
        store_data(&tlv::encode(object::STORE_COMMAND, &serde_json::to_vec(signed).unwrap()))
    };
    let mut send = |command: &tefuda_apdu::Command| {
        let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
        ssd.send(command)
    };
    let genuine = story().wipe(&wipe(1));
    let json = tlv::find(&genuine.data, object::STORE_COMMAND).unwrap().value;
    let genuine: serde_json::Value = serde_json::from_slice(json).unwrap();
    // Another number under the signature of this one.
    let mut altered = genuine.clone();
    let payload = serde_json::to_vec(&wipe(7)).unwrap();
    altered["payload"] = serde_json::to_value(tefuda_types::Bytes(payload)).unwrap();
    assert_eq!(send(&stored(&altered)).status, StatusWord::SECURITY_STATUS);
    // Somebody else's signature, be it of another service manager's key or of the element's operator.
    for signer in [[9; 32], [7; 32]] {
        let (payload, message) = Signed::prepare(&wipe(1)).unwrap();
        let signature = P256Key::from_bytes(&signer).unwrap().sign_sha256(&message);
        let forged: Signed<tefuda_protocol::element::DeviceCommand> =
            Signed::assemble(payload, signature.into());
        let forged = serde_json::to_value(&forged).unwrap();
        assert_eq!(send(&stored(&forged)).status, StatusWord::SECURITY_STATUS);
    }
    // The genuine signature, for another person's phone.
    let other = ElementId::from_bytes([1; 10]);
    let misdirected = story().wipe(&tefuda_protocol::element::DeviceCommand { element: other, ..wipe(1) });
    assert_eq!(send(&misdirected).status, StatusWord::WRONG_DATA);
    assert_eq!(host::status(rig.wallet()).unwrap(), before);
    type_in(&mut rig.wired, LOGIN, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
    host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).unwrap();
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    assert_eq!(ssd.send(&stored(&genuine)).status, StatusWord::OK);
}

#[test]
fn a_sensor_event_leaves_only_the_report() {
    let rig = story().held();
    assert!(rig.sensor_event());
    let mut rig = Rig::power_up(rig.power_down());
    let wallet = rig.wallet();
    assert_eq!(host::status(wallet).unwrap().holding, Holding::Tampered);
    let (report, to_be_signed) = message(DeviceAction::Tampered);
    let signature = host::sign_device_message(wallet, &report).unwrap();
    let element = host::element_certificate(wallet).unwrap();
    let element = element.verify(|bytes, by| verify_p256(&story().maker, bytes, by)).unwrap();
    assert!(verify_p256(&element.attestation_key.0, &to_be_signed, &signature));
    for refused in [
        host::challenge(wallet).map(drop),
        host::certificate(wallet, PinKind::Auth).map(drop),
        host::sign_device_message(wallet, &message(DeviceAction::Retire).0).map(drop),
        host::generate_keys(wallet, KeyKinds::Both, &[1; 16]).map(drop),
        host::remove_biometrics(wallet),
    ] {
        assert_eq!(refused, Err(HostError::NotAllowed));
    }
    // A wipe still gets its receipt, and does not make the element whole.
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    assert_eq!(ssd.send(&story().wipe(&wipe(1))).status, StatusWord::OK);
    assert_eq!(host::status(rig.wallet()).unwrap().holding, Holding::Tampered);
}

#[test]
fn abuse_a08_a_memory_that_was_set_back_costs_the_keys() {
    let image = story().held_die().pages();
    let mut rig = story().held();
    for _ in 0..2 {
        let wrong = type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, "0000")]);
        assert!(matches!(wrong, Err(HostError::PinWrong { .. })));
    }
    let mut silicon = rig.power_down();
    silicon.put_back(image);
    let mut rig = Rig::power_up(silicon);
    assert_eq!(host::status(rig.wallet()).unwrap().holding, Holding::Tampered);
    let mut silicon = rig.power_down();
    let mut pages = silicon.pages();
    for page in pages.iter_mut().flatten() {
        *page.last_mut().unwrap() ^= 1;
    }
    silicon.put_back(pages);
    let mut dead = Rig::power_up(silicon);
    assert_eq!(dead.wired.process(&[0x00, 0xA4, 0x04, 0x00]), [0x65, 0x81]);
    assert!(!dead.sensor_event());
}

#[test]
fn the_service_manager_removes_the_applet_and_its_keys() {
    let mut rig = story().held();
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    ssd.ok(&delete(&crate::story::aid(&WALLET_AID)));
    assert_eq!(host::select_wallet(&mut rig.wired), Err(HostError::NotInstalled));
    let state = crate::story::sealed_state(rig.power_down());
    assert!(!String::from_utf8_lossy(&state).contains("sign_password"));
}
