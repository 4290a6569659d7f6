//! An element's life up to its chapters, lived once for all tests; each takes twins of the die.

use crate::fixture::{
    AUTH_PIN, ELEMENT, Rig, SIGN_PASSWORD, UV_KEY, handed_over, hash, initial, open, operator,
    service_manager, token, type_in,
};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;
use tefuda_apdu::{
    Aid,
    globalplatform::{Install, PutKeys, store_data},
    tlv,
};
use tefuda_card::{face::digest_info, personalisation::JPKI_AID};
use tefuda_element::{Element, KeyKinds, factory::Origin, host};
use tefuda_pki::{
    Certificate,
    profile::{self, Attributes, Leaf, Municipality, Period},
};
use tefuda_protocol::{
    Signed,
    attestation::{AttestedKeys, KeyUsage, VerifiedKeys},
    element::{
        ACCESS_RULES_AID, APPLET_MODULE_AID, AUTHORITY_DOMAIN_AID, AccessRule, AppletParameters,
        CommandAction, DOMAIN_MODULE_AID, DeviceCommand, INITIAL_KEY_VERSION, ISSUER_DOMAIN_AID,
        OWN_KEY_VERSION, PORTAL_APP, WALLET_AID, WALLET_APP, object,
    },
    sealed::PinPurpose,
    transaction::TransactionKind,
};
use tefuda_silicon::{
    SiliconRng,
    engine::{P256Key, RsaKey},
    testing::SeededSilicon,
};
use tefuda_types::{CertificateKind, Family, Secret, Serial};

pub const NONCE: [u8; 16] = [0xA5; 16];
pub const REGISTER: (TransactionKind, &str) = (TransactionKind::Register, "register the certificates");
/// Switching biometrics on, as its owner saw it.
pub const ENROL: (TransactionKind, &str) = (TransactionKind::EnrolBiometrics, "use finger 1 and 2");
const SET_PINS: (TransactionKind, &str) = (TransactionKind::SetPin, "set both passwords");

pub struct Story {
    pub maker: Vec<u8>,
    command_key: P256Key,
    provisioned: SeededSilicon,
    pending: SeededSilicon,
    held: SeededSilicon,
    pub keys: AttestedKeys,
    /// What loads the certificates.
    pub certificates: Vec<u8>,
    ca: (RsaKey, Certificate),
}

/// The story so far.
pub fn story() -> &'static Story {
    static STORY: OnceLock<Story> = OnceLock::new();
    STORY.get_or_init(Story::tell)
}

pub fn aid(octets: &[u8]) -> Aid {
    Aid::new(octets).unwrap()
}

pub fn personalise(instance: &[u8]) -> tefuda_apdu::Command {
    Install::Personalise { instance: aid(instance) }.to_command()
}

pub fn make(module: &[u8], instance: &[u8], parameters: &[u8]) -> tefuda_apdu::Command {
    let (module, instance, parameters) = (aid(module), aid(instance), parameters.to_vec());
    Install::MakeSelectable { module, instance, parameters }.to_command()
}

pub fn parameters(label: &str) -> Vec<u8> {
    let (token_label, token_serial) = (label.to_owned(), "0000000000000001".to_owned());
    AppletParameters { token_label, token_serial }.to_bytes()
}

/// Factory: element and maker's root.
pub fn manufacture(silicon: SeededSilicon) -> (Rig, Vec<u8>) {
    let maker = P256Key::from_bytes(&[7; 32]).unwrap();
    let blank = Element::insert(silicon).unwrap_err();
    let origin = Origin {
        element: ELEMENT,
        family: Family::Android,
        issuer_keys: initial().1,
        user_verification_key: Secret::new(UV_KEY),
    };
    let (unvouched, message) = blank.manufacture(origin).unwrap();
    (Rig::new(unvouched.vouch(maker.sign_sha256(&message)).unwrap()), maker.public_sec1())
}

/// Operator: domain, access rules, final keys of its own.
pub fn provision(rig: &mut Rig) {
    let mut isd = open(&mut rig.wired, &ISSUER_DOMAIN_AID, INITIAL_KEY_VERSION, &operator());
    isd.ok(&make(&DOMAIN_MODULE_AID, &AUTHORITY_DOMAIN_AID, &[]));
    isd.ok(&personalise(&AUTHORITY_DOMAIN_AID));
    isd.ok(&put(0, INITIAL_KEY_VERSION, handed_over(), &operator()));
    isd.ok(&personalise(&ACCESS_RULES_AID));
    isd.ok(&store_data(&rules().iter().flat_map(AccessRule::to_bytes).collect::<Vec<_>>()));
    isd.ok(&personalise(&ISSUER_DOMAIN_AID));
    isd.ok(&put(INITIAL_KEY_VERSION, OWN_KEY_VERSION, operator(), &operator()));
}

pub fn rules() -> [AccessRule; 2] {
    [PORTAL_APP, WALLET_APP]
        .map(|client| AccessRule { application: WALLET_AID.to_vec().into(), client: client.to_vec().into() })
}

pub fn put(
    replaces: u8,
    version: u8,
    keys: tefuda_apdu::scp03::StaticKeys,
    present: &tefuda_apdu::scp03::StaticKeys,
) -> tefuda_apdu::Command {
    PutKeys { replaces, version, keys }.to_command(present).unwrap()
}

/// Service manager: keys, applet, command key.
pub fn hand_over(rig: &mut Rig, command_key: &P256Key, label: &str) {
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, INITIAL_KEY_VERSION, &handed_over());
    ssd.ok(&put(INITIAL_KEY_VERSION, OWN_KEY_VERSION, service_manager(), &handed_over()));
    for face in [JPKI_AID, &WALLET_AID] {
        ssd.ok(&make(&APPLET_MODULE_AID, face, &parameters(label)));
    }
    ssd.ok(&store_data(&tlv::encode(object::STORE_COMMAND_KEY, &command_key.public_sec1())));
}

fn ca(silicon: &mut SeededSilicon) -> (RsaKey, Certificate) {
    let key = RsaKey::generate(&mut SiliconRng(silicon)).unwrap();
    let spki = key.public_spki().unwrap();
    let draft = profile::authority(CertificateKind::PhoneSign, &serial(1), &spki, period()).unwrap();
    let draft = draft.lint().unwrap();
    let signature = sign(&key, draft.to_be_signed());
    (key, draft.assemble(&signature).unwrap())
}

fn sign(key: &RsaKey, message: &[u8]) -> Vec<u8> {
    let info = digest_info(&Sha256::digest(message));
    key.sign_verbatim(&info, &mut SiliconRng(&mut SeededSilicon::new(1))).unwrap()
}

fn serial(last: u8) -> Serial {
    Serial::from_be_bytes(&[0x51, 2, 3, 4, 5, 6, 7, last]).unwrap()
}

fn period() -> Period {
    let at = |time: &str| time.parse().unwrap();
    Period { not_before: at("2025-10-27T01:35:42Z"), not_after: at("2030-02-17T14:59:59Z") }
}

impl Story {
    fn tell() -> Self {
        let mut randomness = SeededSilicon::new(99);
        let command_key = P256Key::generate(&mut SiliconRng(&mut randomness));
        let (mut rig, maker) = manufacture(SeededSilicon::new(2));
        provision(&mut rig);
        hand_over(&mut rig, &command_key, "JPKIAPGPSETOKEN");
        let provisioned = rig.power_down();
        let mut rig = Rig::power_up(provisioned.twin());
        let keys = host::generate_keys(rig.wallet(), KeyKinds::Both, &NONCE).unwrap();
        set_passwords(&mut rig);
        let pending = rig.power_down();
        let ca = ca(&mut randomness);
        let mut story = Self {
            maker,
            command_key,
            provisioned,
            held: pending.twin(),
            pending,
            keys,
            certificates: Vec::new(),
            ca,
        };
        story.certificates = story.certify(&story.keys.verify(&story.maker, &NONCE).unwrap());
        let mut rig = story.pending();
        register(&mut rig, &story.certificates);
        story.held = rig.power_down();
        story
    }

    /// Handed over, nobody's.
    pub fn provisioned(&self) -> Rig {
        Rig::power_up(self.provisioned.twin())
    }

    /// Keys wait for certificates, passwords are set.
    pub fn pending(&self) -> Rig {
        Rig::power_up(self.pending.twin())
    }

    /// Registered.
    pub fn held(&self) -> Rig {
        Rig::power_up(self.held.twin())
    }

    /// A phone whose fingers stand for the PIN.
    pub fn with_fingers(&self) -> Rig {
        let mut rig = self.held();
        let challenge = type_in(rig.wallet(), ENROL, &[(PinPurpose::VerifyAuth, AUTH_PIN)]).unwrap();
        let token = token(challenge, &hash(ENROL.0, ENROL.1), 1);
        host::enrol_biometrics(&mut rig.wired, 1, &token, ENROL.1).unwrap();
        rig
    }

    pub fn pending_die(&self) -> SeededSilicon {
        self.pending.twin()
    }

    pub fn held_die(&self) -> SeededSilicon {
        self.held.twin()
    }

    /// The authority's answer to attested keys: what STORE DATA carries.
    pub fn certify(&self, keys: &VerifiedKeys) -> Vec<u8> {
        let ca = self.ca.1.as_der();
        let mut objects = Vec::new();
        for (usage, kind, tags) in [
            (
                KeyUsage::Sign,
                CertificateKind::PhoneSign,
                (object::STORE_SIGN_CERTIFICATE, object::STORE_SIGN_CA),
            ),
            (
                KeyUsage::Auth,
                CertificateKind::PhoneAuth,
                (object::STORE_AUTH_CERTIFICATE, object::STORE_AUTH_CA),
            ),
        ] {
            if let Ok(key) = keys.key(usage) {
                objects.extend(tlv::encode(tags.0, &self.certificate(kind, &key.public_key.0)));
                objects.extend(tlv::encode(tags.1, ca));
            }
        }
        objects
    }

    fn certificate(&self, kind: CertificateKind, spki: &[u8]) -> Vec<u8> {
        let leaf = Leaf {
            kind,
            common_name: "20251027103542123456789A".to_owned(),
            municipality: Municipality { prefecture: "Tokyo-to".to_owned(), city: "Kiyose-shi".to_owned() },
            attributes: kind.is_signature().then(|| Attributes {
                name: "見本　花子".to_owned(),
                name_substitutes: "00000".to_owned(),
                birth_date: "319800217".to_owned(),
                sex: "2".to_owned(),
                address: "東京都清瀬市".to_owned(),
                address_substitutes: "000000".to_owned(),
            }),
            ocsp_url: "http://localhost:8481/ocsp".to_owned(),
        };
        let draft = profile::leaf(&leaf, &self.ca.1, &serial(9), spki, period()).unwrap().lint().unwrap();
        let signature = sign(&self.ca.0, draft.to_be_signed());
        draft.assemble(&signature).unwrap().as_der().to_vec()
    }

    /// STORE DATA of a wipe.
    pub fn wipe(&self, command: &DeviceCommand) -> tefuda_apdu::Command {
        let (payload, message) = Signed::prepare(command).unwrap();
        let signed: Signed<DeviceCommand> =
            Signed::assemble(payload, self.command_key.sign_sha256(&message).into());
        store_data(&tlv::encode(object::STORE_COMMAND, &serde_json::to_vec(&signed).unwrap()))
    }
}

pub fn set_passwords(rig: &mut Rig) {
    let typed = [(PinPurpose::SetSign, SIGN_PASSWORD), (PinPurpose::SetAuth, AUTH_PIN)];
    type_in(rig.wallet(), SET_PINS, &typed).unwrap();
}

/// The tap on the notification, and the live session behind it.
pub fn register(rig: &mut Rig, certificates: &[u8]) {
    type_in(rig.wallet(), REGISTER, &[(PinPurpose::VerifySign, SIGN_PASSWORD)]).unwrap();
    host::confirm_registration(&mut rig.wired, REGISTER.1).unwrap();
    let mut ssd = open(&mut rig.wired, &AUTHORITY_DOMAIN_AID, OWN_KEY_VERSION, &service_manager());
    ssd.ok(&personalise(&WALLET_AID));
    ssd.ok(&store_data(certificates));
}

pub const fn wipe(number: u64) -> DeviceCommand {
    DeviceCommand { element: ELEMENT, number, action: CommandAction::Wipe }
}

/// A die that says what is sealed on it.
pub fn sealed_state(silicon: SeededSilicon) -> Vec<u8> {
    match tefuda_silicon::Vault::power_up(silicon).1 {
        tefuda_silicon::PowerUp::Intact(state) => state.to_vec(),
        _ => Vec::new(),
    }
}

/// A new die with a state on it.
pub fn sealed(state: &[u8]) -> SeededSilicon {
    let (mut vault, _) = tefuda_silicon::Vault::power_up(SeededSilicon::new(8));
    vault.commit(state).unwrap();
    vault.into_silicon()
}
