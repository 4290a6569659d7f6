//! An element's life up to a phone that its holder uses: factory, operator, service manager, holder, authority.

use tefuda_apdu::{
    Aid, Command, Transceive,
    globalplatform::{Install, PutKeys, store_data},
    scp03::{HostChallenged, HostSession, Mode, SecurityLevel, StaticKeys},
    tlv,
};
use tefuda_card::personalisation::JPKI_AID;
use tefuda_element::{Element, KeyKinds, factory::Origin, host};
use tefuda_pki::profile::{self, Attributes, Leaf, Municipality};
use tefuda_protocol::{
    attestation::{AttestedKeys, KeyUsage},
    element::{
        ACCESS_RULES_AID, APPLET_MODULE_AID, AUTHORITY_DOMAIN_AID, AccessRule, AppletParameters,
        DOMAIN_MODULE_AID, INITIAL_KEY_VERSION, ISSUER_DOMAIN_AID, OWN_KEY_VERSION, WALLET_AID, WALLET_APP,
        object,
    },
    sealed::{Binding, PinBlock, PinPurpose},
    transaction::{Transaction, TransactionKind},
};
use tefuda_silicon::{SiliconRng, engine::P256Key, testing::SeededSilicon};
use tefuda_types::{CertificateKind, ElementId, Family, Secret};

use super::Rig;
use crate::authority;

const NONCE: [u8; 16] = [0xA5; 16];
const SIGN_PASSWORD: &str = "PHONE1";
const AUTH_PIN: &str = "2468";

fn keys(value: u8) -> StaticKeys {
    StaticKeys::new(&[value; 16], &[value + 1; 16], &[value + 2; 16]).unwrap()
}

/// Keys of the operator's domain.
pub fn operator() -> StaticKeys {
    keys(0x10)
}

/// The authority's domain, as the operator hands it over.
fn handed_over() -> StaticKeys {
    keys(0x20)
}

/// The authority's domain, its own.
pub fn service_manager() -> StaticKeys {
    keys(0x30)
}

/// SELECT, INITIALIZE UPDATE and EXTERNAL AUTHENTICATE, if the element agrees.
pub fn channel(
    element: &mut impl Transceive,
    domain: &[u8],
    version: u8,
    keys: &StaticKeys,
) -> Option<HostSession> {
    host::select(element, domain).ok()?;
    let (challenged, command) = HostChallenged::begin(Mode::S16, version, &[0xC5; 16]).ok()?;
    let response = element.send(&command).ok()?;
    let (opening, command) = challenged.authenticate(keys, SecurityLevel::FULL, &response).ok()?;
    opening.open(&element.send(&command).ok()?).ok()
}

/// Commands that a domain takes, one after the other.
fn script(rig: &mut Rig, domain: &[u8], (version, keys): (u8, &StaticKeys), commands: &[Command]) {
    let mut session = channel(rig, domain, version, keys).unwrap();
    for command in commands {
        let (awaiting, wrapped) = session.wrap(command).unwrap();
        let (next, response) = awaiting.unwrap(&rig.send(&wrapped).unwrap()).unwrap();
        assert!(response.status.is_ok(), "{command:?}: {}", response.status);
        session = next;
    }
}

fn aid(octets: &[u8]) -> Aid {
    Aid::new(octets).unwrap()
}

fn personalise(instance: &[u8]) -> Command {
    Install::Personalise { instance: aid(instance) }.to_command()
}

fn make(module: &[u8], instance: &[u8], parameters: &[u8]) -> Command {
    let (module, instance, parameters) = (aid(module), aid(instance), parameters.to_vec());
    Install::MakeSelectable { module, instance, parameters }.to_command()
}

fn put(replaces: u8, version: u8, keys: StaticKeys, present: &StaticKeys) -> Command {
    PutKeys { replaces, version, keys }.to_command(present).unwrap()
}

fn manufactured() -> SeededSilicon {
    let blank = Element::insert(SeededSilicon::new(3)).unwrap_err();
    let origin = Origin {
        element: ElementId::from_bytes(*b"TEFUDA-001"),
        family: Family::Android,
        issuer_keys: operator(),
        user_verification_key: Secret::new([9; 32]),
    };
    let (unvouched, message) = blank.manufacture(origin).unwrap();
    let maker = P256Key::from_bytes(&[7; 32]).unwrap();
    unvouched.vouch(maker.sign_sha256(&message)).unwrap().into_silicon()
}

fn provision(rig: &mut Rig) {
    let rule = AccessRule { application: WALLET_AID.to_vec().into(), client: WALLET_APP.to_vec().into() };
    let commands = [
        make(&DOMAIN_MODULE_AID, &AUTHORITY_DOMAIN_AID, &[]),
        personalise(&AUTHORITY_DOMAIN_AID),
        put(0, INITIAL_KEY_VERSION, handed_over(), &operator()),
        personalise(&ACCESS_RULES_AID),
        store_data(&rule.to_bytes()),
        personalise(&ISSUER_DOMAIN_AID),
        put(INITIAL_KEY_VERSION, OWN_KEY_VERSION, operator(), &operator()),
    ];
    script(rig, &ISSUER_DOMAIN_AID, (INITIAL_KEY_VERSION, &operator()), &commands);
    let parameters = AppletParameters {
        token_label: "JPKIAPGPSETOKEN".to_owned(),
        token_serial: "0000000000000001".to_owned(),
    };
    let parameters = parameters.to_bytes();
    let command_key = P256Key::from_bytes(&[6; 32]).unwrap().public_sec1();
    let commands = [
        put(INITIAL_KEY_VERSION, OWN_KEY_VERSION, service_manager(), &handed_over()),
        make(&APPLET_MODULE_AID, JPKI_AID, &parameters),
        make(&APPLET_MODULE_AID, &WALLET_AID, &parameters),
        store_data(&tlv::encode(object::STORE_COMMAND_KEY, &command_key)),
    ];
    script(rig, &AUTHORITY_DOMAIN_AID, (INITIAL_KEY_VERSION, &handed_over()), &commands);
}

/// Types passwords in one new session for one transaction.
fn type_in(rig: &mut Rig, (kind, body): (TransactionKind, &str), typed: &[(PinPurpose, &str)]) {
    let attestation = host::pin_entry_attestation(rig).unwrap().peek_unverified().unwrap();
    let spki = attestation.public_key.0;
    let (_, key) = spki.split_last_chunk::<65>().unwrap();
    let challenge = host::challenge(rig).unwrap();
    let transaction = Transaction { kind, body: body.to_owned() }.hash();
    let mut die = SeededSilicon::new(4);
    for (purpose, password) in typed {
        let binding = Binding { challenge, transaction, purpose: *purpose };
        let password = Secret::new(password.as_bytes().to_vec());
        let block = PinBlock::seal(key, &binding, &password, &mut SiliconRng(&mut die)).unwrap();
        host::present_pin(rig, *purpose, &transaction, &block).unwrap();
    }
}

fn certificate(kind: CertificateKind, spki: &[u8]) -> Vec<u8> {
    let attributes = Attributes {
        name: "見本　花子".to_owned(),
        name_substitutes: "00000".to_owned(),
        birth_date: "319800217".to_owned(),
        sex: "2".to_owned(),
        address: "東京都清瀬市".to_owned(),
        address_substitutes: "000000".to_owned(),
    };
    let leaf = Leaf {
        kind,
        common_name: "20251027103542123456789A".to_owned(),
        municipality: Municipality { prefecture: "Tokyo-to".to_owned(), city: "Kiyose-shi".to_owned() },
        attributes: kind.is_signature().then_some(attributes),
        ocsp_url: "http://localhost:8481/ocsp".to_owned(),
    };
    let root = authority::root(kind);
    let draft = profile::leaf(&leaf, &root, &authority::serial(9), spki, authority::period());
    let draft = draft.unwrap().lint().unwrap();
    let signature = authority::sign(draft.to_be_signed());
    draft.assemble(&signature).unwrap().as_der().to_vec()
}

/// What STORE DATA loads for attested keys.
fn certificates(keys: &AttestedKeys) -> Vec<u8> {
    let maker = P256Key::from_bytes(&[7; 32]).unwrap().public_sec1();
    let keys = keys.verify(&maker, &NONCE).unwrap();
    let (sign, auth) = (CertificateKind::PhoneSign, CertificateKind::PhoneAuth);
    let object = |tag, value: &[u8]| tlv::encode(tag, value);
    let leaf = |kind, usage| certificate(kind, &keys.key(usage).unwrap().public_key.0);
    [
        object(object::STORE_SIGN_CERTIFICATE, &leaf(sign, KeyUsage::Sign)),
        object(object::STORE_SIGN_CA, authority::root(sign).as_der()),
        object(object::STORE_AUTH_CERTIFICATE, &leaf(auth, KeyUsage::Auth)),
        object(object::STORE_AUTH_CA, authority::root(auth).as_der()),
    ]
    .concat()
}

/// The die of a phone in use.
pub fn held() -> SeededSilicon {
    let mut rig = Rig::power_up(manufactured());
    provision(&mut rig);
    host::select_wallet(&mut rig).unwrap();
    let keys = host::generate_keys(&mut rig, KeyKinds::Both, &NONCE).unwrap();
    let typed = [(PinPurpose::SetSign, SIGN_PASSWORD), (PinPurpose::SetAuth, AUTH_PIN)];
    type_in(&mut rig, (TransactionKind::SetPin, "set both passwords"), &typed);
    let register = (TransactionKind::Register, "register the certificates");
    type_in(&mut rig, register, &[(PinPurpose::VerifySign, SIGN_PASSWORD)]);
    host::confirm_registration(&mut rig, register.1).unwrap();
    let commands = [personalise(&WALLET_AID), store_data(&certificates(&keys))];
    script(&mut rig, &AUTHORITY_DOMAIN_AID, (OWN_KEY_VERSION, &service_manager()), &commands);
    rig.power_down()
}
