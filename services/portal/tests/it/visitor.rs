//! Somebody with a browser and a phone at the portal.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, Request, StatusCode, header},
    routing::post,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tefuda_portal::Portal;
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tower::ServiceExt;
use url::Url;

use crate::{
    fixture::Phone,
    world::{Begun, LoginProofMaker, World, begun},
};

/// A gateway that answers over a socket, and the portal that is registered with it.
pub struct Scene {
    pub world: World,
    router: Router,
    pub client_id: String,
    /// Logout tokens on their way to the portal.
    pub logouts: UnboundedReceiver<String>,
}

/// What the portal answered.
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map(|own| own.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    pub fn refuses(&self, reason: &str) {
        assert!(self.status.is_client_error(), "{} {}", self.status, self.body);
        assert!(self.body.contains(&format!("data-reason=\"{reason}\"")), "{reason}: {}", self.body);
        assert!(self.location().is_empty());
    }

    #[track_caller]
    pub fn shows(&self, step: &str) {
        assert!(
            self.body.contains(&format!("data-step=\"{step}\"")),
            "{step}: {} {}",
            self.status,
            self.body
        );
    }
}

/// A browser: its cookies.
#[derive(Clone, Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
    /// A whole `Cookie` header in their place.
    pub tossed: Option<String>,
}

impl Scene {
    pub async fn new() -> Self {
        let world = World::new().await;
        let portal = Portal::open(world.context.clone()).await.unwrap();
        let (uri, logouts) = ear().await;
        let mut registration = portal.registration();
        registration["backchannel_logout_uri"] = json!(uri);
        let registered = world.admin("POST", "/admin/clients", &registration).await.json();
        let client_id = registered["client_id"].as_str().unwrap().to_owned();
        portal.registered(client_id.parse().unwrap()).await.unwrap();
        let router = tefuda_portal::router(portal);
        Self { world, router, client_id, logouts }
    }

    pub async fn send(&self, browser: &mut Browser, request: axum::http::request::Builder) -> Page {
        let pairs: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = browser.tossed.clone().unwrap_or_else(|| pairs.join("; "));
        let request = request.header(header::COOKIE, cookies).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                browser.cookies.remove(name);
            } else {
                browser.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, browser: &mut Browser, path: &str) -> Page {
        self.send(browser, Request::get(path)).await
    }

    pub async fn post(&self, browser: &mut Browser, path: &str) -> Page {
        self.send(browser, Request::post(path).header("sec-fetch-site", "same-origin")).await
    }

    /// The gateway's ear for logout tokens, without a browser.
    pub async fn hear(&self, body: &str) -> StatusCode {
        let request = Request::post("/backchannel-logout")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    /// Goes to the gateway: its page of the request.
    pub async fn begin(&self, browser: &mut Browser, path: &str) -> Begun {
        let away = self.get(browser, path).await;
        let url = Url::parse(away.location()).unwrap();
        let reply = self.world.get(&format!("{}?{}", url.path(), url.query().unwrap()), "").await;
        begun(&reply)
    }

    /// Comes back from the gateway: the path at the portal.
    pub async fn way_back(&self, begun: &Begun) -> String {
        let reply = self.world.go_on(begun).await;
        let url = Url::parse(reply.headers[header::LOCATION].to_str().unwrap()).unwrap();
        format!("{}?{}", url.path(), url.query().unwrap())
    }

    /// Logs in to the end.
    pub async fn log_in(&self, browser: &mut Browser, by: &(Phone, LoginProofMaker)) {
        let begun = self.begin(browser, "/login").await;
        assert!(self.world.approve(&begun, &by.0, &by.1).await.accepted);
        let back = self.way_back(&begun).await;
        let page = self.get(browser, &back).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/"), "{}", page.body);
    }

    /// What stands in the portal's store, as bytes.
    pub fn stored(&self) -> Vec<u8> {
        let folder = self.world.home.path().join("portal");
        let files =
            ["store.db", "store.db-wal"].map(|name| std::fs::read(folder.join(name)).unwrap_or_default());
        files.concat()
    }
}

/// Where the gateway tells logouts.
async fn ear() -> (String, UnboundedReceiver<String>) {
    let (heard, hearing) = unbounded_channel();
    let hear = async |State(heard): State<UnboundedSender<String>>, body: String| {
        heard.send(body).unwrap();
    };
    let router = Router::new().route("/logout", post(hear)).with_state(heard);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://localhost:{}/logout", listener.local_addr().unwrap().port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (uri, hearing)
}

/// Whether octets have a text in them.
pub fn holds(octets: &[u8], text: &str) -> bool {
    octets.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A value of a JSON Web Token, unverified.
pub fn claim(token: &str, name: &str) -> Value {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let payload = Base64UrlUnpadded::decode_vec(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()[name].clone()
}
