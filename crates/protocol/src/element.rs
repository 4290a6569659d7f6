//! What is said to a secure element beyond the standards: identifiers, instructions of the wallet's applet,
//! objects in STORE DATA, and what the element tells about itself.
//!
//! Four kinds of application are on an element. The *issuer security domain* is the operator's; it holds the
//! access rules and makes the *authority's domain*. That one is the service manager's; it makes the holder's
//! applet, which has two faces: the **wallet's**, on the wired side only, takes sealed passwords and signs
//! typed messages, and the **JPKI** face, on the contactless side only, is the card's file tree.

use serde::{Deserialize, Serialize};
use tefuda_apdu::tlv::{self, TlvError};
use tefuda_types::ElementId;

use crate::{Bytes, SignedMessage, sealed::PIN_BLOCK_OCTETS, transaction::TransactionHash};

/// Issuer security domain, the operator's (GlobalPlatform, H.1.3).
pub const ISSUER_DOMAIN_AID: [u8; 8] = [0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00];
/// Access rule application master (GlobalPlatform Secure Element Access Control 1.1, 4.1.1).
pub const ACCESS_RULES_AID: [u8; 9] = [0xA0, 0x00, 0x00, 0x01, 0x51, 0x41, 0x43, 0x4C, 0x00];
/// The authority's security domain (unregistered category, ISO 7816-4, 12.2.3.4).
pub const AUTHORITY_DOMAIN_AID: [u8; 8] = *b"\xF0TEFUDA\x01";
/// The wallet's face of the holder's applet.
pub const WALLET_AID: [u8; 8] = *b"\xF0TEFUDA\x02";
/// The module that INSTALL makes the authority's domain from.
pub const DOMAIN_MODULE_AID: [u8; 8] = *b"\xF0TEFUDA\x10";
/// The module that INSTALL makes the holder's applet from.
pub const APPLET_MODULE_AID: [u8; 8] = *b"\xF0TEFUDA\x11";

/// The portal application, as access rules name it: SHA-256 of its signing certificate, for which a fixed
/// text stands (`TEFUDA-PORTAL-APP-1`).
pub const PORTAL_APP: [u8; 32] = [
    0xB4, 0xA7, 0xA4, 0xC2, 0x79, 0xD9, 0xF2, 0x77, 0x8F, 0x74, 0xE6, 0xDE, 0x8C, 0x80, 0x86, 0x48, 0x26,
    0x75, 0xDA, 0x0C, 0x0B, 0x77, 0xAA, 0x96, 0xFD, 0x3E, 0x2A, 0x62, 0x46, 0x39, 0xB8, 0xEA,
];
/// The wallet, as access rules name it (`TEFUDA-WALLET-APP-1`).
pub const WALLET_APP: [u8; 32] = [
    0x13, 0x7B, 0x46, 0xBA, 0xC2, 0x71, 0xB2, 0x04, 0x98, 0x5E, 0xE0, 0x49, 0xC9, 0x12, 0x90, 0xE2, 0xFE,
    0x80, 0x9A, 0x95, 0x0E, 0xA4, 0xD4, 0xB9, 0xA5, 0x95, 0x2A, 0xCA, 0x2B, 0xAA, 0xCB, 0x22,
];

/// Version of the key set that an element has in a domain before it is handed over.
pub const INITIAL_KEY_VERSION: u8 = 0x01;
/// Version of the key set after PUT KEY by the domain's owner.
pub const OWN_KEY_VERSION: u8 = 0x02;

/// Instructions of the wallet's face, class `80`. Passwords come as PIN blocks only; every use of a key or
/// of a given password names the transaction's body, which the element hashes itself with the kind that the
/// instruction stands for.
pub mod instruction {
    /// GET DATA: P1-P2 name the object ([`super::object`]).
    pub const GET_DATA: u8 = 0xCA;
    /// Makes keys. P2: 1 signature, 2 authentication and wallet instance, 3 both. Data: nonce (16).
    /// Answer: JSON list of `Signed<KeyAttestation>`. The same nonce again gives the same keys.
    pub const GENERATE_KEYS: u8 = 0x46;
    /// P1-P2 `0000`. Begins a session: answers its challenge (16). A new one ends the last.
    pub const GET_CHALLENGE: u8 = 0x84;
    /// P1 `00`, P2 the [`PinPurpose`](crate::sealed::PinPurpose). Data: [`super::SealedPin`].
    pub const PRESENT_PIN: u8 = 0x20;
    /// P1 `00`: a user-verification token; data: transaction hash (32) ‖ set number (4) ‖ token (32).
    /// P1 `01`: the sensor missed; no data.
    pub const PRESENT_TOKEN: u8 = 0x21;
    /// Biometrics. P1 `00` enrol (kind `EnrolBiometrics`), `01` take the present set after the PIN was given for a
    /// login (kind `Login`); data: set number (4) ‖ token (32) ‖ body. P1 `02` remove; no data.
    pub const BIOMETRICS: u8 = 0x22;
    /// The holder agrees to register: P1-P2 `0000`, data: body (kind `Register`). Until power-off, the
    /// authority's domain may load certificates.
    pub const CONFIRM: u8 = 0x2C;
    /// Signs. P1 `01` login: P2 the [`Method`](crate::transaction::Method), data: body; answer: signature by
    /// the authentication key (256) ‖ by the wallet-instance key (64). P1 `03` device message: P2 `00`, data:
    /// payload; P2 `01` (what needs the signature password): payload length (2) ‖ payload ‖ body (kind
    /// `RecoveryCode`); answer: signature (64).
    pub const SIGN: u8 = 0x2A;
}

/// Objects of GET DATA at the wallet's face (P1-P2) and in STORE DATA (tags).
pub mod object {
    /// GET DATA: [`super::AppletStatus`] as BER-TLV.
    pub const STATUS: u16 = 0xDF20;
    /// GET DATA: JSON of `Signed<ElementCertificate>`.
    pub const ELEMENT_CERTIFICATE: u16 = 0xDF21;
    /// GET DATA: JSON of `Signed<KeyAttestation>` of the PIN-entry key.
    pub const PIN_ENTRY_KEY: u16 = 0xDF22;
    /// GET DATA: the signature certificate, DER, empty if there is none.
    pub const SIGN_CERTIFICATE: u16 = 0xDF23;
    /// GET DATA: the authentication certificate.
    pub const AUTH_CERTIFICATE: u16 = 0xDF24;

    /// STORE DATA to the holder's applet: signature certificate. All that belong together in one command.
    pub const STORE_SIGN_CERTIFICATE: u32 = 0xDF30;
    /// Certificate of its CA.
    pub const STORE_SIGN_CA: u32 = 0xDF31;
    /// Authentication certificate.
    pub const STORE_AUTH_CERTIFICATE: u32 = 0xDF32;
    /// Certificate of its CA.
    pub const STORE_AUTH_CA: u32 = 0xDF33;
    /// A password may be set anew: one octet, the purpose that sets it.
    pub const STORE_RESET_GRANT: u32 = 0xDF34;

    /// STORE DATA to the authority's domain: key that verifies device commands, SEC 1 (65).
    pub const STORE_COMMAND_KEY: u32 = 0xDF35;
    /// STORE DATA to either domain: JSON of `Signed<DeviceCommand>`. Answer: [`super::CommandReceipt`].
    pub const STORE_COMMAND: u32 = 0xDF36;
    /// STORE DATA to the issuer security domain: opens the blocked key set of the authority's domain; no value.
    pub const STORE_REOPEN: u32 = 0xDF37;
}

/// Data of PRESENT PIN: the hash of what the person saw, and the sealed password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPin {
    /// Hash of the transaction.
    pub transaction: TransactionHash,
    /// The block, [`PIN_BLOCK_OCTETS`].
    pub block: Vec<u8>,
}

impl SealedPin {
    /// Command data.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.transaction.as_slice(), &self.block].concat()
    }

    /// From command data; `None` for another length.
    #[must_use]
    pub fn from_bytes(octets: &[u8]) -> Option<Self> {
        let (transaction, block) = octets.split_first_chunk::<32>()?;
        (block.len() == PIN_BLOCK_OCTETS).then(|| Self { transaction: *transaction, block: block.to_vec() })
    }
}

/// A command of the service manager to one element, signed with its command key (ECDSA P-256, `r ‖ s`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCommand {
    /// The element that it is for.
    pub element: ElementId,
    /// Rises with every command to this element; the element takes no number twice.
    pub number: u64,
    /// What is to be done.
    pub action: CommandAction,
}

/// What a device command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandAction {
    /// Destroy the holder's keys, certificates, passwords and biometrics.
    Wipe,
}

impl SignedMessage for DeviceCommand {
    const CONTEXT: &'static str = "TEFUDA-DEVICE-COMMAND-1";
}

/// What the element answers to a command it carried out; protected by the session's R-MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandReceipt {
    /// The element.
    pub element: ElementId,
    /// The command.
    pub number: u64,
}

impl CommandReceipt {
    /// Response data: element (10) ‖ number (8, big endian).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.element.as_bytes().as_slice(), &self.number.to_be_bytes()].concat()
    }

    /// From response data; `None` for another length.
    #[must_use]
    pub fn from_bytes(octets: &[u8]) -> Option<Self> {
        let (element, number) = octets.split_first_chunk::<10>()?;
        let number = u64::from_be_bytes(number.try_into().ok()?);
        Some(Self { element: ElementId::from_bytes(*element), number })
    }
}

/// Parameters of INSTALL for the holder's applet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppletParameters {
    /// Token label of the JPKI face: `JPKIAPGPSETOKEN` or `JPKIAPIOSTOKEN`.
    pub token_label: String,
    /// Serial number in the token's information, 16 characters.
    pub token_serial: String,
}

const TOKEN_LABEL: u32 = 0x80;
const TOKEN_SERIAL: u32 = 0x81;

impl AppletParameters {
    /// BER-TLV.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let label = tlv::encode(TOKEN_LABEL, self.token_label.as_bytes());
        [label, tlv::encode(TOKEN_SERIAL, self.token_serial.as_bytes())].concat()
    }

    /// From BER-TLV.
    ///
    /// # Errors
    /// [`TlvError`].
    pub fn from_bytes(octets: &[u8]) -> Result<Self, TlvError> {
        let text = |tag| Ok(String::from_utf8_lossy(tlv::find(octets, tag)?.value).into_owned());
        Ok(Self { token_label: text(TOKEN_LABEL)?, token_serial: text(TOKEN_SERIAL)? })
    }
}

/// Who may talk to which application: the rule that the element stores and the phone's operating system
/// enforces (GlobalPlatform Secure Element Access Control 1.1, table 6-1).
///
/// STORE DATA and GET DATA `FF40` use `E2 { E1 { 4F aid, C1 hash }, E3 { D0 01 } }` for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRule {
    /// Application of the element.
    pub application: Bytes,
    /// SHA-256 of the signing certificate of the phone's application.
    pub client: Bytes,
}

/// REF-AR-DO, one rule.
const RULE: u32 = 0xE2;
/// REF-DO, for whom and what.
const REFERENCE: u32 = 0xE1;
/// DeviceAppID-REF-DO.
const CLIENT: u32 = 0xC1;
/// AR-DO: APDU access, always.
const ALWAYS: [u8; 5] = [0xE3, 0x03, 0xD0, 0x01, 0x01];
/// GET DATA of all rules at the access rule application: P1-P2, and the tag of the answer.
pub const ALL_RULES: u16 = 0xFF40;

impl AccessRule {
    /// REF-AR-DO.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let aid = tlv::encode(tefuda_apdu::globalplatform::AID_TAG, &self.application.0);
        let reference = tlv::encode(REFERENCE, &[aid, tlv::encode(CLIENT, &self.client.0)].concat());
        tlv::encode(RULE, &[reference.as_slice(), &ALWAYS].concat())
    }

    /// All REF-AR-DO of a sequence.
    ///
    /// # Errors
    /// [`TlvError`].
    pub fn list(octets: &[u8]) -> Result<Vec<Self>, TlvError> {
        let mut rules = Vec::new();
        for object in tlv::objects(octets) {
            let object = object?;
            if object.tag != RULE {
                continue;
            }
            let reference = tlv::find(object.value, REFERENCE)?.value;
            let aid = tlv::find(reference, tefuda_apdu::globalplatform::AID_TAG)?;
            let client = tlv::find(reference, CLIENT)?;
            rules.push(Self { application: aid.value.to_vec().into(), client: client.value.to_vec().into() });
        }
        Ok(rules)
    }
}

/// Whose hands the holder's applet is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Holding {
    /// Installed, no certificates yet.
    Empty = 0,
    /// Certificates are loaded.
    Held = 1,
    /// A device command destroyed the holder's keys.
    Wiped = 2,
    /// A sensor event destroyed them, or the memory was set back.
    Tampered = 3,
}

/// What the holder's applet tells about itself, to anybody on the wired side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppletStatus {
    /// Whose hands it is in.
    pub holding: Holding,
    /// Tries of the signature password; `None` before it is set.
    pub sign_tries: Option<u8>,
    /// Tries of the authentication PIN; `None` before it is set.
    pub auth_tries: Option<u8>,
    /// Nonce of keys that wait for their certificates.
    pub pending: Option<[u8; 16]>,
    /// Enrolled set of fingers or faces, if biometrics are enrolled.
    pub biometric_set: Option<u32>,
    /// Misses left until the PIN must be given.
    pub biometric_misses_left: u8,
    /// Number of the last device command that was carried out.
    pub last_command: u64,
}

mod status_tag {
    pub const HOLDING: u32 = 0x80;
    pub const SIGN_TRIES: u32 = 0x81;
    pub const AUTH_TRIES: u32 = 0x82;
    pub const PENDING: u32 = 0x83;
    pub const BIOMETRIC_SET: u32 = 0x84;
    pub const BIOMETRIC_MISSES_LEFT: u32 = 0x85;
    pub const LAST_COMMAND: u32 = 0x86;
}

impl AppletStatus {
    /// BER-TLV; what there is not is left out.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        use status_tag::{
            AUTH_TRIES, BIOMETRIC_MISSES_LEFT, BIOMETRIC_SET, HOLDING, LAST_COMMAND, PENDING, SIGN_TRIES,
        };
        let optional = |tag, value: Option<Vec<u8>>| value.map_or_else(Vec::new, |v| tlv::encode(tag, &v));
        [
            tlv::encode(HOLDING, &[self.holding as u8]),
            optional(SIGN_TRIES, self.sign_tries.map(|tries| vec![tries])),
            optional(AUTH_TRIES, self.auth_tries.map(|tries| vec![tries])),
            optional(PENDING, self.pending.map(|nonce| nonce.to_vec())),
            optional(BIOMETRIC_SET, self.biometric_set.map(|set| set.to_be_bytes().to_vec())),
            tlv::encode(BIOMETRIC_MISSES_LEFT, &[self.biometric_misses_left]),
            tlv::encode(LAST_COMMAND, &self.last_command.to_be_bytes()),
        ]
        .concat()
    }

    /// From BER-TLV.
    ///
    /// # Errors
    /// [`TlvError`]; [`TlvError::Missing`] too for an object of another length than its kind has.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, TlvError> {
        use status_tag::{
            AUTH_TRIES, BIOMETRIC_MISSES_LEFT, BIOMETRIC_SET, HOLDING, LAST_COMMAND, PENDING, SIGN_TRIES,
        };
        fn optional<const N: usize>(octets: &[u8], tag: u32) -> Result<Option<[u8; N]>, TlvError> {
            match tlv::find(octets, tag) {
                Ok(object) => object.value.try_into().map(Some).map_err(|_| TlvError::Missing(tag)),
                Err(TlvError::Missing(_)) => Ok(None),
                Err(error) => Err(error),
            }
        }
        fn needed<const N: usize>(octets: &[u8], tag: u32) -> Result<[u8; N], TlvError> {
            optional(octets, tag)?.ok_or(TlvError::Missing(tag))
        }
        let [holding] = needed(octets, HOLDING)?;
        Ok(Self {
            holding: match holding {
                0 => Holding::Empty,
                1 => Holding::Held,
                2 => Holding::Wiped,
                3 => Holding::Tampered,
                _ => return Err(TlvError::Missing(HOLDING)),
            },
            sign_tries: optional(octets, SIGN_TRIES)?.map(|[tries]| tries),
            auth_tries: optional(octets, AUTH_TRIES)?.map(|[tries]| tries),
            pending: optional(octets, PENDING)?,
            biometric_set: optional(octets, BIOMETRIC_SET)?.map(u32::from_be_bytes),
            biometric_misses_left: needed::<1>(octets, BIOMETRIC_MISSES_LEFT)?[0],
            last_command: u64::from_be_bytes(needed(octets, LAST_COMMAND)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_comes_back_as_it_was_told() {
        let full = AppletStatus {
            holding: Holding::Held,
            sign_tries: Some(5),
            auth_tries: Some(0),
            pending: Some([7; 16]),
            biometric_set: Some(2),
            biometric_misses_left: 5,
            last_command: 3,
        };
        let empty = AppletStatus {
            holding: Holding::Empty,
            sign_tries: None,
            auth_tries: None,
            pending: None,
            biometric_set: None,
            biometric_misses_left: 0,
            last_command: 0,
        };
        for status in [full, empty] {
            assert_eq!(AppletStatus::from_bytes(&status.to_bytes()), Ok(status));
        }
        assert!(AppletStatus::from_bytes(&[]).is_err());
    }

    #[test]
    fn applications_are_named_by_the_hash_of_a_fixed_text() {
        use sha2::{Digest, Sha256};
        assert_eq!(PORTAL_APP, <[u8; 32]>::from(Sha256::digest(b"TEFUDA-PORTAL-APP-1")));
        assert_eq!(WALLET_APP, <[u8; 32]>::from(Sha256::digest(b"TEFUDA-WALLET-APP-1")));
    }

    #[test]
    fn access_rules_come_back_as_they_were_stored() {
        let rule = |client: u8| AccessRule {
            application: WALLET_AID.to_vec().into(),
            client: vec![client; 32].into(),
        };
        let stored = [rule(1).to_bytes(), rule(2).to_bytes()].concat();
        assert_eq!(AccessRule::list(&stored), Ok(vec![rule(1), rule(2)]));
    }
}
