//! The element as one object, and its two sides: dispatch by side, channel and selection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tefuda_apdu::{Atr, Chip, Command, Response, StatusWord, tlv};
use tefuda_protocol::element::{
    ACCESS_RULES_AID, ALL_RULES, AUTHORITY_DOMAIN_AID, ISSUER_DOMAIN_AID, WALLET_AID, instruction,
};
use tefuda_silicon::{Silicon, Vault};
use thiserror::Error;

use crate::{
    applet::Wallet,
    contactless::Field,
    domain::DomainSelection,
    factory::Blank,
    memory::{Domain, Fault, Found, Memory, Persistent},
    session::Volatile,
};

/// ATR on the wired side: T=1, no historical octets, information field of 254 octets.
const WIRED_ATR: [u8; 7] = [0x3B, 0x80, 0x81, 0x31, 0xFE, 0x45, 0x8B];
/// What a contactless reader makes of a phone without historical octets (PC/SC, part 3, 3.1.3.2.3).
const CONTACTLESS_ATR: [u8; 5] = [0x3B, 0x80, 0x80, 0x01, 0x01];
/// Tags of the file control information that SELECT answers (GlobalPlatform, table 11-83).
const FILE_CONTROL_INFORMATION: u32 = 0x6F;
const APPLICATION_AID: u32 = 0x84;

/// Why an element cannot be made or used as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ElementError {
    /// Power went away.
    #[error("the element lost power")]
    PowerCut,
    /// The key engine failed.
    #[error("the element's key engine failed")]
    Engine,
    /// The element found its memory edited, or of a form that it does not know, and has shut itself down.
    #[error("the element's memory is not readable")]
    Dead,
}

tefuda_types::reasons! { ElementError {
    PowerCut => "element.power_cut", Backend;
    Engine => "element.engine_failed", Backend;
    Dead => "element.dead", Policy;
} }

impl From<Fault> for ElementError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::PowerCut => Self::PowerCut,
            Fault::Refused(_) => Self::Engine,
        }
    }
}

/// An application as it is selected on a channel.
#[derive(Debug)]
enum Selected {
    Domain(DomainSelection),
    AccessRules,
    Wallet,
}

impl Selected {
    /// The application with an identifier, if it is there and has a wired face.
    fn find(memory: &Memory, aid: &[u8]) -> Option<(Self, &'static [u8])> {
        let wallet = memory.applet().is_some_and(|applet| applet.wallet);
        let domain = |domain| Self::Domain(DomainSelection::new(domain));
        match aid {
            [] => Some((domain(Domain::Issuer), &ISSUER_DOMAIN_AID)),
            aid if aid == ISSUER_DOMAIN_AID => Some((domain(Domain::Issuer), &ISSUER_DOMAIN_AID)),
            aid if aid == ACCESS_RULES_AID => Some((Self::AccessRules, &ACCESS_RULES_AID)),
            aid if aid == AUTHORITY_DOMAIN_AID && memory.authority.is_some() => {
                Some((domain(Domain::Authority), &AUTHORITY_DOMAIN_AID))
            }
            aid if aid == WALLET_AID && wallet => Some((Self::Wallet, &WALLET_AID)),
            _ => None,
        }
    }
}

/// What the wired side forgets when power goes.
#[derive(Debug)]
struct WiredState {
    basic: Selected,
    logical: Option<Selected>,
    volatile: Volatile,
}

impl WiredState {
    fn new() -> Self {
        let basic = Selected::Domain(DomainSelection::new(Domain::Issuer));
        Self { basic, logical: None, volatile: Volatile::default() }
    }

    fn respond<S: Silicon>(
        &mut self,
        persistent: &mut Persistent<S>,
        command: &Command,
    ) -> Result<Response, Fault> {
        let channel = command.channel();
        let Self { basic, logical, volatile } = self;
        let selected = match (channel, logical.as_mut()) {
            (0, _) => basic,
            (1, Some(selected)) => selected,
            _ => return Err(StatusWord::CHANNEL_NOT_SUPPORTED.into()),
        };
        match (command.cla & !0x03, command.ins, command.p1) {
            (0x00, 0x70, _) => self.manage_channel(command),
            (0x00, 0xA4, 0x04) => {
                let found = Selected::find(persistent.memory(), &command.data);
                let (found, aid) = found.ok_or(StatusWord::NOT_FOUND)?;
                let answer = match command.p2 {
                    0x00 => file_control_information(aid),
                    0x0C => Vec::new(),
                    _ => return Err(StatusWord::WRONG_P1P2.into()),
                };
                volatile.end(channel);
                *selected = found;
                Ok(Response::ok(answer))
            }
            _ => match selected {
                Selected::Domain(domain) => domain.respond(persistent, volatile, command),
                Selected::AccessRules => access_rules(persistent.memory(), command),
                Selected::Wallet => Wallet { persistent, volatile, channel }.respond(command),
            },
        }
    }

    /// MANAGE CHANNEL (ISO 7816-4, 11.2; GlobalPlatform, 11.7): the element assigns the one number it has.
    fn manage_channel(&mut self, command: &Command) -> Result<Response, Fault> {
        match (command.p1, command.p2, &self.logical) {
            (0x00, 0x00, None) => {
                self.logical = Some(Selected::Domain(DomainSelection::new(Domain::Issuer)));
                Ok(Response::ok(vec![0x01]))
            }
            (0x00, 0x00, Some(_)) => Err(StatusWord::FUNCTION_NOT_SUPPORTED.into()),
            (0x80, 0x01, Some(_)) => {
                self.logical = None;
                self.volatile.end(1);
                Ok(StatusWord::OK.into())
            }
            _ => Err(StatusWord::WRONG_P1P2.into()),
        }
    }
}

fn file_control_information(aid: &[u8]) -> Vec<u8> {
    tlv::encode(FILE_CONTROL_INFORMATION, &tlv::encode(APPLICATION_AID, aid))
}

/// GET DATA of all rules; the application knows nothing else.
fn access_rules(memory: &Memory, command: &Command) -> Result<Response, Fault> {
    match (command.cla & !0x03, command.ins) {
        (0x80, instruction::GET_DATA) if u16::from_be_bytes([command.p1, command.p2]) == ALL_RULES => {
            let rules: Vec<u8> = memory.issuer.rules.iter().flat_map(|rule| rule.to_bytes()).collect();
            Ok(Response::ok(tlv::encode(u32::from(ALL_RULES), &rules)))
        }
        (0x80, instruction::GET_DATA) => Err(StatusWord::DATA_NOT_FOUND.into()),
        (0x00 | 0x80, _) => Err(StatusWord::WRONG_INS.into()),
        _ => Err(StatusWord::WRONG_CLA.into()),
    }
}

/// The die under an element: with a state, or one that cannot be read any more.
enum Body<S> {
    Live(Persistent<S>),
    Dead(Vault<S>),
}

/// A secure element as an object with two sides, [`wired`] and [`contactless`].
pub struct Element<S: Silicon> {
    body: Body<S>,
    /// `None` without power.
    wired: Option<WiredState>,
    field: Option<Field>,
}

impl<S: Silicon> core::fmt::Debug for Element<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Element").field("dead", &self.is_dead()).finish_non_exhaustive()
    }
}

impl<S: Silicon> Element<S> {
    /// Puts a die that was used before into an element. One whose memory was set back has destroyed its
    /// holder's keys when this returns.
    ///
    /// # Errors
    /// The blank die, for the factory.
    pub fn insert(silicon: S) -> Result<Self, Blank<S>> {
        match Persistent::power_up(silicon) {
            Found::Blank(vault) => Err(Blank::new(vault.into_silicon())),
            Found::Live(persistent) => Ok(Self::new(persistent)),
            Found::Dead(vault) => Ok(Self { body: Body::Dead(vault), wired: None, field: None }),
        }
    }

    pub(crate) const fn new(persistent: Persistent<S>) -> Self {
        Self { body: Body::Live(persistent), wired: None, field: None }
    }

    const fn is_dead(&self) -> bool {
        matches!(self.body, Body::Dead(_))
    }

    /// The sensors report light, temperature, voltage or a cut mesh: the holder's keys are destroyed for good,
    /// and the element says so from now on.
    ///
    /// # Errors
    /// [`ElementError::PowerCut`]: the keys are there or not, and neither side has power any more.
    /// [`ElementError::Dead`].
    pub fn sensor_event(&mut self) -> Result<(), ElementError> {
        let Body::Live(persistent) = &mut self.body else {
            return Err(ElementError::Dead);
        };
        let (wired, field) = (self.wired.take(), self.field.take());
        // Sensors that see something have power, whoever lost it before.
        persistent.power_again()?;
        persistent.destroy(|memory| {
            memory.destroy();
            Ok(())
        })?;
        self.wired = wired.map(|_| WiredState::new());
        self.field = field.map(|_| Field::default());
        Ok(())
    }

    /// Pulls the die out.
    pub fn into_silicon(self) -> S {
        match self.body {
            Body::Live(persistent) => persistent.into_silicon(),
            Body::Dead(vault) => vault.into_silicon(),
        }
    }

    /// Total: any octets have an answer. After a cut there is no power on either side.
    fn process(&mut self, side: Side, octets: &[u8]) -> Vec<u8> {
        let Ok(command) = Command::parse(octets) else {
            return Response::status(StatusWord::WRONG_LENGTH).to_bytes();
        };
        let Body::Live(persistent) = &mut self.body else {
            return Response::status(StatusWord::MEMORY_FAILURE).to_bytes();
        };
        let answer = match (side, &mut self.wired, &mut self.field) {
            (Side::Wired, Some(state), _) => state.respond(persistent, &command),
            (Side::Contactless, _, Some(field)) => field.respond(persistent, &command),
            _ => Err(Fault::PowerCut),
        };
        let response = match answer {
            Ok(response) => response,
            Err(Fault::Refused(status)) => status.into(),
            Err(Fault::PowerCut) => {
                (self.wired, self.field) = (None, None);
                StatusWord::MEMORY_FAILURE.into()
            }
        };
        response.to_bytes()
    }

    fn power(&mut self, side: Side, on: bool) {
        let on = on
            && match &mut self.body {
                Body::Live(persistent) => persistent.power_again().is_ok(),
                Body::Dead(_) => true,
            };
        match side {
            Side::Wired => self.wired = on.then(WiredState::new),
            Side::Contactless => self.field = on.then(Field::default),
        }
    }
}

/// The two ways to reach an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Wired,
    Contactless,
}

/// One side of a shared element.
struct Face<S: Silicon> {
    element: Arc<Mutex<Element<S>>>,
    side: Side,
}

impl<S: Silicon> Face<S> {
    fn lock(&self) -> MutexGuard<'_, Element<S>> {
        self.element.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the phone's operating system is soldered to: security domains, access rules, the wallet's face.
pub fn wired<S: Silicon>(element: Arc<Mutex<Element<S>>>) -> impl Chip + use<S> {
    Face { element, side: Side::Wired }
}

/// What a reader in the field sees: the JPKI face.
pub fn contactless<S: Silicon>(element: Arc<Mutex<Element<S>>>) -> impl Chip + use<S> {
    Face { element, side: Side::Contactless }
}

impl<S: Silicon> Chip for Face<S> {
    fn power_on(&mut self) -> Atr {
        self.lock().power(self.side, true);
        self.atr()
    }

    fn atr(&self) -> Atr {
        Atr(match self.side {
            Side::Wired => WIRED_ATR.to_vec(),
            Side::Contactless => CONTACTLESS_ATR.to_vec(),
        })
    }

    fn power_off(&mut self) {
        self.lock().power(self.side, false);
    }

    fn process(&mut self, command: &[u8]) -> Vec<u8> {
        self.lock().process(self.side, command)
    }
}
