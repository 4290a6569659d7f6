//! What proves a login, and everything that does not.

use tefuda_protocol::{
    login::LoginProof,
    transaction::{LoginChannel, LoginTransaction, Method, login_message},
};
use tefuda_types::{Bytes, CertificateKind, Reason};
use tefuda_verifier::{LINKS_MAX, VerifiedLogin, verify_login};

use crate::fixture::{Authority, Phone, later, raw};
use crate::statuses::{book, now};
use tefuda_pki::{Signer, profile::Period};

fn transaction() -> LoginTransaction {
    LoginTransaction {
        gateway: "http://localhost:8482/api/realms/main".into(),
        request: "r1".into(),
        client_id: "RP00000001".into(),
        relying_party: "Library".into(),
        origin: "https://rp.example".into(),
        purpose: "Borrow books".into(),
        scopes: vec!["openid".into()],
        nonce: "n".into(),
        time: now(),
        channel: LoginChannel::SameDevice,
        relying_party_en: None,
        purpose_en: None,
    }
}

fn verify(authority: &Authority, proof: &LoginProof) -> Result<VerifiedLogin, String> {
    let book = book(authority, now());
    verify_login(&book, &transaction(), proof, now()).map_err(|refusal| refusal.code().to_string())
}

fn setting() -> (Authority, Phone) {
    let mut authority = Authority::new(CertificateKind::PhoneAuth, now());
    let phone = authority.phone(now());
    (authority, phone)
}

#[test]
fn a_login_is_proven_with_pin_and_with_biometrics() {
    let (authority, phone) = setting();
    for method in [Method::Pin, Method::Biometrics] {
        let login = verify(&authority, &phone.prove(&transaction(), method)).unwrap();
        assert_eq!((login.certificate(), login.method()), (&phone.reference, method));
        assert_eq!(*login.transaction(), transaction().to_transaction().hash());
    }
}

#[test]
fn a_proof_for_any_other_transaction_is_none() {
    let (authority, phone) = setting();
    let changes: [fn(&mut LoginTransaction); 10] = [
        |other| other.gateway += "x",
        |other| other.request = "r2".into(),
        |other| other.client_id = "RP00000002".into(),
        |other| other.relying_party = "Bank".into(),
        |other| other.origin = "https://evil.example".into(),
        |other| other.purpose = "Pay".into(),
        |other| other.scopes.push("name".into()),
        |other| other.nonce = "m".into(),
        |other| other.time = later(other.time, 1),
        |other| other.channel = LoginChannel::CrossDevice { number: "42".into() },
    ];
    for change in changes {
        let mut other = transaction();
        change(&mut other);
        let refusal = verify(&authority, &phone.prove(&other, Method::Pin)).unwrap_err();
        assert_eq!(refusal, "login.signature_wrong", "{other:?}");
    }
    let mut proof = phone.prove(&transaction(), Method::Pin);
    proof.method = Method::Biometrics;
    assert_eq!(verify(&authority, &proof).unwrap_err(), "login.signature_wrong");
}

#[test]
fn a_tap_and_a_pin_are_no_login() {
    let (authority, phone) = setting();
    // A reader can have the authentication key sign anything. It cannot reach the wallet's key.
    let hash = transaction().to_transaction().hash();
    let mut proof = phone.prove(&transaction(), Method::Pin);
    proof.auth_signature = Bytes(phone.auth.sign(&login_message(Method::Pin, &hash)).unwrap());
    proof.wallet_signature = Bytes(vec![1; 64]);
    assert_eq!(verify(&authority, &proof).unwrap_err(), "login.wallet_signature_wrong");
    // Not even with a key and a signature of its own.
    let (_, own) = setting();
    proof.wallet_signature = own.prove(&transaction(), Method::Pin).wallet_signature;
    assert_eq!(verify(&authority, &proof).unwrap_err(), "login.wallet_signature_wrong");
    proof.wallet_instance = own.wallet_instance;
    assert_eq!(verify(&authority, &proof).unwrap_err(), "certificate.issuer_unknown");
}

#[test]
fn a_wallet_of_another_certificate_is_refused() {
    let (mut authority, phone) = setting();
    let other = authority.phone(now());
    let mut proof = phone.prove(&transaction(), Method::Pin);
    let theirs = other.prove(&transaction(), Method::Pin);
    (proof.wallet_instance, proof.wallet_signature) = (theirs.wallet_instance, theirs.wallet_signature);
    assert_eq!(verify(&authority, &proof).unwrap_err(), "login.wallet_of_another_certificate");
}

#[test]
fn cards_and_strangers_do_not_pass() {
    let (authority, _) = setting();
    let card = Authority::new(CertificateKind::CardAuth, now()).phone(now());
    let refusal = verify(&authority, &card.prove(&transaction(), Method::Pin)).unwrap_err();
    assert_eq!(refusal, "login.certificate_kind_wrong");
    let (_, stranger) = setting();
    let refusal = verify(&authority, &stranger.prove(&transaction(), Method::Pin)).unwrap_err();
    assert_eq!(refusal, "certificate.issuer_unknown");
    let mut proof = stranger.prove(&transaction(), Method::Pin);
    proof.certificate = Bytes(vec![0x30, 0]);
    assert_eq!(verify(&authority, &proof).unwrap_err(), "certificate.unreadable");
}

#[test]
fn certificates_are_good_from_their_first_to_their_last_moment() {
    let (authority, phone) = setting();
    let prove = |period: Period| {
        let certificate = authority.issue(phone.auth.public_spki(), period);
        let reference = authority.reference(&certificate);
        let mut proof = phone.prove(&transaction(), Method::Pin);
        proof.wallet_instance = authority.wallet_instance(&reference, &phone.wallet, now());
        proof.certificate = Bytes(certificate.as_der().to_vec());
        verify(&authority, &proof).map(|_| ())
    };
    let period = |from, to| Period { not_before: later(now(), from), not_after: later(now(), to) };
    assert_eq!(prove(period(0, 10)), Ok(()));
    assert_eq!(prove(period(-10, 0)), Ok(()));
    assert_eq!(prove(period(1, 10)), Err("certificate.not_yet_valid".into()));
    assert_eq!(prove(period(-10, -1)), Err("certificate.expired".into()));
}

#[test]
fn suspended_and_revoked_phones_are_refused_and_the_refusal_is_the_holders() {
    let (mut authority, phone) = setting();
    let proof = phone.prove(&transaction(), Method::Pin);
    authority.suspend(&phone.reference, now());
    authority.newest().publish_delta(now());
    assert_eq!(verify(&authority, &proof).unwrap_err(), "certificate.suspended");
    authority.revoke(&phone.reference, now());
    authority.newest().publish_delta(now());
    assert_eq!(verify(&authority, &proof).unwrap_err(), "certificate.revoked");
    let refusal = verify_login(&book(&authority, now()), &transaction(), &proof, now()).unwrap_err();
    assert!(refusal.is_the_holders());
    let mut wrong = phone.prove(&transaction(), Method::Pin);
    wrong.auth_signature = Bytes(vec![0; 256]);
    let refusal = verify_login(&book(&authority, now()), &transaction(), &wrong, now()).unwrap_err();
    assert!(!refusal.is_the_holders(), "whoever knows the request can send that");
}

#[test]
fn abuse_m02_what_is_dear_to_check_is_refused_before_it_is_checked() {
    let (authority, phone) = setting();
    let honest = phone.prove(&transaction(), Method::Pin);
    let refused = |change: &dyn Fn(&mut LoginProof)| {
        let mut proof = honest.clone();
        change(&mut proof);
        verify(&authority, &proof).unwrap_err()
    };
    // A certificate that is longer than any, and one whose key has 16,384 bits.
    assert_eq!(refused(&|proof| proof.certificate.0.resize(16_385, 0)), "certificate.unreadable");
    let long =
        [&[0x30, 0x82, 0x08, 0x0A, 0x02, 0x82, 0x08, 0x01, 0x00][..], &[0xFF; 2_048], &[2, 3, 1, 0, 1]]
            .concat();
    let spki = |bits: &[u8]| {
        let head = [0x30, 0x0D, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0];
        let wrap = |tag: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            [&[tag, 0x82, length[0], length[1]], content].concat()
        };
        wrap(0x30, &[&head[..], &wrap(3, &[&[0], bits].concat())].concat())
    };
    let message = b"message";
    let started = tefuda_pki::verify_signature(
        tefuda_pki::SignatureAlgorithm::Rsa2048Sha256,
        &spki(&long),
        message,
        &[1; 2_048],
    );
    assert!(!started, "a modulus beyond 8,192 bits is no key");
    // More links than anybody has: none of them is looked at, be they ever so wrong.
    let link = authority.link(&phone, &phone.reference, now());
    let many = |proof: &mut LoginProof| proof.links = vec![link.clone(); LINKS_MAX + 1];
    assert_eq!(refused(&many), "login.too_many_links");
    // Who holds no key of the certificate has nothing else verified.
    let unsigned = |proof: &mut LoginProof| {
        proof.auth_signature = Bytes(vec![0; 256]);
        proof.wallet_instance.signer = Bytes(vec![0x30; 16_385]);
        many(proof);
    };
    assert_eq!(refused(&unsigned), "login.signature_wrong");
    assert!(verify(&authority, &honest).is_ok());
}

#[test]
fn a_statement_outlives_its_signer_but_is_not_dated_past_it() {
    let (mut authority, phone) = setting();
    let year = later(now(), 365 * 86_400);
    authority.rotate(year);
    authority.generations[0].publish_full(year);
    authority.generations[0].publish_delta(year);
    let proof = phone.prove(&transaction(), Method::Pin);
    let login = verify_login(&book(&authority, year), &transaction(), &proof, year);
    assert_eq!(login.unwrap().certificate(), &phone.reference);
}

#[test]
fn links_are_one_hop_from_this_certificate() {
    let (mut authority, phone) = setting();
    let other = authority.phone(now());
    let card = Authority::new(CertificateKind::CardAuth, now()).phone(now()).reference;
    let mut proof = phone.prove(&transaction(), Method::Pin);
    proof.links = vec![authority.link(&phone, &card, now()), authority.link(&phone, &other.reference, now())];
    let login = verify(&authority, &proof).unwrap();
    assert_eq!(login.links(), [card.clone(), other.reference.clone()]);
    proof.links = vec![authority.link(&other, &card, now())];
    assert_eq!(verify(&authority, &proof).unwrap_err(), "login.link_of_another_certificate");
    let mut signature = card.clone();
    signature.kind = CertificateKind::CardSign;
    proof.links = vec![authority.link(&phone, &signature, now())];
    assert_eq!(verify(&authority, &proof).unwrap_err(), "login.link_of_another_certificate");
    proof.links = vec![authority.link(&phone, &card, now()); LINKS_MAX + 1];
    assert_eq!(verify(&authority, &proof).unwrap_err(), "login.too_many_links");
    let (stranger, _) = setting();
    proof.links = vec![stranger.link(&phone, &card, now())];
    assert_eq!(verify(&authority, &proof).unwrap_err(), "certificate.issuer_unknown");
    let mut forged = authority.link(&phone, &card, now());
    let (payload, to_be_signed) =
        tefuda_protocol::Signed::prepare(&forged.signed.peek_unverified().unwrap()).unwrap();
    forged.signed =
        tefuda_protocol::Signed::assemble(payload, raw(&phone.wallet.sign(&to_be_signed).unwrap()));
    proof.links = vec![forged];
    assert_eq!(verify(&authority, &proof).unwrap_err(), "message.signature_wrong");
}
