//! The parties around an element: its wires, the hosts of its domains, and a person who types passwords.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use tefuda_apdu::{
    Chip, Command, LinkError, Response, StatusWord, Transceive,
    scp03::{HostChallenged, HostSession, Mode, SecurityLevel, StaticKeys},
};
use tefuda_element::{
    Element,
    host::{self, HostError},
};
use tefuda_protocol::{
    element::INITIAL_KEY_VERSION,
    sealed::{Binding, PinBlock, PinPurpose},
    transaction::{Transaction, TransactionHash, TransactionKind},
    user_verification::{self, UserVerificationToken},
};
use tefuda_silicon::{engine::P256Key, testing::SeededSilicon};
use tefuda_types::{Bytes, ElementId, Secret};

pub const ELEMENT: ElementId = ElementId::from_bytes(*b"TEFUDA-001");
pub const UV_KEY: [u8; 32] = *b"shared with the operating system";
pub const SIGN_PASSWORD: &str = "PHONE1";
pub const AUTH_PIN: &str = "2468";

/// One side of an element, with power.
pub struct Wire(Box<dyn Chip>);

impl Wire {
    pub fn new(mut chip: impl Chip + 'static) -> Self {
        chip.power_on();
        Self(Box::new(chip))
    }

    pub fn reset(&mut self) {
        self.0.power_off();
        self.0.power_on();
    }

    pub fn process(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.process(command)
    }
}

impl Transceive for Wire {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        Response::from_bytes(&self.0.process(command))
    }
}

/// An element with its two sides.
pub struct Rig {
    element: Arc<Mutex<Element<SeededSilicon>>>,
    pub wired: Wire,
    pub field: Wire,
}

impl Rig {
    pub fn new(element: Element<SeededSilicon>) -> Self {
        let element = Arc::new(Mutex::new(element));
        let wired = Wire::new(tefuda_element::wired(Arc::clone(&element)));
        let field = Wire::new(tefuda_element::contactless(Arc::clone(&element)));
        Self { element, wired, field }
    }

    pub fn power_up(silicon: SeededSilicon) -> Self {
        Self::new(Element::insert(silicon).unwrap())
    }

    pub fn sensor_event(&self) -> bool {
        self.element.lock().unwrap().sensor_event().is_ok()
    }

    pub fn power_down(self) -> SeededSilicon {
        let Self { element, wired, field } = self;
        drop((wired, field));
        let mut silicon = Arc::into_inner(element).unwrap().into_inner().unwrap().into_silicon();
        silicon.restore_power();
        silicon
    }

    /// The point of the key that passwords are sealed to, as its own state has it.
    pub fn pin_entry_key(self) -> Vec<u8> {
        let state: serde_json::Value =
            serde_json::from_slice(&crate::story::sealed_state(self.power_down())).unwrap();
        let scalar: Bytes = serde_json::from_value(state["identity"]["pin_entry_key"].clone()).unwrap();
        P256Key::from_bytes(&scalar.0).unwrap().public_sec1()
    }

    /// The wallet's face, selected on the basic channel.
    pub fn wallet(&mut self) -> &mut Wire {
        host::select_wallet(&mut self.wired).unwrap();
        &mut self.wired
    }
}

pub fn keys(value: u8) -> StaticKeys {
    let key = |purpose: u8| Sha256::digest([value, purpose])[..16].to_vec();
    StaticKeys::new(&key(1), &key(2), &key(3)).unwrap()
}

/// The operator's keys, from the factory on.
pub fn operator() -> StaticKeys {
    keys(0x10)
}

/// The first keys of the authority's domain, as the operator hands them over.
pub fn handed_over() -> StaticKeys {
    keys(0x20)
}

/// The service manager's own.
pub fn service_manager() -> StaticKeys {
    keys(0x30)
}

/// A secure channel from the host's side.
pub struct Session {
    session: Option<HostSession>,
    /// The last command as it went over the wire.
    pub last: Vec<u8>,
}

/// The same with the wire that it goes over.
pub struct Secured<'a> {
    pub wire: &'a mut Wire,
    pub session: Session,
}

/// SELECT, INITIALIZE UPDATE and EXTERNAL AUTHENTICATE; or the status word at which it ended.
pub fn begin(
    wire: &mut impl Transceive,
    aid: &[u8],
    (version, keys): (u8, &StaticKeys),
    (mode, level): (Mode, SecurityLevel),
) -> Result<Session, StatusWord> {
    host::select(wire, aid).map_err(|_| StatusWord::NOT_FOUND)?;
    let challenge = [0xC5; 16];
    let (challenged, command) = HostChallenged::begin(mode, version, &challenge[..mode.octets()]).unwrap();
    let response = wire.send(&command).unwrap();
    if !response.status.is_ok() {
        return Err(response.status);
    }
    assert_eq!(HostChallenged::diversification(&response).unwrap(), *ELEMENT.as_bytes());
    let (authenticating, command) =
        challenged.authenticate(keys, level, &response).map_err(|_| StatusWord::SECURITY_STATUS)?;
    let response = wire.send(&command).unwrap();
    let session = authenticating.open(&response).map_err(|_| response.status)?;
    Ok(Session { session: Some(session), last: Vec::new() })
}

pub fn open_as<'a>(
    wire: &'a mut Wire,
    aid: &[u8],
    keys: (u8, &StaticKeys),
    way: (Mode, SecurityLevel),
) -> Result<Secured<'a>, StatusWord> {
    let session = begin(wire, aid, keys, way)?;
    Ok(Secured { wire, session })
}

/// The same as the scripts do it.
pub fn open<'a>(wire: &'a mut Wire, aid: &[u8], version: u8, keys: &StaticKeys) -> Secured<'a> {
    open_as(wire, aid, (version, keys), (Mode::S16, SecurityLevel::FULL)).unwrap()
}

/// EXTERNAL AUTHENTICATE by somebody who does not have the keys.
pub fn guess(wire: &mut Wire, aid: &[u8], version: u8) -> StatusWord {
    let select = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(aid);
    wire.send(&select).unwrap();
    let (_, command) = HostChallenged::begin(Mode::S16, version, &[1; 16]).unwrap();
    let response = wire.send(&command).unwrap();
    if !response.status.is_ok() {
        return response.status;
    }
    let guess = Command::new(0x84, 0x82, 0x33, 0x00).with_data([0x77; 32]);
    wire.send(&guess).unwrap().status
}

impl Session {
    pub fn send(&mut self, wire: &mut impl Transceive, command: &Command) -> Response {
        let (awaiting, wrapped) = self.session.take().unwrap().wrap(command).unwrap();
        self.last = wrapped.to_bytes();
        let response = wire.send(&wrapped).unwrap();
        let (session, plain) = awaiting.unwrap(&response).unwrap();
        self.session = Some(session);
        plain
    }
}

impl Secured<'_> {
    pub fn send(&mut self, command: &Command) -> Response {
        self.session.send(self.wire, command)
    }

    pub fn ok(&mut self, command: &Command) -> Vec<u8> {
        let response = self.send(command);
        assert_eq!(response.status, StatusWord::OK, "{command:?}");
        response.data
    }
}

pub fn hash(kind: TransactionKind, body: &str) -> TransactionHash {
    Transaction { kind, body: body.to_owned() }.hash()
}

/// The point in the PIN-entry key's attestation.
pub fn pin_entry_key(wallet: &mut impl Transceive) -> Vec<u8> {
    let attestation = host::pin_entry_attestation(wallet).unwrap().peek_unverified().unwrap();
    let spki = attestation.public_key.0;
    spki[spki.len() - 65..].to_vec()
}

/// What a page makes of what a person types.
pub fn seal(
    key: &[u8],
    challenge: [u8; 16],
    transaction: TransactionHash,
    purpose: PinPurpose,
    password: &str,
) -> PinBlock {
    let binding = Binding { challenge, transaction, purpose };
    let password = Secret::new(password.as_bytes().to_vec());
    PinBlock::seal(key, &binding, &password, &mut ChaCha8Rng::seed_from_u64(4)).unwrap()
}

/// Types passwords in one new session for one transaction.
pub fn type_in(
    wallet: &mut impl Transceive,
    (kind, body): (TransactionKind, &str),
    typed: &[(PinPurpose, &str)],
) -> Result<[u8; 16], HostError> {
    let key = pin_entry_key(wallet);
    let challenge = host::challenge(wallet)?;
    let transaction = hash(kind, body);
    for (purpose, password) in typed {
        let block = seal(&key, challenge, transaction, *purpose, password);
        host::present_pin(wallet, *purpose, &transaction, &block)?;
    }
    Ok(challenge)
}

/// The operating system's word for a finger of a set.
pub fn token(challenge: [u8; 16], transaction: &TransactionHash, set: u32) -> UserVerificationToken {
    user_verification::token(&Secret::new(UV_KEY), &challenge, transaction, set)
}

/// Version and keys of the operator's domain as the factory left it.
pub fn initial() -> (u8, StaticKeys) {
    (INITIAL_KEY_VERSION, operator())
}
