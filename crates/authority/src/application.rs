//! An application for a phone's certificates: what it must prove, when it is decided, and when it ends.

use jiff::ToSpan;
use p256::{PublicKey, elliptic_curve::sec1::ToSec1Point, pkcs8::DecodePublicKey};
use sha2::{Digest, Sha256};
use tefuda_pki::{
    Certificate, SignatureAlgorithm,
    path::{PathError, TrustStore},
    profile::Period,
    verify_signature,
};
use tefuda_protocol::{
    Bytes,
    attestation::{AttestationError, AttestedKeys, KeyUsage, PinPolicy, VerifiedKeys},
    enrolment::{Application, ApplicationRequest, ApplicationState},
};
use tefuda_types::{
    CertificateKind, CertificateStatus, ElementId, PhoneName, ResidentId, Serial, Timestamp, jst,
};
use thiserror::Error;

use crate::{Refusal, device::Device, register::Resident};

/// Civil days in which approved certificates can be registered.
pub const REGISTER_DAYS: i64 = 30;
/// Octets of an application's nonce.
const NONCE_OCTETS: usize = 16;
/// Octets of the hash of a recovery code.
const HASH_OCTETS: usize = 32;
/// Most octets of an application's identifier.
const ID_OCTETS_MAX: usize = 64;

/// Why an application is not accepted, or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// A part of the application is not what it must be.
    #[error("a part of the application is malformed")]
    Malformed,
    /// The same identifier came with another content.
    #[error("another application has this identifier")]
    Reused,
    /// Nobody sent such an application.
    #[error("there is no such application")]
    NotFound,
    /// Neither both kinds nor the signature certificate alone.
    #[error("a phone applies for both certificates, or for the signature certificate alone")]
    Kinds,
    /// The element was made for the other family.
    #[error("the element was made for another family of phones")]
    Family,
    /// A key can be used without what its kind demands.
    #[error("a key of the element is not guarded as its kind must be")]
    KeyPolicy,
    /// The card's certificate was never issued here, or to nobody.
    #[error("the card is not one of this register")]
    CardUnknown,
    /// The card was reported lost.
    #[error("the card's certificates are suspended")]
    CardSuspended,
    /// The card's certificates were ended.
    #[error("the card's certificates are revoked")]
    CardRevoked,
    /// The card's certificates are past their end.
    #[error("the card's certificates have expired")]
    CardExpired,
    /// The phone holds somebody else's certificates.
    #[error("the phone is registered to another resident")]
    PhoneInUse,
    /// The element reported a sensor event once.
    #[error("the element was tampered with")]
    Tampered,
    /// What was on the phone has to be deleted first.
    #[error("a deletion that was ordered is not carried out yet")]
    DeletionOpen,
    /// The signature certificate alone is for phones that are registered.
    #[error("the phone is not registered to this resident")]
    NotRegistered,
    /// The certificates ended before they were registered.
    #[error("the certificates ended before they were registered")]
    Overtaken,
    /// It was not decided for, so that there is nothing to register.
    #[error("the application is not approved")]
    NotApproved,
}

tefuda_types::reasons! { EnrolError {
    Malformed => "enrol.application_malformed", Malformed;
    Reused => "enrol.application_reused", Policy;
    NotFound => "application.not_found", Caller;
    Kinds => "enrol.kinds_unsupported", Malformed;
    Family => "enrol.family_mismatch", Policy;
    KeyPolicy => "enrol.key_policy_wrong", Policy;
    CardUnknown => "enrol.card_unknown", Policy;
    CardSuspended => "enrol.card_suspended", Policy;
    CardRevoked => "enrol.card_revoked", Policy;
    CardExpired => "enrol.card_expired", Policy;
    PhoneInUse => "enrol.phone_in_use", Policy;
    Tampered => "enrol.element_tampered", Policy;
    DeletionOpen => "enrol.deletion_open", Policy;
    NotRegistered => "enrol.phone_not_registered", Policy;
    Overtaken => "enrol.overtaken", Policy;
    NotApproved => "enrol.not_approved", Policy;
} }

/// Whom the registrar believes.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// Generations of the card signature CA.
    pub card_sign: &'a TrustStore,
    /// Attestation roots of the makers, SEC 1.
    pub makers: &'a [Bytes],
}

/// An application whose proofs hold, made by [`examine`] alone.
#[derive(Debug)]
pub struct Examined {
    application: Application,
    phone: PhoneName,
    keys: VerifiedKeys,
    card: Serial,
    wallet_key: Option<Bytes>,
}

impl Examined {
    /// What was applied for.
    #[must_use]
    pub const fn application(&self) -> &Application {
        &self.application
    }

    /// The phone's name.
    #[must_use]
    pub const fn phone(&self) -> &PhoneName {
        &self.phone
    }

    /// The element.
    #[must_use]
    pub const fn element(&self) -> ElementId {
        self.keys.element().element
    }

    /// The element's attestation key, SEC 1.
    #[must_use]
    pub const fn attestation_key(&self) -> &Bytes {
        &self.keys.element().attestation_key
    }

    /// The wallet-instance key, SEC 1, unless the signature certificate alone is applied for.
    #[must_use]
    pub const fn wallet_key(&self) -> Option<&Bytes> {
        self.wallet_key.as_ref()
    }

    /// Serial number of the card's signature certificate.
    #[must_use]
    pub const fn card(&self) -> &Serial {
        &self.card
    }

    /// `SubjectPublicKeyInfo` to certify for a kind.
    ///
    /// # Errors
    /// [`AttestationError::Missing`] for a kind that was not applied for.
    pub fn public_key(&self, kind: CertificateKind) -> Result<&[u8], AttestationError> {
        self.keys.key(usage(kind)).map(|key| key.public_key.0.as_slice())
    }

    /// Whether the rules let the certificates be issued, as far as anybody knows at a time.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn admit(&self, facts: &Facts<'_>, at: Timestamp) -> Result<(), Refusal> {
        if let Some(reason) = facts.resident.without_signature(at) {
            return Err(crate::issuance::IssuanceError::from(reason).into());
        }
        for kind in &self.application.kinds {
            facts.twin(*kind)?.in_force(at)?;
        }
        if facts.twin(CertificateKind::PhoneSign)?.serial != self.card {
            return Err(EnrolError::CardRevoked.into());
        }
        let Some(device) = facts.device else {
            return if self.wallet_key.is_some() { Ok(()) } else { Err(EnrolError::NotRegistered.into()) };
        };
        let holder = device.holder();
        if !device.is_tampered() && holder.is_some_and(|holder| *holder != facts.resident.id) {
            return Err(EnrolError::PhoneInUse.into());
        }
        device.loadable()?;
        if self.wallet_key.is_none() && holder.is_none() {
            return Err(EnrolError::NotRegistered.into());
        }
        Ok(())
    }
}

const fn usage(kind: CertificateKind) -> KeyUsage {
    if kind.is_signature() { KeyUsage::Sign } else { KeyUsage::Auth }
}

/// What the registrar knows when it decides.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whose card it is.
    pub resident: &'a Resident,
    /// The newest certificates of the card.
    pub twins: &'a [Twin],
    /// The phone, if it is known already.
    pub device: Option<&'a Device>,
}

impl Facts<'_> {
    /// The card's certificate that a phone's certificate follows.
    ///
    /// # Errors
    /// [`EnrolError::CardUnknown`].
    pub fn twin(&self, kind: CertificateKind) -> Result<&Twin, EnrolError> {
        self.twins.iter().find(|twin| twin.kind == kind.card_twin()).ok_or(EnrolError::CardUnknown)
    }
}

/// A certificate of the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// `card-sign` or `card-auth`.
    pub kind: CertificateKind,
    /// Serial number.
    pub serial: Serial,
    /// Status.
    pub status: CertificateStatus,
    /// End of validity.
    pub not_after: Timestamp,
}

impl Twin {
    /// Whether something may follow from it.
    ///
    /// # Errors
    /// [`EnrolError`] with what it is instead.
    pub fn in_force(&self, at: Timestamp) -> Result<(), EnrolError> {
        match self.status {
            CertificateStatus::Suspended => Err(EnrolError::CardSuspended),
            CertificateStatus::Revoked => Err(EnrolError::CardRevoked),
            CertificateStatus::NotKnown => Err(EnrolError::CardUnknown),
            CertificateStatus::Valid if self.not_after < at => Err(EnrolError::CardExpired),
            CertificateStatus::Valid => Ok(()),
        }
    }

    /// Period of the phone's certificate that follows this one: it ends when the card's does.
    #[must_use]
    pub const fn period(&self, from: Timestamp) -> Period {
        Period { not_before: from, not_after: self.not_after }
    }
}

/// Checks everything that an application proves by itself: the card's path, its signature, the attestations.
///
/// # Errors
/// [`Refusal`].
pub fn examine(request: &ApplicationRequest, trust: &Trust<'_>, at: Timestamp) -> Result<Examined, Refusal> {
    let certificate = Certificate::from_der(&request.certificate.0).map_err(PathError::from)?;
    trust.card_sign.validate(&certificate, at).map_err(|error| match error {
        PathError::Expired => Refusal::Enrol(EnrolError::CardExpired),
        other => Refusal::Path(other),
    })?;
    let spki = certificate.public_spki();
    let application = request.application.verify(|message, signature| {
        verify_signature(SignatureAlgorithm::Rsa2048Sha256, &spki, message, signature)
    })?;
    let phone = application.phone.parse()?;
    let hash = application.recovery_code_hash.as_ref();
    let well_formed = application.nonce.0.len() == NONCE_OCTETS
        && (1..=ID_OCTETS_MAX).contains(&application.id.len())
        && hash.is_none_or(|hash| hash.0.len() == HASH_OCTETS);
    if !well_formed {
        return Err(EnrolError::Malformed.into());
    }
    let keys = attested(&application.keys, trust.makers, &application.nonce.0)?;
    if keys.element().family != application.family {
        return Err(EnrolError::Family.into());
    }
    let wallet_key = match application.kinds.as_slice() {
        [CertificateKind::PhoneSign] => None,
        [CertificateKind::PhoneSign, CertificateKind::PhoneAuth]
        | [CertificateKind::PhoneAuth, CertificateKind::PhoneSign]
            if hash.is_some() =>
        {
            guarded(&keys, KeyUsage::Auth, PinPolicy::AuthenticationPin)?;
            Some(Bytes(sec1(guarded(&keys, KeyUsage::WalletInstance, PinPolicy::None)?)?))
        }
        _ => return Err(EnrolError::Kinds.into()),
    };
    guarded(&keys, KeyUsage::Sign, PinPolicy::SignaturePassword)?;
    Ok(Examined { phone, keys, card: certificate.serial().clone(), wallet_key, application })
}

/// Who holds a card without a signature certificate can be told why: its authentication certificate, and the
/// common application's key through INTERNAL AUTHENTICATE over the application's hash. Gives the serial number.
///
/// # Errors
/// [`Refusal`] where the card's presence is not proven.
pub fn examine_presence(
    request: &ApplicationRequest,
    trust: &TrustStore,
    common_key: &[u8],
    at: Timestamp,
) -> Result<Serial, Refusal> {
    let certificate = Certificate::from_der(&request.certificate.0).map_err(PathError::from)?;
    trust.validate(&certificate, at)?;
    request.application.verify(|message, signature| {
        let challenge = Sha256::digest(message);
        verify_signature(SignatureAlgorithm::Rsa2048Sha256, common_key, &challenge, signature)
    })?;
    Ok(certificate.serial().clone())
}

/// Attestations under any of the makers that are known.
fn attested(keys: &AttestedKeys, makers: &[Bytes], nonce: &[u8]) -> Result<VerifiedKeys, AttestationError> {
    makers
        .iter()
        .map(|root| keys.verify(&root.0, nonce))
        .find(|verified| !matches!(verified, Err(AttestationError::Maker)))
        .unwrap_or(Err(AttestationError::Maker))
}

fn guarded(keys: &VerifiedKeys, usage: KeyUsage, policy: PinPolicy) -> Result<&Bytes, Refusal> {
    let key = keys.key(usage)?;
    if key.pin_policy == policy { Ok(&key.public_key) } else { Err(EnrolError::KeyPolicy.into()) }
}

/// The uncompressed point of a P-256 `SubjectPublicKeyInfo`.
fn sec1(spki: &Bytes) -> Result<Vec<u8>, EnrolError> {
    let key = PublicKey::from_public_key_der(&spki.0).map_err(|_| EnrolError::Malformed)?;
    Ok(key.to_sec1_point(false).as_bytes().to_vec())
}

/// What tells an application from another with its identifier: SHA-256 over certificate and signed bytes.
#[must_use]
pub fn fingerprint(request: &ApplicationRequest) -> [u8; 32] {
    let octets = request.certificate.0.len().to_be_bytes();
    Sha256::new()
        .chain_update(octets)
        .chain_update(&request.certificate.0)
        .chain_update(request.application.payload())
        .finalize()
        .into()
}

/// What time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet, or nothing any more.
    Nothing,
    /// The decision.
    Decision,
    /// The end: nobody finished it.
    Expiry,
}

/// What an application's state asks for at a time.
#[must_use]
pub fn due(state: &ApplicationState, now: Timestamp) -> Due {
    match state {
        ApplicationState::Pending { decision_at } if *decision_at <= now => Due::Decision,
        ApplicationState::Approved { register_until } if *register_until < now => Due::Expiry,
        _ => Due::Nothing,
    }
}

/// Until when certificates that were issued at a time can be registered.
#[must_use]
pub fn register_until(decided: Timestamp) -> Timestamp {
    jst(decided).checked_add(REGISTER_DAYS.days()).map_or(Timestamp::MAX, |end| end.timestamp())
}

/// Whether another phone of the same person and family gives way to a newly registered one.
#[must_use]
pub fn gives_way(other: &Device, newcomer: &Device, resident: &ResidentId) -> bool {
    other.element != newcomer.element && other.family == newcomer.family && other.holder() == Some(resident)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn time_asks_for_a_decision_and_then_for_an_end() {
        let pending = ApplicationState::Pending { decision_at: at("2026-11-24T23:00:00Z") };
        assert_eq!(due(&pending, at("2026-11-24T22:59:59Z")), Due::Nothing);
        assert_eq!(due(&pending, at("2026-11-24T23:00:00Z")), Due::Decision);
        let until = register_until(at("2026-02-01T01:00:00Z"));
        assert_eq!(until, at("2026-03-03T01:00:00Z"));
        let approved = ApplicationState::Approved { register_until: until };
        assert_eq!(due(&approved, until), Due::Nothing);
        assert_eq!(due(&approved, at("2026-03-03T01:00:01Z")), Due::Expiry);
        for over in [ApplicationState::Registered, ApplicationState::Expired] {
            assert_eq!(due(&over, Timestamp::MAX), Due::Nothing);
        }
    }

    #[test]
    fn only_what_is_in_force_carries_something() {
        let end = at("2030-01-01T00:00:00Z");
        let twin = |status| Twin {
            kind: CertificateKind::CardSign,
            serial: "01".parse().unwrap(),
            status,
            not_after: end,
        };
        for (status, now, expected) in [
            (CertificateStatus::Valid, end, Ok(())),
            (CertificateStatus::Valid, at("2030-01-01T00:00:01Z"), Err(EnrolError::CardExpired)),
            (CertificateStatus::Suspended, end, Err(EnrolError::CardSuspended)),
            (CertificateStatus::Revoked, end, Err(EnrolError::CardRevoked)),
            (CertificateStatus::NotKnown, end, Err(EnrolError::CardUnknown)),
        ] {
            assert_eq!(twin(status).in_force(now), expected, "{status}");
        }
        assert_eq!(twin(CertificateStatus::Valid).period(at("2026-11-24T01:00:00Z")).not_after, end);
    }
}
