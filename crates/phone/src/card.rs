//! The card held against the phone: its password is given once, it signs once, and the phone keeps neither the
//! card nor the password.

use sha2::{Digest, Sha256};
use tefuda_apdu::Transceive;
use tefuda_card::read::{self, ReadError};
use tefuda_pki::{Certificate, CertificateError, oid};
use tefuda_types::{Blame, PinKind, Reason, ReasonCode, ResidentId, Secret, Timestamp};
use thiserror::Error;

/// Why a card that can be read is of no use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShownCardError {
    /// One try is left, and nobody said to risk it.
    #[error("one try of the card's password is left")]
    LastTry,
    /// Its certificate has ended.
    #[error("the card's certificate ended on {0}")]
    Expired(Timestamp),
    /// Another person's card.
    #[error("the card belongs to somebody else")]
    WrongCard,
    /// The password was not typed.
    #[error("the card's password is needed")]
    PasswordMissing,
}

tefuda_types::reasons! { ShownCardError {
    LastTry => "card.last_try", Policy;
    Expired(_) => "enrol.card_expired", Policy;
    WrongCard => "enrol.wrong_card", Policy;
    PasswordMissing => "card.password_missing", Malformed;
} }

/// Why the card gave no signature.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CardRefusal {
    /// The card, or its password.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What the card holds is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A rule of ours.
    #[error(transparent)]
    Shown(#[from] ShownCardError),
}

impl CardRefusal {
    fn cause(&self) -> &dyn Reason {
        match self {
            Self::Read(error) => error,
            Self::Certificate(error) => error,
            Self::Shown(error) => error,
        }
    }
}

impl Reason for CardRefusal {
    fn code(&self) -> ReasonCode {
        self.cause().code()
    }

    fn blame(&self) -> Blame {
        self.cause().blame()
    }
}

/// Whether the card in the field is that of the person who enrols.
///
/// # Errors
/// [`ShownCardError::WrongCard`].
pub fn same_person(enrolling: &ResidentId, shown: &ResidentId) -> Result<(), ShownCardError> {
    if enrolling == shown { Ok(()) } else { Err(ShownCardError::WrongCard) }
}

/// What the card gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub signature: Vec<u8>,
}

/// What the card is asked with its signature password.
#[derive(Debug)]
pub struct Demand<'a> {
    /// As typed.
    pub password: Option<&'a Secret<String>>,
    /// Go on although one try is left.
    pub risk_last_try: bool,
    /// What is to be signed.
    pub message: &'a [u8],
    /// Civil time.
    pub at: Timestamp,
}

/// How far the reading of a card is: what a person is shown while it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A My Number Card is in the field.
    Card,
    /// Tries of its signature password that are left.
    TriesLeft(u8),
    /// The password was right.
    Verified,
    /// Octets of its certificate, read and in all.
    Certificate(usize, usize),
    /// It signed.
    Signed,
}

/// Steps 2 and 3: VERIFY, read the signature certificate, sign. Tries left are known before one is spent.
/// `watch` is told how far it is.
///
/// # Errors
/// [`CardRefusal`]; the card may be torn away at any moment, nothing is half done then.
pub fn sign(
    card: &mut impl Transceive,
    demand: &Demand<'_>,
    watch: &mut dyn FnMut(Seen),
) -> Result<Signed, CardRefusal> {
    read::select_jpki(card)?;
    watch(Seen::Card);
    if !read::has_signature_certificate(card)? {
        return Err(ReadError::NoSignatureCertificate.into());
    }
    let typed = demand.password.ok_or(ShownCardError::PasswordMissing)?;
    let password = read::signature_password(typed.expose())?;
    let left = read::tries_left(card, PinKind::Sign)?;
    watch(Seen::TriesLeft(left));
    match left {
        0 => return Err(ReadError::PinBlocked.into()),
        1 if !demand.risk_last_try => return Err(ShownCardError::LastTry.into()),
        _ => {}
    }
    read::verify(card, PinKind::Sign, &password).inspect_err(|refused| {
        if let ReadError::PinWrong { left } = refused {
            watch(Seen::TriesLeft(*left));
        }
    })?;
    watch(Seen::Verified);
    let certificate =
        read::certificate(card, PinKind::Sign, &mut |read, total| watch(Seen::Certificate(read, total)))?;
    not_ended(&certificate, demand.at)?;
    let signature = read::sign(card, PinKind::Sign, &Sha256::digest(demand.message).into())?;
    watch(Seen::Signed);
    Ok(Signed { certificate, signature })
}

/// Has the card prove its presence without a password: its authentication certificate, and the common
/// application's key over the SHA-256 of a message. That proves the card, not the person.
///
/// # Errors
/// [`CardRefusal`].
pub fn prove_presence(
    card: &mut impl Transceive,
    message: &[u8],
    at: Timestamp,
    watch: &mut dyn FnMut(Seen),
) -> Result<Signed, CardRefusal> {
    read::select_jpki(card)?;
    watch(Seen::Card);
    let certificate =
        read::certificate(card, PinKind::Auth, &mut |read, total| watch(Seen::Certificate(read, total)))?;
    not_ended(&certificate, at)?;
    let signature = read::internal_authenticate(card, &Sha256::digest(message))?;
    watch(Seen::Signed);
    Ok(Signed { certificate, signature })
}

fn not_ended(der: &[u8], at: Timestamp) -> Result<(), CardRefusal> {
    let not_after = Certificate::from_der(der)?.not_after();
    if at > not_after { Err(ShownCardError::Expired(not_after).into()) } else { Ok(()) }
}

/// The birth date that a signature certificate tells, digits only: advice against guessable passwords needs it.
#[must_use]
pub fn birth_date(certificate: &[u8]) -> Option<String> {
    let told = Certificate::from_der(certificate).ok()?.other_name(oid::JPKI_BIRTH_DATE)?;
    // One character for the era or century, then eight digits.
    let digits: String = told.chars().filter(char::is_ascii_digit).collect();
    digits.len().checked_sub(8).and_then(|start| digits.get(start..)).map(str::to_owned)
}
