//! A person's own certificates and phones, by a token that a gateway made for this authority.

use crate::world::{GATEWAY, Held, MORNING, Phone, World};
use axum::{Json, Router, routing::get};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use tefuda_openid::{
    Jwk, JwkSet,
    jwe::{self, EncryptionKeys},
    jws,
};
use tefuda_protocol::{
    account::{AccountView, CERTIFICATES_TYPE, CertificatesClaims},
    device::Deletion,
    statement::CertificateReference,
};
use tefuda_types::{CertificateKind, CertificateStatus, Clock, Family, Secret};

fn gateway_key() -> (SigningKey, Jwk) {
    let key = SigningKey::from_slice(&[9; 32]).unwrap();
    let jwk = Jwk::from_point(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
    (key, jwk)
}

/// A gateway that publishes its key.
fn open_gateway() -> String {
    let listener = GATEWAY.try_clone().unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let certs = get(async || Json(JwkSet { keys: vec![gateway_key().1] }));
    let router = Router::new().route("/api/realms/main/protocol/openid-connect/certs", certs);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://localhost:{port}/api/realms/main")
}

/// Somebody with a registered phone.
struct Holder {
    world: World,
    issuer: String,
    _card: Held,
    phone: Phone,
    certificate: CertificateReference,
}

impl Holder {
    async fn new() -> Self {
        let world = World::at(MORNING).await;
        let mut card = world.card("hanako", 1).await;
        let mut phone = world.phone("pixel", 1, Family::Android).await;
        world.enrol(&mut phone, &mut card, "first").await;
        let kind = CertificateKind::PhoneAuth;
        let device = world.device(&phone).await;
        let own = device.certificates.iter().find(|own| own.kind == kind).unwrap().clone();
        let trust: Value = world.get("/trust/index.json").await.unwrap();
        let roots = trust["roots"].as_array().unwrap().clone();
        let root = roots.iter().find(|root| root["role"] == "phone-auth-ca").unwrap();
        let issuer_key_id = root["key_id"].as_str().unwrap().to_owned();
        let certificate = CertificateReference { kind, issuer_key_id, serial: own.serial };
        Self { issuer: open_gateway(), world, _card: card, phone, certificate }
    }

    fn claims(&self, acr: &str) -> Value {
        let now = self.world.clock.wire().as_second();
        let authority = self.issuer.replace("/api/realms/main", "");
        let port: u16 = authority.rsplit(':').next().unwrap().parse().unwrap();
        serde_json::to_value(CertificatesClaims {
            iss: self.issuer.clone(),
            aud: format!("http://localhost:{}", port - 1),
            iat: now,
            exp: now + 300,
            acr: acr.to_owned(),
            certificate: self.certificate.clone(),
        })
        .unwrap()
    }

    async fn sealed(&self, typ: &str, key: &SigningKey, claims: &Value) -> String {
        let prepared = jws::Prepared::typed(gateway_key().1.kid(), typ, claims).unwrap();
        let signature: Signature = key.sign(prepared.to_be_signed());
        let signed = prepared.assemble(signature.to_bytes().as_slice().try_into().unwrap());
        let keys: EncryptionKeys = self.world.get("/me/jwks.json").await.unwrap();
        let sealed =
            jwe::encrypt(&Secret::new(signed), &keys.keys[0], &Secret::new([5; 32]), [7; jwe::IV_OCTETS]);
        sealed.unwrap().expose().clone()
    }

    async fn token(&self, acr: &str) -> String {
        self.sealed(CERTIFICATES_TYPE, &gateway_key().0, &self.claims(acr)).await
    }

    async fn seen(&self, token: &str) -> Result<AccountView, String> {
        self.world.me("GET", "/me", token).await.map_err(|(_, reason)| reason)
    }

    async fn act(&self, path: &str, token: &str) -> Result<AccountView, String> {
        self.world.me("POST", path, token).await.map_err(|(_, reason)| reason)
    }
}

// One test: the authority looks for its gateway at one place.
#[tokio::test]
async fn a_person_sees_and_ends_what_is_theirs_by_a_token_for_this_authority_alone() {
    let mut own = Holder::new().await;
    let (weak, strong) = (own.token("aal2").await, own.token("aal3").await);
    refuses_every_other_token(&own, &strong).await;

    let seen = own.seen(&weak).await.unwrap();
    assert!(!seen.strong && seen.name.contains("花子"));
    assert_eq!((seen.card.state.as_str(), seen.card.certificates.len()), ("active", 2));
    let [phone] = seen.phones.as_slice() else { panic!("{seen:?}") };
    assert!(phone.held && phone.this_phone && phone.certificates.len() == 2);
    assert_eq!(phone.deletion, Deletion::None);
    assert_eq!(seen.notices[0].code, "phone.registered");

    // Somebody else's phone is as if it were not there.
    let others = own.world.phone("other", 2, Family::Android).await;
    for element in [others.id.to_string(), "00".repeat(10)] {
        for act in ["stop", "end"] {
            let refused = own.act(&format!("/me/phones/{element}/{act}"), &strong).await;
            assert_eq!(refused.unwrap_err(), "me.phone_not_found");
        }
    }
    let stopped = own.act("/me/card/stop", &weak).await.unwrap();
    assert_eq!(stopped.card.state, "suspended");
    let statuses = own.world.statuses("hanako", &own.phone).await;
    assert_eq!(statuses, ["suspended", "suspended", "suspended", "valid"]);

    // For good: by a login on the phone itself only.
    let path = format!("/me/phones/{}/end", own.phone.id);
    assert_eq!(own.act(&path, &weak).await.unwrap_err(), "me.stronger_login_needed");
    let ended = own.act(&path, &strong).await.unwrap();
    assert_eq!((ended.phones[0].held, ended.phones[0].deletion), (false, Deletion::Ordered));
    assert!(ended.phones[0].certificates.iter().all(|line| line.status == CertificateStatus::Revoked));
    // The certificate that the login was made with is gone, and what it opened with it.
    assert_eq!(own.seen(&strong).await.unwrap_err(), "me.certificate_ended");
    assert_eq!(own.act("/me/card/stop", &strong).await.unwrap_err(), "me.certificate_ended");
    own.world.session(&mut own.phone, tefuda_protocol::device::SessionPurpose::Commands).await.unwrap();
    assert_eq!(own.world.device(&own.phone).await.deletion, Deletion::Confirmed);
}

async fn refuses_every_other_token(own: &Holder, good: &str) {
    let (key, _) = gateway_key();
    let changed = |name: &str, value: Value| {
        let mut claims = own.claims("aal3");
        claims[name] = value;
        claims
    };
    let now = own.world.clock.wire().as_second();
    let mut refused = vec![
        own.sealed("JWT", &key, &own.claims("aal3")).await,
        own.sealed("logout+jwt", &key, &own.claims("aal3")).await,
        own.sealed(CERTIFICATES_TYPE, &SigningKey::from_slice(&[8; 32]).unwrap(), &own.claims("aal3")).await,
        good.get(..good.len() - 4).unwrap().to_owned(),
        String::new(),
        "a.b.c".to_owned(),
    ];
    for (name, value) in [
        ("iss", json!("http://localhost:1/api/realms/main")),
        ("aud", json!("http://localhost:1")),
        ("aud", json!([own.claims("aal3")["aud"]])),
        ("exp", json!(now)),
        ("iat", json!(now + 120)),
        ("certificate", json!("x")),
    ] {
        refused.push(own.sealed(CERTIFICATES_TYPE, &key, &changed(name, value)).await);
    }
    for token in &refused {
        assert_eq!(own.seen(token).await.unwrap_err(), "me.unauthorized");
    }
    let mut other = own.certificate.clone();
    other.issuer_key_id = "00".repeat(20);
    for reference in [
        json!(other),
        json!({ "kind": "card-auth", "issuer_key_id": own.certificate.issuer_key_id, "serial": own.certificate.serial }),
        json!({ "kind": "phone-auth", "issuer_key_id": own.certificate.issuer_key_id, "serial": "01" }),
    ] {
        let token = own.sealed(CERTIFICATES_TYPE, &key, &changed("certificate", reference)).await;
        assert_eq!(own.seen(&token).await.unwrap_err(), "me.certificate_ended");
    }
}
