//! Abuse cases of the element and the holder's applet, by their numbers in `docs/abuse-cases.md`: what is
//! refused, and that nothing else changed.

use crate::{
    fixture::{
        AUTH_PIN, ELEMENT, Rig, SIGN_PASSWORD, UV_KEY, Wire, guess, handed_over, hash, keys, open,
        pin_entry_key, seal, service_manager, token, type_in,
    },
    life::{spki, verify_rsa},
    story::{ENROL, manufacture, personalise, put, rules, sealed_state, story},
    total::{pieces, private_values},
};
use sha2::{Digest, Sha256};
use tefuda_apdu::{
    Command, Response, StatusWord, Transceive, globalplatform::store_data, scp03::StaticKeys, tlv,
};
use tefuda_card::{
    personalisation::JPKI_AID,
    read::{self, ReadError},
};
use tefuda_element::{
    Element, KeyKinds,
    factory::Origin,
    host::{self, HostError, LogicalChannel},
};
use tefuda_protocol::{
    Signed,
    attestation::KeyUsage,
    device::{DeviceAction, DeviceMessage},
    element::{
        ACCESS_RULES_AID, AUTHORITY_DOMAIN_AID, AccessRule, DOMAIN_MODULE_AID, INITIAL_KEY_VERSION,
        ISSUER_DOMAIN_AID, OWN_KEY_VERSION, WALLET_AID, object,
    },
    sealed::{PinBlock, PinPurpose},
    transaction::{Method, TransactionKind},
};
use tefuda_silicon::{Silicon, engine::P256Key, testing::SeededSilicon};
use tefuda_types::{Family, PinKind, Reason, Secret};

const LOGIN: (TransactionKind, &str) = (TransactionKind::Login, "log in at the library");
const CHANGE: (TransactionKind, &str) = (TransactionKind::ChangePin, "change the password");
const PIN: [(PinPurpose, &str); 1] = [(PinPurpose::VerifyAuth, AUTH_PIN)];

/// A login with the PIN, as its owner has it: what worked before still does.
fn assert_usable(rig: &mut Rig) {
    type_in(rig.wallet(), LOGIN, &PIN).unwrap();
    host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).unwrap();
}

fn status(rig: &mut Rig, command: &Command) -> StatusWord {
    rig.wired.send(command).unwrap().status
}

/// How often the die of a phone is written while something is done.
fn writes<T>(rig: Rig, act: impl FnOnce(&mut Rig) -> T) -> (T, u64) {
    let die = rig.power_down();
    let before = die.fuse();
    let mut rig = Rig::power_up(die);
    let done = act(&mut rig);
    (done, rig.power_down().fuse() - before)
}

/// What is no command, made of one that is.
fn mangled(command: &[u8]) -> Vec<Vec<u8>> {
    let header = &command[..4];
    let mut all: Vec<Vec<u8>> = (0..command.len()).map(|length| command[..length].to_vec()).collect();
    all.push([command, &[0xDE, 0xAD, 0xBE, 0xEF]].concat());
    // Shorter or longer, some of them are commands of another case.
    all.retain(|bad| Command::parse(bad).is_err());
    all.push([header, &[0x00, 0x00, 0x00, 0x01]].concat());
    all.push([header, &[0x00, 0xFF, 0xFF], &vec![0x31; 70_000]].concat());
    all
}

#[test]
fn abuse_a01_a_malformed_command_changes_nothing_on_either_side() {
    let select = |aid: &[u8]| Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(aid);
    let wired = [
        select(&AUTHORITY_DOMAIN_AID),
        Command::new(0x80, 0x50, 0x00, 0x00).with_data([0xC5; 16]).with_le(256),
        Command::new(0x84, 0x82, 0x33, 0x00).with_data([0x77; 32]),
        Command::new(0x84, 0xE2, 0x90, 0x00).with_data([0x11; 300]),
        select(&WALLET_AID),
        Command::new(0x80, 0x20, 0x00, 0x02).with_data([0x04; 130]),
        Command::new(0x80, 0x46, 0x00, 0x03).with_data([0x05; 16]).with_le(65_536),
    ];
    let contactless = [
        Command::new(0x00, 0x20, 0x00, 0x98).with_data(AUTH_PIN.as_bytes()),
        Command::new(0x80, 0x2A, 0x02, 0x97).with_data([0; 32]).with_le(256),
    ];
    let ((), written) = writes(story().held(), |rig| {
        read::select_jpki(&mut rig.field).unwrap();
        type_in(rig.wallet(), LOGIN, &PIN).unwrap();
        let before = host::status(&mut rig.wired).unwrap();
        for (commands, side) in [(&wired[..], &mut rig.wired), (&contactless, &mut rig.field)] {
            for bad in commands.iter().flat_map(|command| mangled(&command.to_bytes())) {
                assert_eq!(side.process(&bad), [0x67, 0x00], "{bad:02X?}");
            }
            for foreign in [[0xFF, 0x20, 0x00, 0x98], [0x70, 0xCA, 0xDF, 0x20]] {
                let told = Response::from_bytes(&side.process(&foreign)).unwrap().status;
                let refused = [StatusWord::WRONG_CLA, StatusWord::CHANNEL_NOT_SUPPORTED];
                assert!(refused.contains(&told), "{told:?}");
            }
            assert_eq!(side.process(&[0x80, 0xEE, 0x00, 0x00]), [0x6D, 0x00]);
        }
        assert_eq!(host::status(&mut rig.wired).unwrap(), before);
        // Not even what was given a moment ago.
        host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).unwrap();
    });
    assert_eq!(written, 2, "the PIN that was given");
}

#[test]
fn abuse_a09_what_is_wrong_costs_as_many_writes_as_what_is_right_wherever_it_is_wrong() {
    let give = |password: &str| {
        let (told, written) =
            writes(story().held(), |rig| type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifySign, password)]));
        (told.is_ok(), written)
    };
    let (told, right) = give(SIGN_PASSWORD);
    assert!(told);
    for wrong in ["XHONE1", "PHONEX", "XXXXXX", "P", "PHONE1PHONE1PHON"] {
        assert_eq!(give(wrong), (false, right), "{wrong}");
    }
    let touch = |octet: Option<usize>| {
        let (told, written) = writes(story().with_fingers(), |rig| {
            let login = hash(LOGIN.0, LOGIN.1);
            let challenge = host::challenge(rig.wallet()).unwrap();
            let mut shown = token(challenge, &login, 1);
            octet.into_iter().for_each(|octet| shown[octet] ^= 1);
            host::present_token(&mut rig.wired, &login, 1, &shown)
        });
        (told.is_ok(), written)
    };
    let (told, right) = touch(None);
    assert!(told);
    for octet in 0..32 {
        assert_eq!(touch(Some(octet)), (false, right), "{octet}");
    }
    let (_, right) = writes(story().provisioned(), |rig| {
        open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    });
    let (_, wrong) =
        writes(story().provisioned(), |rig| guess(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION));
    assert_eq!(wrong, right);
}

#[test]
fn abuse_a11_a_bomb_in_a_script_is_refused_and_loads_nothing() {
    let nested = (0..10_000).fold(Vec::new(), |inner, _| {
        let outer = tlv::encode(0x30, &inner);
        if outer.len() > 60_000 { inner } else { outer }
    });
    let command = story().wipe(&crate::story::wipe(1)).data;
    let (sign, auth) = (object::STORE_SIGN_CERTIFICATE, object::STORE_AUTH_CERTIFICATE);
    let twice = [&story().certificates[..], &tlv::encode(sign, &[0x30, 0x00])].concat();
    let bombs: [Vec<u8>; 8] = [
        vec![0xDF, 0x30, 0x80, 0x00, 0x00],
        vec![0xDF, 0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF],
        vec![0xDF, 0x30, 0x89, 0x01, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0x3F, 0x81, 0x81, 0x81, 0x01, 0x00],
        nested,
        twice,
        [tlv::encode(auth, &[1]), tlv::encode(auth, &[1])].concat(),
        [command.clone(), command].concat(),
    ];
    let mut rig = story().pending();
    type_in(rig.wallet(), crate::story::REGISTER, &[(PinPurpose::VerifySign, SIGN_PASSWORD)]).unwrap();
    host::confirm_registration(&mut rig.wired, crate::story::REGISTER.1).unwrap();
    let before = host::status(&mut rig.wired).unwrap();
    for target in [&WALLET_AID, &AUTHORITY_DOMAIN_AID] {
        for bomb in &bombs {
            let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
            ssd.ok(&personalise(target));
            let told = ssd.send(&store_data(bomb)).status;
            let refused = [StatusWord::WRONG_DATA, StatusWord::CONDITIONS];
            assert!(refused.contains(&told), "{told:?} for {} octets", bomb.len());
        }
    }
    assert_eq!(host::status(rig.wallet()).unwrap(), before);
    assert_eq!(host::certificate(&mut rig.wired, PinKind::Sign), Ok(None));
}

/// Everything of one length that a program could want signed: no text that the holder agreed to.
fn raw(octets: usize) -> [Vec<u8>; 3] {
    let digest_info = tefuda_card::face::digest_info(&[0; 32]);
    let cycled = digest_info.iter().copied().cycle().take(octets).collect();
    [vec![0; octets], vec![b'a'; octets], cycled]
}

#[test]
fn abuse_a13_the_wallet_signs_typed_transactions_and_a_reader_what_a_card_signs() {
    let ((), written) = writes(story().held(), |rig| {
        rig.wallet();
        for octets in 0..=300 {
            for data in raw(octets) {
                for (p1, p2) in
                    [(0x00, 0x00), (0x01, 0x01), (0x01, 0x02), (0x02, 0x9A), (0x03, 0x00), (0x03, 0x01)]
                {
                    let sign = Command::new(0x80, 0x2A, p1, p2).with_data(data.clone()).with_le(65_536);
                    let answer = rig.wired.send(&sign).unwrap();
                    let refused = match (p1, answer.status) {
                        (0x00 | 0x02, told) => told == StatusWord::WRONG_P1P2,
                        (0x01, told) => matches!(told, StatusWord::CONDITIONS | StatusWord::WRONG_DATA),
                        (_, told) => matches!(
                            told,
                            StatusWord::CONDITIONS | StatusWord::WRONG_DATA | StatusWord::WRONG_LENGTH
                        ),
                    };
                    assert!(refused && answer.data.is_empty(), "{p1:02X}: {octets}: {:?}", answer.status);
                }
            }
        }
    });
    assert_eq!(written, 0);
    // With the PIN given, for one text: no other octets, of whatever length.
    let mut rig = story().held();
    for octets in [0, 20, 32, 51, 245, 256, 300] {
        for data in raw(octets) {
            type_in(rig.wallet(), LOGIN, &PIN).unwrap();
            let sign = Command::new(0x80, 0x2A, 0x01, 0x01).with_data(data).with_le(65_536);
            assert_eq!(status(&mut rig, &sign), StatusWord::WRONG_DATA);
        }
    }
    // What is signed at last is a message that the element made, never the text as it came.
    type_in(rig.wallet(), LOGIN, &PIN).unwrap();
    let signed = host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).unwrap();
    assert!(!verify_rsa(&spki(KeyUsage::Auth), LOGIN.1.as_bytes(), &signed.auth));
    // A reader is given exactly the card's lengths.
    read::select_jpki(&mut rig.field).unwrap();
    read::verify(&mut rig.field, PinKind::Auth, &Secret::new(AUTH_PIN.to_owned())).unwrap();
    for octets in [0, 1, 31, 32, 33, 245, 246, 255, 256, 300] {
        for (scheme, fits) in [(0, (1..=245).contains(&octets)), (2, octets == 32), (4, octets == 32)] {
            let sign = Command::new(0x80, 0x2A, scheme, 0x97).with_data(vec![0; octets]).with_le(256);
            let expected = if fits { StatusWord::OK } else { StatusWord::WRONG_LENGTH };
            assert_eq!(rig.field.send(&sign).unwrap().status, expected, "{scheme}: {octets}");
        }
    }
}

/// An operator's keys as every card of a well-known make has them.
fn published() -> StaticKeys {
    let key: [u8; 16] = std::array::from_fn(|at| 0x40 + u8::try_from(at).unwrap());
    StaticKeys::new(&key, &key, &key).unwrap()
}

#[test]
fn abuse_b07_with_the_published_default_keys_nothing_can_be_begun() {
    let blank = Element::insert(SeededSilicon::new(4)).unwrap_err();
    let user_verification_key = Secret::new(UV_KEY);
    let (element, family, issuer_keys) = (ELEMENT, Family::Android, published());
    let (unvouched, message) =
        blank.manufacture(Origin { element, family, issuer_keys, user_verification_key }).unwrap();
    let maker = P256Key::from_bytes(&[7; 32]).unwrap();
    let mut rig = Rig::new(unvouched.vouch(maker.sign_sha256(&message)).unwrap());
    let mut isd = open(&mut rig.wired, &ISSUER_DOMAIN_AID, INITIAL_KEY_VERSION, &published());
    let domain = crate::story::make(&DOMAIN_MODULE_AID, &AUTHORITY_DOMAIN_AID, &[]);
    let rules: Vec<u8> = rules().iter().flat_map(AccessRule::to_bytes).collect();
    for command in [domain.clone(), personalise(&ACCESS_RULES_AID), store_data(&rules)] {
        assert_eq!(isd.send(&command).status, StatusWord::CONDITIONS, "{command:?}");
    }
    // The one thing that can be done is to put others in their place.
    let again = put(INITIAL_KEY_VERSION, OWN_KEY_VERSION, published(), &published());
    assert_eq!(isd.send(&again).status, StatusWord::WRONG_DATA);
    isd.ok(&put(INITIAL_KEY_VERSION, OWN_KEY_VERSION, keys(0x40), &published()));
    isd.ok(&domain);
    // Nor does the domain of an authority take them.
    isd.ok(&personalise(&AUTHORITY_DOMAIN_AID));
    let handed = put(0, INITIAL_KEY_VERSION, published(), &keys(0x40));
    assert_eq!(isd.send(&handed).status, StatusWord::WRONG_DATA);
    isd.ok(&put(0, INITIAL_KEY_VERSION, handed_over(), &keys(0x40)));
    assert_eq!(host::select_wallet(&mut rig.wired), Err(HostError::NotInstalled));
    assert_eq!(host::access_rules(&mut rig.wired), Ok(Vec::new()));
}

#[test]
fn abuse_b11_an_element_does_not_fill_up_and_what_it_holds_goes_on() {
    let size = |rig: Rig| {
        let die = rig.power_down();
        let octets = die.pages().map(|page| page.map_or(0, |page| page.len())).into_iter().max().unwrap();
        (octets, Rig::power_up(die))
    };
    // Keys without end: those that wait are replaced, never added.
    let mut rig = story().held();
    host::generate_keys(rig.wallet(), KeyKinds::Sign, &[0; 16]).unwrap();
    let (once, mut rig) = size(rig);
    for nonce in 1..5 {
        host::generate_keys(rig.wallet(), KeyKinds::Sign, &[nonce; 16]).unwrap();
    }
    let (often, mut rig) = size(rig);
    assert!(often < once + 64, "{once} octets grew to {often}");
    assert_usable(&mut rig);
    // Rules without end: the one too many is refused with all that came with it.
    let two: Vec<u8> = rules().iter().flat_map(AccessRule::to_bytes).collect();
    let mut isd = open(&mut rig.wired, &ISSUER_DOMAIN_AID, OWN_KEY_VERSION, &crate::fixture::operator());
    isd.ok(&personalise(&ACCESS_RULES_AID));
    for _ in 0..32 {
        isd.ok(&store_data(&two));
    }
    for _ in 0..3 {
        assert_eq!(isd.send(&store_data(&two)).status, StatusWord::NO_MEMORY);
    }
    assert_eq!(host::access_rules(&mut rig.wired).unwrap().len(), 64);
    assert_usable(&mut rig);
    // Sessions without end: a challenge takes the place of the last.
    let ((), written) = writes(rig, |rig| (0..1_000).for_each(|_| drop(host::challenge(rig.wallet()))));
    assert_eq!(written, 0);
}

/// Something that is tried with the challenge of a session.
type Attempt<'a> = &'a mut dyn FnMut(&mut Wire, [u8; 16]) -> Result<(), HostError>;

#[test]
fn abuse_c01_an_unlocked_phone_does_nothing_without_pin_password_or_finger() {
    let mut rig = story().with_fingers();
    let before = host::status(rig.wallet()).unwrap();
    let wallet = rig.wallet();
    let message = |action| {
        Signed::prepare(&DeviceMessage { element: ELEMENT, action, nonce: vec![3; 16].into() }).unwrap().0.0
    };
    let code = message(DeviceAction::RecoveryCode { hash: vec![1; 32].into() });
    let key = pin_entry_key(wallet);
    // With a session that is open, and with none.
    for begun in [false, true] {
        let attempts: [(&str, Attempt<'_>); 8] = [
            ("login by pin", &mut |w, _| host::sign_login(w, Method::Pin, LOGIN.1).map(drop)),
            ("login by finger", &mut |w, _| host::sign_login(w, Method::Biometrics, LOGIN.1).map(drop)),
            ("register", &mut |w, _| host::confirm_registration(w, "register")),
            ("recovery code", &mut |w, _| {
                host::sign_device_message_with_password(w, &code, "a new code").map(drop)
            }),
            ("message", &mut |w, _| host::sign_device_message(w, &code).map(drop)),
            ("enrol a finger", &mut |w, c| {
                host::enrol_biometrics(w, 2, &token(c, &hash(ENROL.0, ENROL.1), 2), ENROL.1)
            }),
            ("adopt a finger", &mut |w, c| {
                host::adopt_set(w, 2, &token(c, &hash(LOGIN.0, LOGIN.1), 2), LOGIN.1)
            }),
            ("set a pin", &mut |w, c| {
                let change = hash(CHANGE.0, CHANGE.1);
                let block = seal(&key, c, change, PinPurpose::SetAuth, "1111");
                host::present_pin(w, PinPurpose::SetAuth, &change, &block)
            }),
        ];
        for (name, attempt) in attempts {
            let challenge = if begun { host::challenge(wallet).unwrap() } else { [0; 16] };
            let refused = attempt(wallet, challenge).unwrap_err();
            assert_eq!(refused.code().as_str(), "element.not_allowed", "{name}");
        }
    }
    assert_eq!(host::status(wallet).unwrap(), before);
    // Whoever holds it to a reader has no more: neither certificate nor signature.
    let field = &mut rig.field;
    read::select_jpki(field).unwrap();
    let closed = ReadError::Status(StatusWord::SECURITY_STATUS);
    for kind in [PinKind::Auth, PinKind::Sign] {
        assert_eq!(read::certificate(field, kind, &mut |_, _| {}), Err(closed.clone()));
        assert_eq!(read::sign(field, kind, &[0; 32]), Err(closed.clone()));
    }
    assert_usable(&mut rig);
}

#[test]
fn abuse_c10_a_copy_of_a_phones_memory_is_worth_nothing_in_another() {
    let image = story().held_die().pages();
    let copied: Vec<u8> = image.iter().flatten().flatten().copied().collect();
    let pieces = pieces(&private_values(&sealed_state(story().held_die())));
    for piece in pieces.iter().filter(|piece| piece.len() == 12) {
        assert!(!copied.windows(piece.len()).any(|window| window == piece), "a key lies in clear");
    }
    let (rig, _) = manufacture(SeededSilicon::new(4));
    let mut die = rig.power_down();
    let own = die.pages();
    die.put_back(image);
    let mut rig = Rig::power_up(die);
    for command in [&WALLET_AID[..], &ISSUER_DOMAIN_AID, &[]] {
        let select = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(command);
        assert_eq!(status(&mut rig, &select), StatusWord::MEMORY_FAILURE);
    }
    let select = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(JPKI_AID);
    assert_eq!(rig.field.send(&select).unwrap().status, StatusWord::MEMORY_FAILURE);
    // The other phone has lost nothing by it.
    let mut die = rig.power_down();
    die.put_back(own);
    assert_eq!(host::select(&mut Rig::power_up(die).wired, &ISSUER_DOMAIN_AID), Ok(()));
    // Nor does it take a password that was sealed for the first.
    let mut rig = story().held();
    let wallet = rig.wallet();
    let (other, _) = manufacture(SeededSilicon::new(6));
    let login = hash(LOGIN.0, LOGIN.1);
    let challenge = host::challenge(wallet).unwrap();
    let block = seal(&other.pin_entry_key(), challenge, login, PinPurpose::VerifyAuth, AUTH_PIN);
    let refused = host::present_pin(wallet, PinPurpose::VerifyAuth, &login, &block).unwrap_err();
    assert_eq!(refused.code().as_str(), "element.not_bound");
    assert_eq!(host::status(wallet).unwrap().auth_tries, Some(3));
}

#[test]
fn abuse_c13_an_approval_by_finger_is_over_when_the_pin_changes() {
    let login = hash(LOGIN.0, LOGIN.1);
    let approve = |wallet: &mut dyn Transceive| {
        let mut wallet = wallet;
        let challenge = host::challenge(&mut wallet).unwrap();
        let shown = token(challenge, &login, 1);
        host::present_token(&mut wallet, &login, 1, &shown).unwrap();
        shown
    };
    let change = [(PinPurpose::VerifyAuth, AUTH_PIN), (PinPurpose::SetAuth, "1357")];
    let reset = [(PinPurpose::SetAuth, "1357")];
    for by_reset in [false, true] {
        let mut rig = story().with_fingers();
        if by_reset {
            let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
            ssd.ok(&personalise(&WALLET_AID));
            ssd.ok(&store_data(&tlv::encode(object::STORE_RESET_GRANT, &[PinPurpose::SetAuth as u8])));
        }
        rig.wallet();
        let mut logical = LogicalChannel::open(&mut rig.wired).unwrap();
        host::select_wallet(&mut logical).unwrap();
        let shown = approve(&mut logical);
        let typed: &[_] = if by_reset { &reset } else { &change };
        let act = if by_reset { TransactionKind::ResetPin } else { CHANGE.0 };
        type_in(logical.element(), (act, CHANGE.1), typed).unwrap();
        let stale = host::sign_login(&mut logical, Method::Biometrics, LOGIN.1).unwrap_err();
        assert_eq!(stale.code().as_str(), "element.not_allowed");
        // The token that was shown is for the challenge of then.
        let kept = host::present_token(&mut logical, &login, 1, &shown).unwrap_err();
        assert_eq!(kept.code().as_str(), "element.not_allowed");
        host::challenge(&mut logical).unwrap();
        let kept = host::present_token(&mut logical, &login, 1, &shown).unwrap_err();
        assert_eq!(kept, HostError::BiometricsMissed { left: 4 });
        // Who has the finger goes on; who had the old PIN does not.
        approve(&mut logical);
        host::sign_login(&mut logical, Method::Biometrics, LOGIN.1).unwrap();
        let old = type_in(&mut logical, LOGIN, &PIN).unwrap_err();
        assert_eq!(old, HostError::PinWrong { left: 2 });
    }
    // A finger is no PIN: it sets no other.
    let mut rig = story().with_fingers();
    let change = hash(CHANGE.0, CHANGE.1);
    let key = pin_entry_key(rig.wallet());
    let challenge = host::challenge(&mut rig.wired).unwrap();
    host::present_token(&mut rig.wired, &change, 1, &token(challenge, &change, 1)).unwrap();
    let block: PinBlock = seal(&key, challenge, change, PinPurpose::SetAuth, "1357");
    let refused = host::present_pin(&mut rig.wired, PinPurpose::SetAuth, &change, &block);
    assert_eq!(refused, Err(HostError::NotAllowed));
    assert_usable(&mut rig);
}

#[test]
fn abuse_c16_a_pin_that_a_reader_saw_is_no_login_at_the_phone() {
    let mut rig = story().held();
    let captured = Command::new(0x00, 0x20, 0x00, 0x98).with_data(AUTH_PIN.as_bytes());
    read::select_jpki(&mut rig.field).unwrap();
    assert!(rig.field.send(&captured).unwrap().status.is_ok());
    rig.field.reset();
    let before = host::status(rig.wallet()).unwrap();
    // The command that gave it, and every other that carries it in clear, to the applet that signs logins.
    host::challenge(&mut rig.wired).unwrap();
    assert_eq!(status(&mut rig, &captured), StatusWord::WRONG_CLA);
    for purpose in 1..=4 {
        let clear = Command::new(0x80, 0x20, 0x00, purpose).with_data(AUTH_PIN.as_bytes());
        assert_eq!(status(&mut rig, &clear), StatusWord::WRONG_LENGTH);
    }
    assert_eq!(host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1), Err(HostError::NotAllowed));
    assert_eq!(host::status(&mut rig.wired).unwrap(), before);
    // At the next tap it opens what a card opens, which `abuse_a16` shows to be no login.
    read::select_jpki(&mut rig.field).unwrap();
    assert!(rig.field.send(&captured).unwrap().status.is_ok());
    let digest = <[u8; 32]>::from(Sha256::digest(LOGIN.1));
    assert_eq!(read::sign(&mut rig.field, PinKind::Auth, &digest).unwrap().len(), 256);
    assert_eq!(host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1), Err(HostError::NotAllowed));
}
