//! Sealed passwords: tries, consent, and what a captured block is worth.

use crate::{
    fixture::{AUTH_PIN, Rig, SIGN_PASSWORD, hash, open, pin_entry_key, seal, service_manager, type_in},
    story::{REGISTER, manufacture, personalise, story},
};
use tefuda_apdu::{StatusWord, globalplatform::store_data, tlv};
use tefuda_element::{
    KeyKinds,
    host::{self, HostError, LogicalChannel},
};
use tefuda_protocol::{
    element::{AUTHORITY_DOMAIN_AID, Holding, OWN_KEY_VERSION, WALLET_AID, object},
    sealed::PinPurpose,
    transaction::{Method, TransactionKind},
};
use tefuda_silicon::testing::SeededSilicon;

const LOGIN: (TransactionKind, &str) = (TransactionKind::Login, "log in at the library");
const CHANGE: (TransactionKind, &str) = (TransactionKind::ChangePin, "change the password");
const RESET: (TransactionKind, &str) = (TransactionKind::ResetPin, "set the password anew");

fn tries(rig: &mut Rig) -> (Option<u8>, Option<u8>) {
    let status = host::status(rig.wallet()).unwrap();
    (status.sign_tries, status.auth_tries)
}

fn grant(rig: &mut Rig, purpose: u8) -> StatusWord {
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    ssd.ok(&personalise(&WALLET_AID));
    ssd.send(&store_data(&tlv::encode(object::STORE_RESET_GRANT, &[purpose]))).status
}

#[test]
fn wrong_passwords_count_down_and_survive_power() {
    let mut rig = story().held();
    for (purpose, right, limit) in
        [(PinPurpose::VerifySign, SIGN_PASSWORD, 5), (PinPurpose::VerifyAuth, AUTH_PIN, 3)]
    {
        for left in (1..limit).rev() {
            assert_eq!(
                type_in(rig.wallet(), LOGIN, &[(purpose, "WRONG1")]),
                Err(HostError::PinWrong { left })
            );
            rig = Rig::power_up(rig.power_down());
        }
        type_in(rig.wallet(), LOGIN, &[(purpose, right)]).unwrap();
        assert_eq!(tries(&mut rig), (Some(5), Some(3)), "a right one gives the tries back");
    }
    for _ in 0..3 {
        type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, "0000")]).unwrap_err();
    }
    assert_eq!(
        type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, AUTH_PIN)]),
        Err(HostError::PinBlocked)
    );
    assert_eq!(tries(&mut rig), (Some(5), Some(0)));
}

#[test]
fn a_blocked_password_is_set_anew_once_after_the_card_was_shown() {
    let mut rig = story().held();
    for _ in 0..3 {
        type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, "0000")]).unwrap_err();
    }
    let anew = [(PinPurpose::SetAuth, "1357")];
    assert_eq!(type_in(rig.wallet(), RESET, &anew), Err(HostError::NotAllowed));
    assert_eq!(grant(&mut rig, 9), StatusWord::WRONG_DATA);
    assert_eq!(grant(&mut rig, PinPurpose::SetAuth as u8), StatusWord::OK);
    rig = Rig::power_up(rig.power_down());
    let sign = [(PinPurpose::SetSign, "OTHER1")];
    assert_eq!(type_in(rig.wallet(), RESET, &sign), Err(HostError::NotAllowed), "for the other password");
    type_in(rig.wallet(), RESET, &anew).unwrap();
    assert_eq!(tries(&mut rig), (Some(5), Some(3)));
    type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, "1357")]).unwrap();
    assert_eq!(type_in(rig.wallet(), RESET, &anew), Err(HostError::NotAllowed), "a second time");
}

#[test]
fn a_password_is_changed_by_who_knows_the_present_one() {
    let mut rig = story().held();
    assert_eq!(type_in(rig.wallet(), CHANGE, &[(PinPurpose::SetSign, "OTHER1")]), Err(HostError::NotAllowed));
    let crossed = [(PinPurpose::VerifyAuth, AUTH_PIN), (PinPurpose::SetSign, "OTHER1")];
    assert_eq!(type_in(rig.wallet(), CHANGE, &crossed), Err(HostError::NotAllowed));
    for bad in ["OTHERS", "123456", "ABC12", "abc123", "ABCDEFGH12345678"] {
        let change = [(PinPurpose::VerifySign, SIGN_PASSWORD), (PinPurpose::SetSign, bad)];
        let expected = if bad.len() == 16 { Ok(()) } else { Err(HostError::PinMalformed) };
        assert_eq!(type_in(story().held().wallet(), CHANGE, &change).map(drop), expected, "{bad}");
    }
    for bad in ["123", "12345", "123A"] {
        let change = [(PinPurpose::VerifyAuth, AUTH_PIN), (PinPurpose::SetAuth, bad)];
        assert_eq!(type_in(rig.wallet(), CHANGE, &change), Err(HostError::PinMalformed), "{bad}");
    }
    let change = [(PinPurpose::VerifySign, SIGN_PASSWORD), (PinPurpose::SetSign, "OTHER1")];
    type_in(rig.wallet(), CHANGE, &change).unwrap();
    type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifySign, "OTHER1")]).unwrap();
    assert_eq!(
        type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifySign, SIGN_PASSWORD)]),
        Err(HostError::PinWrong { left: 4 })
    );
}

#[test]
fn a_captured_block_is_worth_nothing_elsewhere() {
    let mut rig = story().held();
    let wallet = rig.wallet();
    let key = pin_entry_key(wallet);
    let purpose = PinPurpose::VerifyAuth;
    let login = hash(LOGIN.0, LOGIN.1);
    let challenge = host::challenge(wallet).unwrap();
    let captured = seal(&key, challenge, login, purpose, AUTH_PIN);
    // In this session, for another text or relying party.
    let other = hash(LOGIN.0, "log in at the bank");
    assert_eq!(host::present_pin(wallet, purpose, &other, &captured), Err(HostError::NotBound));
    // The failure ended the session: its own text comes too late.
    assert_eq!(host::present_pin(wallet, purpose, &login, &captured), Err(HostError::NotAllowed));
    // In the next session.
    host::challenge(wallet).unwrap();
    assert_eq!(host::present_pin(wallet, purpose, &login, &captured), Err(HostError::NotBound));
    // For another purpose.
    let challenge = host::challenge(wallet).unwrap();
    let block = seal(&key, challenge, login, purpose, AUTH_PIN);
    assert_eq!(host::present_pin(wallet, PinPurpose::VerifySign, &login, &block), Err(HostError::NotBound));
    // Twice in one session.
    let challenge = host::challenge(wallet).unwrap();
    let block = seal(&key, challenge, login, purpose, AUTH_PIN);
    host::present_pin(wallet, purpose, &login, &block).unwrap();
    assert_eq!(host::present_pin(wallet, purpose, &login, &block), Err(HostError::NotAllowed));
    assert_eq!(host::sign_login(wallet, Method::Pin, LOGIN.1), Err(HostError::NotAllowed));
    // Octets that are no block.
    let challenge = host::challenge(wallet).unwrap();
    let mut garbage = *seal(&key, challenge, login, purpose, AUTH_PIN).as_bytes();
    garbage[1] ^= 1;
    let garbage = tefuda_protocol::sealed::PinBlock::from_bytes(&garbage).unwrap();
    assert_eq!(host::present_pin(wallet, purpose, &login, &garbage), Err(HostError::NotBound));
    // For another element.
    let (other, _) = manufacture(SeededSilicon::new(6));
    let other = other.pin_entry_key();
    let challenge = host::challenge(wallet).unwrap();
    let block = seal(&other, challenge, login, purpose, AUTH_PIN);
    assert_eq!(host::present_pin(wallet, purpose, &login, &block), Err(HostError::NotBound));
    assert_eq!(tries(&mut rig), (Some(5), Some(3)), "none of it cost a try");
}

#[test]
fn a_text_that_is_swapped_after_consent_is_refused_inside() {
    let mut rig = story().held();
    let wallet = rig.wallet();
    let pin = [(PinPurpose::VerifyAuth, AUTH_PIN)];
    type_in(wallet, LOGIN, &pin).unwrap();
    assert_eq!(host::sign_login(wallet, Method::Pin, "log in at the bank"), Err(HostError::NotBound));
    assert_eq!(host::sign_login(wallet, Method::Pin, LOGIN.1), Err(HostError::NotAllowed), "it is over");
    // The same text, agreed to as another kind of act.
    type_in(wallet, (TransactionKind::EnrolBiometrics, LOGIN.1), &pin).unwrap();
    assert_eq!(host::sign_login(wallet, Method::Pin, LOGIN.1), Err(HostError::NotBound));
    // A login that claims another method than the one given.
    type_in(wallet, LOGIN, &pin).unwrap();
    assert_eq!(host::sign_login(wallet, Method::Biometrics, LOGIN.1), Err(HostError::NotAllowed));
    // The signature password signs no login.
    type_in(wallet, LOGIN, &[(PinPurpose::VerifySign, SIGN_PASSWORD)]).unwrap();
    assert_eq!(host::sign_login(wallet, Method::Pin, LOGIN.1), Err(HostError::NotAllowed));
}

#[test]
fn a_session_is_for_one_transaction_and_each_purpose_once() {
    let mut rig = story().held();
    let wallet = rig.wallet();
    let key = pin_entry_key(wallet);
    let (login, bank) = (hash(LOGIN.0, LOGIN.1), hash(LOGIN.0, "log in at the bank"));
    let challenge = host::challenge(wallet).unwrap();
    let block = seal(&key, challenge, login, PinPurpose::VerifySign, SIGN_PASSWORD);
    host::present_pin(wallet, PinPurpose::VerifySign, &login, &block).unwrap();
    assert_eq!(host::present_pin(wallet, PinPurpose::VerifySign, &login, &block), Err(HostError::NotAllowed));
    let challenge = host::challenge(wallet).unwrap();
    let block = seal(&key, challenge, login, PinPurpose::VerifySign, SIGN_PASSWORD);
    host::present_pin(wallet, PinPurpose::VerifySign, &login, &block).unwrap();
    let other = seal(&key, challenge, bank, PinPurpose::VerifyAuth, AUTH_PIN);
    assert_eq!(host::present_pin(wallet, PinPurpose::VerifyAuth, &bank, &other), Err(HostError::NotAllowed));
    // A password that was given for its change is given for nothing else.
    let change = [(PinPurpose::VerifySign, SIGN_PASSWORD), (PinPurpose::SetSign, "OTHER1")];
    type_in(wallet, (TransactionKind::Register, "both"), &change).unwrap();
    assert_eq!(host::confirm_registration(wallet, "both"), Err(HostError::NotAllowed));
    assert_eq!(tries(&mut rig), (Some(5), Some(3)));
}

#[test]
fn abuse_a02_a_session_ends_with_challenge_selection_channel_and_power() {
    let pin = [(PinPurpose::VerifyAuth, AUTH_PIN)];
    let ends: [fn(&mut Rig); 4] = [
        |rig| drop(host::challenge(&mut rig.wired)),
        |rig| drop(host::access_rules(&mut rig.wired)),
        |rig| drop(host::select_wallet(&mut rig.wired)),
        |rig| rig.wired.reset(),
    ];
    for end in ends {
        let mut rig = story().held();
        type_in(rig.wallet(), LOGIN, &pin).unwrap();
        end(&mut rig);
        assert_eq!(host::sign_login(rig.wallet(), Method::Pin, LOGIN.1), Err(HostError::NotAllowed));
    }
    // Nor does one channel use what was given on the other.
    let mut rig = story().held();
    rig.wallet();
    let mut logical = LogicalChannel::open(&mut rig.wired).unwrap();
    host::select_wallet(&mut logical).unwrap();
    type_in(&mut logical, LOGIN, &pin).unwrap();
    let meanwhile = host::sign_login(logical.element(), Method::Pin, LOGIN.1);
    assert_eq!(meanwhile, Err(HostError::NotAllowed));
    host::sign_login(&mut logical, Method::Pin, LOGIN.1).unwrap();
}

#[test]
fn passwords_of_an_enrolment_that_was_given_up_bind_nobody() {
    let mut rig = story().pending();
    host::generate_keys(rig.wallet(), KeyKinds::Sign, &[1; 16]).unwrap();
    let status = host::status(&mut rig.wired).unwrap();
    assert_eq!((status.holding, status.sign_tries, status.auth_tries), (Holding::Empty, None, None));
    let auth = [(PinPurpose::SetAuth, "1357")];
    let set = (TransactionKind::SetPin, "set");
    assert_eq!(type_in(&mut rig.wired, set, &auth), Err(HostError::NotAllowed), "no such key waits");
    // Where somebody's keys are in use, new ones change no password.
    let mut rig = story().held();
    host::generate_keys(rig.wallet(), KeyKinds::Sign, &[1; 16]).unwrap();
    assert_eq!(tries(&mut rig), (Some(5), Some(3)));
    let sign = [(PinPurpose::SetSign, "OTHER1")];
    assert_eq!(type_in(&mut rig.wired, set, &sign), Err(HostError::NotAllowed));
}

#[test]
fn consent_to_register_is_for_the_keys_that_waited_then() {
    let mut rig = story().pending();
    let sign = [(PinPurpose::VerifySign, SIGN_PASSWORD)];
    type_in(rig.wallet(), REGISTER, &sign).unwrap();
    assert_eq!(
        host::confirm_registration(&mut rig.wired, "register something else"),
        Err(HostError::NotBound)
    );
    let mut rig = story().held();
    type_in(rig.wallet(), REGISTER, &sign).unwrap();
    assert_eq!(host::confirm_registration(&mut rig.wired, REGISTER.1), Err(HostError::NotAllowed));
    // Other keys than the ones that waited when the holder agreed.
    host::generate_keys(rig.wallet(), KeyKinds::Sign, &[1; 16]).unwrap();
    type_in(&mut rig.wired, REGISTER, &sign).unwrap();
    host::confirm_registration(&mut rig.wired, REGISTER.1).unwrap();
    let keys = host::generate_keys(&mut rig.wired, KeyKinds::Sign, &[2; 16]).unwrap();
    let certificates = story().certify(&keys.verify(&story().maker, &[2; 16]).unwrap());
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    ssd.ok(&personalise(&WALLET_AID));
    assert_eq!(ssd.send(&store_data(&certificates)).status, StatusWord::CONDITIONS);
}
