//! Logical and secure channels: who may open them, what closes them, and what the domains let through.

use crate::{
    fixture::{
        AUTH_PIN, Wire, begin, guess, handed_over, keys, open, open_as, operator, service_manager, type_in,
    },
    story::{aid, make, parameters, personalise, put, story, wipe},
};
use tefuda_apdu::{
    Command, StatusWord, Transceive,
    globalplatform::{GET_STATUS, delete, store_data},
    scp03::{Mode, SecurityLevel, StaticKeys},
    tlv,
};
use tefuda_card::personalisation::JPKI_AID;
use tefuda_element::host::{self, LogicalChannel};
use tefuda_protocol::{
    element::{
        ACCESS_RULES_AID, APPLET_MODULE_AID, AUTHORITY_DOMAIN_AID, INITIAL_KEY_VERSION, ISSUER_DOMAIN_AID,
        OWN_KEY_VERSION, WALLET_AID, object,
    },
    sealed::PinPurpose,
    transaction::{Method, TransactionKind},
};

const LOGIN: (TransactionKind, &str) = (TransactionKind::Login, "log in at the library");

fn get_status(p1: u8, criterion: &[u8]) -> Command {
    Command::new(0x80, GET_STATUS, p1, 0x02).with_data(tlv::encode(0x4F, criterion)).with_le(256)
}

fn raw(wire: &mut Wire, command: &Command) -> StatusWord {
    wire.send(command).unwrap().status
}

#[test]
fn there_is_one_logical_channel() {
    let mut rig = story().held();
    let open = Command::new(0x00, 0x70, 0x00, 0x00).with_le(1);
    assert_eq!(rig.wired.send(&open).unwrap().data, [1]);
    assert_eq!(raw(&mut rig.wired, &open), StatusWord::FUNCTION_NOT_SUPPORTED);
    let select = |channel| Command::new(channel, 0xA4, 0x04, 0x00).with_data(WALLET_AID);
    assert_eq!(rig.wired.send(&select(0x01)).unwrap().data[..2], [0x6F, 0x0A]);
    for channel in [0x02, 0x03, 0x41, 0x4F] {
        assert_eq!(raw(&mut rig.wired, &select(channel)), StatusWord::CHANNEL_NOT_SUPPORTED);
    }
    assert_eq!(raw(&mut rig.wired, &Command::new(0x00, 0x70, 0x80, 0x01)), StatusWord::OK);
    assert_eq!(raw(&mut rig.wired, &select(0x01)), StatusWord::CHANNEL_NOT_SUPPORTED);
    assert_eq!(raw(&mut rig.wired, &Command::new(0x00, 0x70, 0x80, 0x01)), StatusWord::WRONG_P1P2);
    let jpki = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(JPKI_AID);
    assert_eq!(raw(&mut rig.wired, &jpki), StatusWord::NOT_FOUND, "the card's face is for readers");
}

#[test]
fn both_modes_open_and_only_full_protection_is_enough() {
    let mut rig = story().provisioned();
    for mode in [Mode::S8, Mode::S16] {
        for version in [0, OWN_KEY_VERSION] {
            let way = (mode, SecurityLevel::FULL);
            let mut ssd =
                open_as(&mut rig.wired, &AUTHORITY_DOMAIN_AID, (version, &service_manager()), way).unwrap();
            assert!(ssd.ok(&get_status(0x40, &WALLET_AID)).starts_with(&[0xE3]));
        }
    }
    let ssd = &AUTHORITY_DOMAIN_AID;
    for level in [SecurityLevel::C_MAC, SecurityLevel::C_DECRYPTION, SecurityLevel::C_DECRYPTION_R_MAC] {
        let opened = open_as(&mut rig.wired, ssd, (OWN_KEY_VERSION, &service_manager()), (Mode::S16, level));
        assert_eq!(opened.err(), Some(StatusWord::CONDITIONS));
    }
    let unknown =
        open_as(&mut rig.wired, ssd, (INITIAL_KEY_VERSION, &handed_over()), (Mode::S16, SecurityLevel::FULL));
    assert_eq!(unknown.err(), Some(StatusWord::DATA_NOT_FOUND), "the first keys are gone");
}

#[test]
fn keys_of_every_length_are_put_and_used() {
    let mut rig = story().provisioned();
    let mut present = service_manager();
    for octets in [24, 32, 16] {
        let fresh = || {
            let key = |value| vec![value; octets];
            StaticKeys::new(&key(1), &key(2), &key(3)).unwrap()
        };
        let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &present);
        assert_eq!(ssd.send(&put(9, OWN_KEY_VERSION, fresh(), &present)).status, StatusWord::DATA_NOT_FOUND);
        ssd.ok(&put(OWN_KEY_VERSION, OWN_KEY_VERSION, fresh(), &present));
        ssd.ok(&get_status(0x40, &[]));
        present = fresh();
    }
}

#[test]
fn wrong_authentications_block_the_key_set_and_nothing_else() {
    let mut rig = story().held();
    for _ in 0..8 {
        assert_eq!(guess(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION), StatusWord(0x6300));
    }
    rig = crate::fixture::Rig::power_up(rig.power_down());
    assert_eq!(guess(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION), StatusWord::BLOCKED);
    let way = (Mode::S16, SecurityLevel::FULL);
    let owner = (OWN_KEY_VERSION, &service_manager());
    assert_eq!(open_as(&mut rig.wired, &AUTHORITY_DOMAIN_AID, owner, way).err(), Some(StatusWord::BLOCKED));
    type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
    host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).unwrap();
    // The operator delivers the wipe in the meantime, and opens the key set.
    let mut isd = open(&mut rig.wired, &ISSUER_DOMAIN_AID, OWN_KEY_VERSION, &operator());
    assert_eq!(isd.ok(&story().wipe(&wipe(1))).len(), 18);
    isd.ok(&store_data(&tlv::encode(object::STORE_REOPEN, &[])));
    open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
}

#[test]
fn a_right_authentication_forgets_the_wrong_ones() {
    let mut rig = story().provisioned();
    for _ in 0..3 {
        for _ in 0..7 {
            guess(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION);
        }
        open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    }
}

#[test]
fn altered_repeated_and_bare_commands_close_the_channel() {
    let spoils: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |last| last,
        |mut last| {
            last[7] ^= 1;
            last
        },
        |mut last| {
            last.pop();
            last[4] -= 1;
            last
        },
        |_| get_status(0x40, &[]).to_bytes(),
    ];
    for spoil in spoils {
        let mut rig = story().provisioned();
        let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
        ssd.ok(&get_status(0x40, &[]));
        let spoiled = spoil(ssd.session.last.clone());
        assert_eq!(ssd.wire.process(&spoiled), [0x69, 0x88]);
        // Even the right next command finds no channel.
        assert_eq!(ssd.send(&get_status(0x40, &[])).status, StatusWord::SECURITY_STATUS);
    }
}

#[test]
fn a_new_key_set_ends_the_sessions_of_the_old() {
    let ssd = &AUTHORITY_DOMAIN_AID;
    let owner = (OWN_KEY_VERSION, &service_manager());
    let way = (Mode::S16, SecurityLevel::FULL);
    // Somebody who has the present keys waits on the logical channel: challenged, or with an open session.
    let mut rig = story().provisioned();
    let mut logical = LogicalChannel::open(&mut rig.wired).unwrap();
    let mut waiting = begin(&mut logical, ssd, owner, way).unwrap();
    assert!(waiting.send(&mut logical, &get_status(0x40, &[])).status.is_ok());
    let mut owned = open(logical.element(), ssd, OWN_KEY_VERSION, &service_manager());
    owned.ok(&put(0, OWN_KEY_VERSION, keys(0x40), &service_manager()));
    owned.ok(&get_status(0x40, &[]));
    assert_eq!(waiting.send(&mut logical, &get_status(0x40, &[])).status, StatusWord::CONDITIONS);

    let mut rig = story().provisioned();
    let mut logical = LogicalChannel::open(&mut rig.wired).unwrap();
    host::select(&mut logical, ssd).unwrap();
    let update = Command::new(0x80, 0x50, 0x00, 0x00).with_data([9; 16]).with_le(256);
    assert!(logical.send(&update).unwrap().status.is_ok());
    open(logical.element(), ssd, OWN_KEY_VERSION, &service_manager());
    let authenticate = Command::new(0x84, 0x82, 0x33, 0x00).with_data([0; 32]);
    assert_eq!(logical.send(&authenticate).unwrap().status, StatusWord::CONDITIONS);
}

#[test]
fn the_operator_cannot_enter_what_it_handed_over() {
    let mut rig = story().held();
    let mut isd = open(&mut rig.wired, &ISSUER_DOMAIN_AID, OWN_KEY_VERSION, &operator());
    isd.ok(&personalise(&AUTHORITY_DOMAIN_AID));
    let keys = put(0, INITIAL_KEY_VERSION, handed_over(), &operator());
    assert_eq!(isd.send(&keys).status, StatusWord::CONDITIONS);
    assert_eq!(isd.send(&personalise(&WALLET_AID)).status, StatusWord::DATA_NOT_FOUND);
    let applet = make(&APPLET_MODULE_AID, &WALLET_AID, &parameters("X"));
    assert_eq!(isd.send(&applet).status, StatusWord::DATA_NOT_FOUND);
    for instance in [&WALLET_AID[..], JPKI_AID] {
        assert_eq!(isd.send(&delete(&aid(instance))).status, StatusWord::DATA_NOT_FOUND);
    }
    assert_eq!(isd.send(&delete(&aid(&AUTHORITY_DOMAIN_AID))).status, StatusWord::CONDITIONS);
    let object = tlv::encode(object::STORE_COMMAND_KEY, &[4; 65]);
    assert_eq!(isd.send(&personalise(&ISSUER_DOMAIN_AID)).status, StatusWord::OK);
    assert_eq!(isd.send(&store_data(&object)).status, StatusWord::WRONG_DATA);
    // Nor can the authority write the operator's rules.
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    assert_eq!(ssd.send(&personalise(&ACCESS_RULES_AID)).status, StatusWord::DATA_NOT_FOUND);
    let reopen = store_data(&tlv::encode(object::STORE_REOPEN, &[]));
    assert_eq!(ssd.send(&reopen).status, StatusWord::WRONG_DATA);
}

#[test]
fn the_registry_shows_each_domain_its_own() {
    let mut rig = story().provisioned();
    let names = |entries: &[u8]| -> Vec<Vec<u8>> {
        let entry = |object: tlv::Tlv<'_>| tlv::find(object.value, 0x4F).unwrap().value.to_vec();
        tlv::objects(entries).map(|object| entry(object.unwrap())).collect()
    };
    let mut isd = open(&mut rig.wired, &ISSUER_DOMAIN_AID, OWN_KEY_VERSION, &operator());
    assert_eq!(names(&isd.ok(&get_status(0x80, &[]))), [ISSUER_DOMAIN_AID]);
    let all = names(&isd.ok(&get_status(0x40, &[])));
    assert_eq!(all, [&ACCESS_RULES_AID[..], &AUTHORITY_DOMAIN_AID, &WALLET_AID, JPKI_AID]);
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    assert_eq!(names(&ssd.ok(&get_status(0x40, &[]))), &all[1..]);
    assert_eq!(ssd.send(&get_status(0x80, &[])).status, StatusWord::DATA_NOT_FOUND);
    assert_eq!(ssd.send(&Command::new(0x80, GET_STATUS, 0x40, 0x00)).status, StatusWord::WRONG_P1P2);
    assert_eq!(ssd.send(&Command::new(0x80, 0xE8, 0x40, 0x00)).status, StatusWord::WRONG_INS);
    assert_eq!(raw(&mut rig.wired, &get_status(0x40, &[])), StatusWord(0x6988), "without protection");
}
