//! Our certificates beside the real ones, octet by octet: printed where they differ, and they differ only
//! where they have to.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::fixture::{Ca, holder, period, real};
use tefuda_pki::{Certificate, profile::Period};
use tefuda_types::CertificateKind::{self, CardAuth, CardSign, PhoneAuth, PhoneSign};

/// A primitive of a certificate: where it stands, its tag, its octets.
#[derive(Debug, PartialEq, Eq)]
struct Leaf {
    place: String,
    tag: u8,
    value: Vec<u8>,
}

impl Leaf {
    fn text(&self) -> String {
        match std::str::from_utf8(&self.value) {
            Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => text.to_owned(),
            _ => self.value.iter().take(12).fold(String::new(), |mut hex, octet| {
                let _ = write!(hex, "{octet:02x}");
                hex
            }),
        }
    }
}

/// Tag, value and what follows of a DER element.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, header) = match der[1] {
        short @ 0..0x80 => (usize::from(short), 2),
        long => {
            let octets = usize::from(long & 0x7F);
            (der[2..2 + octets].iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), 2 + octets)
        }
    };
    (der[0], &der[header..header + length], &der[header + length..])
}

fn children(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while !der.is_empty() {
        let (tag, value, rest) = element(der);
        found.push((tag, value));
        der = rest;
    }
    found
}

/// Fields of `TBSCertificate` by position.
const FIELDS: [&str; 8] = [
    "version",
    "serialNumber",
    "signature",
    "issuer",
    "validity",
    "subject",
    "subjectPublicKeyInfo",
    "extensions",
];

/// Short names of the extensions in the profiles, by the last octets of their identifiers.
fn extension_name(oid: &[u8]) -> &'static str {
    match oid {
        [0x55, 0x1D, 14] => "subjectKeyIdentifier",
        [0x55, 0x1D, 15] => "keyUsage",
        [0x55, 0x1D, 17] => "subjectAltName",
        [0x55, 0x1D, 18] => "issuerAltName",
        [0x55, 0x1D, 19] => "basicConstraints",
        [0x55, 0x1D, 31] => "cRLDistributionPoints",
        [0x55, 0x1D, 32] => "certificatePolicies",
        [0x55, 0x1D, 35] => "authorityKeyIdentifier",
        [0x55, 0x1D, 37] => "extKeyUsage",
        [0x2B, 6, 1, 5, 5, 7, 1, 1] => "authorityInfoAccess",
        _ => "unknown extension",
    }
}

fn walk(place: &str, tag: u8, value: &[u8], leaves: &mut Vec<Leaf>) {
    let extensions_value = tag == 0x04 && place.ends_with(".value");
    // An empty constructed element is a leaf too.
    if (tag & 0x20 != 0 || extensions_value) && !value.is_empty() {
        for (index, (tag, value)) in children(value).into_iter().enumerate() {
            walk(&format!("{place}.{index}"), tag, value, leaves);
        }
    } else {
        leaves.push(Leaf { place: place.to_owned(), tag, value: value.to_vec() });
    }
}

/// Every primitive, in order, placed by field and extension.
fn leaves(certificate: &Certificate) -> Vec<Leaf> {
    let (_, certificate, _) = element(certificate.as_der());
    let parts = children(certificate);
    let mut leaves = Vec::new();
    for ((tag, value), field) in children(parts[0].1).into_iter().zip(FIELDS) {
        if field != "extensions" {
            walk(field, tag, value, &mut leaves);
            continue;
        }
        for (_, extension) in children(children(value)[0].1) {
            let members = children(extension);
            let name = extension_name(members[0].1);
            for (tag, value) in &members {
                let part = match tag {
                    0x06 => "id",
                    0x01 => "critical",
                    _ => "value",
                };
                walk(&format!("{name}.{part}"), *tag, value, &mut leaves);
            }
        }
    }
    walk("signatureAlgorithm", parts[1].0, parts[1].1, &mut leaves);
    walk("signatureValue", parts[2].0, parts[2].1, &mut leaves);
    leaves
}

/// Where two certificates differ, once every primitive stands at the same place with the same tag.
fn differences(theirs: &Certificate, ours: &Certificate) -> BTreeSet<String> {
    let (theirs, ours) = (leaves(theirs), leaves(ours));
    let shape =
        |leaves: &[Leaf]| leaves.iter().map(|leaf| (leaf.place.clone(), leaf.tag)).collect::<Vec<_>>();
    assert_eq!(
        shape(&theirs),
        shape(&ours),
        "the same fields and extensions, in the same order, of the same types"
    );
    let mut places = BTreeSet::new();
    for (theirs, ours) in theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours) {
        println!("{:<44} {:<44} {}", theirs.place, theirs.text(), ours.text());
        places.insert(theirs.place.clone());
    }
    places
}

fn expected<const N: usize>(places: [&str; N]) -> BTreeSet<String> {
    places.into_iter().map(str::to_owned).collect()
}

/// Serial of 64 random bits, another organisation, our own keys; nothing else.
const OF_THE_SANDBOX: [&str; 8] = [
    "serialNumber",
    "issuer.1.0.1",
    "subjectPublicKeyInfo.1",
    "cRLDistributionPoints.value.0.0.0.0.0.0.1.0.1",
    "authorityKeyIdentifier.value.0.0",
    "authorityKeyIdentifier.value.0.1.0.0.1.0.1",
    "authorityKeyIdentifier.value.0.2",
    "subjectKeyIdentifier.value.0",
];

#[test]
fn an_authentication_certificate_differs_where_it_has_to() {
    let theirs = real("jpki-auth-cert.der");
    let ours = Ca::new(CardAuth).issue(&holder(CardAuth, "997794E9AGCIEG13221003A"), 9, period());
    let mut places = expected(OF_THE_SANDBOX);
    // A responder that can be reached.
    places.extend(expected(["authorityInfoAccess.value.0.0.1", "signatureValue"]));
    assert_eq!(differences(&theirs, &ours), places);
    assert_eq!(leaves(&ours)[1].value.len(), 8, "64 bits");
}

#[test]
fn a_signature_certificate_differs_where_it_has_to() {
    let theirs = real("jpki-sign-cert.der");
    let period = Period { not_before: theirs.not_before(), not_after: theirs.not_after() };
    let ours = Ca::new(CardSign).issue(&holder(CardSign, "202510161726000013413221003A"), 9, period);
    let mut places = expected(OF_THE_SANDBOX);
    places.extend(expected(["signatureValue"]));
    assert_eq!(differences(&theirs, &ours), places);
}

#[test]
fn a_ca_certificate_differs_where_it_has_to() {
    let ours = Ca::new(CardAuth).certificate;
    let places = expected([
        "serialNumber",
        "issuer.1.0.1",
        "subject.1.0.1",
        "subjectPublicKeyInfo.1",
        "cRLDistributionPoints.value.0.0.0.0.0.0.1.0.1",
        "subjectKeyIdentifier.value.0",
        "signatureValue",
    ]);
    assert_eq!(differences(&real("jpki-auth-ca-cert.der"), &ours), places);
}

/// Names, key and policy of their own; the card's profile otherwise (docs/decisions/0006).
#[test]
fn a_phones_certificates_have_the_cards_profile() {
    let of = |kind: CertificateKind| Ca::new(kind).issue(&holder(kind, "SAME"), 9, period());
    for (card, phone) in [(CardAuth, PhoneAuth), (CardSign, PhoneSign)] {
        let own = expected([
            "issuer.2.0.1",
            "subjectPublicKeyInfo.1",
            "certificatePolicies.value.0.0.0",
            "issuerAltName.value.0.0.0.2.0.1",
            "cRLDistributionPoints.value.0.0.0.0.0.0.2.0.1",
            "authorityKeyIdentifier.value.0.0",
            "authorityKeyIdentifier.value.0.1.0.0.2.0.1",
            "subjectKeyIdentifier.value.0",
            "signatureValue",
        ]);
        assert_eq!(differences(&of(card), &of(phone)), own, "{phone}");
    }
}
