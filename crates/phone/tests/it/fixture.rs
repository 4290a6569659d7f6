//! An element and its operator.

use std::sync::{Arc, Mutex};
use tefuda_apdu::{
    Aid, Chip, Command, LinkError, Response, StatusWord, Transceive,
    globalplatform::{Install, store_data},
    scp03::{HostChallenged, HostSession, Mode, SecurityLevel, StaticKeys},
};
use tefuda_element::{Element, factory::Origin, host};
use tefuda_protocol::element::{ACCESS_RULES_AID, AccessRule, INITIAL_KEY_VERSION, ISSUER_DOMAIN_AID};
use tefuda_silicon::{engine::P256Key, testing::SeededSilicon};
use tefuda_types::{ElementId, Family, Secret};

/// What the operating system is soldered to.
pub struct Wired(Box<dyn Chip>);

impl Transceive for Wired {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        Response::from_bytes(&self.0.process(command))
    }
}

fn operator() -> StaticKeys {
    StaticKeys::new(&[1; 16], &[2; 16], &[3; 16]).unwrap()
}

/// A new element, with power.
pub fn element() -> Wired {
    let blank = Element::insert(SeededSilicon::new(2)).unwrap_err();
    let origin = Origin {
        element: ElementId::from_bytes(*b"TEFUDA-001"),
        family: Family::Android,
        issuer_keys: operator(),
        user_verification_key: Secret::new([9; 32]),
    };
    let (unvouched, message) = blank.manufacture(origin).unwrap();
    let maker = P256Key::from_bytes(&[7; 32]).unwrap();
    let element = unvouched.vouch(maker.sign_sha256(&message)).unwrap();
    let mut chip = tefuda_element::wired(Arc::new(Mutex::new(element)));
    chip.power_on();
    Wired(Box::new(chip))
}

/// The operator stores these rules in place of all that were there.
pub fn store_rules(element: &mut Wired, rules: &[AccessRule]) {
    host::select(element, &ISSUER_DOMAIN_AID).unwrap();
    let (challenged, update) = HostChallenged::begin(Mode::S16, INITIAL_KEY_VERSION, &[5; 16]).unwrap();
    let updated = element.send(&update).unwrap();
    let (authenticating, authenticate) =
        challenged.authenticate(&operator(), SecurityLevel::FULL, &updated).unwrap();
    let session = authenticating.open(&element.send(&authenticate).unwrap()).unwrap();
    let instance = Aid::new(&ACCESS_RULES_AID).unwrap();
    let rules: Vec<u8> = rules.iter().flat_map(AccessRule::to_bytes).collect();
    let session = secured(element, session, &Install::Personalise { instance }.to_command());
    secured(element, session, &store_data(&rules));
}

fn secured(element: &mut Wired, session: HostSession, command: &Command) -> HostSession {
    let (awaiting, wrapped) = session.wrap(command).unwrap();
    let (session, response) = awaiting.unwrap(&element.send(&wrapped).unwrap()).unwrap();
    assert_eq!(response.status, StatusWord::OK);
    session
}
