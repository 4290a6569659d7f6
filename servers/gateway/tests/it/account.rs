//! What a person sees of their own logins, who may show it, and how a relying party hears that one ended.

use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tefuda_openid::{JwkSet, LOGOUT_EVENT, LOGOUT_TYPE, jws};
use tefuda_protocol::account::{CERTIFICATES_TYPE, CertificatesClaims};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::form_urlencoded;

use crate::world::{LoginProofMaker, Party, REALM, World, begun, token_key};

use crate::fixture::Phone;

fn account_scopes() -> Value {
    json!({ "scopes": ["sessions", "certificates"] })
}

impl World {
    /// Logs in with scopes: the tokens.
    async fn tokens(&self, party: &Party, scope: &str, by: (&Phone, &LoginProofMaker)) -> Value {
        let own = begun(&self.authorize(party, &[("scope", scope)]).await);
        assert!(self.approve(&own, by.0, by.1).await.accepted);
        let code = self.go_on(&own).await.parameter("code");
        let reply = self.redeem(party, &code, &[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.json()
    }

    async fn keys(&self) -> JwkSet {
        serde_json::from_str(&self.get(&format!("{REALM}/protocol/openid-connect/certs"), "").await.body)
            .unwrap()
    }
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[tokio::test]
async fn abuse_i13_a_person_ends_their_own_logins_and_others_are_as_if_they_were_not_there() {
    let world = World::new().await;
    let portal = world.register_with("Portal", &account_scopes()).await;
    let library = world.register("Library").await;
    let (phone, maker) = world.phone();
    let (other_phone, other_maker) = world.phone();
    let at_library = world.tokens(&library, "openid", (&phone, &maker)).await;
    let of_other = world.tokens(&library, "openid", (&other_phone, &other_maker)).await;
    let own = world.tokens(&portal, "openid sessions certificates", (&phone, &maker)).await;
    assert_eq!(own["scope"], "openid sessions certificates");

    let seen = world.me("GET", "/me", access(&own)).await;
    assert_eq!(seen.headers["cache-control"], "no-store");
    let sessions = seen.json()["sessions"].as_array().unwrap().clone();
    let names: Vec<_> = sessions.iter().map(|own| own["relying_party"].as_str().unwrap()).collect();
    assert_eq!(names, ["Portal", "Library"], "one's own, newest first");
    assert_eq!((&sessions[0]["this_session"], &sessions[1]["this_session"]), (&json!(true), &json!(false)));
    assert!(!seen.body.contains("serial"), "no certificate is named");

    let path = |session: &Value| format!("/me/sessions/{}/end", session["id"].as_str().unwrap());
    let ended = world.me("POST", &path(&sessions[1]), access(&own)).await.json();
    assert_eq!((&ended["live"], &ended["ended"]["why"]), (&json!(false), &json!("ended-by-person")));
    assert_eq!(world.user_info(access(&at_library)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.user_info(access(&of_other)).await.status, StatusCode::OK);

    // Somebody else's is as if it were not there.
    let theirs = world.tokens(&portal, "openid sessions", (&other_phone, &other_maker)).await;
    let foreign = world.me("POST", &path(&sessions[0]), access(&theirs)).await;
    assert_eq!(
        (foreign.status, &foreign.json()["reason"]),
        (StatusCode::NOT_FOUND, &json!("session.not_found"))
    );
    let none = world.me("POST", "/me/sessions/none/end", access(&own)).await;
    assert_eq!((none.status, &none.body), (foreign.status, &foreign.body), "not a word less or more");
    assert!(world.me("GET", "/me", access(&own)).await.json()["sessions"][0]["live"].as_bool().unwrap());
}

#[tokio::test]
async fn only_who_was_registered_for_it_is_given_the_scope_and_only_the_scope_opens() {
    let world = World::new().await;
    let library = world.register("Library").await;
    let sessions_only = world.register_with("Diary", &json!({ "scopes": ["sessions"] })).await;
    let (phone, maker) = world.phone();
    let tokens = world.tokens(&library, "openid sessions certificates", (&phone, &maker)).await;
    assert_eq!(tokens["scope"], "openid", "what was not registered is left out");
    assert!(tokens.get("certificates_token").is_none());
    for (method, path) in [("GET", "/me"), ("POST", "/me/sessions/x/end"), ("POST", "/me/certificates-token")]
    {
        let refused = world.me(method, path, access(&tokens)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        let body = refused.json();
        assert_eq!(
            (&body["error"], &body["reason"]),
            (&json!("insufficient_scope"), &json!("grant.scope_insufficient"))
        );
        let stranger = world.me(method, path, "guess").await;
        assert_eq!(
            (stranger.status, &stranger.json()["reason"]),
            (StatusCode::UNAUTHORIZED, &json!("grant.access_token_refused"))
        );
    }
    let diary = world.tokens(&sessions_only, "openid sessions certificates", (&phone, &maker)).await;
    assert_eq!(world.me("GET", "/me", access(&diary)).await.status, StatusCode::OK);
    let refused = world.me("POST", "/me/certificates-token", access(&diary)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn abuse_i15_the_authority_alone_reads_which_certificate_was_used_and_nothing_else() {
    let world = World::new().await;
    let portal = world.register_with("Portal", &account_scopes()).await;
    let (phone, maker) = world.phone();
    let own = world.tokens(&portal, "openid certificates", (&phone, &maker)).await;
    let again = world.me("POST", "/me/certificates-token", access(&own)).await.json();
    for token in [&own["certificates_token"], &again["certificates_token"]] {
        let opened = token_key().open(token.as_str().unwrap()).unwrap();
        let signed = std::str::from_utf8(opened.expose()).unwrap();
        let payload = jws::verify_typed(signed, &world.keys().await.keys, CERTIFICATES_TYPE).unwrap();
        let claims: CertificatesClaims = serde_json::from_slice(&payload).unwrap();
        assert_eq!(claims.certificate, phone.reference);
        assert_eq!((claims.iss, claims.acr.as_str(), claims.exp - claims.iat), (world.issuer(), "aal3", 300));
        let text = String::from_utf8(payload).unwrap();
        let names = ["Portal", portal.client_id.as_str(), "sub", "handle"];
        assert!(names.iter().all(|name| !text.contains(name)), "{text}");
    }
}

/// A relying party's end for logout tokens: answers with what is in the channel, or 200.
async fn logout_endpoint(answers: Vec<StatusCode>) -> (String, UnboundedReceiver<String>) {
    let (heard, hearing) = unbounded_channel();
    let answers = std::sync::Arc::new(std::sync::Mutex::new(answers));
    type Ears = (UnboundedSender<String>, std::sync::Arc<std::sync::Mutex<Vec<StatusCode>>>);
    let hear = async |State((heard, answers)): State<Ears>, body: String| {
        heard.send(body).unwrap();
        answers.lock().unwrap().pop().unwrap_or(StatusCode::OK)
    };
    let router = Router::new().route("/logout", post(hear)).with_state((heard, answers));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/logout", listener.local_addr().unwrap().port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, hearing)
}

fn logout_token(body: &str) -> String {
    let mut pairs = form_urlencoded::parse(body.as_bytes()).into_owned();
    let (name, token) = pairs.next().unwrap();
    assert_eq!((name.as_str(), pairs.next()), ("logout_token", None));
    token
}

#[tokio::test]
async fn abuse_i14_a_relying_party_is_told_when_a_phone_is_cut_off_and_again_if_it_did_not_hear() {
    let world = World::new().await;
    let (url, mut hearing) = logout_endpoint(vec![StatusCode::INTERNAL_SERVER_ERROR]).await;
    let more = json!({ "backchannel_logout_uri": url, "backchannel_logout_session_required": true });
    let party = world.register_with("Library", &more).await;
    let silent = world.register("Shop").await;
    let (phone, maker) = world.phone();
    let tokens = world.tokens(&party, "openid", (&phone, &maker)).await;
    world.tokens(&silent, "openid", (&phone, &maker)).await;
    let claims = world.claims(tokens["id_token"].as_str().unwrap()).await;
    world.authority(|authority, now| authority.revoke(&phone.reference, now));
    world.follow();

    let mut seen = Vec::new();
    for _ in 0..2 {
        let token = logout_token(&hearing.recv().await.unwrap());
        let payload = jws::verify_typed(&token, &world.keys().await.keys, LOGOUT_TYPE).unwrap();
        let told: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!((&told["sub"], &told["sid"]), (&claims["sub"], &claims["sid"]));
        assert_eq!((&told["iss"], &told["aud"]), (&json!(world.issuer()), &json!(party.client_id)));
        assert_eq!(told["events"], json!({ LOGOUT_EVENT: {} }));
        assert!(told.get("nonce").is_none());
        seen.push(told["jti"].as_str().unwrap().to_owned());
    }
    assert_ne!(seen[0], seen[1], "each token is good once");
}

#[tokio::test]
async fn a_status_that_is_not_known_shows_nothing_and_ends_nothing() {
    let world = World::new().await;
    let portal = world.register_with("Portal", &account_scopes()).await;
    let (phone, maker) = world.phone();
    let own = world.tokens(&portal, "openid sessions certificates", (&phone, &maker)).await;
    world.unplug();
    world.pass(30);
    for (method, path) in [("GET", "/me"), ("POST", "/me/certificates-token")] {
        let refused = world.me(method, path, access(&own)).await;
        assert_eq!(
            (refused.status, &refused.json()["reason"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("grant.status_not_known"))
        );
    }
}

#[tokio::test]
async fn discovery_says_that_logouts_are_told() {
    let world = World::new().await;
    let reply = world.get(&format!("{REALM}/.well-known/openid-configuration"), "").await.json();
    assert_eq!(reply["backchannel_logout_supported"], true);
    assert_eq!(reply["backchannel_logout_session_supported"], true);
    assert_eq!(reply["scopes_supported"], json!(["openid", "sessions", "certificates"]));
    let bad = json!({ "name": "x", "redirect_uris": ["https://rp.example/"], "jwks": { "keys": [] },
        "backchannel_logout_uri": "http://rp.example/" });
    let refused = world.admin("POST", "/admin/clients", &bad).await;
    assert_eq!(refused.json()["reason"], "rp.logout_uri_malformed");
}
