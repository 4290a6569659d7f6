//! `SubjectPublicKeyInfo` of the two kinds of keys, from what a token tells of them.

/// Before the modulus of an RSA key of 2,048 bits (RFC 3279, 2.3.1).
const RSA_BEFORE: [u8; 33] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01,
    0x05, 0x00, 0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00,
];
/// After it: the exponent 65537.
const RSA_AFTER: [u8; 5] = [0x02, 0x03, 0x01, 0x00, 0x01];
/// Octets of the modulus.
const MODULUS_OCTETS: usize = 256;
/// Before a point of P-256 (RFC 5480, 2).
const P256_BEFORE: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86,
    0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Octets of a point, uncompressed (SEC 1, 2.3.3).
const POINT_OCTETS: usize = 65;
/// A point in a token is an OCTET STRING (PKCS #11, 2.3.3).
const OCTET_STRING: [u8; 2] = [0x04, 0x41];
/// Before `RSAPublicKey` in its `SubjectPublicKeyInfo`.
const RSA_HEADER_OCTETS: usize = 24;

/// Of an RSA key with the exponent 65537; `None` for another size.
pub(super) fn of_modulus(modulus: &[u8]) -> Option<Vec<u8>> {
    let whole = modulus.len() == MODULUS_OCTETS && modulus.first().is_some_and(|first| first & 0x80 != 0);
    whole.then(|| [&RSA_BEFORE, modulus, &RSA_AFTER].concat())
}

/// Of a P-256 key by its point, in the OCTET STRING or, as some tokens tell it, bare.
pub(super) fn of_point(told: &[u8]) -> Option<Vec<u8>> {
    let point = told.strip_prefix(&OCTET_STRING).filter(|bare| bare.len() == POINT_OCTETS).unwrap_or(told);
    let whole = point.len() == POINT_OCTETS && point.first() == Some(&0x04);
    whole.then(|| [&P256_BEFORE, point].concat())
}

/// What is in it: the point, or `RSAPublicKey`.
pub(super) fn bits(spki: &[u8]) -> &[u8] {
    let point = spki.strip_prefix(&P256_BEFORE);
    point.or_else(|| spki.get(RSA_HEADER_OCTETS..)).unwrap_or_default()
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
        let modulus = &rsa.public_spki()[RSA_BEFORE.len()..][..MODULUS_OCTETS];
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
