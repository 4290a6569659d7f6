//! Who is sent where: an error page for strangers, an error for relying parties, and a browser of one's own.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};
use tefuda_protocol::transaction::{LoginChannel, Method};

use crate::world::{REDIRECT_URI, World, begun};

/// What is like the registered `https://rp.example/cb` and is not it, character by character.
const OTHER_ADDRESSES: [(&str, &str); 32] = [
    ("https://rp.example/cb?", UNREGISTERED),
    ("https://rp.example/cb?x=1", UNREGISTERED),
    ("https://rp.example/cb/x", UNREGISTERED),
    ("https://rp.example/cb%2F", UNREGISTERED),
    ("https://rp.example/c%62", UNREGISTERED),
    ("https://rp.example/CB", UNREGISTERED),
    ("https://rp.example/", UNREGISTERED),
    ("https://rp.example", UNREGISTERED),
    ("https://rp.example/c", UNREGISTERED),
    ("https://rp.example//cb", UNREGISTERED),
    ("https://rp.example/./cb", UNREGISTERED),
    ("https://rp.example/x/../cb", UNREGISTERED),
    ("https://rp.example/cb/../evil", UNREGISTERED),
    ("https://rp.example/%2e%2e/cb", UNREGISTERED),
    ("https://rp.example/*", UNREGISTERED),
    ("https://*.example/cb", UNREGISTERED),
    ("https://rp.example:443/cb", UNREGISTERED),
    ("https://rp.example:8443/cb", UNREGISTERED),
    ("https://rp.example./cb", UNREGISTERED),
    ("https://www.rp.example/cb", UNREGISTERED),
    ("https://evil.example/https://rp.example/cb", UNREGISTERED),
    ("https://evil.example/?https://rp.example/cb", UNREGISTERED),
    ("https://RP.example/cb", UNREGISTERED),
    ("HTTPS://rp.example/cb", UNREGISTERED),
    ("http://localhost/cb", UNREGISTERED),
    ("https://rp.example/cb#fragment", MALFORMED),
    ("https://rp.example@evil.example/cb", MALFORMED),
    ("https://user:secret@rp.example/cb", MALFORMED),
    ("http://rp.example/cb", MALFORMED),
    ("//rp.example/cb", MALFORMED),
    ("data:text/html,x", MALFORMED),
    ("https://r\u{0440}.example/cb", MALFORMED),
];
const UNREGISTERED: &str = "rp.redirect_uri_unregistered";
const MALFORMED: &str = "openid.parameter_malformed";

#[tokio::test]
async fn abuse_i01_nobody_is_sent_to_an_address_that_is_not_registered() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let cases: [(&str, &str, &str); 8] = [
        ("client_id", "RP99999999", "rp.not_found"),
        ("client_id", "../x", "openid.parameter_malformed"),
        ("client_id", "", "openid.parameter_missing"),
        ("redirect_uri", "https://rp.example/cb/", "rp.redirect_uri_unregistered"),
        ("redirect_uri", "https://rp.example.evil.example/cb", "rp.redirect_uri_unregistered"),
        ("redirect_uri", "https://evil.example/", "rp.redirect_uri_unregistered"),
        ("redirect_uri", "javascript:alert(1)", "openid.parameter_malformed"),
        ("redirect_uri", "", "openid.parameter_missing"),
    ];
    let uris = OTHER_ADDRESSES.iter().map(|(uri, reason)| ("redirect_uri", *uri, *reason));
    for (name, value, reason) in cases.into_iter().chain(uris) {
        let reply = world.authorize(&party, &[(name, value)]).await;
        assert!(reply.status.is_client_error(), "{name}={value}");
        assert!(!reply.headers.contains_key(header::LOCATION));
        assert!(reply.body.contains(&format!("data-reason=\"{reason}\"")), "{name}={value}: {}", reply.body);
        assert!(
            reply.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'")
        );
    }
}

#[tokio::test]
async fn abuse_i02_without_its_parts_a_request_goes_back_to_the_relying_party() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let cases = [
        ("response_type", "token", "unsupported_response_type", "openid.response_type_unsupported"),
        ("scope", "profile", "invalid_scope", "openid.scope_without_openid"),
        ("nonce", "", "invalid_request", "openid.parameter_missing"),
        ("code_challenge", "", "invalid_request", "openid.parameter_missing"),
        ("code_challenge_method", "plain", "invalid_request", "openid.challenge_method_unsupported"),
        ("prompt", "none", "login_required", "openid.login_required"),
        ("request", "e30.e30.", "request_not_supported", "openid.request_object_unsupported"),
        ("request_uri", "https://x.example", "request_uri_not_supported", "openid.request_uri_unsupported"),
    ];
    for (name, value, error, reason) in cases {
        let reply = world.authorize(&party, &[(name, value)]).await;
        assert_eq!(reply.sent_back().0, REDIRECT_URI);
        assert_eq!(reply.parameter("error"), error, "{name}={value}");
        assert!(reply.parameter("error_description").starts_with(reason), "{name}={value}");
        assert_eq!(reply.parameter("state"), "state & more");
        assert_eq!(reply.parameter("iss"), world.issuer());
    }
    let stateless = world.authorize(&party, &[("state", "")]).await;
    assert_eq!(stateless.parameter("error"), "invalid_request");
    assert!(!stateless.sent_back().1.iter().any(|(name, _)| name == "state"));
}

#[tokio::test]
async fn abuse_i04_a_request_belongs_to_the_browser_that_made_it() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let reply = world.authorize(&party, &[]).await;
    let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
    let own = begun(&reply);
    let path = format!("Path=/login/{};", own.request);
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains(&path));
    assert!(cookie.starts_with(&format!("tefuda_login_{}=", own.request)));
    let shown = world.get(&format!("/login/{}", own.request), &own.cookie).await;
    assert!(shown.body.contains("Borrow &#60;books&#62;") && shown.body.contains("data-step=\"choose\""));
    assert!(!shown.body.contains("<script>"), "no script but from a file");

    // Whoever begins a login and gives somebody else the link gets nothing, and neither does the other.
    let foreign = world.begin(&party).await;
    world.approve(&own, &phone, &maker).await;
    for cookie in ["", foreign.cookie.as_str(), "tefuda_login_x=y"] {
        for path in ["", "/continue"] {
            let refused = world.get(&format!("/login/{}{path}", own.request), cookie).await;
            assert_eq!(refused.status, StatusCode::CONFLICT);
            assert!(refused.body.contains("data-reason=\"login.other_browser\""));
            assert!(!refused.headers.contains_key(header::LOCATION));
        }
    }
    assert!(!world.go_on(&own).await.parameter("code").is_empty());
    let waiting = world.go_on(&foreign).await;
    assert!(waiting.body.contains("login.not_approved"));
    let unknown = world.get("/login/nothing", "").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn another_device_compares_a_number_and_is_weaker() {
    let world = World::new().await;
    let party = world.register("Library").await;
    let (phone, maker) = world.phone();
    let own = world.begin(&party).await;
    let before = world.transaction(&own).await;
    let path = format!("/login/{}/other-device", own.request);
    let post = |origin: &'static str, cookie: &str| {
        let request = Request::post(&path).header(header::COOKIE, cookie).header(header::ORIGIN, origin);
        world.send(request.body(Body::empty()).unwrap())
    };
    assert!(post("https://evil.example", &own.cookie).await.body.contains("page.other_site"));
    let request = Request::post(&path).body(Body::empty()).unwrap();
    assert!(world.send(request).await.body.contains("login.other_browser"));
    let request = Request::post(&path).header(header::COOKIE, &own.cookie).body(Body::empty()).unwrap();
    assert_eq!(world.send(request).await.status, StatusCode::SEE_OTHER);

    let transaction = world.transaction(&own).await;
    let LoginChannel::CrossDevice { number } = &transaction.channel else { panic!("{transaction:?}") };
    let page = world.get(&format!("/login/{}", own.request), &own.cookie).await;
    assert!(number.len() == 2 && page.body.contains(&format!("<strong>{number}</strong>")));
    // What was signed for the same device is no approval of this.
    let stale = phone.prove(&before, Method::Pin);
    assert_eq!(world.prove(&own, &stale).await.unwrap_err(), "login.signature_wrong");
    let outcome = world.approve(&own, &phone, &maker).await;
    assert_eq!(outcome.acr.unwrap(), "aal2");
    let code = world.go_on(&own).await.parameter("code");
    let tokens = world.redeem(&party, &code, &[]).await.json();
    assert_eq!(world.claims(tokens["id_token"].as_str().unwrap()).await["acr"], "aal2");

    let strict = begun(&world.authorize(&party, &[("acr_values", "aal3 crl")]).await);
    let request = Request::post(format!("/login/{}/other-device", strict.request))
        .header(header::COOKIE, &strict.cookie)
        .body(Body::empty())
        .unwrap();
    assert!(world.send(request).await.body.contains("login.same_device_only"));
}

#[tokio::test]
async fn relying_parties_are_registered_listed_and_removed_with_the_token() {
    let world = World::new().await;
    let party = world.register("図書館").await;
    assert_eq!(party.client_id, "RP00000001");
    let list = world.admin("GET", "/admin/clients", &Value::Null).await.json();
    assert_eq!(list["relying_parties"][0]["name"], "図書館");
    let bad = json!({ "name": "x", "redirect_uris": ["http://rp.example/"], "jwks": { "keys": [] } });
    let refused = world.admin("POST", "/admin/clients", &bad).await;
    assert_eq!(refused.json()["reason"], "rp.redirect_uri_malformed");
    let path = format!("/admin/clients/{}", party.client_id);
    assert_eq!(world.admin("DELETE", &path, &Value::Null).await.status, StatusCode::OK);
    let again = world.admin("DELETE", &path, &Value::Null).await;
    assert_eq!(
        (again.status, again.json()["reason"].as_str()),
        (StatusCode::NOT_FOUND, Some("rp.not_found"))
    );
    assert!(world.authorize(&party, &[]).await.body.contains("rp.not_found"));
    let next = world.register("Shop").await;
    assert_eq!(next.client_id, "RP00000002", "a number is never given twice");
    for path in ["/admin/clients", "/admin/audit"] {
        assert_eq!(world.get(path, "").await.status, StatusCode::UNAUTHORIZED);
    }
    let audit = world.admin("GET", "/admin/audit", &Value::Null).await.json();
    assert_eq!(audit["verified"], true);
}
