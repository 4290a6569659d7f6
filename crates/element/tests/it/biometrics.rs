//! User-verification tokens: for the authentication key alone, with a limit of their own.

use crate::{
    fixture::{AUTH_PIN, Rig, SIGN_PASSWORD, hash, token, type_in},
    story::{ENROL, story},
};
use tefuda_element::host::{self, HostError};
use tefuda_protocol::{
    sealed::PinPurpose,
    transaction::{Method, TransactionKind},
};

const LOGIN: (TransactionKind, &str) = (TransactionKind::Login, "log in at the library");
const PIN: [(PinPurpose, &str); 1] = [(PinPurpose::VerifyAuth, AUTH_PIN)];

fn touch(rig: &mut Rig, body: &str, set: u32) -> Result<(), HostError> {
    let challenge = host::challenge(rig.wallet())?;
    let hash = hash(LOGIN.0, body);
    host::present_token(&mut rig.wired, &hash, set, &token(challenge, &hash, set))
}

fn misses_left(rig: &mut Rig) -> (Option<u32>, u8) {
    let status = host::status(rig.wallet()).unwrap();
    (status.biometric_set, status.biometric_misses_left)
}

#[test]
fn a_finger_stands_for_the_pin_in_one_login() {
    let mut rig = story().with_fingers();
    touch(&mut rig, LOGIN.1, 1).unwrap();
    let signatures = host::sign_login(&mut rig.wired, Method::Biometrics, LOGIN.1).unwrap();
    assert_eq!((signatures.auth.len(), signatures.wallet.len()), (256, 64));
    assert_eq!(host::sign_login(&mut rig.wired, Method::Biometrics, LOGIN.1), Err(HostError::NotAllowed));
    touch(&mut rig, LOGIN.1, 1).unwrap();
    assert_eq!(host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1), Err(HostError::NotAllowed));
    touch(&mut rig, "log in at the bank", 1).unwrap();
    assert_eq!(host::sign_login(&mut rig.wired, Method::Biometrics, LOGIN.1), Err(HostError::NotBound));
}

#[test]
fn it_is_enrolled_by_who_knows_the_pin() {
    let mut rig = story().held();
    assert_eq!(touch(&mut rig, LOGIN.1, 1), Err(HostError::BiometricsNotEnrolled));
    assert_eq!(host::report_miss(&mut rig.wired), Err(HostError::BiometricsNotEnrolled));
    let sign = [(PinPurpose::VerifySign, SIGN_PASSWORD)];
    let challenge = type_in(rig.wallet(), ENROL, &sign).unwrap();
    let right = token(challenge, &hash(ENROL.0, ENROL.1), 1);
    assert_eq!(host::enrol_biometrics(&mut rig.wired, 1, &right, ENROL.1), Err(HostError::NotAllowed));
    type_in(rig.wallet(), ENROL, &PIN).unwrap();
    assert_eq!(host::enrol_biometrics(&mut rig.wired, 1, &right, ENROL.1), Err(HostError::NotBound));
    let challenge = type_in(rig.wallet(), ENROL, &PIN).unwrap();
    let other_set = token(challenge, &hash(ENROL.0, ENROL.1), 2);
    assert_eq!(host::enrol_biometrics(&mut rig.wired, 1, &other_set, ENROL.1), Err(HostError::NotBound));
    assert_eq!(misses_left(&mut rig), (None, 0));
    // Nor by who has a finger that is enrolled already.
    let mut rig = story().with_fingers();
    let enrol = hash(ENROL.0, ENROL.1);
    let challenge = host::challenge(rig.wallet()).unwrap();
    host::present_token(&mut rig.wired, &enrol, 1, &token(challenge, &enrol, 1)).unwrap();
    let two = token(challenge, &enrol, 2);
    assert_eq!(host::enrol_biometrics(&mut rig.wired, 2, &two, ENROL.1), Err(HostError::NotAllowed));
    assert_eq!(misses_left(&mut rig), (Some(1), 5));
    host::remove_biometrics(&mut rig.wired).unwrap();
    assert_eq!(misses_left(&mut rig), (None, 0));
}

#[test]
fn a_captured_token_is_worth_nothing_elsewhere() {
    let mut rig = story().with_fingers();
    let login = hash(LOGIN.0, LOGIN.1);
    let challenge = host::challenge(rig.wallet()).unwrap();
    let captured = token(challenge, &login, 1);
    let other = hash(LOGIN.0, "log in at the bank");
    let missed = |left| Err(HostError::BiometricsMissed { left });
    assert_eq!(host::present_token(&mut rig.wired, &other, 1, &captured), missed(4));
    assert_eq!(host::present_token(&mut rig.wired, &login, 1, &captured), Err(HostError::NotAllowed));
    host::challenge(&mut rig.wired).unwrap();
    assert_eq!(host::present_token(&mut rig.wired, &login, 1, &captured), missed(3), "another session");
    // Another set, whoever vouches for it.
    assert_eq!(touch(&mut rig, LOGIN.1, 2), Err(HostError::BiometricsStale));
    assert_eq!(misses_left(&mut rig), (Some(1), 3));
    // Nothing of it is a password.
    touch(&mut rig, LOGIN.1, 1).unwrap();
    let code = (TransactionKind::Register, LOGIN.1);
    assert_eq!(host::confirm_registration(&mut rig.wired, code.1), Err(HostError::NotBound));
}

#[test]
fn abuse_c03_misses_end_it_until_the_pin_and_neither_touches_the_other() {
    let mut rig = story().with_fingers();
    type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, "0000")]).unwrap_err();
    for left in (0..5).rev() {
        assert_eq!(host::report_miss(rig.wallet()), Ok(left));
        rig = Rig::power_up(rig.power_down());
    }
    assert_eq!(host::report_miss(rig.wallet()), Err(HostError::BiometricsStale));
    assert_eq!(touch(&mut rig, LOGIN.1, 1), Err(HostError::BiometricsStale));
    assert_eq!(host::status(&mut rig.wired).unwrap().auth_tries, Some(2), "the PIN's tries are its own");
    type_in(rig.wallet(), LOGIN, &PIN).unwrap();
    assert_eq!(misses_left(&mut rig), (Some(1), 5));
    type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, "0000")]).unwrap_err();
    touch(&mut rig, LOGIN.1, 1).unwrap();
    assert_eq!(host::status(&mut rig.wired).unwrap().auth_tries, Some(2), "nor does a finger give them back");
    // Somebody who blocked the PIN has not blocked the finger, and the other way round.
    for _ in 0..2 {
        type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, "0000")]).unwrap_err();
    }
    touch(&mut rig, LOGIN.1, 1).unwrap();
}

#[test]
fn abuse_c02_a_changed_set_counts_only_after_the_pin_of_a_login() {
    let mut rig = story().with_fingers();
    assert_eq!(touch(&mut rig, LOGIN.1, 2), Err(HostError::BiometricsStale));
    let login = hash(LOGIN.0, LOGIN.1);
    let challenge = type_in(rig.wallet(), LOGIN, &PIN).unwrap();
    host::adopt_set(&mut rig.wired, 2, &token(challenge, &login, 2), LOGIN.1).unwrap();
    host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).unwrap();
    assert_eq!(touch(&mut rig, LOGIN.1, 1), Err(HostError::BiometricsStale));
    touch(&mut rig, LOGIN.1, 2).unwrap();
    // Not with a finger, not for another text, and not where none was enrolled.
    let challenge = host::challenge(rig.wallet()).unwrap();
    host::present_token(&mut rig.wired, &login, 2, &token(challenge, &login, 2)).unwrap();
    let three = token(challenge, &login, 3);
    assert_eq!(host::adopt_set(&mut rig.wired, 3, &three, LOGIN.1), Err(HostError::NotAllowed));
    let challenge = type_in(rig.wallet(), LOGIN, &PIN).unwrap();
    let three = token(challenge, &login, 3);
    assert_eq!(host::adopt_set(&mut rig.wired, 3, &three, "log in at the bank"), Err(HostError::NotBound));
    let mut rig = story().held();
    let challenge = type_in(rig.wallet(), LOGIN, &PIN).unwrap();
    let first = token(challenge, &login, 1);
    assert_eq!(host::adopt_set(&mut rig.wired, 1, &first, LOGIN.1), Err(HostError::BiometricsNotEnrolled));
    host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).unwrap();
}
