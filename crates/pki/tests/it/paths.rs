//! Four trust stores that are never mixed, and generations that share a name.

use crate::fixture::{Ca, at, holder, period, real};
use tefuda_pki::path::{PathError, TrustStore};
use tefuda_types::CertificateKind::{self, CardAuth, CardSign, PhoneAuth};

const NOON: &str = "2026-10-05T03:00:00Z";

#[test]
fn a_certificate_is_valid_from_its_first_to_its_last_second() {
    let ca = Ca::new(PhoneAuth);
    let certificate = ca.issue(&holder(PhoneAuth, "HOLDER"), 7, period());
    let store = TrustStore::new(PhoneAuth, [ca.certificate.clone()]);
    for (time, expected) in [
        ("2025-10-27T01:35:41Z", Err(PathError::NotYetValid)),
        ("2025-10-27T01:35:42Z", Ok(())),
        (NOON, Ok(())),
        ("2030-02-17T14:59:59Z", Ok(())),
        ("2030-02-17T15:00:00Z", Err(PathError::Expired)),
    ] {
        assert_eq!(store.validate(&certificate, at(time)).map(drop), expected, "{time}");
    }
}

#[test]
fn abuse_e01_no_store_takes_what_belongs_to_another() {
    let cas = CertificateKind::ALL.map(Ca::new);
    for issuing in &cas {
        let certificate = issuing.issue(&holder(issuing.kind, "HOLDER"), 7, period());
        for asked in &cas {
            let store = TrustStore::new(asked.kind, [asked.certificate.clone()]);
            let validated = store.validate(&certificate, at(NOON)).map(drop);
            let expected = if issuing.kind == asked.kind { Ok(()) } else { Err(PathError::UnknownIssuer) };
            assert_eq!(validated, expected, "{} in the store of {}", issuing.kind, asked.kind);
            // Nor does it help to put the root of one kind into the store of another.
            let mixed = TrustStore::new(asked.kind, [issuing.certificate.clone()]);
            assert_eq!(mixed.roots().is_empty(), issuing.kind != asked.kind);
        }
        // A certificate that its own CA made for another kind.
        for kind in CertificateKind::ALL.into_iter().filter(|kind| *kind != issuing.kind) {
            let strange = issuing.issue(&holder(kind, "HOLDER"), 8, period());
            let store = TrustStore::new(issuing.kind, [issuing.certificate.clone()]);
            assert_eq!(store.validate(&strange, at(NOON)).map(drop), Err(PathError::WrongPolicy), "{kind}");
        }
    }
}

#[test]
fn generations_share_a_name_and_are_told_apart_by_their_keys() {
    let generations = [Ca::new(CardAuth), Ca::new(CardAuth), Ca::new(CardAuth)];
    let store = TrustStore::new(CardAuth, generations.iter().map(|ca| ca.certificate.clone()));
    for ca in &generations {
        let certificate = ca.issue(&holder(CardAuth, "HOLDER"), 7, period());
        assert_eq!(store.validate(&certificate, at(NOON)).unwrap().root(), &ca.certificate);
        for other in generations.iter().filter(|other| other.certificate != ca.certificate) {
            assert_eq!(ca.certificate.subject(), other.certificate.subject());
            let alone = TrustStore::new(CardAuth, [other.certificate.clone()]);
            assert_eq!(alone.validate(&certificate, at(NOON)).map(drop), Err(PathError::UnknownIssuer));
        }
    }
}

#[test]
fn real_certificates_are_read_and_their_hierarchies_not_trusted() {
    let leaves = [("jpki-auth-cert.der", CardAuth), ("jpki-sign-cert.der", CardSign)];
    let authorities = [
        "jpki-auth-ca-cert.der",
        "jpki-auth-ca-cert-2019.der",
        "jpki-sign-ca-cert.der",
        "jpki-sign-ca-cert-2019.der",
    ];
    for (name, kind) in leaves {
        let leaf = real(name);
        assert_eq!(leaf.claimed_kind(), Some(kind), "{name}");
        let signed_by: Vec<&str> = authorities
            .into_iter()
            .filter(|authority| leaf.is_signed_by(&real(authority).public_spki()) == Ok(true))
            .collect();
        assert_eq!(signed_by, [name.replace("-cert", "-ca-cert")], "by key, where the names are the same");
        let store = TrustStore::new(kind, authorities.map(real));
        assert!(store.roots().is_empty(), "the test hierarchy is none of ours");
        assert_eq!(store.validate(&leaf, at(NOON)).map(drop), Err(PathError::UnknownIssuer));
    }
    for generation in 1..=3 {
        for (family, kind) in [("sign", CardSign), ("auth", CardAuth)] {
            let root = real(&format!("roots/{family}ca0{generation}.cer"));
            assert!(TrustStore::new(kind, [root]).roots().is_empty(), "nor is the real one");
        }
    }
}

#[test]
fn what_a_signature_certificate_says_of_its_holder_is_read() {
    use tefuda_pki::oid;
    let leaf = real("jpki-sign-cert.der");
    assert_eq!(leaf.other_name(oid::JPKI_NAME).as_deref(), Some("黒桐　幹也"));
    assert_eq!(leaf.other_name(oid::JPKI_BIRTH_DATE).as_deref(), Some("319800217"));
    assert_eq!(leaf.other_name(oid::JPKI_ADDRESS_SUBSTITUTES).as_deref(), Some("000000000000000000"));
    assert_eq!(real("jpki-auth-cert.der").other_name(oid::JPKI_NAME), None, "no personal data");
}
