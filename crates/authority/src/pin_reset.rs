//! A blocked password of a phone is set anew after the card was shown.

use sha2::{Digest, Sha256};
use tefuda_pki::{
    Certificate, SignatureAlgorithm,
    path::{PathError, TrustStore},
    verify_signature,
};
use tefuda_protocol::enrolment::{PinReset, PinResetRequest};
use tefuda_types::{CertificateKind, PinKind, Timestamp};
use thiserror::Error;

/// Why no password is set anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PinResetError {
    /// No certificate, or none of the card that fits the password.
    #[error("the card's certificate proves nothing: {0}")]
    Certificate(PathError),
    /// The certificates of the card are not in force.
    #[error("the card is not in force")]
    CardNotInForce,
    /// The signature is not the card's.
    #[error("the reset is not signed by the card")]
    Signature,
    /// The register has no key of this card's common application.
    #[error("the card's own key is not registered")]
    CardKeyUnknown,
    /// The phone is another resident's, or nobody's.
    #[error("the phone is not this resident's")]
    OtherHolder,
    /// The same identifier came with another content.
    #[error("another reset has this identifier")]
    Reused,
    /// Nothing was granted under this name.
    #[error("there is no such reset")]
    NotFound,
    /// It was not delivered to the element in time.
    #[error("the reset was not delivered in time")]
    Expired,
}

tefuda_types::reasons! { PinResetError {
    Certificate(_) => "pin_reset.card_certificate_refused", Policy;
    CardNotInForce => "pin_reset.card_not_in_force", Policy;
    Signature => "pin_reset.signature_wrong", Peer;
    CardKeyUnknown => "pin_reset.card_key_unknown", Policy;
    OtherHolder => "pin_reset.other_holder", Policy;
    Reused => "pin_reset.id_reused", Policy;
    NotFound => "pin_reset.not_found", Caller;
    Expired => "pin_reset.expired", Policy;
} }

/// Seconds of civil time in which a reset is delivered to the element: a day, as the reset of a card's password at
/// a kiosk.
const GRANT_SECONDS: i64 = 86_400;

/// Until when a reset that is granted now can be delivered.
#[must_use]
pub fn good_until(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second() + GRANT_SECONDS).unwrap_or(Timestamp::MAX)
}

/// The card's certificate that has the same purpose as a password of the phone.
#[must_use]
pub const fn card_kind(pin: PinKind) -> CertificateKind {
    match pin {
        PinKind::Sign => CertificateKind::CardSign,
        PinKind::Auth => CertificateKind::CardAuth,
    }
}

/// Checks that the card was shown: its certificate's path, and its signature over the reset. The signature
/// password takes the card's signature key; the PIN takes its common application's key, which needs no
/// password and must have been registered with the card.
///
/// # Errors
/// [`PinResetError`].
pub fn examine(
    request: &PinResetRequest,
    trust: &TrustStore,
    common_key: Option<&[u8]>,
    at: Timestamp,
) -> Result<PinReset, PinResetError> {
    let claimed = request.reset.peek_unverified().map_err(|_| PinResetError::Signature)?;
    let path = |error: PathError| PinResetError::Certificate(error);
    let certificate = Certificate::from_der(&request.certificate.0).map_err(|error| path(error.into()))?;
    trust.validate(&certificate, at).map_err(path)?;
    let verify = |spki: &[u8], message: &[u8], signature: &[u8]| {
        verify_signature(SignatureAlgorithm::Rsa2048Sha256, spki, message, signature)
    };
    let verified = match claimed.pin {
        PinKind::Sign => {
            let spki = certificate.public_spki();
            request.reset.verify(|message, signature| verify(&spki, message, signature))
        }
        PinKind::Auth => {
            let spki = common_key.ok_or(PinResetError::CardKeyUnknown)?;
            // INTERNAL AUTHENTICATE hashes its challenge, which is a hash itself.
            request.reset.verify(|message, signature| verify(spki, &Sha256::digest(message), signature))
        }
    };
    verified.map_err(|_| PinResetError::Signature)
}
