//! `SubjectPublicKeyInfo` of the two kinds of keys, from what a token tells of them.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::PublicKeyComponents,
};
use p256::{PublicKey, pkcs8::EncodePublicKey};
use pkcs8::{SubjectPublicKeyInfoRef, der::Decode};

/// Octets of the modulus.
const MODULUS_OCTETS: usize = 256;
/// The public exponent, 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// Octets of a point, uncompressed (SEC 1, 2.3.3).
const POINT_OCTETS: usize = 65;
/// A point in a token is an OCTET STRING (PKCS #11, 2.3.3).
const OCTET_STRING: [u8; 2] = [0x04, 0x41];

/// Of an RSA key with the exponent 65537; `None` for another size.
#[must_use]
pub fn of_modulus(modulus: &[u8]) -> Option<Vec<u8>> {
    let whole = modulus.len() == MODULUS_OCTETS && modulus.first().is_some_and(|first| first & 0x80 != 0);
    let key = PublicKeyComponents { n: modulus, e: &EXPONENT[..] };
    let der: PublicKeyX509Der<'_> = whole.then(|| key.as_der().ok())??;
    Some(der.as_ref().to_vec())
}

/// Of a P-256 key by its point, in the OCTET STRING or, as some tokens tell it, bare.
pub(super) fn of_point(told: &[u8]) -> Option<Vec<u8>> {
    let point = told.strip_prefix(&OCTET_STRING).filter(|bare| bare.len() == POINT_OCTETS).unwrap_or(told);
    let whole = point.len() == POINT_OCTETS && point.first() == Some(&0x04);
    let key = whole.then(|| PublicKey::from_sec1_bytes(point).ok())??;
    Some(key.to_public_key_der().ok()?.as_bytes().to_vec())
}

/// What is in it: the point, or `RSAPublicKey`.
pub(super) fn bits(spki: &[u8]) -> &[u8] {
    SubjectPublicKeyInfoRef::from_der(spki)
        .map(|info| info.subject_public_key.raw_bytes())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, KeySpace};
    use tefuda_pki::{SignatureAlgorithm, Signer};

    #[test]
    fn a_key_is_put_together_as_a_library_writes_it() {
        let folder = std::env::temp_dir().join(format!("tefuda-keys-spki-{}", std::process::id()));
        let space = KeySpace::open(&folder, "test", Environment::Sandbox).unwrap();
        let rsa = space.signer("rsa", SignatureAlgorithm::Rsa2048Sha256).unwrap();
        // Behind two headers, an algorithm and a sign.
        let modulus = &rsa.public_spki()[33..][..MODULUS_OCTETS];
        assert_eq!(of_modulus(modulus).as_deref(), Some(rsa.public_spki()));
        assert_eq!(bits(rsa.public_spki()), rsa.public_key());
        assert_eq!(of_modulus(&modulus[1..]), None);
        let p256 = space.signer("p256", SignatureAlgorithm::EcdsaP256Sha256).unwrap();
        let point = p256.public_key();
        assert_eq!(of_point(point).as_deref(), Some(p256.public_spki()));
        assert_eq!(of_point(&[&OCTET_STRING, point].concat()).as_deref(), Some(p256.public_spki()));
        assert_eq!(bits(p256.public_spki()), point);
        assert_eq!(of_point(&point[1..]), None);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
