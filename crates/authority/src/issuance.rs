//! What a resident's certificates say, and how long they live.

use tefuda_pki::{
    profile::{Attributes, Leaf, Municipality, Period},
    validity::fifth_birthday,
};
use tefuda_types::{CertificateKind, Timestamp};
use thiserror::Error;

use crate::{
    era,
    register::{NoSignature, Resident},
    repertoire::substitute,
};

/// Why no certificate is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IssuanceError {
    /// Under fifteen.
    #[error("no signature certificate is issued to children under fifteen")]
    Child,
    /// An adult ward.
    #[error("no signature certificate is issued to adult wards")]
    Ward,
    /// Did not want one.
    #[error("the holder did not want a signature certificate")]
    Declined,
    /// Died, or left the country.
    #[error("no certificate is issued to who died or left the country")]
    Left,
    /// Given back.
    #[error("the card was given back, and the next one is not issued")]
    CardEnded,
    /// Its last day has passed, or its dates cannot be computed.
    #[error("the period of validity is over or cannot be computed")]
    Period,
}

tefuda_types::reasons! { IssuanceError {
    Child => "enrol.child", Policy;
    Ward => "enrol.ward", Policy;
    Declined => "enrol.declined", Policy;
    Left => "issuance.person_left", Policy;
    CardEnded => "issuance.card_ended", Policy;
    Period => "issuance.period_over", Policy;
} }

impl From<NoSignature> for IssuanceError {
    fn from(reason: NoSignature) -> Self {
        match reason {
            NoSignature::Child => Self::Child,
            NoSignature::Ward => Self::Ward,
            NoSignature::Declined => Self::Declined,
        }
    }
}

/// Whether the person can have a card's certificates, and a phone's that follow from them.
///
/// # Errors
/// [`IssuanceError::Left`], [`IssuanceError::CardEnded`].
pub const fn entitled(resident: &Resident) -> Result<(), IssuanceError> {
    match resident {
        Resident { left: true, .. } => Err(IssuanceError::Left),
        Resident { card_ended: true, .. } => Err(IssuanceError::CardEnded),
        _ => Ok(()),
    }
}

/// Period of the certificates of a resident's card.
///
/// # Errors
/// [`IssuanceError::Period`].
pub fn card_period(resident: &Resident) -> Result<Period, IssuanceError> {
    let expires = resident.card_expires().ok_or(IssuanceError::Period)?;
    let not_after =
        fifth_birthday(resident.birth(), resident.card_issued, expires).ok_or(IssuanceError::Period)?;
    Ok(Period { not_before: resident.card_issued, not_after })
}

/// What a certificate of a kind says of a resident.
///
/// # Errors
/// [`IssuanceError`] where no signature certificate is issued.
pub fn leaf(
    resident: &Resident,
    kind: CertificateKind,
    common_name: String,
    ocsp_url: String,
    at: Timestamp,
) -> Result<Leaf, IssuanceError> {
    entitled(resident)?;
    if let (true, Some(reason)) = (kind.is_signature(), resident.without_signature(at)) {
        return Err(reason.into());
    }
    let municipality = Municipality {
        prefecture: resident.municipality.prefecture.clone(),
        city: resident.municipality.city.clone(),
    };
    let attributes = kind.is_signature().then(|| attributes(resident));
    Ok(Leaf { kind, common_name, municipality, attributes, ocsp_url })
}

fn attributes(resident: &Resident) -> Attributes {
    let (name, name_substitutes) = substitute(&resident.name);
    let (address, address_substitutes) = substitute(&resident.address);
    Attributes {
        name,
        name_substitutes,
        birth_date: era::certificate(resident.birth()),
        // 3 stands for everything that is neither 1 nor 2: not ISO 5218's 9 or 0.
        sex: match resident.sex {
            1 => "1",
            2 => "2",
            _ => "3",
        }
        .to_owned(),
        address,
        address_substitutes,
    }
}
