//! Records of the card-surface applications, built as the issuer builds them.
//!
//! Integrity is by signature of a card-verifiable key whose certificate (tag `7F21`) is on the card
//! (facts about the real card's records: text `FF10`–`FF50`, visual `FF10`–`FF40`).

use der::{Decode, asn1::UintRef};
use sha2::{Digest, Sha256};
use tefuda_apdu::tlv::{encode, find};
use tefuda_pki::SignerError;
use tefuda_types::Bytes;

use crate::personalisation::Surface;

/// What is printed and written on the face of a card.
#[derive(Clone)]
pub struct Face {
    /// Name as registered.
    pub name: String,
    /// Address as registered.
    pub address: String,
    /// `YYYYMMDD`; unknown parts `00`.
    pub birth_date: String,
    /// `1` male, `2` female, `9` not applicable, `0` not known (ISO 5218).
    pub sex: char,
    /// My Number, twelve digits.
    pub individual_number: String,
    /// Expiry of the card, `YYYYMMDD`.
    pub expires: String,
    /// Municipality code, five digits.
    pub municipality: String,
    /// Drawn pieces.
    pub images: Images,
}

impl core::fmt::Debug for Face {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Face(…)")
    }
}

/// Pictures on the card's face.
#[derive(Clone, Debug)]
pub struct Images {
    /// Name, 1-bit PNG.
    pub name: Bytes,
    /// Address, 1-bit PNG.
    pub address: Bytes,
    /// My Number, 1-bit PNG.
    pub individual_number: Bytes,
    /// Security code, 1-bit PNG.
    pub security_code: Bytes,
    /// Portrait, JPEG 2000.
    pub portrait: Bytes,
}

/// Pads a `DigestInfo` with PKCS #1 v1.5 type 1 and signs it: the face record's is of no standard length, so
/// the key store cannot be left to hash.
pub type SignDigestInfo<'a> = dyn Fn(&[u8]) -> Result<Vec<u8>, SignerError> + 'a;

/// Keys and names of the issuer of card-verifiable certificates.
pub struct FaceIssuer<'a> {
    /// Signs records; RSA-2048.
    pub records: &'a SignDigestInfo<'a>,
    /// Card-verifiable certificate of that key, [`card_verifiable_certificate`].
    pub certificate: &'a [u8],
    /// Key identifier of 16 octets that goes into the id records.
    pub key_id: [u8; 16],
}

impl FaceIssuer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        (self.records)(&digest_info(&Sha256::digest(message)))
    }
}

/// `DigestInfo` with the identifier of SHA-256 and as many octets as there are: 32, or the 96 of a card's face.
#[must_use]
pub fn digest_info(hash: &[u8]) -> Vec<u8> {
    const SHA256: [u8; 15] =
        [0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00];
    encode(0x30, &[SHA256.as_slice(), &encode(0x04, hash)].concat())
}

impl core::fmt::Debug for FaceIssuer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FaceIssuer")
    }
}

/// A public key as the records hold it: `90` exponent, `91` modulus.
///
/// # Errors
/// [`SignerError`] if the octets are no RSA `SubjectPublicKeyInfo`.
pub fn public_key_object(spki: &[u8]) -> Result<Vec<u8>, SignerError> {
    #[derive(der::Sequence)]
    struct RsaPublicKey<'a> {
        modulus: UintRef<'a>,
        exponent: UintRef<'a>,
    }
    let spki = spki::SubjectPublicKeyInfoRef::from_der(spki).map_err(|_| SignerError)?;
    let bits = spki.subject_public_key.as_bytes().ok_or(SignerError)?;
    let key = RsaPublicKey::from_der(bits).map_err(|_| SignerError)?;
    // The exponent 65537 is written in three octets.
    Ok([encode(0x90, key.exponent.as_bytes()), encode(0x91, key.modulus.as_bytes())].concat())
}

/// `7F21 { 5F4E { issuer key id, subject key id, public key }, 5F37 signature }`, signed by the
/// card-verifiable CA over the contents of `5F4E` (PKCS #1 v1.5, SHA-256).
///
/// # Errors
/// [`SignerError`].
pub fn card_verifiable_certificate(
    ca: &SignDigestInfo<'_>,
    issuer_id: &[u8; 16],
    subject_id: &[u8; 16],
    subject_spki: &[u8],
) -> Result<Vec<u8>, SignerError> {
    let body = [issuer_id.as_slice(), subject_id, &public_key_object(subject_spki)?].concat();
    let signature = ca(&digest_info(&Sha256::digest(&body)))?;
    Ok(encode(0x7F21, &[encode(0x5F4E, &body), encode(0x5F37, &signature)].concat()))
}

/// A card-verifiable certificate as a data object of the master file: a header list (`4D`) that says what is
/// certified, then what `7F21` holds, without that tag.
#[must_use]
pub fn certificate_object(certificate: &[u8]) -> Vec<u8> {
    // Issuer (42, 16 octets), subject (5F20, 16 octets), key (5F49, 265 octets).
    const HEADER: [u8; 12] = [0x4D, 0x0A, 0x42, 0x10, 0x5F, 0x20, 0x10, 0x5F, 0x49, 0x82, 0x01, 0x09];
    let contents = find(certificate, 0x7F21).map(|object| object.value).unwrap_or_default();
    [HEADER.as_slice(), contents].concat()
}

/// Every transparent file of both surface applications.
///
/// # Errors
/// [`SignerError`].
pub fn files(
    face: &Face,
    issuer: &FaceIssuer<'_>,
    text_spki: &[u8],
    visual_spki: &[u8],
) -> Result<Vec<(Surface, Bytes)>, SignerError> {
    let text_key = public_key_object(text_spki)?;
    let visual_key = public_key_object(visual_spki)?;
    let number = individual_number_file(&face.individual_number);
    let (attributes, digested) = attributes_file(face);
    Ok(vec![
        (Surface::Text(1), number.clone().into()),
        (Surface::Text(2), attributes.into()),
        (Surface::Text(3), integrity_file(&number, &digested, issuer)?.into()),
        (Surface::Text(4), issuer.certificate.to_vec().into()),
        (Surface::Text(5), text_ids_file(issuer).into()),
        (Surface::Text(6), encode(0xA1, &text_key).into()),
        (Surface::Text(7), encode(0xFF50, &certified(0xDF51, 0xDF52, &text_key, issuer)?).into()),
        (Surface::Visual(1), age_file(face, &visual_key, issuer)?.into()),
        (Surface::Visual(2), face_file(face, &visual_key, issuer)?.into()),
        (Surface::Visual(3), visual_ids_file(face, issuer).into()),
        (Surface::Visual(4), issuer.certificate.to_vec().into()),
        (Surface::Visual(5), number_image_file(face, &visual_key, issuer)?.into()),
    ])
}

/// `FF10 0C` digits, and two octets of filler: 17 octets, all of which are digested.
fn individual_number_file(number: &str) -> Vec<u8> {
    [encode(0xFF10, number.as_bytes()), vec![0xFF, 0xFF]].concat()
}

/// Objects after a table of their offsets from the start of the file.
fn with_offsets(outer: u32, table: u32, objects: &[Vec<u8>]) -> Vec<u8> {
    let table_length = encode(table, &vec![0; objects.len() * 2]).len();
    let body_length = table_length + objects.iter().map(Vec::len).sum::<usize>();
    let header_length = encode(outer, &vec![0; body_length]).len() - body_length;
    let mut offset = header_length + table_length;
    let mut offsets = Vec::new();
    for object in objects {
        offsets.extend(u16::try_from(offset).unwrap_or(u16::MAX).to_be_bytes());
        offset += object.len();
    }
    encode(outer, &[encode(table, &offsets), objects.concat()].concat())
}

/// The four attributes, and the octets of them that the integrity record digests.
fn attributes_file(face: &Face) -> (Vec<u8>, Vec<u8>) {
    let objects = [
        encode(0xDF22, face.name.as_bytes()),
        encode(0xDF23, face.address.as_bytes()),
        encode(0xDF24, face.birth_date.as_bytes()),
        encode(0xDF25, face.sex.to_string().as_bytes()),
    ];
    (with_offsets(0xFF20, 0xDF21, &objects), objects.concat())
}

fn integrity_file(number: &[u8], attributes: &[u8], issuer: &FaceIssuer<'_>) -> Result<Vec<u8>, SignerError> {
    let digests =
        [encode(0xDF31, &Sha256::digest(number)), encode(0xDF32, &Sha256::digest(attributes))].concat();
    let signature = issuer.sign(&digests)?;
    Ok(encode(0xFF30, &[digests, encode(0xDF33, &signature)].concat()))
}

fn text_ids_file(issuer: &FaceIssuer<'_>) -> Vec<u8> {
    let ids =
        [encode(0xDF41, &[1, 3, 0x0E, 1]), encode(0xDF42, &issuer.key_id), encode(0xDF43, &[0xFF; 128])];
    encode(0xFF40, &ids.concat())
}

/// A public key with the issuer's signature over its object.
fn certified(
    key_tag: u32,
    signature_tag: u32,
    key: &[u8],
    issuer: &FaceIssuer<'_>,
) -> Result<Vec<u8>, SignerError> {
    let object = encode(key_tag, key);
    let signature = issuer.sign(&object)?;
    Ok([object, encode(signature_tag, &signature)].concat())
}

fn age_file(face: &Face, key: &[u8], issuer: &FaceIssuer<'_>) -> Result<Vec<u8>, SignerError> {
    let objects = [encode(0xDF11, face.birth_date.as_bytes()), encode(0xDF12, key)].concat();
    let signature = issuer.sign(&objects)?;
    Ok(encode(0xFF10, &[objects, encode(0xDF13, &signature)].concat()))
}

/// The face: three hashes under one signature. Expiry and security code come after it, unsigned, as on the
/// real card.
fn face_file(face: &Face, key: &[u8], issuer: &FaceIssuer<'_>) -> Result<Vec<u8>, SignerError> {
    let birth = encode(0xDF22, face.birth_date.as_bytes());
    let sex = encode(0xDF23, face.sex.to_string().as_bytes());
    let key = encode(0xDF24, key);
    let name = encode(0xDF25, &face.images.name.0);
    let address = encode(0xDF26, &face.images.address.0);
    let portrait = encode(0xDF27, &face.images.portrait.0);
    let groups =
        [[birth.as_slice(), &sex, &key].concat(), [name.as_slice(), &address].concat(), portrait.clone()];
    let hashes: Vec<u8> = groups.iter().flat_map(Sha256::digest).collect();
    let signature = encode(0xDF28, &(issuer.records)(&digest_info(&hashes))?);
    let expires = encode(0xDF29, face.expires.as_bytes());
    let code = encode(0xDF2A, &face.images.security_code.0);
    Ok(with_offsets(0xFF20, 0xDF21, &[birth, sex, key, name, address, portrait, signature, expires, code]))
}

fn visual_ids_file(face: &Face, issuer: &FaceIssuer<'_>) -> Vec<u8> {
    // The reference number encrypted to the issuer is of use to the issuer alone: 256 octets of filler here.
    let encrypted = [issuer.key_id.as_slice(), &[0; 256]].concat();
    let ids = [
        encode(0xDF31, &[6, 3, 0x0E, 1]),
        encode(0xDF32, &issuer.key_id),
        encode(0xDF33, &[0]),
        encode(0xDF34, face.municipality.as_bytes()),
        encode(0xDF35, &encrypted),
    ];
    encode(0xFF30, &ids.concat())
}

fn number_image_file(face: &Face, key: &[u8], issuer: &FaceIssuer<'_>) -> Result<Vec<u8>, SignerError> {
    let objects = [encode(0xDF41, &face.images.individual_number.0), encode(0xDF42, key)].concat();
    let signature = issuer.sign(&objects)?;
    Ok(encode(0xFF40, &[objects, encode(0xDF43, &signature)].concat()))
}
