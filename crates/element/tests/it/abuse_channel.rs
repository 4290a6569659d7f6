//! Abuse cases of the secure channel, by their numbers in `docs/abuse-cases.md`.

use crate::{
    fixture::{ELEMENT, Rig, UV_KEY, Wire, begin, guess, open, open_as, operator, service_manager},
    story::{manufacture, personalise, sealed, sealed_state, story, wipe},
};
use std::collections::HashSet;
use tefuda_apdu::{
    Command, LinkError, Response, StatusWord, Transceive,
    globalplatform::{GET_STATUS, store_data},
    scp03::{CardChallenged, HostChallenged, Mode, SecurityLevel, StaticKeys, diversify},
    tlv,
};
use tefuda_element::{Element, factory::Origin, host};
use tefuda_protocol::{
    element::{
        AUTHORITY_DOMAIN_AID, INITIAL_KEY_VERSION, ISSUER_DOMAIN_AID, OWN_KEY_VERSION, WALLET_AID, object,
    },
    sealed::PinPurpose,
};
use tefuda_silicon::{engine::P256Key, testing::SeededSilicon};
use tefuda_types::{ElementId, Family, Reason, Secret};

const WAY: (Mode, SecurityLevel) = (Mode::S16, SecurityLevel::FULL);
/// Host authentication failed.
pub const FAILED: StatusWord = StatusWord(0x6300);

pub fn get_status() -> Command {
    Command::new(0x80, GET_STATUS, 0x40, 0x02).with_data(tlv::encode(0x4F, &[])).with_le(256)
}

/// Somebody on the wire, who keeps what was said.
struct Listener<'a> {
    wire: &'a mut Wire,
    said: Vec<Vec<u8>>,
    answers: Vec<Response>,
}

impl Transceive for Listener<'_> {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let response = self.wire.transceive(command)?;
        self.said.push(command.to_vec());
        self.answers.push(response.clone());
        Ok(response)
    }
}

/// SELECT, INITIALIZE UPDATE, EXTERNAL AUTHENTICATE: what comes before the secured commands.
pub const OPENING: usize = 3;

/// What the authority does in a session: lets a password be set anew, then wipes.
fn script() -> Vec<Command> {
    vec![
        get_status(),
        personalise(&WALLET_AID),
        store_data(&tlv::encode(object::STORE_RESET_GRANT, &[PinPurpose::SetAuth as u8])),
        personalise(&AUTHORITY_DOMAIN_AID),
        story().wipe(&wipe(1)),
    ]
}

/// A session as it went over the wire.
pub fn recorded(wire: &mut Wire) -> (Vec<Vec<u8>>, Vec<Response>) {
    let mut listener = Listener { wire, said: Vec::new(), answers: Vec::new() };
    let owner = (OWN_KEY_VERSION, &service_manager());
    let mut session = begin(&mut listener, &AUTHORITY_DOMAIN_AID, owner, WAY).unwrap();
    for command in script() {
        assert!(session.send(&mut listener, &command).status.is_ok());
    }
    (listener.said, listener.answers)
}

/// Says it all again, to the element of a twin of the die: the answers, and the state that is left.
fn said_again(said: &[Vec<u8>]) -> (Vec<Response>, Vec<u8>) {
    let mut rig = story().held();
    let answers = said.iter().map(|command| rig.wired.transceive(command).unwrap()).collect();
    (answers, sealed_state(rig.power_down()))
}

#[test]
fn abuse_b01_a_cryptogram_with_one_bit_wrong_opens_nothing_and_tries_are_counted() {
    let (said, answers) = recorded(&mut story().held().wired);
    let genuine = &said[OPENING - 1];
    for bit in 0..32 * 8 {
        let mut rig = story().held();
        said[..OPENING - 1].iter().for_each(|command| drop(rig.wired.process(command)));
        let mut flipped = genuine.clone();
        flipped[5 + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(rig.wired.transceive(&flipped).unwrap().status, FAILED, "{bit}");
        // The session is over: neither the right one nor what would follow is taken.
        assert_eq!(rig.wired.transceive(genuine).unwrap().status, StatusWord::CONDITIONS);
        assert_eq!(rig.wired.transceive(&said[OPENING]).unwrap().status, StatusWord::SECURITY_STATUS);
    }
    // The card's cryptogram, and the challenge it is over, for the host.
    let updated = &answers[OPENING - 2];
    for bit in 13 * 8..45 * 8 {
        let mut flipped = updated.clone();
        flipped.data[bit / 8] ^= 1 << (bit % 8);
        let (challenged, _) = HostChallenged::begin(Mode::S16, OWN_KEY_VERSION, &[0xC5; 16]).unwrap();
        let refused = challenged.authenticate(&service_manager(), SecurityLevel::FULL, &flipped).unwrap_err();
        assert_eq!(refused.code().as_str(), "scp03.cryptogram_wrong", "{bit}");
    }
    // Eight wrong ones, over power cycles too, and not even the owner gets in.
    let mut rig = story().held();
    let holding = host::status(rig.wallet()).unwrap();
    for _ in 0..8 {
        assert_eq!(guess(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION), FAILED);
        rig = Rig::power_up(rig.power_down());
    }
    let owner = (OWN_KEY_VERSION, &service_manager());
    let opened = open_as(&mut rig.wired, &AUTHORITY_DOMAIN_AID, owner, WAY);
    assert_eq!(opened.err(), Some(StatusWord::BLOCKED));
    assert_eq!(host::status(rig.wallet()).unwrap(), holding);
}

#[test]
fn abuse_b02_a_command_that_is_altered_dropped_moved_or_repeated_ends_the_session() {
    let (said, _) = recorded(&mut story().held().wired);
    let states: Vec<_> = (OPENING..=said.len()).map(|until| said_again(&said[..until]).1).collect();
    // What is said instead of the recording from a command on, and how many commands before it hold.
    let mut spoiled: Vec<(usize, Vec<Vec<u8>>)> = Vec::new();
    for at in OPENING..said.len() {
        let (before, command, after) = (&said[..at], &said[at], &said[at + 1..]);
        for octet in 0..command.len() {
            let mut flipped = command.clone();
            flipped[octet] ^= 1 << (octet % 8);
            spoiled.push((at, [before, &[flipped], after].concat()));
        }
        for octets in [1, 8, 16] {
            let mut cut = command.clone();
            cut.truncate(cut.len() - octets);
            cut[4] = cut[4].wrapping_sub(u8::try_from(octets).unwrap());
            spoiled.push((at, [before, &[cut], after].concat()));
        }
        spoiled.push((at + 1, [before, &[command.clone(), command.clone()], after].concat()));
        if let [next, rest @ ..] = after {
            spoiled.push((at, [before, after].concat()));
            spoiled.push((at, [before, &[next.clone(), command.clone()], rest].concat()));
        }
    }
    for (holds, said) in spoiled {
        let (answers, state) = said_again(&said);
        for (at, answer) in answers.iter().enumerate() {
            assert_eq!(answer.status.is_ok(), at < holds, "{at} of {holds}: {:?}", answer.status);
            assert!(at < holds || answer.data.is_empty());
        }
        assert_eq!(state, states[holds - OPENING], "what came before it was done, and nothing else");
    }
}

#[test]
fn abuse_b03_a_recorded_session_is_worth_nothing_later() {
    let mut rig = story().held();
    let owner = (OWN_KEY_VERSION, &service_manager());
    let mut listener = Listener { wire: &mut rig.wired, said: Vec::new(), answers: Vec::new() };
    let mut session = begin(&mut listener, &AUTHORITY_DOMAIN_AID, owner, WAY).unwrap();
    for command in &script()[..3] {
        assert!(session.send(&mut listener, command).status.is_ok());
    }
    let said = listener.said;
    let before = host::status(rig.wallet()).unwrap();
    // All of it once more: the element's challenge is another.
    let told: Vec<_> = said.iter().map(|command| rig.wired.transceive(command).unwrap().status).collect();
    let closed = StatusWord::SECURITY_STATUS;
    assert_eq!(told, [StatusWord::OK, StatusWord::OK, FAILED, closed, closed, closed]);
    // Its commands in a session that the authority opens.
    for replayed in &said[OPENING..] {
        let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
        assert_eq!(ssd.wire.transceive(replayed).unwrap().status, StatusWord::SECURE_MESSAGING);
        assert_eq!(ssd.send(&get_status()).status, closed);
    }
    assert_eq!(host::status(rig.wallet()).unwrap(), before);
}

#[test]
fn abuse_b04_no_level_below_full_protection_opens_a_domain() {
    let domains = [(&ISSUER_DOMAIN_AID, operator()), (&AUTHORITY_DOMAIN_AID, service_manager())];
    for (domain, keys) in &domains {
        let mut rig = story().held();
        for mode in [Mode::S8, Mode::S16] {
            for p1 in (0..=0xFF).filter(|p1| *p1 != 0x33) {
                let Some(level) = SecurityLevel::from_p1(p1) else { continue };
                let opened = open_as(&mut rig.wired, *domain, (OWN_KEY_VERSION, keys), (mode, level));
                assert_eq!(opened.err(), Some(StatusWord::CONDITIONS), "{p1:02X}");
                let bare = rig.wired.send(&get_status()).unwrap();
                assert_eq!((bare.status, bare.data), (StatusWord::SECURITY_STATUS, Vec::new()));
            }
        }
        open(&mut rig.wired, *domain, OWN_KEY_VERSION, keys).ok(&get_status());
    }
    // Somebody on the wire who asks for less than the host did.
    let (said, _) = recorded(&mut story().held().wired);
    for p1 in (0..=0xFF).filter(|p1| *p1 != 0x33) {
        let mut rig = story().held();
        let mut lowered = said[..OPENING].to_vec();
        lowered[OPENING - 1][2] = p1;
        let told: Vec<_> = lowered.iter().map(|said| rig.wired.transceive(said).unwrap().status).collect();
        assert_eq!(told[OPENING - 1], FAILED, "{p1:02X}");
        assert_eq!(rig.wired.send(&get_status()).unwrap().status, StatusWord::SECURITY_STATUS);
    }
}

#[test]
fn abuse_b05_an_answer_with_one_bit_wrong_is_no_receipt() {
    let (said, answers) = recorded(&mut story().held().wired);
    // The host's side of that session, up to the wipe, as often as it is wanted.
    let awaiting = || {
        let (challenged, _) = HostChallenged::begin(Mode::S16, OWN_KEY_VERSION, &[0xC5; 16]).unwrap();
        let level = SecurityLevel::FULL;
        let (authenticating, _) = challenged.authenticate(&service_manager(), level, &answers[1]).unwrap();
        let mut session = authenticating.open(&answers[2]).unwrap();
        let mut commands = script();
        let last = commands.pop().unwrap();
        for (command, answer) in commands.iter().zip(&answers[OPENING..]) {
            session = session.wrap(command).unwrap().0.unwrap(answer).unwrap().0;
        }
        let (awaiting, wrapped) = session.wrap(&last).unwrap();
        assert_eq!(Some(&wrapped.to_bytes()), said.last());
        awaiting
    };
    let receipt = answers.last().unwrap().to_bytes();
    assert_eq!(awaiting().unwrap(answers.last().unwrap()).unwrap().1.data.len(), 18);
    let mut spoiled: Vec<Vec<u8>> = (0..receipt.len() * 8)
        .map(|bit| {
            let mut flipped = receipt.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        })
        .collect();
    spoiled.extend((2..receipt.len()).map(|from| receipt[from - 2..].to_vec()).filter(|cut| *cut != receipt));
    spoiled.push(answers[OPENING].to_bytes());
    spoiled.push(vec![0x90, 0x00]);
    for spoiled in spoiled {
        let refused = awaiting().unwrap(&Response::from_bytes(&spoiled).unwrap()).unwrap_err();
        assert_eq!(refused.code().as_str(), "scp03.mac_wrong", "{spoiled:02X?}");
    }
    // An error goes without a MAC: it is told as an error, never as a receipt.
    let error = awaiting().unwrap(&StatusWord::CONDITIONS.into()).unwrap().1;
    assert_eq!((error.status, error.data.len()), (StatusWord::CONDITIONS, 0));
}

#[test]
fn abuse_b06_no_challenge_comes_twice() {
    const CHALLENGES: usize = 100_000;
    let (mut rig, _) = manufacture(SeededSilicon::new(4));
    let update = Command::new(0x80, 0x50, 0x00, 0x00).with_data([0xC5; 16]).with_le(256).to_bytes();
    let mut seen = HashSet::new();
    for number in 0..CHALLENGES {
        match number {
            _ if number.is_multiple_of(10_000) => rig = Rig::power_up(rig.power_down()),
            _ if number.is_multiple_of(1_000) => rig.wired.reset(),
            _ => {}
        }
        let answer = rig.wired.process(&update);
        assert_eq!(answer.len(), 13 + 16 + 16 + 3 + 2);
        assert!(seen.insert(<[u8; 16]>::try_from(&answer[13..29]).unwrap()), "{number}");
    }
    // The counter has an end, and stays there.
    let mut state: serde_json::Value = serde_json::from_slice(&sealed_state(rig.power_down())).unwrap();
    state["issuer"]["keys"]["sequence"] = 0x00FF_FFFE.into();
    let mut rig = Rig::power_up(sealed(&serde_json::to_vec(&state).unwrap()));
    let told = [(); 3].map(|()| rig.wired.transceive(&update).unwrap().status);
    assert_eq!(told, [StatusWord::OK, StatusWord::CONDITIONS, StatusWord::CONDITIONS]);
}

/// An element of its own, with the operator's keys for it.
fn element(id: ElementId, issuer_keys: StaticKeys) -> Rig {
    let blank = Element::insert(SeededSilicon::new(4)).unwrap_err();
    let user_verification_key = Secret::new(UV_KEY);
    let origin = Origin { element: id, family: Family::Android, issuer_keys, user_verification_key };
    let (unvouched, message) = blank.manufacture(origin).unwrap();
    let maker = P256Key::from_bytes(&[7; 32]).unwrap();
    Rig::new(unvouched.vouch(maker.sign_sha256(&message)).unwrap())
}

#[test]
fn abuse_b08_the_keys_of_one_element_open_no_other() {
    let master = Secret::new([0x11; 32]);
    let keys = |id: ElementId| diversify(&master, "operator", id.as_bytes()).unwrap();
    let theirs = ElementId::from_bytes(*b"TEFUDA-002");
    let mut rig = element(ELEMENT, keys(ELEMENT));
    assert_ne!(keys(ELEMENT).mac(), keys(theirs).mac());
    let foreign = (INITIAL_KEY_VERSION, &keys(theirs));
    // An honest host notices; one that does not care is not let in.
    let opened = open_as(&mut rig.wired, &ISSUER_DOMAIN_AID, foreign, WAY);
    assert_eq!(opened.err(), Some(StatusWord::SECURITY_STATUS));
    let (challenged, update) = HostChallenged::begin(Mode::S16, 0, &[0xC5; 16]).unwrap();
    let updated = rig.wired.send(&update).unwrap();
    let refused = challenged.authenticate(&keys(theirs), SecurityLevel::FULL, &updated).unwrap_err();
    assert_eq!(refused.code().as_str(), "scp03.cryptogram_wrong");
    let sequence = updated.data[45..48].try_into().unwrap();
    let (_, pretended) = CardChallenged::begin(
        &keys(theirs),
        Mode::S16,
        (ELEMENT.as_bytes(), INITIAL_KEY_VERSION),
        (&[0xC5; 16], &updated.data[13..29]),
        sequence,
    )
    .unwrap();
    let (challenged, _) = HostChallenged::begin(Mode::S16, 0, &[0xC5; 16]).unwrap();
    let (_, authenticate) = challenged.authenticate(&keys(theirs), SecurityLevel::FULL, &pretended).unwrap();
    assert_eq!(rig.wired.send(&authenticate).unwrap().status, FAILED);
    assert_eq!(rig.wired.send(&get_status()).unwrap().status, StatusWord::SECURITY_STATUS);
    open(&mut rig.wired, &ISSUER_DOMAIN_AID, INITIAL_KEY_VERSION, &keys(ELEMENT)).ok(&get_status());
}
