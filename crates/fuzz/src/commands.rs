//! Commands, BER-TLV objects and secure channels.

use tefuda_apdu::{
    Command, Response,
    scp03::{CardChallenged, CardSession, HostChallenged, HostSession, Mode, SecurityLevel, StaticKeys},
    tlv as ber,
};

use crate::{Bound, pieces::pieces};

/// A command and its response are copied, and told as text of at most 48 octets each, three characters an octet.
const COMMAND: Bound = Bound { octets: 4_096, octets_for_each: 4 };
/// Objects are slices of what they lie in.
const OBJECTS: Bound = Bound { octets: 0, octets_for_each: 0 };
/// Header, data, padding and MAC are each put together anew, in both directions.
const CHANNEL: Bound = Bound { octets: 16_384, octets_for_each: 16 };
/// Most characters of what is told about an exchange.
const TOLD_CHARACTERS_MAX: usize = 256;

/// What is parsed is encoded to octets that parse to the same; what a person is shown is short.
pub fn apdu(octets: &[u8]) {
    let (command, response, told) = COMMAND.hold(octets.len(), || {
        let told = tefuda_apdu::describe::exchange(octets, octets);
        (Command::parse(octets), Response::from_bytes(octets), told)
    });
    if let Ok(command) = command {
        let encoded = command.to_bytes();
        assert!(encoded.len() <= octets.len());
        assert_eq!(Command::parse(&encoded), Ok(command));
        let longer = [&encoded, [0; 3].as_slice()].concat();
        assert_ne!(Command::parse(&longer).map(|longer| longer.to_bytes()), Ok(encoded));
    }
    if let Ok(response) = response {
        assert_eq!(response.to_bytes(), octets);
    }
    for text in [told.line, told.command, told.response] {
        assert!(text.chars().count() <= TOLD_CHARACTERS_MAX);
    }
}

/// Objects lie inside the octets, one behind the other, and their shortest form says the same.
pub fn tlv(octets: &[u8]) {
    let count = OBJECTS.hold(octets.len(), || ber::objects(octets).count());
    assert!(count <= octets.len());
    let mut left = octets.len();
    for object in ber::objects(octets).map_while(Result::ok) {
        left = left.checked_sub(object.object.len()).unwrap();
        let encoded = ber::encode(object.tag, object.value);
        assert!(encoded.len() <= object.object.len());
        let again = ber::find(&encoded, object.tag).unwrap();
        assert_eq!((again.value, again.object), (object.value, encoded.as_slice()));
    }
}

/// Both ends of one channel.
fn channel() -> (HostSession, CardSession) {
    let keys = StaticKeys::new(&[1; 16], &[2; 16], &[3; 16]).unwrap();
    let (challenged, initialize) = HostChallenged::begin(Mode::S16, 1, &[4; 16]).unwrap();
    let challenges = (initialize.data.as_slice(), [5; 16].as_slice());
    let (awaiting, answer) =
        CardChallenged::begin(&keys, Mode::S16, (&[0; 10], 1), challenges, [0, 0, 1]).unwrap();
    let (opening, authenticate) = challenged.authenticate(&keys, SecurityLevel::FULL, &answer).unwrap();
    let card = awaiting.authenticate(&authenticate, SecurityLevel::FULL).unwrap();
    (opening.open(&Response::ok(Vec::new())).unwrap(), card)
}

/// One octet of `data` made another, as a piece says which.
fn altered(data: &mut [u8], piece: &[u8]) {
    let [at, change, ..] = *piece else { return };
    let at = usize::from(at) % data.len().max(1);
    data.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= change.max(1));
}

/// Plain commands and responses come out as they went in. No octets that the other end did not protect are taken:
/// neither an attacker's own, nor the other end's with one octet changed.
pub fn scp03(octets: &[u8]) {
    let (mut host, mut card) = channel();
    for (way, piece) in pieces(octets) {
        let Ok(command) = Command::parse(piece) else { continue };
        let (next_host, next_card) = match way {
            0 => CHANNEL.hold(piece.len(), || there_and_back(host, card, &command)),
            1 => return assert!(CHANNEL.hold(piece.len(), || card.unwrap(&command).is_err())),
            2 => {
                let Ok((_, mut wrapped)) = host.wrap(&command) else { return };
                altered(&mut wrapped.data, piece);
                return assert!(card.unwrap(&wrapped).is_err());
            }
            _ => {
                let Ok((waiting, wrapped)) = host.wrap(&command) else { return };
                let (answering, _) = card.unwrap(&wrapped).unwrap();
                let (_, mut answer) = answering.wrap(Response::ok(vec![7; 20])).unwrap();
                altered(&mut answer.data, piece);
                return assert!(waiting.unwrap(&answer).is_err());
            }
        };
        let (Some(next_host), Some(next_card)) = (next_host, next_card) else { return };
        (host, card) = (next_host, next_card);
    }
}

/// Octets of a command that come back as its response.
const ECHO_OCTETS: usize = 200;

fn there_and_back(
    host: HostSession,
    card: CardSession,
    command: &Command,
) -> (Option<HostSession>, Option<CardSession>) {
    // Too long with its MAC.
    let Ok((waiting, wrapped)) = host.wrap(command) else { return (None, None) };
    let (answering, plain) = card.unwrap(&wrapped).unwrap();
    assert_eq!((plain.ins, plain.p1, plain.p2), (command.ins, command.p1, command.p2));
    assert_eq!(plain.data, command.data);
    let response = Response::ok(command.data.iter().copied().take(ECHO_OCTETS).collect());
    let (card, protected) = answering.wrap(response.clone()).unwrap();
    let (host, opened) = waiting.unwrap(&protected).unwrap();
    assert_eq!(opened, response);
    (Some(host), Some(card))
}
