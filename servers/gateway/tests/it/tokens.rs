//! A good login to its end, and everything that a code and an assertion are not good for.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tefuda_protocol::transaction::Method;

use crate::world::{Party, REALM, VERIFIER, World};

#[tokio::test]
async fn a_login_gives_tokens_that_the_published_keys_verify() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    for (method, amr) in [(Method::Pin, "pin"), (Method::Biometrics, "fpt")] {
        let begun = world.begin(&party).await;
        let mut proof = phone.prove(&world.transaction(&begun).await, method);
        proof.links.clone_from(&maker.links);
        let outcome = world.prove(&begun, &proof).await.unwrap();
        assert!(outcome.accepted && outcome.continue_url.contains("/continue?way="));
        let back = world.go_on(&begun).await;
        assert_eq!(back.parameter("state"), "state & more");
        assert_eq!(back.parameter("iss"), world.issuer());
        assert!(!back.parameter("session_state").is_empty());
        assert_eq!(back.headers[header::CACHE_CONTROL], "no-store");

        let reply = world.redeem(&party, &back.parameter("code"), &[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
        let tokens = reply.json();
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
        let claims = world.claims(tokens["id_token"].as_str().unwrap()).await;
        assert_eq!(claims["iss"], world.issuer());
        assert_eq!(claims["aud"], party.client_id);
        assert_eq!(claims["nonce"], "nonce");
        assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal3"), &json!([amr, "hwk", "mfa"])));
        assert_eq!(claims["sid"], back.parameter("session_state"));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
        let access = tokens["access_token"].as_str().unwrap();
        let info = world.user_info(access).await;
        assert_eq!(info.json(), json!({ "sub": claims["sub"] }));

        // The way back is walked once.
        let again = world.go_on(&begun).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        assert!(again.body.contains("login.request_finished"));
        assert_eq!(world.prove(&begun, &proof).await.unwrap_err(), "login.request_finished");
    }
}

#[tokio::test]
async fn abuse_i04_who_began_a_login_that_somebody_else_approved_gets_no_code() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let begun = world.begin(&party).await;
    let outcome = world.approve(&begun, &phone, &maker).await;
    let path = format!("/login/{}", begun.request);
    // The browser that began it has the cookie, and not what the phone gave to the one beside it.
    let state = world.get(&format!("{path}/state"), &begun.cookie).await;
    assert_eq!(state.json()["state"], "beside");
    assert_eq!(world.get(&path, &begun.cookie).await.status, StatusCode::OK);
    for guess in ["", "?way=", "?way=guess"] {
        let reply = world.get(&format!("{path}/continue{guess}"), &begun.cookie).await;
        assert!(reply.body.contains("login.other_browser"), "{guess}: {}", reply.body);
    }
    let way = &outcome.continue_url[outcome.continue_url.find("/login/").unwrap()..];
    assert!(world.get(way, "").await.body.contains("login.other_browser"), "nor the other way round");
    assert!(!world.get(way, &begun.cookie).await.parameter("code").is_empty());
}

#[tokio::test]
async fn a_status_that_is_not_known_any_more_redeems_no_code_and_opens_nothing() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let (first, second) =
        (world.code(&party, &phone, &maker).await, world.code(&party, &phone, &maker).await);
    let tokens = world.redeem(&party, &first, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.user_info(access).await.status, StatusCode::OK);
    world.unplug();
    world.pass(3_600);
    let refused = world.redeem(&party, &second, &[]).await;
    assert_eq!(refused.json()["error"], "invalid_grant");
    assert!(refused.body.contains("grant.status_not_known"), "{}", refused.body);
    assert_eq!(world.user_info(access).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_are_on_wire_time_whatever_the_civil_clock_shows() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    world.pass(20 * 86_400);
    world.authority(|authority, now| authority.newest().publish_full(now));
    let code = world.code(&party, &phone, &maker).await;
    let tokens = world.redeem(&party, &code, &[]).await.json();
    let claims = world.claims(tokens["id_token"].as_str().unwrap()).await;
    let host = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(claims["iat"].as_u64().unwrap().abs_diff(host) < 600);
}

#[tokio::test]
async fn abuse_i02_a_second_use_of_a_code_takes_back_what_the_first_gave() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let code = world.code(&party, &phone, &maker).await;
    let tokens = world.redeem(&party, &code, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.user_info(access).await.status, StatusCode::OK);
    let second = world.redeem(&party, &code, &[]).await;
    assert_eq!((second.status, &second.json()["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    assert!(second.body.contains("grant.code_used"));
    let refused = world.user_info(access).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_token"))
    );
    assert!(refused.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer error="));
}

#[tokio::test]
async fn abuse_i02_a_code_is_for_its_party_its_address_and_its_verifier() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let other = world.register("Shop").await;
    let (phone, maker) = world.phone();
    let wrong = VERIFIER.replace('d', "e");
    let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(VERIFIER.as_bytes()));
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("code_verifier", &wrong)], "grant.verifier_wrong"),
        (&[("code_verifier", &challenge)], "grant.verifier_wrong"),
        (&[("code_verifier", &VERIFIER.to_lowercase())], "grant.verifier_wrong"),
        (&[("redirect_uri", "https://rp.example/other")], "grant.redirect_uri_differs"),
        (&[("code", "guess")], "grant.code_unknown"),
    ];
    for (changes, code) in cases {
        let own = world.code(&party, &phone, &maker).await;
        let reply = world.redeem(&party, &own, changes).await;
        assert_eq!(reply.json()["error"], "invalid_grant");
        assert!(reply.body.contains(code), "{}", reply.body);
    }
    let own = world.code(&party, &phone, &maker).await;
    assert!(world.redeem(&other, &own, &[]).await.body.contains("grant.code_of_another_party"));
    assert_eq!(world.redeem(&party, &own, &[]).await.status, StatusCode::OK, "it is still its party's");
}

/// Assertions whose header says how they want to be verified.
fn forged_assertions(world: &World, party: &Party) -> Vec<(String, &'static str)> {
    let good = world.assertion(party, &Value::Null);
    let [head, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let header: Value = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(head).unwrap()).unwrap();
    let with = |name: &str, value: &str, signature: &str| {
        let mut header = header.clone();
        header[name] = json!(value);
        let head = Base64UrlUnpadded::encode_string(header.to_string().as_bytes());
        format!("{head}.{claims}.{signature}")
    };
    vec![
        (with("alg", "none", ""), "jws."),
        (with("alg", "HS256", signature), "jws."),
        (with("alg", "RS256", signature), "jws."),
        (with("kid", "../../../../dev/null", signature), "jws.key_unknown"),
        (with("kid", "x' UNION SELECT 'key", signature), "jws.key_unknown"),
        (with("kid", "", signature), "jws.key_unknown"),
        (format!("{head}.{claims}.{}", &signature[..signature.len() - 4]), "jws."),
        (format!("{head}.{claims}"), "jws."),
    ]
}

#[tokio::test]
async fn abuse_i06_an_assertion_is_good_here_now_and_once() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let other = world.register("Shop").await;
    let (phone, maker) = world.phone();
    let code = world.code(&party, &phone, &maker).await;
    let cases = [
        (json!({ "aud": "https://other.example" }), "client_assertion.audience_wrong"),
        (json!({ "aud": [world.issuer()] }), "client_assertion.audience_wrong"),
        (json!({ "exp": 1_000 }), "client_assertion.expired"),
        (json!({ "iss": other.client_id }), "client_assertion.issuer_wrong"),
        (json!({ "iss": other.client_id, "sub": other.client_id }), "jws.key_unknown"),
        (json!({ "sub": "RP99999999" }), "rp.not_found"),
        (json!({ "jti": "" }), "client_assertion.incomplete"),
    ];
    for (claims, reason) in cases {
        let assertion = world.assertion(&party, &claims);
        let reply = world.redeem(&party, &code, &[("client_assertion", &assertion)]).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client"))
        );
        assert!(reply.body.contains(reason), "{claims}: {}", reply.body);
    }
    for (assertion, reason) in forged_assertions(&world, &party) {
        let reply = world.redeem(&party, &code, &[("client_assertion", &assertion)]).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{assertion}");
        assert!(reply.body.contains(reason), "{reason}: {}", reply.body);
    }
    let foreign = world.redeem(&party, &code, &[("client_id", &other.client_id)]).await;
    assert!(foreign.body.contains("client_assertion.issuer_wrong"));
    let token_endpoint = format!("{}/protocol/openid-connect/token", world.issuer());
    let assertion = world.assertion(&party, &json!({ "aud": token_endpoint }));
    let good = [("client_assertion", assertion.as_str()), ("client_id", &party.client_id)];
    assert_eq!(world.redeem(&party, &code, &good).await.status, StatusCode::OK);
    let replayed = world.redeem(&party, &code, &good).await;
    assert!(replayed.body.contains("client_assertion.replayed"), "{}", replayed.body);
    let info = world.user_info("guess").await;
    assert_eq!(info.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn keys_rotate_and_old_tokens_still_verify() {
    let mut world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let code = world.code(&party, &phone, &maker).await;
    let old = world.redeem(&party, &code, &[]).await.json();
    let rotated = world.admin("POST", "/admin/keys/rotate", &Value::Null).await.json();
    assert_eq!(rotated["published"], 2);
    world.claims(old["id_token"].as_str().unwrap()).await;
    world.restart().await;
    let code = world.code(&party, &phone, &maker).await;
    let new = world.redeem(&party, &code, &[]).await.json();
    world.claims(new["id_token"].as_str().unwrap()).await;
    let kid = |token: &Value| token["id_token"].as_str().unwrap().split('.').next().unwrap().to_owned();
    assert_ne!(kid(&old), kid(&new));
}

#[tokio::test]
async fn the_discovery_document_names_what_there_is() {
    let world = World::new().await;
    let reply = world.get(&format!("{REALM}/.well-known/openid-configuration"), "").await;
    let document = reply.json();
    assert_eq!(document["issuer"], world.issuer());
    assert_eq!(document["token_endpoint"], format!("{}/protocol/openid-connect/token", world.issuer()));
    assert_eq!(document["subject_types_supported"], json!(["pairwise"]));
    assert_eq!(document["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn abuse_l06_no_secret_lies_in_the_gateways_store_in_clear() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let begun = world.begin(&party).await;
    world.approve(&begun, &phone, &maker).await;
    let code = world.go_on(&begun).await.parameter("code");
    let tokens = world.redeem(&party, &code, &[]).await.json();
    let cookie = begun.cookie.split_once('=').unwrap().1;
    let access = tokens["access_token"].as_str().unwrap();
    let mut stored = Vec::new();
    for file in ["store.db", "store.db-wal"] {
        stored.extend(std::fs::read(world.home.path().join("gateway").join(file)).unwrap_or_default());
    }
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&begun.request), "the search finds what is there");
    for secret in [&code, cookie, access, tokens["id_token"].as_str().unwrap()] {
        assert!(!holds(secret));
    }
}

#[tokio::test]
async fn a_malformed_token_request_is_told_what_is_wrong() {
    let world = World::new().await;
    let request = Request::post(format!("{REALM}/protocol/openid-connect/token"));
    let reply = world.send(request.body(Body::from("grant_type=password")).unwrap()).await;
    assert_eq!(reply.json()["error"], "unsupported_grant_type");
    let request = Request::post(format!("{REALM}/protocol/openid-connect/token"))
        .header(header::AUTHORIZATION, "Basic eDp5");
    let reply = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, &reply.json()["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
}
