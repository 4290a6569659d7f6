//! Abuse cases B12, power cut in the middle of a wipe, to be left with keys that should be gone, and B06, a memory
//! that was set back to hear a challenge again.

use crate::{
    abuse_channel::{FAILED, OPENING, get_status, recorded},
    fixture::{AUTH_PIN, Rig, open, open_as, service_manager, type_in},
    story::{story, wipe},
};
use tefuda_apdu::{
    StatusWord, Transceive,
    scp03::{Mode, SecurityLevel},
};
use tefuda_element::host::{self, HostError};
use tefuda_protocol::{
    element::{AUTHORITY_DOMAIN_AID, Holding, OWN_KEY_VERSION},
    sealed::PinPurpose,
    transaction::{Method, TransactionKind},
};
use tefuda_silicon::{
    Vault,
    testing::{Fall, Image, SeededSilicon},
};

const LOGIN: (TransactionKind, &str) = (TransactionKind::Login, "log in at the library");
/// More writes than any wipe needs.
const WRITES_MAX: u32 = 16;

fn log_in(rig: &mut Rig) -> Result<(), HostError> {
    host::select_wallet(&mut rig.wired)?;
    host::challenge(&mut rig.wired)?;
    type_in(&mut rig.wired, LOGIN, &[(PinPurpose::VerifyAuth, AUTH_PIN)])?;
    host::sign_login(&mut rig.wired, Method::Pin, LOGIN.1).map(drop)
}

/// Whether nothing of the holder's is on either page, be it the present state's or the one before.
fn is_gone(die: &SeededSilicon) -> bool {
    (0..2).all(|page| {
        let mut image: Image = [None, None];
        image[page].clone_from(&die.pages()[page]);
        let mut alone = die.twin();
        alone.put_back(image);
        let Some(state) = Vault::power_up(alone).0.remnant() else { return true };
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        let holder = &state["authority"]["applet"]["holder"];
        ["sign", "auth", "wallet_key", "sign_password", "auth_pin"].iter().all(|name| holder[name].is_null())
    })
}

/// Cuts the power in a wipe after so many writes; what the next power-up finds.
fn cut(mut die: SeededSilicon, writes: u32, act: impl FnOnce(&mut Rig) -> bool) -> (bool, Rig) {
    die.cut_after(writes, Fall::Halved);
    let mut rig = Rig::power_up(die);
    let done = act(&mut rig);
    (done, Rig::power_up(rig.power_down()))
}

/// Whether the wipe was told to be done.
type Wipe<'a> = &'a dyn Fn(&mut Rig) -> bool;

#[test]
fn abuse_b12_a_wipe_that_was_cut_goes_on_before_anything_is_answered() {
    let sensor = |rig: &mut Rig| rig.sensor_event();
    let command = |rig: &mut Rig| {
        let keys = (OWN_KEY_VERSION, &service_manager());
        let way = (Mode::S16, SecurityLevel::FULL);
        let opened = open_as(&mut rig.wired, &AUTHORITY_DOMAIN_AID, keys, way);
        opened.is_ok_and(|mut ssd| ssd.send(&story().wipe(&wipe(1))).status.is_ok())
    };
    let wipes: [(Wipe<'_>, Holding); 2] = [(&sensor, Holding::Tampered), (&command, Holding::Wiped)];
    for (act, destroyed) in wipes {
        let mut ended = 0;
        for writes in 0..WRITES_MAX {
            let (done, mut rig) = cut(story().held_die(), writes, act);
            let holding = host::status(rig.wallet()).unwrap().holding;
            assert!(!done || holding == destroyed, "{writes}: told, and not done");
            if holding == Holding::Held {
                // It never began: everything is there, and it can be asked for again.
                log_in(&mut rig).unwrap();
                assert!(act(&mut rig));
                assert_eq!(host::status(rig.wallet()).unwrap().holding, destroyed);
            }
            log_in(&mut rig).unwrap_err();
            assert!(is_gone(&rig.power_down()), "{writes}: on a page");
            ended += u32::from(done);
        }
        assert!(ended > 0 && ended < WRITES_MAX);
    }
}

#[test]
fn abuse_b12_a_memory_that_was_set_back_is_wiped_at_the_first_power_up_that_lasts() {
    let image = story().held_die().pages();
    let mut rig = story().held();
    for _ in 0..2 {
        type_in(rig.wallet(), LOGIN, &[(PinPurpose::VerifyAuth, "0000")]).unwrap_err();
    }
    let mut set_back = rig.power_down();
    set_back.put_back(image);
    for writes in 0..WRITES_MAX {
        let (answered, mut rig) = cut(set_back.twin(), writes, |rig| {
            let told = log_in(rig);
            assert!(told.is_err());
            told == Err(HostError::NotAllowed)
        });
        assert!(answered || writes < 4, "{writes}");
        assert_eq!(host::status(rig.wallet()).unwrap().holding, Holding::Tampered, "{writes}");
        assert_eq!(log_in(&mut rig), Err(HostError::NotAllowed));
        assert!(is_gone(&rig.power_down()), "{writes}: on a page");
    }
}

#[test]
fn abuse_b06_a_memory_that_was_set_back_gives_no_challenge_again() {
    let image = story().held_die().pages();
    let mut rig = story().held();
    let (said, answers) = recorded(&mut rig.wired);
    let mut die = rig.power_down();
    die.put_back(image);
    let mut rig = Rig::power_up(die);
    let told: Vec<_> = said.iter().map(|command| rig.wired.transceive(command).unwrap()).collect();
    assert_ne!(told[1].data[13..29], answers[1].data[13..29], "the challenge of the recorded session");
    assert_eq!(told[2].status, FAILED);
    assert!(told[OPENING..].iter().all(|answer| answer.status == StatusWord::SECURITY_STATUS));
    let status = host::status(rig.wallet()).unwrap();
    assert_eq!((status.holding, status.last_command), (Holding::Tampered, 0));
    open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager()).ok(&get_status());
}
