//! Certificates, lists, questions about them, and what an element stores.

use tefuda_pki::{
    Certificate,
    crl::{CrlError, RevocationList},
    ocsp::Request,
};
use tefuda_protocol::{
    element::{AccessRule, AppletParameters, AppletStatus, CommandReceipt, SealedPin},
    sealed::{Binding, PinBlock, PinPurpose},
};
use tefuda_silicon::{SiliconRng, engine::P256Key, testing::SeededSilicon};
use tefuda_types::{CertificateKind, Secret, Timestamp};

use crate::{Bound, authority};

/// The shortest extension has 9 octets and becomes some 100; names are nested three deep, each level a vector that
/// grows.
const CERTIFICATE: Bound = Bound { octets: 16_384, octets_for_each: 96 };
/// The shortest line of a list has 20 octets and becomes some 150, and then a line of ours.
const LIST: Bound = Bound { octets: 16_384, octets_for_each: 96 };
/// The same for the identifiers that a request is about; one that is too large is not looked at.
const REQUEST: Bound = Bound { octets: 16_384, octets_for_each: 96 };
/// The shortest rule has 8 octets and becomes two vectors, 48 octets, in one that grows.
const RULES: Bound = Bound { octets: 4_096, octets_for_each: 24 };
/// The shortest identifier of a certificate: two empty hashes, an algorithm and a serial number.
const CERTIFICATE_ID_OCTETS_MIN: usize = 12;

/// A certificate stays as it came; what is read from it does not fail; and nobody's signature is nobody's, whatever
/// the certificate says. The same text signed by a CA is valid at most for what it says.
pub fn certificate(octets: &[u8]) {
    let trust = authority::trust(CertificateKind::CardAuth);
    let Some(certificate) = read_certificate(octets) else { return };
    assert!(trust.validate(&certificate, certificate.not_before()).is_err());
    let signed = authority::sign_first_child(octets).unwrap();
    let Some(certificate) = read_certificate(&signed) else { return };
    let at = certificate.not_before();
    if let Ok(valid) = CERTIFICATE.hold(signed.len(), || trust.validate(&certificate, at)) {
        assert_eq!(valid.certificate().claimed_kind(), Some(CertificateKind::CardAuth));
        assert!(trust.validate(&certificate, Timestamp::MAX).is_err());
        assert!(authority::trust(CertificateKind::CardSign).validate(&certificate, at).is_err());
    }
}

fn read_certificate(octets: &[u8]) -> Option<Certificate> {
    let parsed = CERTIFICATE.hold(octets.len(), || {
        let certificate = Certificate::from_der(octets).ok()?;
        let _ = (certificate.claimed_kind(), certificate.key_usage(), certificate.key_id());
        let _ = (certificate.issuer_key_id(), certificate.public_spki(), certificate.not_after());
        let _ = (certificate.critical_extensions().count(), certificate.other_name(tefuda_pki::oid::SHA256));
        Some(certificate)
    });
    let certificate = parsed?;
    assert_eq!(certificate.as_der(), octets);
    assert_eq!(Certificate::from_pem(&certificate.to_pem()).unwrap().as_der(), octets);
    assert!(Certificate::from_der(&[octets, &[0]].concat()).is_err());
    Some(certificate)
}

/// A list that nobody signed says nothing. The same text signed by a CA has no more lines than fit into it.
pub fn crl(octets: &[u8]) {
    let trust = authority::trust(CertificateKind::CardAuth);
    match LIST.hold(octets.len(), || RevocationList::verify(octets, trust)) {
        Err(CrlError::Malformed) => return,
        other => assert!(other.is_err()),
    }
    let signed = authority::sign_first_child(octets).unwrap();
    if let Ok(list) = LIST.hold(signed.len(), || RevocationList::verify(&signed, trust)) {
        assert!(list.entries.len() <= octets.len() / 20);
        assert!(RevocationList::verify(&[signed.as_slice(), &[0]].concat(), trust).is_err());
        assert!(RevocationList::verify(&signed, authority::trust(CertificateKind::CardSign)).is_err());
    }
}

/// A question is about at least one certificate, and about no more than fit into it.
pub fn ocsp(octets: &[u8]) {
    let Ok(request) = REQUEST.hold(octets.len(), || Request::parse(octets)) else { return };
    assert!((1..=octets.len() / CERTIFICATE_ID_OCTETS_MIN).contains(&request.serials().count()));
    assert!(Request::parse(&[octets, &[0]].concat()).is_err());
}

/// Rules, parameters and status of an element are encoded to what parses to the same.
pub fn access_rules(octets: &[u8]) {
    if let Ok(rules) = RULES.hold(octets.len(), || AccessRule::list(octets)) {
        let encoded: Vec<u8> = rules.iter().flat_map(AccessRule::to_bytes).collect();
        assert_eq!(AccessRule::list(&encoded), Ok(rules));
    }
    if let Ok(status) = RULES.hold(octets.len(), || AppletStatus::from_bytes(octets)) {
        assert_eq!(AppletStatus::from_bytes(&status.to_bytes()), Ok(status));
    }
    if let Ok(parameters) = RULES.hold(octets.len(), || AppletParameters::from_bytes(octets)) {
        assert_eq!(AppletParameters::from_bytes(&parameters.to_bytes()), Ok(parameters));
    }
    if let Some(receipt) = CommandReceipt::from_bytes(octets) {
        assert_eq!(receipt.to_bytes(), octets);
    }
}

/// Blocks are of one length.
const BLOCK: Bound = Bound { octets: 4_096, octets_for_each: 1 };

/// A block that was not sealed to a key opens for none; one that was opens to what was sealed, and not if one octet
/// is changed.
pub fn pin_block(octets: &[u8]) {
    if let Some(sealed) = BLOCK.hold(octets.len(), || SealedPin::from_bytes(octets)) {
        assert_eq!(sealed.to_bytes(), octets);
    }
    let key = P256Key::from_bytes(&[7; 32]).unwrap();
    let (public, purpose) = (key.public_sec1(), PinPurpose::VerifySign);
    let binding = Binding { challenge: [1; 16], transaction: [2; 32], purpose };
    let open = |block: &PinBlock| {
        let shared = key.ecdh(block.ephemeral_key()).ok()?;
        BLOCK.hold(octets.len(), || block.open(&shared, &public, &binding)).ok()
    };
    if let Ok(block) = PinBlock::from_bytes(octets) {
        assert_eq!(block.as_bytes().as_slice(), octets);
        assert!(open(&block).is_none());
    }
    let (at, change, password) = match *octets {
        [at, change, ref password @ ..] => (at, change, password),
        _ => return,
    };
    let password = Secret::new(password.to_vec());
    let mut die = SeededSilicon::new(4);
    let Ok(block) = PinBlock::seal(&public, &binding, &password, &mut SiliconRng(&mut die)) else { return };
    assert_eq!(open(&block).unwrap().expose(), password.expose());
    let mut other = *block.as_bytes();
    let at = usize::from(at) % other.len();
    other.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= change.max(1));
    assert!(open(&PinBlock::from_bytes(&other).unwrap()).is_none());
}
