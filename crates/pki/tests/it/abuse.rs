//! Certificates, lists and keys that are made to be taken for others: each is refused by name.
//!
//! The forger has the CA's own key here, so that no refusal is the signature's doing.

use const_oid::ObjectIdentifier;
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{BitString, Null, OctetString, Uint},
};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use tefuda_pki::{
    Certificate,
    crl::{ListKind, RevocationList},
    draft::DraftError,
    oid,
    path::{PathError, TrustStore},
    profile,
};
use tefuda_types::{
    CertificateKind::{self, CardSign, PhoneAuth, PhoneSign},
    Reason,
};
use x509_cert::{
    Version,
    crl::{CertificateList, TbsCertList},
    ext::{
        Extension, Extensions,
        pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages},
    },
    name::Name,
    serial_number::SerialNumber,
    time::Validity,
};

use crate::fixture::{Ca, at, holder, key, period, serial, sign, spki};
use crate::lists::{entries, list, update};

const NOON: &str = "2026-10-05T03:00:00Z";
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");

/// `TBSCertificate`, open to every change.
#[derive(Clone, Sequence)]
struct Tbs {
    #[asn1(context_specific = "0")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    spki: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3")]
    extensions: Extensions,
}

#[derive(Sequence)]
struct Signed {
    tbs: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

fn signed(by: &aws_lc_rs::rsa::KeyPair, tbs: &[u8]) -> Vec<u8> {
    let algorithm = AlgorithmIdentifierOwned { oid: oid::SHA256_WITH_RSA, parameters: Some(Any::from(Null)) };
    let signature = BitString::from_bytes(&sign(by, tbs)).unwrap();
    Signed { tbs: Any::from_der(tbs).unwrap(), algorithm, signature }.to_der().unwrap()
}

/// A certificate with something changed, signed by the CA all the same.
fn forged(ca: &Ca, honest: &Certificate, change: impl FnOnce(&mut Tbs)) -> Certificate {
    let mut tbs = Tbs::from_der(&honest.parsed().tbs_certificate().to_der().unwrap()).unwrap();
    change(&mut tbs);
    Certificate::from_der(&signed(&ca.key, &tbs.to_der().unwrap())).unwrap()
}

fn extension(id: ObjectIdentifier, critical: bool, value: &impl Encode) -> Extension {
    let value = OctetString::new(value.to_der().unwrap()).unwrap();
    Extension { extn_id: id, critical, extn_value: value }
}

fn replace(tbs: &mut Tbs, id: ObjectIdentifier, by: Option<Extension>) {
    tbs.extensions.retain(|own| own.extn_id != id);
    tbs.extensions.extend(by);
}

fn code(store: &TrustStore, certificate: &Certificate) -> &'static str {
    store.validate(certificate, at(NOON)).map(drop).unwrap_err().code().as_str()
}

fn constraints(ca: bool) -> Extension {
    extension(oid::BASIC_CONSTRAINTS, true, &BasicConstraints { ca, path_len_constraint: None })
}

#[test]
fn abuse_e01_a_key_for_one_use_is_certified_for_no_other() {
    for kind in CertificateKind::ALL {
        let ca = Ca::new(kind);
        let store = TrustStore::new(kind, [ca.certificate.clone()]);
        let honest = ca.issue(&holder(kind, "HOLDER"), 7, period());
        store.validate(&honest, at(NOON)).unwrap();
        let with = |id, by| forged(&ca, &honest, |tbs| replace(tbs, id, by));
        let signature = KeyUsages::DigitalSignature.into();
        let both = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
        let usages = [
            Some(if kind.is_signature() { signature } else { both }),
            Some(KeyUsages::NonRepudiation.into()),
            Some(both | KeyUsages::KeyEncipherment),
            Some(both | KeyUsages::KeyCertSign),
            None,
        ];
        for usage in usages {
            let usage = usage.map(|usage| extension(oid::KEY_USAGE, true, &KeyUsage(usage)));
            assert_eq!(code(&store, &with(oid::KEY_USAGE, usage)), "certificate.wrong_usage", "{kind}");
        }
        let purposes: [&[ObjectIdentifier]; 3] =
            [&[], &[SERVER_AUTH], &[oid::EKU_OCSP_SIGNING, oid::EKU_STATEMENT_SIGNING]];
        for purpose in purposes {
            let purpose = extension(oid::EXT_KEY_USAGE, false, &ExtendedKeyUsage(purpose.to_vec()));
            let forged = with(oid::EXT_KEY_USAGE, Some(purpose));
            assert_eq!(code(&store, &forged), "certificate.wrong_usage", "{kind}");
        }
        let without = with(oid::CERTIFICATE_POLICIES, None);
        assert_eq!(code(&store, &without), "certificate.wrong_policy");
        for policy in CertificateKind::ALL.map(oid::policy).into_iter().chain([ANY_POLICY]) {
            if policy != oid::policy(kind) {
                // Policies: a list of one `PolicyInformation` with its identifier alone.
                let policy = extension(oid::CERTIFICATE_POLICIES, true, &vec![vec![policy]]);
                let forged = with(oid::CERTIFICATE_POLICIES, Some(policy));
                assert_eq!(code(&store, &forged), "certificate.wrong_policy");
            }
        }
    }
}

#[test]
fn abuse_e02_a_path_is_one_step_from_a_root_of_our_own() {
    let (ca, twin) = (Ca::new(PhoneAuth), Ca::new(PhoneAuth));
    let store = TrustStore::new(PhoneAuth, [ca.certificate.clone()]);
    let honest = ca.issue(&holder(PhoneAuth, "HOLDER"), 7, period());

    // An intermediate, under its issuer's own name and key identifier, and what it issues.
    let own = key();
    let intermediate = forged(&ca, &honest, |tbs| {
        replace(tbs, oid::BASIC_CONSTRAINTS, Some(constraints(true)));
        tbs.spki = SubjectPublicKeyInfoOwned::from_der(&spki(&own)).unwrap();
    });
    assert_eq!(code(&store, &intermediate), "certificate.wrong_usage");
    let tbs = honest.parsed().tbs_certificate().to_der().unwrap();
    let below = Certificate::from_der(&signed(&own, &tbs)).unwrap();
    assert_eq!(code(&store, &below), "certificate.issuer_unknown");

    // Nothing but a self-signed CA is a root: not an end entity, not a CA that lost its constraints, and not
    // two generations that vouch for each other in a ring.
    let authority = |change: &dyn Fn(&mut Tbs)| forged(&ca, &ca.certificate, change);
    let crossed = forged(&twin, &ca.certificate, |_| {});
    let back = forged(&ca, &twin.certificate, |_| {});
    for no_root in [
        honest.clone(),
        intermediate,
        authority(&|tbs| replace(tbs, oid::BASIC_CONSTRAINTS, None)),
        authority(&|tbs| replace(tbs, oid::BASIC_CONSTRAINTS, Some(constraints(false)))),
        authority(&|tbs| replace(tbs, oid::KEY_USAGE, None)),
        crossed,
        back,
    ] {
        assert!(TrustStore::new(PhoneAuth, [no_root]).roots().is_empty());
    }

    // Extensions that nobody here understands, that say two things, or that cannot be read.
    let constrained = forged(&ca, &honest, |tbs| {
        replace(tbs, NAME_CONSTRAINTS, Some(extension(NAME_CONSTRAINTS, true, &Null)));
    });
    assert_eq!(code(&store, &constrained), "certificate.critical_extension_unknown");
    let doubled = forged(&ca, &honest, |tbs| tbs.extensions.extend([constraints(false), constraints(true)]));
    assert_eq!(code(&store, &doubled), "certificate.unreadable");
    let unreadable = forged(&ca, &honest, |tbs| {
        replace(tbs, oid::BASIC_CONSTRAINTS, Some(extension(oid::BASIC_CONSTRAINTS, true, &Null)));
    });
    assert_eq!(code(&store, &unreadable), "certificate.wrong_usage");

    // Ten thousand candidates are looked at by key identifier: one signature at most is verified.
    let many = TrustStore::new(PhoneAuth, vec![twin.certificate.clone(); 64]);
    assert_eq!(code(&many, &honest), "certificate.issuer_unknown");
    assert!(many.root(&honest.issuer_key_id()).is_none(), "no candidate at all");
    store.validate(&honest, at(NOON)).unwrap();
}

/// A list with something changed, signed by the CA all the same.
fn forged_list(ca: &Ca, kind: &ListKind, change: impl FnOnce(&mut TbsCertList)) -> Vec<u8> {
    let honest: CertificateList = CertificateList::from_der(&list(ca, kind, update(9), &entries())).unwrap();
    let mut tbs = honest.tbs_cert_list;
    change(&mut tbs);
    signed(&ca.key, &tbs.to_der().unwrap())
}

#[test]
fn abuse_e06_a_list_of_a_part_is_not_taken_for_the_whole() {
    let ca = Ca::new(PhoneAuth);
    let trust = TrustStore::new(PhoneAuth, [ca.certificate.clone()]);
    let full = ListKind::Full { freshest: "http://localhost:8481/delta.crl".to_owned() };
    let delta = ListKind::Delta { base: 8 };
    let code = |list: &[u8]| RevocationList::verify(list, &trust).unwrap_err().code().as_str();
    let put = |tbs: &mut TbsCertList, id, by: Option<Extension>| {
        let own = tbs.crl_extensions.get_or_insert_default();
        own.retain(|own| own.extn_id != id);
        own.extend(by);
    };
    for kind in [&full, &delta] {
        // `onlyContainsUserCerts`, `onlyContainsCACerts`, `onlySomeReasons`, `indirectCRL`: by tag.
        for (tag, value) in
            [(0x81, vec![0xFF]), (0x82, vec![0xFF]), (0x83, vec![6, 0x40]), (0x84, vec![0xFF])]
        {
            let point =
                Any::from_der(&[&[0x30, value.len() as u8 + 2, tag, value.len() as u8], &*value].concat());
            let point = point.unwrap();
            for critical in [true, false] {
                let point = extension(oid::ISSUING_DISTRIBUTION_POINT, critical, &point);
                let list =
                    forged_list(&ca, kind, |tbs| put(tbs, oid::ISSUING_DISTRIBUTION_POINT, Some(point)));
                assert_eq!(code(&list), "crl.critical_extension_unknown", "{tag:02x} {critical}");
            }
        }
        let unnumbered = forged_list(&ca, kind, |tbs| put(tbs, oid::CRL_NUMBER, None));
        assert_eq!(code(&unnumbered), "crl.unnumbered");
        let endless = forged_list(&ca, kind, |tbs| tbs.next_update = None);
        assert_eq!(code(&endless), "crl.unnumbered");
    }
    // A delta whose base cannot be read, or is there twice, is no full list.
    let long = Uint::new(&[1; 9]).unwrap();
    for base in
        [extension(oid::DELTA_CRL_INDICATOR, true, &Null), extension(oid::DELTA_CRL_INDICATOR, true, &long)]
    {
        let list = forged_list(&ca, &delta, |tbs| put(tbs, oid::DELTA_CRL_INDICATOR, Some(base)));
        assert_eq!(code(&list), "crl.malformed");
    }
    let twice = forged_list(&ca, &delta, |tbs| {
        let number = extension(oid::CRL_NUMBER, false, &Uint::new(&[99]).unwrap());
        tbs.crl_extensions.get_or_insert_default().push(number);
    });
    assert_eq!(code(&twice), "crl.malformed");
    // A line of another issuer's in an indirect list.
    let indirect = forged_list(&ca, &full, |tbs| {
        let line = tbs.revoked_certificates.as_mut().unwrap().first_mut().unwrap();
        let issuer = extension(ObjectIdentifier::new_unwrap("2.5.29.29"), true, &Null);
        line.crl_entry_extensions.get_or_insert_default().push(issuer);
    });
    assert_eq!(code(&indirect), "crl.critical_extension_unknown");
    assert!(RevocationList::verify(&forged_list(&ca, &delta, |_| {}), &trust).is_ok());
}

#[derive(Sequence)]
struct RsaPublicKey {
    modulus: Uint,
    exponent: Uint,
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = RsaPublicKey { modulus: Uint::new(modulus).unwrap(), exponent: Uint::new(exponent).unwrap() };
    info(oid::RSA_ENCRYPTION, Some(Any::from(Null)), &key.to_der().unwrap())
}

fn info(algorithm: ObjectIdentifier, parameters: Option<Any>, bits: &[u8]) -> Vec<u8> {
    let algorithm = AlgorithmIdentifierOwned { oid: algorithm, parameters };
    let subject_public_key = BitString::from_bytes(bits).unwrap();
    SubjectPublicKeyInfoOwned { algorithm, subject_public_key }.to_der().unwrap()
}

/// A number that is 1 modulo every small prime, as the moduli of the ROCA fault are powers of 65537.
fn of_the_roca_form() -> Vec<u8> {
    let times = |number: &mut Vec<u8>, factor: u32| {
        let mut carry = 0;
        for octet in number.iter_mut().rev() {
            let product = u32::from(*octet) * factor + carry;
            *octet = (product & 0xFF) as u8;
            carry = product >> 8;
        }
    };
    let mut number = vec![0; 256];
    number[255] = 1;
    for prime in (3..=167_u32).filter(|candidate| (2..*candidate).all(|divisor| candidate % divisor != 0)) {
        times(&mut number, prime);
    }
    while number[0] < 0x80 {
        times(&mut number, 2);
    }
    number[255] |= 1;
    number
}

#[test]
fn abuse_e16_a_weak_or_broken_key_is_not_certified() {
    let ca = Ca::new(CardSign);
    let honest = SubjectPublicKeyInfoOwned::from_der(&spki(&key())).unwrap();
    let honest = RsaPublicKey::from_der(honest.subject_public_key.raw_bytes()).unwrap();
    let (modulus, exponent) = (honest.modulus.as_bytes().to_vec(), honest.exponent.as_bytes().to_vec());
    let draft =
        |spki: &[u8]| profile::leaf(&holder(CardSign, "HOLDER"), &ca.certificate, &serial(7), spki, period());
    draft(&rsa(&modulus, &exponent)).unwrap().lint().unwrap();

    let last = |octet: u8| [&modulus[..255], &[octet]].concat();
    let rest = |number: &[u8]| number.iter().fold(0_u32, |rest, octet| (rest * 256 + u32::from(*octet)) % 3);
    let of_three = (0..=255).step_by(2).map(|even| last(even + 1)).find(|number| rest(number) == 0).unwrap();
    let curve = |oid| Some(Any::encode_from(&ObjectIdentifier::new_unwrap(oid)).unwrap());
    let (p256, secp256k1) = ("1.2.840.10045.3.1.7", "1.3.132.0.10");
    // The generator of P-256, and a point beside the curve.
    let generator = hex(concat!(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    ));
    let beside = [&generator[..64], &[generator[64] ^ 1]].concat();
    draft(&info(oid::EC_PUBLIC_KEY, curve(p256), &generator)).unwrap();
    let cases: [(&str, Vec<u8>); 20] = [
        ("exponent 1", rsa(&modulus, &[1])),
        ("exponent 3", rsa(&modulus, &[3])),
        ("exponent 65536", rsa(&modulus, &[1, 0, 0])),
        ("exponent 65539", rsa(&modulus, &[1, 0, 3])),
        ("an even modulus", rsa(&last(modulus[255] ^ 1), &exponent)),
        ("a multiple of three", rsa(&of_three, &exponent)),
        ("the ROCA form", rsa(&of_the_roca_form(), &exponent)),
        ("1,024 bits", rsa(&modulus[128..], &exponent)),
        ("2,047 bits", rsa(&[&[0x7F], &modulus[1..]].concat(), &exponent)),
        ("4,096 bits", rsa(&[&*modulus, &*modulus].concat(), &exponent)),
        ("no modulus", rsa(&[0], &exponent)),
        ("no key", info(oid::RSA_ENCRYPTION, Some(Any::from(Null)), &[])),
        ("RSA by another name", info(oid::SHA256_WITH_RSA, None, &[0x30, 0])),
        ("a point beside the curve", info(oid::EC_PUBLIC_KEY, curve(p256), &beside)),
        ("the point at infinity", info(oid::EC_PUBLIC_KEY, curve(p256), &[0])),
        ("zero as a point", info(oid::EC_PUBLIC_KEY, curve(p256), &[&[4][..], &[0; 64]].concat())),
        (
            "a compressed point",
            info(oid::EC_PUBLIC_KEY, curve(p256), &[&[2][..], &generator[1..33]].concat()),
        ),
        ("another curve", info(oid::EC_PUBLIC_KEY, curve(secp256k1), &generator)),
        ("no curve", info(oid::EC_PUBLIC_KEY, None, &generator)),
        ("no SubjectPublicKeyInfo", vec![0x30, 0]),
    ];
    for (name, spki) in cases {
        let refused = draft(&spki).map(drop).unwrap_err();
        assert_eq!(refused, DraftError::PublicKey, "{name}");
        assert_eq!(refused.code().as_str(), "issuance.public_key_refused");
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn abuse_e01_a_signature_certificate_logs_nobody_in() {
    let (sign, auth) = (Ca::new(PhoneSign), Ca::new(PhoneAuth));
    let certificate = sign.issue(&holder(PhoneSign, "HOLDER"), 7, period());
    let store = TrustStore::new(PhoneAuth, [auth.certificate, sign.certificate]);
    assert_eq!(code(&store, &certificate), PathError::UnknownIssuer.code().as_str());
}
