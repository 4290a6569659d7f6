//! Octets from strangers: whatever they are, an error at most, and nothing altered is believed.

use crate::fixture::{Ca, at, holder, period, real, serial, sign, spki, vector};
use crate::lists::{entries, list, update};
use tefuda_pki::{
    Certificate, SignatureAlgorithm,
    crl::{ListKind, RevocationList},
    ocsp::{self, Answer, IssuerId, OcspError, Request, ResponseDraft, error_response},
    oid,
    path::{PathError, TrustStore},
    profile,
};
use tefuda_types::{CertificateKind::PhoneAuth, Reason};

/// A request with SHA-1 identifiers and a nonce of 16 octets, as OpenSSL 3.0 sends it for a serial number.
fn request(ca: &Certificate, nonce: &[u8]) -> Vec<u8> {
    use sha1::{Digest, Sha1};
    let wrap = |tag: u8, value: &[u8]| {
        let mut out = vec![tag];
        match u8::try_from(value.len()) {
            Ok(short @ 0..0x80) => out.push(short),
            Ok(long) => out.extend([0x81, long]),
            Err(_) => out.extend([&[0x82][..], &u16::try_from(value.len()).unwrap().to_be_bytes()].concat()),
        }
        out.extend_from_slice(value);
        out
    };
    let name = der::Encode::to_der(ca.subject()).unwrap();
    let sha1 = [&[0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00][..]].concat();
    let id = [
        sha1,
        wrap(0x04, &Sha1::digest(&name)),
        wrap(0x04, &Sha1::digest(ca.public_key_bits())),
        wrap(0x02, serial(7).as_be_bytes()),
    ]
    .concat();
    let requests = wrap(0x30, &wrap(0x30, &wrap(0x30, &id)));
    let oid = [0x06, 0x09, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
    let extension = wrap(0x30, &[&oid[..], &wrap(0x04, &wrap(0x04, nonce))].concat());
    wrap(0x30, &wrap(0x30, &[requests, wrap(0xA2, &wrap(0x30, &extension))].concat()))
}

/// Every truncation, and every octet with each of a few bits flipped.
fn mangled(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..octets.len()).map(|length| octets[..length].to_vec());
    let flipped = (0..octets.len()).flat_map(|at| {
        [0x01, 0x20, 0x80].map(|bit| {
            let mut altered = octets.to_vec();
            altered[at] ^= bit;
            altered
        })
    });
    cut.chain(flipped)
}

#[test]
fn altered_certificates_are_not_validated() {
    let ca = Ca::new(PhoneAuth);
    let store = TrustStore::new(PhoneAuth, [ca.certificate.clone()]);
    let certificate = ca.issue(&holder(PhoneAuth, "HOLDER"), 7, period());
    for altered in mangled(certificate.as_der()) {
        if let Ok(altered) = Certificate::from_der(&altered) {
            let validated = store.validate(&altered, at("2026-10-05T03:00:00Z"));
            let place =
                altered.as_der().iter().zip(certificate.as_der()).position(|(one, other)| one != other);
            assert!(validated.is_err(), "octet {place:?} of {}", certificate.as_der().len());
        }
    }
    for name in ["jpki-sign-cert.der", "jpki-auth-ca-cert.der"] {
        let whole = real(name);
        assert!(
            mangled(&vector(name))
                .filter_map(|altered| Certificate::from_der(&altered).ok())
                .all(|c| c != whole)
        );
    }
    assert!(Certificate::from_der(&vec![0x30; 20_000]).is_err(), "there is a limit");
}

#[test]
fn altered_lists_are_not_believed() {
    let ca = Ca::new(PhoneAuth);
    let trust = TrustStore::new(PhoneAuth, [ca.certificate.clone()]);
    let list = list(&ca, &ListKind::Delta { base: 1 }, update(2), &entries());
    assert!(RevocationList::verify(&list, &trust).is_ok());
    for altered in mangled(&list) {
        let place = altered.iter().zip(&list).position(|(one, other)| one != other);
        assert!(RevocationList::verify(&altered, &trust).is_err(), "octet {place:?} of {}", list.len());
    }
}

#[test]
fn requests_of_strangers_are_read_or_refused() {
    let ca = Ca::new(PhoneAuth);
    for nonce in [None, Some(&[7; 16][..])] {
        let own = ocsp::request(&ca.certificate, &serial(7), nonce).unwrap();
        let read = Request::parse(&own).unwrap();
        assert_eq!(read.issuer([&IssuerId::of(&ca.certificate)]), Ok(0));
        assert_eq!((read.has_nonce(), read.serials().next()), (nonce.is_some(), Some(Some(serial(7)))));
    }
    let der = request(&ca.certificate, &[7; 16]);
    let read = Request::parse(&der).unwrap();
    assert_eq!(read.issuer([&IssuerId::of(&ca.certificate)]), Ok(0));
    assert_eq!(read.serials().collect::<Vec<_>>(), [Some(serial(7))]);
    for altered in mangled(&der) {
        if let Ok(read) = Request::parse(&altered) {
            let _ = (read.issuer([&IssuerId::of(&ca.certificate)]), read.serials().count());
        }
    }
    // RFC 9654: 1 to 128 octets.
    assert!(Request::parse(&request(&ca.certificate, &[7; 128])).is_ok());
    for nonce in [&[][..], &[7; 129]] {
        assert_eq!(Request::parse(&request(&ca.certificate, nonce)), Err(OcspError::Malformed));
    }
    let other = Ca::new(PhoneAuth);
    assert_eq!(
        read.issuer([&IssuerId::of(&other.certificate)]),
        Err(OcspError::Unauthorized),
        "same name, another key"
    );
}

#[test]
fn abuse_e05_an_answer_is_for_what_was_asked_by_who_was_delegated_for_it() {
    let ca = Ca::new(PhoneAuth);
    let store = TrustStore::new(PhoneAuth, [ca.certificate.clone()]);
    let key = crate::fixture::key();
    let draft = profile::ocsp_responder(&ca.certificate, &serial(3), &spki(&key), period());
    let draft = draft.unwrap().lint().unwrap();
    let signature = sign(&ca.key, draft.to_be_signed());
    let responder = draft.assemble(&signature).unwrap();
    let now = at("2026-10-05T03:00:00Z");
    store.validate_delegated(&responder, oid::EKU_OCSP_SIGNING, now).unwrap();
    let code = |refused: Result<(), PathError>| refused.unwrap_err().code().as_str();
    let as_statement = store.validate_delegated(&responder, oid::EKU_STATEMENT_SIGNING, now).map(drop);
    assert_eq!(code(as_statement), "certificate.wrong_usage");
    assert_eq!(code(store.validate(&responder, now).map(drop)), "certificate.wrong_policy", "nobody's");
    // Neither a holder, nor the delegate for something else, nor that of another generation.
    let holders = ca.issue(&holder(PhoneAuth, "HOLDER"), 4, period());
    let draft = profile::statement_signer(&ca.certificate, &serial(5), &spki(&key), period()).unwrap();
    let draft = draft.lint().unwrap();
    let signature = sign(&ca.key, draft.to_be_signed());
    for other in [holders, draft.assemble(&signature).unwrap()] {
        let refused = store.validate_delegated(&other, oid::EKU_OCSP_SIGNING, now).map(drop);
        assert_eq!(code(refused), "certificate.wrong_usage");
    }
    let next = Ca::new(PhoneAuth);
    let other = TrustStore::new(PhoneAuth, [next.certificate.clone()]);
    let refused = other.validate_delegated(&responder, oid::EKU_OCSP_SIGNING, now).map(drop);
    assert_eq!(code(refused), "certificate.issuer_unknown");

    let request = Request::parse(&request(&ca.certificate, b"a nonce of a client")).unwrap();
    let refused = request.issuer([&IssuerId::of(&next.certificate)]).unwrap_err();
    assert_eq!(refused.code().as_str(), "ocsp.issuer_unknown");
    // RFC 6960, 4.2.1: `unauthorized` and nothing else, so that no status is in what nobody signed.
    assert_eq!(error_response(refused.status()), [0x30, 3, 0x0A, 1, 6]);
    assert_eq!(error_response(OcspError::Malformed.status()), [0x30, 3, 0x0A, 1, 1]);
    let algorithm = SignatureAlgorithm::Rsa2048Sha256;
    let draft = ResponseDraft::new(&request, &[Answer::Good], &responder, algorithm, now, now).unwrap();
    let signature = sign(&key, draft.to_be_signed());
    let response = draft.assemble(&signature).unwrap();
    let says = |octets: &[u8]| response.windows(octets.len()).any(|window| window == octets);
    assert!(says(b"a nonce of a client") && says(serial(7).as_be_bytes()));
    assert!(!says(serial(8).as_be_bytes()), "of no other certificate");
}

/// A certificate that writes out a default, `critical FALSE`: the fuzzer's find.
#[test]
fn what_only_looks_like_der_is_no_certificate() {
    let octets = include_bytes!("../../../../fuzz/regressions/certificate/default-encoded");
    let refused = Certificate::from_der(octets).unwrap_err();
    assert_eq!(refused.code().as_str(), "certificate.malformed");
}
