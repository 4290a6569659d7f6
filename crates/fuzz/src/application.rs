//! The application for a phone's certificates: what this product has in the place of a certification request. The
//! holder's keys come attested by the element that made them, and the card signs what it says.

use tefuda_pki::Certificate;
use tefuda_protocol::{
    Bytes, Signed, SignedMessage,
    attestation::{AttestedKeys, ElementCertificate, KeyAttestation, KeyUsage},
    enrolment::ApplicationRequest,
};
use tefuda_silicon::engine::P256Key;

use crate::{Bound, pieces::pieces};

/// Four levels, each decoded from the base64 of the level above: a key in an attestation in an application in a request.
const REQUEST: Bound = Bound { octets: 32_768, octets_for_each: 96 };
const NONCE: [u8; 16] = [9; 16];

/// An application as it comes over the wire is read to its innermost key, and no maker vouches for it. Pieces that
/// maker and element did sign give keys of that element and for that nonce alone.
pub fn application(octets: &[u8]) {
    let (maker, element) = (P256Key::from_bytes(&[7; 32]).unwrap(), P256Key::from_bytes(&[8; 32]).unwrap());
    REQUEST.hold(octets.len(), || {
        let Ok(request) = serde_json::from_slice::<ApplicationRequest>(octets) else { return };
        let _ = Certificate::from_der(&request.certificate.0);
        // Whether the card signed it is for the caller to say; here it did.
        let Ok(application) = request.application.verify(|_, _| true) else { return };
        assert!(request.application.verify(|_, _| false).is_err());
        assert!(application.keys.verify(&maker.public_sec1(), &application.nonce.0).is_err());
        for key in &application.keys.keys {
            let _ = key.peek_unverified();
        }
    });
    let mut payloads = pieces(octets).map(|(_, piece)| piece);
    let Some(certificate) = payloads.next() else { return };
    let attested = AttestedKeys {
        element: signed::<ElementCertificate>(&maker, certificate),
        keys: payloads.map(|payload| signed::<KeyAttestation>(&element, payload)).collect(),
    };
    let maker = maker.public_sec1();
    let Ok(keys) = REQUEST.hold(octets.len(), || attested.verify(&maker, &NONCE)) else { return };
    for usage in [KeyUsage::Sign, KeyUsage::Auth, KeyUsage::WalletInstance] {
        if let Ok(key) = keys.key(usage) {
            assert_eq!((key.element, key.nonce.0.as_slice()), (keys.element().element, NONCE.as_slice()));
        }
    }
    if let Ok(key) = keys.key(KeyUsage::PinEntry) {
        assert_eq!(key.element, keys.element().element);
    }
    let fresh = keys.key(KeyUsage::Sign).is_ok();
    assert!(!fresh || attested.verify(&maker, &[0; 16]).is_err());
}

/// A payload signed as the message that it claims to be.
fn signed<T: SignedMessage>(key: &P256Key, payload: &[u8]) -> Signed<T> {
    let message = [T::CONTEXT.as_bytes(), &[0], payload].concat();
    Signed::assemble(payload.to_vec().into(), Bytes(key.sign_sha256(&message)))
}
