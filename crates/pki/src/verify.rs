use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use der::Decode;
use spki::SubjectPublicKeyInfoRef;

use crate::{SignatureAlgorithm, oid};

impl SignatureAlgorithm {
    /// The algorithm that an identifier names, if it is one of ours.
    #[must_use]
    pub fn from_oid(identifier: const_oid::ObjectIdentifier) -> Option<Self> {
        match identifier {
            oid::SHA256_WITH_RSA => Some(Self::Rsa2048Sha256),
            oid::ECDSA_WITH_SHA256 => Some(Self::EcdsaP256Sha256),
            _ => None,
        }
    }
}

/// Whether a signature over a message holds under a `SubjectPublicKeyInfo` (DER). An algorithm that does
/// not fit the key is a signature that does not hold.
#[must_use]
pub fn verify_signature(
    algorithm: SignatureAlgorithm,
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let Ok(info) = SubjectPublicKeyInfoRef::from_der(spki) else {
        return false;
    };
    let Some(key) = info.subject_public_key.as_bytes() else {
        return false;
    };
    let (expected, verifier): (_, &'static dyn VerificationAlgorithm) = match algorithm {
        SignatureAlgorithm::Rsa2048Sha256 => (oid::RSA_ENCRYPTION, &RSA_PKCS1_2048_8192_SHA256),
        SignatureAlgorithm::EcdsaP256Sha256 => (oid::EC_PUBLIC_KEY, &ECDSA_P256_SHA256_ASN1),
    };
    info.algorithm.oid == expected && UnparsedPublicKey::new(verifier, key).verify(message, signature).is_ok()
}
