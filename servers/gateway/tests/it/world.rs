//! A gateway with a clock that is set, an authority to throw away beside it, and a relying party.

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, Request, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use tefuda_gateway_server::Gateway;
use tefuda_keys::{Environment, KeySpace, RoleKey};
use tefuda_openid::{CLIENT_ASSERTION_TYPE, Jwk, jwe::DecryptionKey, jws};
use tefuda_pki::{SignatureAlgorithm, Signer};
use tefuda_protocol::{
    login::{LoginOutcome, LoginProof, LoginRequest},
    statement::Statement,
    transaction::{LoginTransaction, Method},
};
use tefuda_store::{Databases, SystemClock};
use tefuda_types::{CertificateKind, Clock, Secret, Timestamp};
use tefuda_web::{ActorContext, Urls, live::Live};
use tokio::net::TcpListener;
use tower::ServiceExt;
use url::{Url, form_urlencoded};

use crate::fixture::{Authority, Folder, Phone};

pub const REALM: &str = "/api/realms/main";
pub const REDIRECT_URI: &str = "https://rp.example/cb";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const ADMIN_TOKEN: &str = "admin";

/// What the throw-away authority publishes, and whether it answers at all.
struct Published {
    authority: Mutex<Authority>,
    clock: Arc<SystemClock>,
    silent: AtomicBool,
    base: String,
    /// What it was asked for: method, address, headers and body.
    asked: Mutex<Vec<String>>,
}

pub struct World {
    published: Arc<Published>,
    pub clock: Arc<SystemClock>,
    pub home: Folder,
    /// What actors beside the gateway are started with.
    pub context: ActorContext,
    gateway: Arc<Gateway>,
    pub router: Router,
    keys: KeySpace,
    jti: AtomicU32,
    /// What phones were given for the browsers beside them, by request.
    ways: Mutex<HashMap<String, String>>,
}

/// A registered relying party with its key.
pub struct Party {
    pub client_id: String,
    pub key: RoleKey,
}

/// A login that a browser began.
pub struct Begun {
    pub request: String,
    pub cookie: String,
}

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Parameters of the redirect.
    pub fn sent_back(&self) -> (String, Vec<(String, String)>) {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        let location = Url::parse(self.headers[header::LOCATION].to_str().unwrap()).unwrap();
        let parameters = location.query_pairs().into_owned().collect();
        let mut target = location;
        target.set_query(None);
        (target.to_string(), parameters)
    }

    pub fn parameter(&self, name: &str) -> String {
        let (_, parameters) = self.sent_back();
        parameters.into_iter().find(|(own, _)| own == name).unwrap_or_default().1
    }
}

/// Two ports in a row, both held: the authority's and, after it, the gateway's.
async fn neighbours() -> (TcpListener, TcpListener) {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let next = first.local_addr().unwrap().port().saturating_add(1);
        if let Ok(second) = TcpListener::bind(("127.0.0.1", next)).await {
            return (first, second);
        }
    }
}

impl World {
    pub async fn new() -> Self {
        let home = Folder::new();
        let clock = Arc::new(SystemClock::open(home.path()).unwrap());
        let authority = Authority::new(CertificateKind::PhoneAuth, clock.civil());
        let (listener, own) = neighbours().await;
        let port = listener.local_addr().unwrap().port();
        let published = Arc::new(Published {
            authority: Mutex::new(authority),
            clock: Arc::clone(&clock),
            silent: AtomicBool::new(false),
            base: format!("http://localhost:{port}"),
            asked: Mutex::default(),
        });
        let served = publish(Arc::clone(&published));
        tokio::spawn(async move { axum::serve(listener, served).await });
        let context = ActorContext {
            home: home.path().to_owned(),
            clock: Arc::clone(&clock),
            urls: Urls::on_loopback(port - 1),
            admin_token: ADMIN_TOKEN.into(),
            call_centre_token: "call centre".into(),
            live: Live::default(),
            databases: Databases::InHome,
            environment: Environment::Sandbox,
            element_keys: None,
            keys: tefuda_keys::KeyStore::Files,
        };
        let keys = KeySpace::open(&home.path().join("rp"), "rp", Environment::Sandbox).unwrap();
        let gateway = Gateway::open(context.clone()).await.unwrap();
        let router = tefuda_gateway_server::router(Arc::clone(&gateway));
        let answering = router.clone();
        tokio::spawn(async move { axum::serve(own, answering).await });
        Self {
            published,
            clock,
            home,
            context,
            gateway,
            router,
            keys,
            jti: AtomicU32::new(0),
            ways: Mutex::default(),
        }
    }

    /// Lets the gateway do what it does of its own accord.
    pub fn follow(&self) {
        tokio::spawn(Arc::clone(&self.gateway).follow_status());
    }

    /// The same home, opened by another process.
    pub async fn restart(&mut self) {
        let gateway = Gateway::open(self.context.clone()).await.unwrap();
        self.router = tefuda_gateway_server::router(gateway);
    }

    /// Civil time goes on, far enough for the gateway to look again.
    pub fn pass(&self, seconds: i64) {
        self.clock.set(self.clock.civil() + SignedDuration::from_secs(seconds)).unwrap();
    }

    pub fn now(&self) -> Timestamp {
        self.clock.civil()
    }

    /// Does something at the authority and publishes it; the gateway notices at its next look.
    pub fn authority<T>(&self, act: impl FnOnce(&mut Authority, Timestamp) -> T) -> T {
        let mut authority = self.published.authority.lock().unwrap();
        let done = act(&mut authority, self.now());
        authority.newest().publish_delta(self.now());
        drop(authority);
        self.pass(2);
        done
    }

    /// Everything that the authority was asked for so far.
    pub fn asked_of_the_authority(&self) -> Vec<String> {
        self.published.asked.lock().unwrap().clone()
    }

    pub fn unplug(&self) {
        self.published.silent.store(true, Ordering::SeqCst);
    }

    /// A phone whose holder has a card, with the link that says so.
    pub fn phone(&self) -> (Phone, LoginProofMaker) {
        let phone = self.authority(|authority, now| authority.phone(now));
        let card = self.authority(|authority, now| authority.phone(now)).reference;
        let mut card = card;
        card.kind = CertificateKind::CardAuth;
        let link = self.authority(|authority, now| authority.link(&phone, &card, now));
        (phone, LoginProofMaker { links: vec![link] })
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Reply {
        let request = Request::get(path).header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub async fn admin(&self, method: &str, path: &str, body: &Value) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {ADMIN_TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn register(&self, name: &str) -> Party {
        self.register_with(name, &Value::Null).await
    }

    /// A relying party whose registration says more.
    pub async fn register_with(&self, name: &str, more: &Value) -> Party {
        let key = self.keys.signer(name, SignatureAlgorithm::EcdsaP256Sha256).unwrap();
        let jwk = Jwk::from_point(key.public_key()).unwrap();
        let mut registration = json!({ "name": name, "redirect_uris": [REDIRECT_URI],
            "purpose": "Borrow <books>", "jwks": { "keys": [jwk] } });
        for (member, value) in more.as_object().into_iter().flatten() {
            registration[member] = value.clone();
        }
        let reply = self.admin("POST", "/admin/clients", &registration).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        Party { client_id: reply.json()["client_id"].as_str().unwrap().to_owned(), key }
    }

    pub async fn authorize(&self, party: &Party, changes: &[(&str, &str)]) -> Reply {
        let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(VERIFIER.as_bytes()));
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &party.client_id),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid"),
            ("state", "state & more"),
            ("nonce", "nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        change(&mut pairs, changes);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.get(&format!("{REALM}/protocol/openid-connect/auth?{query}"), "").await
    }

    pub async fn begin(&self, party: &Party) -> Begun {
        begun(&self.authorize(party, &[]).await)
    }

    pub async fn transaction(&self, begun: &Begun) -> LoginTransaction {
        let reply = self.get(&format!("/api/login/{}", begun.request), "").await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        serde_json::from_str::<LoginRequest>(&reply.body).unwrap().transaction
    }

    /// Posts a proof: the outcome, or the reason why the request stays as it is.
    pub async fn prove(&self, begun: &Begun, proof: &LoginProof) -> Result<LoginOutcome, String> {
        let path = format!("/api/login/{}/proof", begun.request);
        let request = Request::post(path).body(Body::from(serde_json::to_vec(proof).unwrap())).unwrap();
        let reply = self.send(request).await;
        if reply.status.is_success() {
            let outcome: LoginOutcome = serde_json::from_str(&reply.body).unwrap();
            let url = &outcome.continue_url;
            let query = url.find('?').map(|start| url[start..].to_owned()).unwrap_or_default();
            self.ways.lock().unwrap().insert(begun.request.clone(), query);
            Ok(outcome)
        } else {
            Err(reply.json()["reason"].as_str().unwrap().to_owned())
        }
    }

    pub async fn approve(&self, begun: &Begun, phone: &Phone, maker: &LoginProofMaker) -> LoginOutcome {
        let transaction = self.transaction(begun).await;
        let mut proof = phone.prove(&transaction, Method::Pin);
        proof.links.clone_from(&maker.links);
        self.prove(begun, &proof).await.unwrap()
    }

    pub async fn go_on(&self, begun: &Begun) -> Reply {
        let way = self.ways.lock().unwrap().get(&begun.request).cloned().unwrap_or_default();
        self.get(&format!("/login/{}/continue{way}", begun.request), &begun.cookie).await
    }

    /// From the first redirect to the code.
    pub async fn code(&self, party: &Party, phone: &Phone, maker: &LoginProofMaker) -> String {
        let begun = self.begin(party).await;
        let outcome = self.approve(&begun, phone, maker).await;
        assert!(outcome.accepted, "{outcome:?}");
        self.go_on(&begun).await.parameter("code")
    }

    /// Something of one's own, with an access token.
    pub async fn me(&self, method: &str, path: &str, access_token: &str) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub fn issuer(&self) -> String {
        self.context.urls.issuer()
    }

    pub fn assertion(&self, party: &Party, changes: &Value) -> String {
        let now = self.clock.wire().as_second();
        let jti = self.jti.fetch_add(1, Ordering::SeqCst);
        let mut claims = json!({ "iss": party.client_id, "sub": party.client_id, "aud": self.issuer(),
            "iat": now, "exp": now + 60, "jti": format!("j{jti}") });
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let kid = Jwk::from_point(party.key.public_key()).unwrap().kid().to_owned();
        let prepared = jws::Prepared::new(&kid, &claims).unwrap();
        let signature = jws::raw_signature(&party.key.sign(prepared.to_be_signed()).unwrap()).unwrap();
        prepared.assemble(&signature)
    }

    pub async fn redeem(&self, party: &Party, code: &str, changes: &[(&str, &str)]) -> Reply {
        let assertion = self.assertion(party, &Value::Null);
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
            ("client_assertion_type", CLIENT_ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        change(&mut pairs, changes);
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = Request::post(format!("{REALM}/protocol/openid-connect/token"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form)).unwrap()).await
    }

    pub async fn user_info(&self, access_token: &str) -> Reply {
        let request = Request::get(format!("{REALM}/protocol/openid-connect/userinfo"))
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Claims of an ID token that the published keys verify.
    pub async fn claims(&self, id_token: &str) -> Value {
        let reply = self.get(&format!("{REALM}/protocol/openid-connect/certs"), "").await;
        let keys: tefuda_openid::JwkSet = serde_json::from_str(&reply.body).unwrap();
        serde_json::from_slice(&jws::verify(id_token, &keys.keys).unwrap()).unwrap()
    }

    /// `sub` that a phone gives a party.
    pub async fn sub(&self, party: &Party, phone: &Phone, maker: &LoginProofMaker) -> String {
        let code = self.code(party, phone, maker).await;
        let tokens = self.redeem(party, &code, &[]).await;
        assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
        let claims = self.claims(tokens.json()["id_token"].as_str().unwrap()).await;
        claims["sub"].as_str().unwrap().to_owned()
    }
}

/// Links that a wallet shows.
pub struct LoginProofMaker {
    pub links: Vec<Statement<tefuda_protocol::statement::Link>>,
}

pub fn begun(reply: &Reply) -> Begun {
    let (target, _) = reply.sent_back();
    let request = target.rsplit('/').next().unwrap().to_owned();
    let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    Begun { request, cookie }
}

fn change<'a>(pairs: &mut Vec<(&'a str, &'a str)>, changes: &[(&'a str, &'a str)]) {
    for (name, value) in changes {
        pairs.retain(|(own, _)| own != name);
        pairs.push((name, value));
    }
}

fn publish(published: Arc<Published>) -> Router {
    Router::new()
        .route("/status/phone-auth/heartbeat", get(heartbeat))
        .route("/trust/index.json", get(roots))
        .route("/crl/index.json", get(lists))
        .route("/me/jwks.json", get(async || Json(json!({ "keys": [token_key().public()] }))))
        .route("/crl/{file}", get(list))
        .layer(middleware::from_fn_with_state(Arc::clone(&published), note))
        .with_state(published)
}

/// The key to which the gateway encrypts what is for the authority.
pub fn token_key() -> DecryptionKey {
    DecryptionKey::from_scalar(&Secret::new([3; 32])).unwrap()
}

type Shared = State<Arc<Published>>;

async fn note(State(published): Shared, request: Request<Body>, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let told = format!("{} {} {:?} {body:?}", parts.method, parts.uri, parts.headers);
    published.asked.lock().unwrap().push(told);
    next.run(Request::from_parts(parts, Body::from(body))).await
}

async fn heartbeat(State(published): Shared) -> Response {
    if published.silent.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let authority = published.authority.lock().unwrap();
    Json(authority.heartbeat(published.clock.civil())).into_response()
}

async fn roots(State(published): Shared) -> Json<Value> {
    let authority = published.authority.lock().unwrap();
    let roots = authority
        .generations
        .iter()
        .map(|generation| json!({ "role": "phone-auth-ca", "pem": generation.certificate.to_pem() }));
    Json(json!({ "roots": roots.collect::<Vec<_>>() }))
}

async fn lists(State(published): Shared) -> Json<Value> {
    let authority = published.authority.lock().unwrap();
    let lists = (1..=authority.generations.len()).map(|number| {
        json!({ "kind": "phone-auth", "generation": number,
            "full": format!("{}/crl/full-{number}", published.base),
            "delta": format!("{}/crl/delta-{number}", published.base) })
    });
    Json(json!({ "lists": lists.collect::<Vec<_>>() }))
}

async fn list(State(published): Shared, Path(file): Path<String>) -> Vec<u8> {
    let (list, number) = file.split_once('-').unwrap();
    let authority = published.authority.lock().unwrap();
    let generation = &authority.generations[number.parse::<usize>().unwrap() - 1];
    if list == "full" { generation.full.clone() } else { generation.delta.clone() }
}
