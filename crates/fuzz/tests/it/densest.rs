//! Inputs that make a parser hold as much as it can for each octet: the smallest parts, as many as fit.

use tefuda_apdu::tlv;
use tefuda_pki::{
    Certificate,
    crl::{CrlError, RevocationList},
    ocsp::{REQUEST_OCTETS_MAX, Request},
    path::TrustStore,
};
use tefuda_types::CertificateKind;

const OCTETS: usize = 16_000;

fn repeated(before: &str, part: &str, after: &str) -> Vec<u8> {
    let count = (OCTETS - before.len() - after.len()) / (part.len() + 1);
    format!("{before}{}{after}", vec![part; count].join(",")).into_bytes()
}

/// A seed whose object at a path, counted from 0 at every level, has its first child as often as fits.
fn swollen((target, seed): (&str, &str), path: &[usize], octets: usize) -> Vec<u8> {
    let file = format!("{}/../../fuzz/corpus/{target}/{seed}", env!("CARGO_MANIFEST_DIR"));
    swell(&std::fs::read(file).unwrap(), path, octets)
}

fn swell(seed: &[u8], path: &[usize], octets: usize) -> Vec<u8> {
    let objects: Vec<_> = tlv::objects(seed).map(Result::unwrap).collect();
    let Some((chosen, rest)) = path.split_first() else {
        return objects[0].object.repeat(octets / objects[0].object.len());
    };
    let inside = objects.iter().enumerate().map(|(index, object)| {
        if index == *chosen {
            tlv::encode(object.tag, &swell(object.value, rest, octets))
        } else {
            object.object.to_vec()
        }
    });
    inside.flatten().collect()
}

#[test]
fn rules_and_objects() {
    tefuda_fuzz::access_rules(&b"\xE2\x06\xE1\x04\x4F\x00\xC1\x00".repeat(OCTETS / 8));
    tefuda_fuzz::tlv(&b"\x80\x00".repeat(OCTETS / 2));
    tefuda_fuzz::tlv(&b"\x30\x7E".repeat(OCTETS / 2));
}

#[test]
fn certificates_lists_and_questions() {
    // Extensions, then names of the subject; lines of a list, then its extensions; requests.
    for path in [&[0, 0, 7, 0][..], &[0, 0, 5]] {
        let octets = swollen(("certificate", "leaf-CardAuth"), path, OCTETS - 2_000);
        assert!(Certificate::from_der(&octets).is_ok());
        tefuda_fuzz::certificate(&octets);
    }
    let nobody = TrustStore::new(CertificateKind::CardAuth, []);
    for path in [&[0, 0, 5][..], &[0, 0, 6, 0]] {
        let octets = swollen(("crl", "full"), path, OCTETS);
        assert_eq!(RevocationList::verify(&octets, &nobody), Err(CrlError::UnknownIssuer));
        tefuda_fuzz::crl(&octets);
    }
    let octets = swollen(("ocsp", "sha1"), &[0, 0, 0], REQUEST_OCTETS_MAX - 100);
    // Too many, which is seen when all of them are parsed.
    assert!(octets.len() <= REQUEST_OCTETS_MAX && Request::parse(&octets).is_err());
    tefuda_fuzz::ocsp(&octets);
}

#[test]
fn values_of_json() {
    for (before, part, after) in [
        ("[", "1", "]"),
        ("[", "[]", "]"),
        ("[", "\"\"", "]"),
        ("{\"keys\":[", "{}", "]}"),
        ("{\"keys\":[", "1", "]}"),
        ("{", "\"\":1", "}"),
    ] {
        let octets = repeated(before, part, after);
        tefuda_fuzz::jwk(&octets);
        tefuda_fuzz::jwe(&octets);
        tefuda_fuzz::contract(&octets);
    }
    let deep = [vec![b'['; 120], vec![b']'; 120]].concat();
    tefuda_fuzz::jwk(&deep);
    tefuda_fuzz::jwk(&b"[".repeat(OCTETS));
}

#[test]
fn bodies() {
    let link = r#"{"signer":"","signed":{"payload":"","signature":""}}"#;
    let notice = r#"{"number":1,"time":"2026-01-01T00:00Z","code":""}"#;
    let view = r#"{"element":"5445465544412D303031","certificates":[],"deletion":"none","commands_waiting":true,"notices":["#;
    for octets in [
        repeated("{\"blocks\":[", "\"\"", "]}"),
        repeated("{\"responses\":[", "\"\"", "]}"),
        repeated(&format!("{{\"wallet_instance\":{link},\"links\":["), link, "]}"),
        repeated(&format!("{{\"device\":{view}"), notice, "]}}"),
        repeated("{\"accepted\":true,\"continue_url\":\"\",\"amr\":[", "\"\"", "]}"),
    ] {
        tefuda_fuzz::contract(&octets);
        tefuda_fuzz::application(&octets);
    }
}

#[test]
fn claims_and_parameters() {
    for (before, after) in [("{\"events\":{", "}}"), ("{\"amr\":[", "]}"), ("{\"nonce\":[", "]}"), ("[", "]")]
    {
        for part in ["\"\":1", "\"\"", "1", "[]"] {
            let long = repeated(before, part, after);
            tefuda_fuzz::jws(&long[..long.len() / 3]);
            tefuda_fuzz::jws(&[&long[..long.len() / 3], after.as_bytes()].concat());
        }
    }
    tefuda_fuzz::oidc(&b"a&".repeat(OCTETS / 2));
    tefuda_fuzz::oidc(&[b"a=".as_slice(), &b"%41".repeat(OCTETS / 3)].concat());
    tefuda_fuzz::oidc(&[b"scope=".as_slice(), &b"a+".repeat(OCTETS / 2)].concat());
}
