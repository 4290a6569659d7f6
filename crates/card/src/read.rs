//! Reading a card: plain functions over whatever can transceive.

use tefuda_apdu::{
    Command, LinkError, Response, StatusWord, Transceive,
    tlv::{self, TlvError},
};
use tefuda_types::{PinKind, Secret};
use thiserror::Error;

use crate::{
    file::FileId,
    personalisation::{COMMON_AID, JPKI_AID, TEXT_AID, jpki},
};

/// Most octets of a file: a card's face with its pictures is far below it.
pub const FILE_OCTETS_MAX: usize = 32_768;
/// The common application's key.
const COMMON_KEY: FileId = 0x0019;
/// Octets that one READ BINARY asks for: the short maximum.
const READ_OCTETS: u32 = 256;

/// Why a card could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The card went out of the field.
    #[error("the card was taken away")]
    Torn,
    /// No public-key application: not a My Number Card.
    #[error("this is not a My Number Card")]
    NotJpki,
    /// The password is wrong.
    #[error("the password is wrong, {left} tries are left")]
    PinWrong {
        /// Tries left after this one.
        left: u8,
    },
    /// No tries are left.
    #[error("the password is blocked")]
    PinBlocked,
    /// The card has no signature certificate.
    #[error("the card has no signature certificate")]
    NoSignatureCertificate,
    /// An answer that a card does not give.
    #[error("the card answered {0}")]
    Status(StatusWord),
    /// A record that is not what it should be.
    #[error("a record of the card is malformed: {0}")]
    Record(TlvError),
    /// A password that no card could have.
    #[error("the password is not one that a card has")]
    PasswordMalformed,
    /// Four digits where the signature password belongs: a classic confusion.
    #[error("four digits were given in place of the signature password")]
    PinInPlaceOfPassword,
}

tefuda_types::reasons! { ReadError {
    Torn => "card.torn", Peer;
    NotJpki => "card.not_jpki", Peer;
    PinWrong { .. } => "card.pin_wrong", Policy;
    PinBlocked => "card.pin_blocked", Policy;
    NoSignatureCertificate => "card.no_signature_certificate", Policy;
    Status(_) => "card.unexpected_answer", Peer;
    Record(_) => "card.record_malformed", Peer;
    PasswordMalformed => "card.password_malformed", Malformed;
    PinInPlaceOfPassword => "card.pin_in_place_of_password", Malformed;
} }

impl From<LinkError> for ReadError {
    fn from(_: LinkError) -> Self {
        Self::Torn
    }
}

impl From<TlvError> for ReadError {
    fn from(error: TlvError) -> Self {
        Self::Record(error)
    }
}

/// A signature password as a person types it: 6 to 16 of A-Z and 0-9 with at least one of each; lower case
/// is made upper case, nothing else is changed.
///
/// # Errors
/// [`ReadError::PinInPlaceOfPassword`] for four digits, [`ReadError::PasswordMalformed`].
pub fn signature_password(typed: &str) -> Result<Secret<String>, ReadError> {
    let all_digits = typed.bytes().all(|octet| octet.is_ascii_digit());
    if all_digits && typed.len() == 4 {
        return Err(ReadError::PinInPlaceOfPassword);
    }
    let well_formed = (6..=16).contains(&typed.len())
        && typed.bytes().all(|octet| octet.is_ascii_alphanumeric())
        && typed.bytes().any(|octet| octet.is_ascii_digit())
        && !all_digits;
    if well_formed { Ok(Secret::new(typed.to_ascii_uppercase())) } else { Err(ReadError::PasswordMalformed) }
}

fn ok(response: Response) -> Result<Vec<u8>, ReadError> {
    if response.status.is_ok() { Ok(response.data) } else { Err(ReadError::Status(response.status)) }
}

/// SELECT of an application by its identifier, without asking for control information.
///
/// # Errors
/// [`ReadError::NotJpki`] if it is not there.
pub fn select_application(card: &mut impl Transceive, aid: &[u8]) -> Result<(), ReadError> {
    let response = card.send(&Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(aid))?;
    match response.status {
        StatusWord::OK => Ok(()),
        StatusWord::NOT_FOUND => Err(ReadError::NotJpki),
        other => Err(ReadError::Status(other)),
    }
}

/// SELECT of the public-key application.
///
/// # Errors
/// [`ReadError::NotJpki`].
pub fn select_jpki(card: &mut impl Transceive) -> Result<(), ReadError> {
    select_application(card, JPKI_AID)
}

/// SELECT of a file in the current application.
///
/// # Errors
/// [`ReadError::Status`].
pub fn select_file(card: &mut impl Transceive, id: FileId) -> Result<(), ReadError> {
    ok(card.send(&Command::new(0x00, 0xA4, 0x02, 0x0C).with_data(id.to_be_bytes()))?).map(drop)
}

/// Reads the data object at the start of a transparent file, whatever filler follows it. `progress` is
/// told octets read and octets in all.
///
/// # Errors
/// [`ReadError`].
pub fn read_object(
    card: &mut impl Transceive,
    id: FileId,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<u8>, ReadError> {
    select_file(card, id)?;
    let mut object = read_binary(card, 0)?;
    let total = object_length(&object)?;
    progress(object.len().min(total), total);
    while object.len() < total {
        let chunk = read_binary(card, object.len())?;
        if chunk.is_empty() {
            return Err(ReadError::Record(TlvError::Truncated(object.len())));
        }
        object.extend(chunk);
        progress(object.len().min(total), total);
    }
    object.truncate(total);
    Ok(object)
}

fn read_binary(card: &mut impl Transceive, offset: usize) -> Result<Vec<u8>, ReadError> {
    let [high, low] = u16::try_from(offset).unwrap_or(u16::MAX).to_be_bytes();
    ok(card.send(&Command::new(0x00, 0xB0, high & 0x7F, low).with_le(READ_OCTETS))?)
}

/// Length of the first object from its head.
fn object_length(head: &[u8]) -> Result<usize, ReadError> {
    let truncated = ReadError::Record(TlvError::Truncated(0));
    let tag_octets = if head.first().is_some_and(|first| first & 0x1F == 0x1F) { 2 } else { 1 };
    let length = *head.get(tag_octets).ok_or(truncated.clone())?;
    if length < 0x80 {
        return Ok(tag_octets + 1 + usize::from(length));
    }
    let count = usize::from(length & 0x7F);
    let octets = head
        .get(tag_octets + 1..tag_octets + 1 + count)
        .filter(|_| (1..=3).contains(&count))
        .ok_or(truncated)?;
    let value = octets.iter().fold(0, |value, octet| value << 8 | usize::from(*octet));
    let total = tag_octets + 1 + count + value;
    if total > FILE_OCTETS_MAX { Err(ReadError::Record(TlvError::Length(tag_octets))) } else { Ok(total) }
}

const fn pin_file(kind: PinKind) -> FileId {
    match kind {
        PinKind::Sign => jpki::SIGN_PASSWORD,
        PinKind::Auth => jpki::AUTH_PIN,
    }
}

/// Tries left, without spending one. The public-key application must be selected.
///
/// # Errors
/// [`ReadError::Status`].
pub fn tries_left(card: &mut impl Transceive, kind: PinKind) -> Result<u8, ReadError> {
    select_file(card, pin_file(kind))?;
    let status = card.send(&Command::new(0x00, 0x20, 0x00, 0x80))?.status;
    status.as_tries_left().ok_or(ReadError::Status(status))
}

/// VERIFY. A wrong password costs a try.
///
/// # Errors
/// [`ReadError::PinWrong`], [`ReadError::PinBlocked`].
pub fn verify(card: &mut impl Transceive, kind: PinKind, password: &Secret<String>) -> Result<(), ReadError> {
    select_file(card, pin_file(kind))?;
    let command = Command::new(0x00, 0x20, 0x00, 0x80).with_data(password.expose().as_bytes());
    let status = card.send(&command)?.status;
    match (status, status.as_tries_left()) {
        (StatusWord::OK, _) => Ok(()),
        (StatusWord::BLOCKED | StatusWord::REFERENCE_NOT_USABLE, _) | (_, Some(0)) => {
            Err(ReadError::PinBlocked)
        }
        (_, Some(left)) => Err(ReadError::PinWrong { left }),
        (other, None) => Err(ReadError::Status(other)),
    }
}

/// Whether the card says that it has a signature certificate.
///
/// # Errors
/// [`ReadError`].
pub fn has_signature_certificate(card: &mut impl Transceive) -> Result<bool, ReadError> {
    select_file(card, jpki::AVAILABILITY)?;
    Ok(read_binary(card, 0)?.first().is_some_and(|octet| *octet != 0))
}

/// A certificate of the public-key application, DER. The signature certificate must be unlocked by its
/// password; so must a phone's authentication certificate.
///
/// # Errors
/// [`ReadError`].
pub fn certificate(
    card: &mut impl Transceive,
    kind: PinKind,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<u8>, ReadError> {
    let id = match kind {
        PinKind::Sign if !has_signature_certificate(card)? => return Err(ReadError::NoSignatureCertificate),
        PinKind::Sign => jpki::SIGN_CERTIFICATE,
        PinKind::Auth => jpki::AUTH_CERTIFICATE,
    };
    read_object(card, id, progress)
}

/// Signs a SHA-256 hash with a key of the public-key application (PKCS #1 v1.5).
///
/// # Errors
/// [`ReadError::Status`] with `6982` if the password was not given.
pub fn sign(card: &mut impl Transceive, kind: PinKind, hash: &[u8; 32]) -> Result<Vec<u8>, ReadError> {
    select_file(
        card,
        match kind {
            PinKind::Sign => jpki::SIGN_KEY,
            PinKind::Auth => jpki::AUTH_KEY,
        },
    )?;
    let command = Command::new(0x80, 0x2A, 0x00, 0x80).with_data(crate::face::digest_info(hash)).with_le(256);
    ok(card.send(&command)?)
}

/// Has the common application's key sign a challenge (INTERNAL AUTHENTICATE, PKCS #1 v1.5 over its SHA-256).
/// No password is asked: it proves the card, not the person.
///
/// # Errors
/// [`ReadError`].
pub fn internal_authenticate(card: &mut impl Transceive, challenge: &[u8]) -> Result<Vec<u8>, ReadError> {
    select_application(card, COMMON_AID)?;
    select_file(card, COMMON_KEY)?;
    ok(card.send(&Command::new(0x00, 0x88, 0x00, 0x80).with_data(challenge).with_le(256))?)
}

/// Label of the token: which kind of card or phone this is.
///
/// # Errors
/// [`ReadError`].
pub fn token_label(card: &mut impl Transceive) -> Result<String, ReadError> {
    select_file(card, jpki::TOKEN_INFO)?;
    let info = read_binary(card, 0)?;
    let label = info.get(..32).ok_or(ReadError::Record(TlvError::Truncated(0)))?;
    Ok(String::from_utf8_lossy(label).trim_end().to_owned())
}

/// The four attributes of the card-surface text application.
#[derive(Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Name.
    pub name: String,
    /// Address.
    pub address: String,
    /// `YYYYMMDD`.
    pub birth_date: String,
    /// ISO 5218, one digit.
    pub sex: String,
}

impl core::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Attributes(…)")
    }
}

/// Parses the attributes file of the text application (`FF20`).
///
/// # Errors
/// [`TlvError`].
pub fn parse_attributes(file: &[u8]) -> Result<Attributes, TlvError> {
    let record = tlv::find(file, 0xFF20)?.value;
    let text = |tag| tlv::find(record, tag).map(|object| String::from_utf8_lossy(object.value).into_owned());
    Ok(Attributes {
        name: text(0xDF22)?,
        address: text(0xDF23)?,
        birth_date: text(0xDF24)?,
        sex: text(0xDF25)?,
    })
}

/// SELECT of the text application and VERIFY of its PIN, then the four attributes.
///
/// # Errors
/// [`ReadError`].
pub fn attributes(card: &mut impl Transceive, pin: &Secret<String>) -> Result<Attributes, ReadError> {
    select_application(card, TEXT_AID)?;
    select_file(card, 0x0011)?;
    let status = card.send(&Command::new(0x00, 0x20, 0x00, 0x80).with_data(pin.expose().as_bytes()))?.status;
    match status.as_tries_left() {
        Some(0) => return Err(ReadError::PinBlocked),
        Some(left) => return Err(ReadError::PinWrong { left }),
        None if !status.is_ok() => return Err(ReadError::Status(status)),
        None => {}
    }
    Ok(parse_attributes(&read_object(card, 0x0002, &mut |_, _| {})?)?)
}
