//! A CA generation with a throw-away key, and the files of `vectors/jpki-test-card`.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use tefuda_pki::{
    Certificate, name,
    profile::{self, Attributes, Leaf, Municipality, Period},
};
use tefuda_types::{CertificateKind, Serial, Timestamp};

pub fn vector(name: &str) -> Vec<u8> {
    let path = format!("{}/../../vectors/jpki-test-card/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

pub fn real(name: &str) -> Certificate {
    Certificate::from_der(&vector(name)).unwrap()
}

pub fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

pub fn key() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).unwrap()
}

pub fn spki(key: &KeyPair) -> Vec<u8> {
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    der.as_ref().to_vec()
}

pub fn sign(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// A generation of a CA.
pub struct Ca {
    pub kind: CertificateKind,
    pub certificate: Certificate,
    pub key: KeyPair,
}

/// The holder of the vectors, as far as the certificates tell.
pub fn holder(kind: CertificateKind, common_name: &str) -> Leaf {
    Leaf {
        kind,
        common_name: common_name.to_owned(),
        municipality: Municipality { prefecture: "Tokyo-to".to_owned(), city: "Kiyose-shi".to_owned() },
        attributes: kind.is_signature().then(|| Attributes {
            name: "黒桐　幹也".to_owned(),
            name_substitutes: "00000".to_owned(),
            birth_date: "319800217".to_owned(),
            sex: "1".to_owned(),
            address: "東京都清瀬市観布子南１２－７－２０２".to_owned(),
            address_substitutes: "000000000000000000".to_owned(),
        }),
        ocsp_url: "http://localhost:8481/ocsp".to_owned(),
    }
}

pub fn serial(last: u8) -> Serial {
    Serial::from_be_bytes(&[0x51, 2, 3, 4, 5, 6, 7, last]).unwrap()
}

impl Ca {
    pub fn new(kind: CertificateKind) -> Self {
        let key = key();
        let period = Period { not_before: at("2023-03-23T02:05:02Z"), not_after: at("2033-03-22T14:59:59Z") };
        let draft = profile::authority(kind, &serial(1), &spki(&key), period).unwrap().lint().unwrap();
        let signature = sign(&key, draft.to_be_signed());
        let certificate = draft.assemble(&signature).unwrap();
        assert_eq!(certificate.subject(), &name::authority(kind).unwrap());
        Self { kind, certificate, key }
    }

    /// A holder's certificate with a key of its own.
    pub fn issue(&self, leaf: &Leaf, last: u8, period: Period) -> Certificate {
        let draft = profile::leaf(leaf, &self.certificate, &serial(last), &spki(&key()), period);
        let draft = draft.unwrap().lint().unwrap();
        let signature = sign(&self.key, draft.to_be_signed());
        draft.assemble(&signature).unwrap()
    }
}

/// From the moment to the last second that the vectors' certificates have.
pub fn period() -> Period {
    Period { not_before: at("2025-10-27T01:35:42Z"), not_after: at("2030-02-17T14:59:59Z") }
}
