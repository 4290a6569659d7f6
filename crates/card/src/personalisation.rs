//! What the authority writes on a new card, and where it goes.
//!
//! The layout is the real card's (files, passwords, access conditions); the contents come from outside, so
//! that a card can be made from bytes that were read from another.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tefuda_types::{Bytes, Secret};

use crate::file::{Access, Alphabet, Application, ChangeDialect, File, FileId, Memory, Password, PrivateKey};

/// The issuer security domain, selected at power-on.
pub const ISD_AID: &[u8] = &[0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00];
/// Public key infrastructure: certificates and keys.
pub const JPKI_AID: &[u8] = &[0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
/// Card-surface text: My Number and four attributes.
pub const TEXT_AID: &[u8] = &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08];
/// Card-surface visual: images of the card's face.
pub const VISUAL_AID: &[u8] = &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x02];
/// Common card application.
pub const COMMON_AID: &[u8] = &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00];
/// Resident registry.
pub const REGISTRY_AID: &[u8] = &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x01];

/// Files of the public-key application, by what they hold.
pub mod jpki {
    use super::FileId;
    /// Signature certificate.
    pub const SIGN_CERTIFICATE: FileId = 0x0001;
    /// Certificate of its CA.
    pub const SIGN_CA: FileId = 0x0002;
    /// `CK_TOKEN_INFO`.
    pub const TOKEN_INFO: FileId = 0x0006;
    /// Which certificates there are, three octets.
    pub const AVAILABILITY: FileId = 0x0008;
    /// Authentication certificate.
    pub const AUTH_CERTIFICATE: FileId = 0x000A;
    /// Certificate of its CA.
    pub const AUTH_CA: FileId = 0x000B;
    /// Authentication key.
    pub const AUTH_KEY: FileId = 0x0017;
    /// Authentication PIN.
    pub const AUTH_PIN: FileId = 0x0018;
    /// Signature key.
    pub const SIGN_KEY: FileId = 0x001A;
    /// Signature password.
    pub const SIGN_PASSWORD: FileId = 0x001B;
}

/// Keys that are made inside the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeySlot {
    /// Signature key.
    Sign,
    /// Authentication key.
    Auth,
    /// The text application's key for proofs of presence.
    Text,
    /// The visual application's key for proofs of presence.
    Visual,
    /// The common application's key for INTERNAL AUTHENTICATE.
    Common,
}

impl KeySlot {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sign, Self::Auth, Self::Text, Self::Visual, Self::Common];
}

/// Private keys (PKCS #8) that wait for personalisation.
pub(crate) type Slots = BTreeMap<KeySlot, Secret<Vec<u8>>>;

/// Key and certificate profile of a generation of cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardProfile {
    /// Today's: RSA-2048, certificates to the fifth birthday after issue.
    Rsa2048ToFifthBirthday,
}

/// Passwords and reference numbers at issue.
#[derive(Clone, Serialize, Deserialize)]
pub struct Passwords {
    /// Signature password; none where there is no signature certificate.
    pub sign: Option<String>,
    /// Authentication PIN, four digits.
    pub auth: String,
    /// PIN of the text application, four digits.
    pub text: String,
    /// PIN of common application and registry, four digits.
    pub card: String,
    /// Reference number A: the twelve digits of My Number.
    pub reference_a: String,
    /// Reference number B: birth date (era year), expiry year, security code; fourteen digits.
    pub reference_b: String,
    /// Birth date as six digits in the era calendar.
    pub birth_date: String,
}

impl core::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Passwords(…)")
    }
}

/// A file of the surface applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surface {
    /// Of the text application.
    Text(FileId),
    /// Of the visual application.
    Visual(FileId),
}

/// All that goes on a card.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Personalisation {
    /// Generation of the card.
    pub profile: CardProfile,
    /// Passwords.
    pub passwords: Passwords,
    /// Signature certificate and its CA's, DER; no certificate for children, wards and who declined.
    pub sign: (Option<Bytes>, Bytes),
    /// Authentication certificate and its CA's, DER.
    pub auth: (Bytes, Bytes),
    /// Serial number of the token, 16 characters.
    pub token_serial: String,
    /// Contents of the surface applications' transparent files.
    pub surface: Vec<(Surface, Bytes)>,
    /// Record 1 of the common application.
    pub common_record: Bytes,
    /// Record 1 of the registry: a key reference of 16 octets.
    pub registry_record: Bytes,
    /// Data objects of the master file.
    pub data_objects: Vec<(u16, Bytes)>,
}

/// Tries of the signature password.
pub const SIGN_TRIES: u8 = 5;
/// Tries of a four-digit PIN.
pub const PIN_TRIES: u8 = 3;
/// Tries of a reference number (docs/decisions/0012).
pub const REFERENCE_TRIES: u8 = 10;

/// Label of today's cards.
pub const CARD_LABEL: &str = "JPKIAPICCTOKEN2";

impl Personalisation {
    /// The card's memory, with the keys that were made inside; `None` if one is missing.
    pub(crate) fn lay_out(&self, slots: &Slots) -> Option<Memory> {
        let CardProfile::Rsa2048ToFifthBirthday = self.profile;
        Some(Memory {
            form: Memory::FORM,
            applications: vec![
                self.jpki(slots)?,
                self.text(slots)?,
                self.visual(slots)?,
                self.common(slots)?,
                self.registry(),
            ],
            data_objects: self.data_objects.iter().cloned().collect(),
        })
    }

    fn jpki(&self, slots: &Slots) -> Option<Application> {
        use jpki::{
            AUTH_CA, AUTH_CERTIFICATE, AUTH_KEY, AUTH_PIN, AVAILABILITY, SIGN_CA, SIGN_CERTIFICATE, SIGN_KEY,
            SIGN_PASSWORD, TOKEN_INFO,
        };
        let passwords = &self.passwords;
        let mut files = BTreeMap::from([
            (SIGN_CA, free(&self.sign.1)),
            (TOKEN_INFO, free(&Bytes(token_info(CARD_LABEL, &self.token_serial)))),
            (AVAILABILITY, free(&availability(self.sign.0.is_some()))),
            (AUTH_CERTIFICATE, free(&self.auth.0)),
            (AUTH_CA, free(&self.auth.1)),
            (AUTH_KEY, key(slots, KeySlot::Auth, Access::AnyOf(vec![AUTH_PIN]))?),
            (AUTH_PIN, password(&passwords.auth, PIN_TRIES, Alphabet::FourDigits)),
        ]);
        // Files that exist and that no public client has opened.
        files.extend([0x0005, 0x0009, 0x0010, 0x0016, 0x0019, 0x001C, 0x001E].map(|id| (id, closed())));
        match (&self.sign.0, &passwords.sign) {
            (Some(certificate), Some(sign)) => {
                let after_password = Access::AnyOf(vec![SIGN_PASSWORD]);
                files.insert(SIGN_CERTIFICATE, transparent(certificate, after_password.clone()));
                files.insert(SIGN_KEY, key(slots, KeySlot::Sign, after_password)?);
                files.insert(SIGN_PASSWORD, password(sign, SIGN_TRIES, Alphabet::SignaturePassword));
            }
            _ => {
                files.insert(SIGN_CERTIFICATE, closed());
                files.insert(SIGN_PASSWORD, blocked());
            }
        }
        Some(application(JPKI_AID, files, ChangeDialect::Iso, None))
    }

    fn text(&self, slots: &Slots) -> Option<Application> {
        let passwords = &self.passwords;
        let condition = |id: FileId| match id {
            0x0001 => Access::AnyOf(vec![0x0011, 0x0014]),
            0x0002 => Access::AnyOf(vec![0x0011, 0x0015]),
            0x0003 | 0x0006 | 0x0007 => Access::AnyOf(vec![0x0011, 0x0014, 0x0015]),
            0x0004 | 0x0005 => Access::Free,
            _ => Access::Never,
        };
        let mut files = BTreeMap::from([
            (0x0008, closed()),
            (0x0011, password(&passwords.text, PIN_TRIES, Alphabet::FourDigits)),
            (0x0012, blocked()),
            (0x0013, key(slots, KeySlot::Text, Access::Free)?),
            (0x0014, password(&passwords.reference_a, REFERENCE_TRIES, Alphabet::Fixed)),
            (0x0015, password(&passwords.reference_b, REFERENCE_TRIES, Alphabet::Fixed)),
        ]);
        for (surface, content) in &self.surface {
            if let Surface::Text(id) = surface {
                files.insert(*id, transparent(content, condition(*id)));
            }
        }
        Some(application(TEXT_AID, files, ChangeDialect::Iso, Some(0x0013)))
    }

    fn visual(&self, slots: &Slots) -> Option<Application> {
        let passwords = &self.passwords;
        let condition = |id: FileId| match id {
            0x0001 => Access::AnyOf(vec![0x0011]),
            0x0002 => Access::AnyOf(vec![0x0012, 0x0013]),
            0x0003 | 0x0004 => Access::Free,
            0x0005 => Access::AnyOf(vec![0x0013]),
            _ => Access::Never,
        };
        let mut files = BTreeMap::from([
            (0x0011, password(&passwords.birth_date, REFERENCE_TRIES, Alphabet::Fixed)),
            (0x0012, password(&passwords.reference_b, REFERENCE_TRIES, Alphabet::Fixed)),
            (0x0013, password(&passwords.reference_a, REFERENCE_TRIES, Alphabet::Fixed)),
            (0x0014, key(slots, KeySlot::Visual, Access::Free)?),
        ]);
        for (surface, content) in &self.surface {
            if let Surface::Visual(id) = surface {
                files.insert(*id, transparent(content, condition(*id)));
            }
        }
        Some(application(VISUAL_AID, files, ChangeDialect::Iso, Some(0x0014)))
    }

    fn common(&self, slots: &Slots) -> Option<Application> {
        let files = BTreeMap::from([
            (0x0001, records(&self.common_record)),
            (0x0019, key(slots, KeySlot::Common, Access::Free)?),
            (0x001C, password(&self.passwords.card, PIN_TRIES, Alphabet::FourDigits)),
        ]);
        Some(application(COMMON_AID, files, ChangeDialect::Jicsap, None))
    }

    fn registry(&self) -> Application {
        let files = BTreeMap::from([
            (0x0002, records(&self.registry_record)),
            (0x001C, password(&self.passwords.card, PIN_TRIES, Alphabet::FourDigits)),
        ]);
        application(REGISTRY_AID, files, ChangeDialect::Jicsap, None)
    }
}

fn application(
    aid: &[u8],
    files: BTreeMap<FileId, File>,
    change: ChangeDialect,
    presence_key: Option<FileId>,
) -> Application {
    Application { aid: aid.to_vec().into(), files, change, presence_key, last_command_indicator: false }
}

fn transparent(content: &Bytes, readable: Access) -> File {
    File::Transparent { content: content.clone(), readable }
}

fn free(content: &Bytes) -> File {
    transparent(content, Access::Free)
}

fn closed() -> File {
    File::Transparent { content: Bytes::default(), readable: Access::Never }
}

fn records(first: &Bytes) -> File {
    File::Records { records: vec![first.clone()], readable: Access::Free }
}

fn password(value: &str, tries: u8, alphabet: Alphabet) -> File {
    File::Password(Password { value: value.as_bytes().to_vec().into(), left: tries, limit: tries, alphabet })
}

fn blocked() -> File {
    File::Password(Password { value: Bytes::default(), left: 0, limit: 0, alphabet: Alphabet::Fixed })
}

fn key(slots: &Slots, slot: KeySlot, usable: Access) -> Option<File> {
    let pkcs8 = slots.get(&slot)?.expose().clone().into();
    Some(File::PrivateKey(PrivateKey { pkcs8, usable }))
}

/// Three octets: `8F` for a certificate that is there (signature, authentication), then `00`.
fn availability(sign: bool) -> Bytes {
    Bytes(vec![if sign { 0x8F } else { 0x00 }, 0x8F, 0x00])
}

/// A serialised `CK_TOKEN_INFO` of 160 octets, integers big endian (PKCS #11, 3.2).
#[must_use]
pub fn token_info(label: &str, serial: &str) -> Vec<u8> {
    const UNAVAILABLE: u32 = u32::MAX;
    let text = |text: &str, length: usize| -> Vec<u8> {
        text.bytes().chain(core::iter::repeat(b' ')).take(length).collect()
    };
    // CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED
    let flags = 0x0000_040D_u32;
    let numbers = [flags, 0, 0, 0, 0, 16, 4, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE];
    let mut info = [text(label, 32), text("TEFUDA", 32), text("JPKI", 16), text(serial, 16)].concat();
    info.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    info.extend_from_slice(b"0301");
    info.extend_from_slice(&[b' '; 16]);
    info
}
