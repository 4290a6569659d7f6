//! CAs that nobody trusts but the targets: what a fuzzer makes up is signed by them, so that what is behind the
//! signature is reached too.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use tefuda_apdu::tlv;
use tefuda_pki::{
    Certificate,
    path::TrustStore,
    profile::{self, Period},
};
use tefuda_types::{CertificateKind, Serial};

const SEQUENCE: u32 = 0x30;
const BIT_STRING: u32 = 0x03;
/// `AlgorithmIdentifier` of sha256WithRSAEncryption (RFC 8017, A.2.4).
const SHA256_WITH_RSA: &[u8] = b"\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B\x05\x00";

/// One key for all of them, always the same, so that what a corpus says of its issuer stays right.
fn key() -> &'static RsaKeyPair {
    static KEY: OnceLock<RsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| RsaKeyPair::from_pkcs8(include_bytes!("throw-away.p8.der")).unwrap())
}

pub fn sign(message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key().public_modulus_len()];
    key().sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

pub fn serial(last: u8) -> Serial {
    Serial::from_be_bytes(&[0x51, 2, 3, 4, 5, 6, 7, last]).unwrap()
}

pub fn period() -> Period {
    let at = |time: &str| time.parse().unwrap();
    Period { not_before: at("2025-10-27T01:35:42Z"), not_after: at("2035-02-17T14:59:59Z") }
}

/// The certificate of a CA.
pub fn root(kind: CertificateKind) -> Certificate {
    let spki: PublicKeyX509Der<'_> = key().public_key().as_der().unwrap();
    let draft = profile::authority(kind, &serial(1), spki.as_ref(), period()).unwrap().lint().unwrap();
    let signature = sign(draft.to_be_signed());
    draft.assemble(&signature).unwrap()
}

/// What trusts a CA of the cards.
pub fn trust(kind: CertificateKind) -> &'static TrustStore {
    static SIGN: OnceLock<TrustStore> = OnceLock::new();
    static AUTH: OnceLock<TrustStore> = OnceLock::new();
    let store = if kind.is_signature() { &SIGN } else { &AUTH };
    store.get_or_init(|| TrustStore::new(kind, [root(kind)]))
}

/// `SEQUENCE { to be signed, algorithm, signature }` with the signature made anew; `None` for what has no such
/// beginning.
pub fn sign_first_child(octets: &[u8]) -> Option<Vec<u8>> {
    let outer = tlv::find(octets, SEQUENCE).ok()?;
    let to_be_signed = tlv::find(outer.value, SEQUENCE).ok()?.object;
    let signature = tlv::encode(BIT_STRING, &[&[0], sign(to_be_signed).as_slice()].concat());
    Some(tlv::encode(SEQUENCE, &[to_be_signed, SHA256_WITH_RSA, &signature].concat()))
}
