//! Whether a public key is worth a certificate: the right form, and no weakness that shows from outside.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use der::{Decode, Sequence, asn1::UintRef};
use spki::SubjectPublicKeyInfoOwned;

use crate::{draft::DraftError, oid};

/// Octets of an RSA modulus.
const MODULUS_OCTETS: usize = 256;
/// The one public exponent, 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// Odd primes that are no factor of a modulus, and whose residues show the moduli of the ROCA fault
/// (CVE-2017-15361): there, all of them are powers of 65537. An honest modulus has that once in 2²⁷.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// That a key may be certified: RSA of 2,048 bits with the exponent 65537, or a point of P-256.
///
/// # Errors
/// [`DraftError::PublicKey`].
pub(crate) fn check(info: &SubjectPublicKeyInfoOwned) -> Result<(), DraftError> {
    let strong = info.algorithm.oid != oid::RSA_ENCRYPTION || strong(info);
    if strong && has_our_form(info) { Ok(()) } else { Err(DraftError::PublicKey) }
}

/// The same as far as it shows at a glance, for certificates that others have issued.
pub(crate) fn has_our_form(info: &SubjectPublicKeyInfoOwned) -> bool {
    let bits = info.subject_public_key.as_bytes().unwrap_or_default();
    match info.algorithm.oid {
        oid::RSA_ENCRYPTION => rsa(bits),
        oid::EC_PUBLIC_KEY => {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.decode_as().ok());
            curve == Some(oid::P256) && point(bits)
        }
        _ => false,
    }
}

fn point(bits: &[u8]) -> bool {
    bits.len() == 65 && ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, bits).is_ok()
}

fn rsa(bits: &[u8]) -> bool {
    let Ok(key) = RsaPublicKey::from_der(bits) else { return false };
    let modulus = key.modulus.as_bytes();
    let full = modulus.len() == MODULUS_OCTETS && modulus.first().is_some_and(|octet| *octet >= 0x80);
    let odd = modulus.last().is_some_and(|octet| octet % 2 == 1);
    full && odd && key.exponent.as_bytes() == EXPONENT
}

/// Whether a modulus has no small factor and not the ROCA form.
fn strong(info: &SubjectPublicKeyInfoOwned) -> bool {
    let bits = info.subject_public_key.as_bytes().unwrap_or_default();
    let Ok(key) = RsaPublicKey::from_der(bits) else { return false };
    let modulus = key.modulus.as_bytes();
    let residues = || PRIMES.into_iter().map(|prime| (residue(modulus, prime), prime));
    residues().all(|(residue, _)| residue != 0)
        && !residues().all(|(residue, prime)| is_power(residue, prime))
}

fn residue(modulus: &[u8], prime: u32) -> u32 {
    modulus.iter().fold(0, |rest, octet| (rest * 256 + u32::from(*octet)) % prime)
}

/// Whether a residue is a power of 65537.
fn is_power(residue: u32, prime: u32) -> bool {
    let generator = 65_537 % prime;
    let powers = core::iter::successors(Some(1), |power| Some(power * generator % prime));
    powers.take(usize::try_from(prime).unwrap_or_default()).any(|power| power == residue)
}
