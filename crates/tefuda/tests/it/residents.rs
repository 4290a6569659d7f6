//! Everybody's card, read by our own reader: what it says is what the register says, hard names and all.

use tefuda_card::read::{self, ReadError};
use tefuda_pki::{Certificate, oid, path::TrustStore};
use tefuda_types::{CertificateKind, PinKind, Secret};

use crate::reader::Reader;
use crate::system::{Resident, System, newest};

/// Who has no signature certificate: a child, an adult who did not want one, a ward.
const WITHOUT_SIGNATURE: [&str; 3] = ["kodomo", "nashi", "hikoken"];
/// Whose name has a character that the certificate's repertoire lacks.
const SUBSTITUTED: [&str; 3] = ["ivs", "yoshino", "takako"];

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn roots(system: &System, kind: CertificateKind) -> TrustStore {
    let pem = system.folder.read(&format!("trust/{kind}-ca-g1.pem"));
    TrustStore::new(kind, [Certificate::from_pem(&pem).unwrap()])
}

#[test]
fn every_card_says_who_its_holder_is() {
    let system = System::up();
    system.done(&["trust", "export", &system.folder.path("trust")]);
    let trust = [CertificateKind::CardSign, CertificateKind::CardAuth].map(|kind| roots(&system, kind));
    let residents = system.residents();
    for resident in &residents {
        let mut reader = Reader::with_card(&system, resident);
        let attributes = read::attributes(&mut reader, &secret(resident.pin("text"))).unwrap();
        assert_eq!(attributes.name, resident.0["name"]);
        read::select_jpki(&mut reader).unwrap();
        let auth = read::certificate(&mut reader, PinKind::Auth, &mut |_, _| {}).unwrap();
        check(&system, resident, &trust[1], &auth);
        if WITHOUT_SIGNATURE.contains(&resident.id()) {
            let refused = read::certificate(&mut reader, PinKind::Sign, &mut |_, _| {});
            assert_eq!(refused, Err(ReadError::NoSignatureCertificate), "{}", resident.id());
            assert!(resident.0["pins"]["sign"].is_null() && resident.0["can_enroll"] == false);
            continue;
        }
        read::verify(&mut reader, PinKind::Sign, &secret(resident.pin("sign"))).unwrap();
        let sign = read::certificate(&mut reader, PinKind::Sign, &mut |_, _| {}).unwrap();
        let sign = check(&system, resident, &trust[0], &sign);
        let said = |id| sign.other_name(id).unwrap();
        let substituted = said(oid::JPKI_NAME_SUBSTITUTES).contains('1');
        assert_eq!(substituted, SUBSTITUTED.contains(&resident.id()), "{}", resident.id());
        assert_eq!(said(oid::JPKI_NAME) == attributes.name, !substituted, "{}", resident.id());
        assert_eq!(said(oid::JPKI_NAME).chars().count(), said(oid::JPKI_NAME_SUBSTITUTES).chars().count());
        assert_eq!(
            said(oid::JPKI_ADDRESS).chars().count(),
            said(oid::JPKI_ADDRESS_SUBSTITUTES).chars().count()
        );
    }
    let states: Vec<_> = residents.iter().map(|r| r.0["card"]["state"].as_str().unwrap()).collect();
    for state in ["active", "expiring", "expired", "suspended"] {
        assert!(states.contains(&state), "nobody's card is {state}: {states:?}");
    }
}

/// A certificate that was read is the one that the register lists, and hangs on its root.
#[track_caller]
fn check(system: &System, resident: &Resident, trust: &TrustStore, der: &[u8]) -> Certificate {
    let certificate = Certificate::from_der(der).unwrap();
    let listed = system.resident(resident.id());
    let listed = newest(&listed.0["card"]["certificates"], &trust.kind().to_string());
    assert_eq!(listed["serial"], certificate.serial().to_string());
    trust.validate(&certificate, certificate.not_after()).unwrap();
    certificate
}
