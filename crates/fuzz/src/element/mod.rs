//! Sequences of commands against the phone's element, on both sides and through both secure channels.

mod life;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tefuda_apdu::{
    Chip, Command, LinkError, Response, Transceive,
    scp03::{HostSession, StaticKeys},
};
use tefuda_element::Element;
use tefuda_protocol::element::{AUTHORITY_DOMAIN_AID, ISSUER_DOMAIN_AID, OWN_KEY_VERSION, instruction};
use tefuda_silicon::testing::SeededSilicon;

use crate::{Bound, card::ANSWER_OCTETS_MAX, pieces::pieces};

/// A command may have the whole state written: once as it is, once as JSON and once sealed, with certificates that
/// the command brought, in the base64 of JSON, each time.
const COMMAND: Bound = Bound { octets: 262_144, octets_for_each: 32 };

/// An element in its phone, with a wire, a field, and the keys of both domains.
struct Rig {
    element: Arc<Mutex<Element<SeededSilicon>>>,
    wired: Box<dyn Chip>,
    field: Box<dyn Chip>,
    /// The channel that is open, and on which way.
    session: Option<(u16, HostSession)>,
}

/// The wire, as whoever opens a channel sees it.
impl Transceive for Rig {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        Response::from_bytes(&answer(self.wired.as_mut(), command))
    }
}

fn answer(chip: &mut dyn Chip, command: &[u8]) -> Vec<u8> {
    let answer = COMMAND.hold(command.len(), || chip.process(command));
    assert!((2..=ANSWER_OCTETS_MAX).contains(&answer.len()));
    answer
}

/// Keys are made once, before the sequences: RSA takes most of a second. Whoever asks on the wire for keys of any
/// kind is left out.
fn makes_keys(command: &[u8]) -> bool {
    command.get(1) == Some(&instruction::GENERATE_KEYS)
}

impl Rig {
    fn power_up(die: SeededSilicon) -> Self {
        let element = Arc::new(Mutex::new(Element::insert(die).unwrap()));
        let mut rig = Self {
            wired: Box::new(tefuda_element::wired(Arc::clone(&element))),
            field: Box::new(tefuda_element::contactless(Arc::clone(&element))),
            element,
            session: None,
        };
        rig.power_returns();
        rig
    }

    fn power_returns(&mut self) {
        self.wired.power_off();
        self.wired.power_on();
        self.field.power_on();
        self.session = None;
    }

    fn power_down(self) -> SeededSilicon {
        let Self { element, wired, field, .. } = self;
        drop((wired, field));
        let element = Arc::into_inner(element).unwrap().into_inner();
        element.unwrap_or_else(PoisonError::into_inner).into_silicon()
    }

    /// A command under the protection of a domain's keys, if a channel can be had.
    fn protected(&mut self, way: u16, command: &Command) {
        let session = match self.session.take() {
            Some((own, session)) if own == way => Some(session),
            _ => self.channel(way),
        };
        let Some((awaiting, wrapped)) = session.and_then(|session| session.wrap(command).ok()) else {
            return;
        };
        let response = self.send(&wrapped).unwrap();
        self.session = awaiting.unwrap(&response).ok().map(|(session, _)| (way, session));
    }

    fn channel(&mut self, way: u16) -> Option<HostSession> {
        let (domain, keys): (&[u8], StaticKeys) = match way {
            2 => (&ISSUER_DOMAIN_AID, life::operator()),
            _ => (&AUTHORITY_DOMAIN_AID, life::service_manager()),
        };
        life::channel(self, domain, OWN_KEY_VERSION, &keys)
    }
}

/// Every command is answered within bounds: on the wire, in the field, from the operator and from the service manager
/// through their channels. A piece of no octets takes the power away and gives it back. Whatever was said, the die
/// opens afterwards.
pub fn element(octets: &[u8]) {
    static DIE: OnceLock<Mutex<SeededSilicon>> = OnceLock::new();
    let die = DIE.get_or_init(|| Mutex::new(life::held()));
    let die = die.lock().unwrap_or_else(PoisonError::into_inner).twin();
    let mut rig = Rig::power_up(die);
    for (way, piece) in pieces(octets) {
        match (way, Command::parse(piece)) {
            (_, _) if makes_keys(piece) => {}
            (2.., Ok(command)) => rig.protected(way, &command),
            (1, _) => drop(answer(rig.field.as_mut(), piece)),
            (_, _) if piece.is_empty() => rig.power_returns(),
            _ => drop(answer(rig.wired.as_mut(), piece)),
        }
    }
    assert!(Element::insert(rig.power_down()).is_ok());
}
