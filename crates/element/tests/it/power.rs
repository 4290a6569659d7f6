//! Power cut at every persistent write: no counter goes up, no key is there by half, no try is free.

use crate::{
    fixture::{AUTH_PIN, Rig, SIGN_PASSWORD, guess, keys, open_as, operator, service_manager, type_in},
    story::{NONCE, REGISTER, personalise, put, story, wipe},
};
use tefuda_apdu::{
    StatusWord,
    globalplatform::store_data,
    scp03::{Mode, SecurityLevel, StaticKeys},
};
use tefuda_element::host::{self, HostError};
use tefuda_protocol::{
    element::{AUTHORITY_DOMAIN_AID, AppletStatus, Holding, ISSUER_DOMAIN_AID, OWN_KEY_VERSION, WALLET_AID},
    sealed::PinPurpose,
    transaction::TransactionKind,
};
use tefuda_silicon::testing::SeededSilicon;
use tefuda_types::PinKind;

const LOGIN: (TransactionKind, &str) = (TransactionKind::Login, "log in at the library");
const CHANGE: (TransactionKind, &str) = (TransactionKind::ChangePin, "change the password");
const WRONG: StatusWord = StatusWord(0x6300);
const WAY: (Mode, SecurityLevel) = (Mode::S16, SecurityLevel::FULL);

/// Does something with power for so many writes: what came of it, and the element as the next power-up
/// finds it.
fn cut<T>(mut silicon: SeededSilicon, writes: u32, act: impl FnOnce(&mut Rig) -> T) -> (T, Rig) {
    silicon.cut_after(writes);
    let mut rig = Rig::power_up(silicon);
    let outcome = act(&mut rig);
    (outcome, Rig::power_up(rig.power_down()))
}

fn status(rig: &mut Rig) -> AppletStatus {
    host::status(rig.wallet()).unwrap()
}

#[test]
fn no_try_is_free() {
    for writes in 0..6 {
        let wrong = [(PinPurpose::VerifyAuth, "0000")];
        let (told, mut rig) = cut(story().held_die(), writes, |rig| type_in(rig.wallet(), LOGIN, &wrong));
        let left = status(&mut rig).auth_tries.unwrap();
        assert!((2..=3).contains(&left), "{writes}: {left}");
        let told_wrong = told == Err(HostError::PinWrong { left: 2 });
        assert!(!told_wrong || left == 2, "{writes}: told that it was wrong, and the try is back");
        assert!(told.is_err());
    }
}

#[test]
fn a_right_password_costs_at_most_the_try_that_was_counted() {
    for writes in 0..6 {
        let right = [(PinPurpose::VerifySign, SIGN_PASSWORD)];
        let (told, mut rig) = cut(story().held_die(), writes, |rig| type_in(rig.wallet(), LOGIN, &right));
        let left = status(&mut rig).sign_tries.unwrap();
        assert!(left == 5 || (left == 4 && told.is_err()), "{writes}: {left}");
    }
}

#[test]
fn a_miss_is_counted_before_the_token_is_compared() {
    let mut rig = story().held();
    let enrol = (TransactionKind::EnrolBiometrics, "enrol");
    let challenge = type_in(rig.wallet(), enrol, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
    let token = crate::fixture::token(challenge, &crate::fixture::hash(enrol.0, enrol.1), 1);
    host::enrol_biometrics(&mut rig.wired, 1, &token, enrol.1).unwrap();
    let enrolled = rig.power_down();
    let login = crate::fixture::hash(LOGIN.0, LOGIN.1);
    for writes in 0..4 {
        let (told, mut rig) = cut(enrolled.twin(), writes, |rig| {
            host::challenge(rig.wallet()).unwrap();
            host::present_token(&mut rig.wired, &login, 1, &[0; 32])
        });
        let left = status(&mut rig).biometric_misses_left;
        assert!((4..=5).contains(&left));
        assert!(told != Err(HostError::BiometricsMissed { left: 4 }) || left == 4);
    }
}

#[test]
fn a_password_is_the_old_or_the_new() {
    for writes in 0..8 {
        let change = [(PinPurpose::VerifySign, SIGN_PASSWORD), (PinPurpose::SetSign, "OTHER1")];
        let (told, mut rig) = cut(story().held_die(), writes, |rig| type_in(rig.wallet(), CHANGE, &change));
        let opens = |rig: &mut Rig, password| {
            type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifySign, password)]).is_ok()
        };
        let (new, old) = (opens(&mut rig, "OTHER1"), opens(&mut rig, SIGN_PASSWORD));
        assert!(new ^ old, "{writes}");
        assert!(told.is_err() || new);
    }
}

#[test]
fn a_password_that_is_set_first_is_there_or_not() {
    let mut rig = story().provisioned();
    host::generate_keys(rig.wallet(), tefuda_element::KeyKinds::Sign, &NONCE).unwrap();
    let waiting = rig.power_down();
    for writes in 0..3 {
        let set = [(PinPurpose::SetSign, SIGN_PASSWORD)];
        let act = (TransactionKind::SetPin, "set");
        let (told, mut rig) = cut(waiting.twin(), writes, |rig| type_in(rig.wallet(), act, &set));
        let status = status(&mut rig);
        assert_eq!(status.pending, Some(NONCE));
        match status.sign_tries {
            None => assert!(told.is_err()),
            Some(left) => assert_eq!(left, 5),
        }
    }
}

#[test]
fn without_power_there_is_no_answer_on_either_side() {
    let mut silicon = story().held_die();
    silicon.cut_after(0);
    let mut rig = Rig::power_up(silicon);
    let wrong = [(PinPurpose::VerifyAuth, "0000")];
    assert_eq!(type_in(rig.wallet(), LOGIN, &wrong), Err(HostError::Torn));
    assert_eq!(host::select_wallet(&mut rig.wired), Err(HostError::Torn));
    assert_eq!(rig.field.process(&[0x00, 0xA4, 0x04, 0x0C]), [0x65, 0x81]);
    rig.wired.reset();
    assert_eq!(status(&mut rig).auth_tries, Some(3));
}

fn load(rig: &mut Rig) -> bool {
    let keys = (OWN_KEY_VERSION, &service_manager());
    let Ok(mut ssd) = open_as(&mut rig.wired, &AUTHORITY_DOMAIN_AID, keys, WAY) else { return false };
    ssd.send(&personalise(&WALLET_AID)).status.is_ok()
        && ssd.send(&store_data(&story().certificates)).status.is_ok()
}

#[test]
fn a_registration_is_whole_or_can_be_repeated() {
    for writes in 0..16 {
        let (loaded, mut rig) = cut(story().pending_die(), writes, |rig| {
            let sign = [(PinPurpose::VerifySign, SIGN_PASSWORD)];
            type_in(rig.wallet(), REGISTER, &sign).is_ok()
                && host::confirm_registration(&mut rig.wired, REGISTER.1).is_ok()
                && load(rig)
        });
        let now = status(&mut rig);
        let there = [PinKind::Sign, PinKind::Auth]
            .map(|kind| host::certificate(&mut rig.wired, kind).unwrap().is_some());
        match now.holding {
            Holding::Held => {
                assert_eq!((now.pending, there), (None, [true; 2]));
                assert!(load(&mut rig), "the answer was lost: the same again is confirmed");
            }
            holding => {
                assert_eq!((holding, now.pending, there), (Holding::Empty, Some(NONCE), [false; 2]));
                assert!(!loaded, "{writes}: confirmed, and not there");
                crate::story::register(&mut rig, &story().certificates);
            }
        }
    }
}

#[test]
fn a_wipe_is_whole_or_still_open() {
    for writes in 0..12 {
        let (receipt, mut rig) = cut(story().held_die(), writes, order);
        let now = status(&mut rig);
        match now.holding {
            Holding::Wiped => assert_eq!((now.last_command, now.sign_tries, now.auth_tries), (1, None, None)),
            holding => {
                assert_eq!((holding, now.last_command, receipt), (Holding::Held, 0, None), "{writes}");
                type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
            }
        }
        assert!(order(&mut rig).is_some());
        assert_eq!(status(&mut rig).holding, Holding::Wiped);
    }
}

fn order(rig: &mut Rig) -> Option<Vec<u8>> {
    let keys = (OWN_KEY_VERSION, &service_manager());
    let mut ssd = open_as(&mut rig.wired, &AUTHORITY_DOMAIN_AID, keys, WAY).ok()?;
    let response = ssd.send(&story().wipe(&wipe(1)));
    response.status.is_ok().then_some(response.data)
}

#[test]
fn tampering_is_told_or_did_not_happen() {
    for writes in 0..3 {
        let (done, mut rig) = cut(story().held_die(), writes, |rig| rig.sensor_event());
        match status(&mut rig).holding {
            Holding::Tampered => assert_eq!(host::challenge(&mut rig.wired), Err(HostError::NotAllowed)),
            holding => assert_eq!((holding, done), (Holding::Held, false)),
        }
    }
}

#[test]
fn a_domain_has_the_old_keys_or_the_new() {
    for (domain, present) in [(&ISSUER_DOMAIN_AID, operator()), (&AUTHORITY_DOMAIN_AID, service_manager())] {
        for writes in 0..12 {
            let (answered, mut rig) = cut(story().held_die(), writes, |rig| {
                let opened = open_as(&mut rig.wired, domain, (OWN_KEY_VERSION, &present), WAY);
                opened.is_ok_and(|mut channel| {
                    channel.send(&put(OWN_KEY_VERSION, OWN_KEY_VERSION, keys(0x40), &present)).status.is_ok()
                })
            });
            let mut opens =
                |keys: &StaticKeys| open_as(&mut rig.wired, domain, (OWN_KEY_VERSION, keys), WAY).is_ok();
            let (new, old) = (opens(&keys(0x40)), opens(&present));
            assert!(new ^ old, "{writes}");
            assert!(!answered || new);
        }
    }
}

#[test]
fn a_wrong_authentication_is_counted_wherever_power_goes() {
    for writes in 0..6 {
        let try_one = |rig: &mut Rig| guess(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION);
        let (told, mut rig) = cut(story().held_die(), writes, try_one);
        // Seven more of eight are left if the first was told to be wrong.
        let more = (0..8).filter(|_| try_one(&mut rig) == WRONG).count();
        assert!(more == 7 || (more == 8 && told != WRONG), "{writes}: {more}");
    }
}
