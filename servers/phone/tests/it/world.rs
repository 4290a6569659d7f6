//! A home with an authority on a port of its own, residents' cards, and phones.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header, request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tefuda_apdu::{Chip, LinkError, Response as Answer, Transceive};
use tefuda_authority_server::Authority;
use tefuda_card::{Card, personalisation::Personalisation};
use tefuda_keys::SystemRandom;
use tefuda_phone::seal;
use tefuda_phone_server::{CardField, Holding, Phones};
use tefuda_protocol::{
    device::StopRequest,
    phone::{Act, CardShown, EnrolmentStart, Next as Needed, PhoneStatus, PinSession, Progress, SealedPins},
    sealed::PinPurpose,
};
use tefuda_silicon::testing::SeededSilicon;
use tefuda_store::{Databases, SystemClock};
use tefuda_types::{Bytes, Environment, ResidentId, Secret};
use tefuda_web::{ActorContext, Client, Problem, Urls};
use tokio::{net::TcpListener, task::JoinHandle};
use tower::ServiceExt;

/// A working day in Japan, ten in the morning.
const MORNING: &str = "2026-11-24T01:00:00Z";
pub const SIGN: &str = "PHONE01A";
pub const AUTH: &str = "2749";
const ADMIN: &str = "admin";
/// More commands or answers than anything here takes.
pub const NEVER: usize = 1_000_000;

static WORLDS: AtomicUsize = AtomicUsize::new(0);

/// How many answers of the authority still come.
#[derive(Clone, Debug)]
pub struct Wire(Arc<AtomicUsize>);

impl Wire {
    /// Lets `answers` through; the next one is lost after it did its work, then all is well again.
    pub fn lose_after(&self, answers: usize) {
        self.0.store(answers, Ordering::SeqCst);
    }

    pub fn is_waiting(&self) -> bool {
        self.0.load(Ordering::SeqCst) < NEVER / 2
    }

    pub fn heal(&self) {
        self.0.store(NEVER, Ordering::SeqCst);
    }

    async fn pass(State(wire): State<Self>, request: Request, next: Next) -> Response {
        // Sessions with the factory and the like are not what is tried here.
        let counted = request.uri().path().starts_with("/api/");
        let response = next.run(request).await;
        if counted && wire.0.fetch_sub(1, Ordering::SeqCst) == 0 {
            wire.heal();
            return StatusCode::BAD_GATEWAY.into_response();
        }
        response
    }
}

/// Residents' cards, and how many commands each answers before it is torn away.
#[derive(Debug)]
pub struct Cards {
    cards: Mutex<HashMap<String, Arc<Mutex<Card<SeededSilicon>>>>>,
    commands: AtomicUsize,
}

struct Torn {
    card: Arc<Mutex<Card<SeededSilicon>>>,
    left: usize,
}

impl Transceive for Torn {
    fn transceive(&mut self, command: &[u8]) -> Result<Answer, LinkError> {
        self.left = self.left.checked_sub(1).ok_or(LinkError::Torn)?;
        Answer::from_bytes(&self.card.lock().unwrap().process(command))
    }
}

impl CardField for Cards {
    fn hold<'a>(&'a self, resident: &'a ResidentId) -> Holding<'a> {
        Box::pin(async move {
            let card = Arc::clone(self.cards.lock().unwrap().get(resident.as_str()).unwrap());
            card.lock().unwrap().power_on();
            let left = self.commands.load(Ordering::SeqCst);
            Ok::<_, Problem>(Box::new(Torn { card, left }) as Box<dyn Transceive + Send>)
        })
    }
}

pub struct World {
    home: PathBuf,
    context: ActorContext,
    authority: JoinHandle<()>,
    pub wire: Wire,
    cards: Arc<Cards>,
    router: Router,
}

impl Drop for World {
    fn drop(&mut self) {
        self.authority.abort();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// A refusal's reason code.
pub type Refused = String;

/// What a browser got.
pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The value of the first attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("{name}=\""))?;
        let value = rest.split('"').next()?;
        let signs = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        Some(signs.iter().fold(value.to_owned(), |text, (sign, plain)| text.replace(sign, plain)))
    }
}

impl World {
    pub async fn new() -> Self {
        let number = WORLDS.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("tefuda-phones-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let clock = Arc::new(SystemClock::open(&home).unwrap());
        clock.set(MORNING.parse().unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let context = ActorContext {
            home: home.clone(),
            clock,
            // The authority's port is the one after the first.
            urls: Urls::on_loopback(listener.local_addr().unwrap().port() - 1),
            admin_token: ADMIN.into(),
            call_centre_token: "call-centre".into(),
            live: tefuda_web::live::Live::default(),
            databases: Databases::InHome,
            environment: Environment::Sandbox,
            element_keys: None,
            keys: tefuda_keys::KeyStore::Files,
        };
        let wire = Wire(Arc::new(AtomicUsize::new(NEVER)));
        let router = tefuda_authority_server::router(Authority::open(context.clone()).await.unwrap())
            .layer(middleware::from_fn_with_state(wire.clone(), Wire::pass));
        let authority = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let cards = Arc::new(Cards { cards: Mutex::default(), commands: AtomicUsize::new(NEVER) });
        let router = Self::start(&context, &cards).await;
        Self { home, context, authority, wire, cards, router }
    }

    async fn start(context: &ActorContext, cards: &Arc<Cards>) -> Router {
        let phones = Phones::open(context.clone(), Arc::clone(cards) as Arc<dyn CardField>).unwrap();
        phones.switch_on().await.unwrap();
        tefuda_phone_server::router(phones)
    }

    /// Another process on the same home.
    pub async fn restart(&mut self) {
        self.router = Router::new();
        self.router = Self::start(&self.context, &self.cards).await;
    }

    /// Civil time.
    pub fn set(&self, time: &str) {
        self.context.clock.set(time.parse().unwrap()).unwrap();
    }

    /// Somebody has a recovery code.
    pub async fn stop(&self, code: &str) -> Result<Value, Refused> {
        let url = format!("{}/api/stops", self.context.urls.authority());
        let request = StopRequest { recovery_code: code.to_owned() };
        Client::new(None).post(&url, &request).await.map_err(|error| error.reason().to_owned())
    }

    /// The authority revokes a phone's certificates.
    pub async fn revoke(&self, status: &PhoneStatus) {
        let client = Client::new(Some(ADMIN.into()));
        let url = format!("{}/admin/revocations", self.context.urls.authority());
        for held in &status.certificates {
            let told = json!({ "kind": held.kind, "serial": held.serial, "reason": "keyCompromise" });
            let _: Value = client.post(&url, &told).await.unwrap();
        }
    }

    /// Files of a phone's die cannot be written any more, or can be again.
    pub fn jam(&self, phone: &str, files: &[&str], jammed: bool) {
        let die = self.home.join("phones").join(phone).join("element");
        for name in files {
            let (file, aside) = (die.join(name), die.join(format!("{name}.aside")));
            if jammed {
                let _ = std::fs::rename(&file, &aside);
                std::fs::create_dir(&file).unwrap();
            } else {
                std::fs::remove_dir(&file).unwrap();
                let _ = std::fs::rename(&aside, &file);
            }
        }
    }

    /// The authority is out of reach from now on.
    pub async fn unplug(&mut self) {
        self.authority.abort();
        let _ = (&mut self.authority).await;
    }

    /// A resident's card, personalised by the authority.
    pub async fn card(&self, resident: &str, seed: u64) {
        let mut card = Card::insert(SeededSilicon::new(seed));
        let keys: BTreeMap<_, _> =
            card.make_keys().unwrap().0.into_iter().map(|(slot, spki)| (slot, Bytes(spki))).collect();
        let url = format!("{}/admin/residents/{resident}/card", self.context.urls.authority());
        let client = Client::new(Some(ADMIN.into()));
        let personalisation: Personalisation = client.post(&url, &json!({ "keys": keys })).await.unwrap();
        card.personalise(&personalisation).unwrap();
        self.cards.cards.lock().unwrap().insert(resident.to_owned(), Arc::new(Mutex::new(card)));
    }

    /// From now on cards are torn away after so many commands.
    pub fn tear_after(&self, commands: usize) {
        self.cards.commands.store(commands, Ordering::SeqCst);
    }

    async fn call(&self, host: &str, method: &str, path: &str, body: Body) -> Result<Vec<u8>, Refused> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let octets = to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec();
        if status.is_success() {
            return Ok(octets);
        }
        let problem: Value = serde_json::from_slice(&octets).unwrap_or_default();
        Err(problem["reason"].as_str().unwrap_or_default().to_owned())
    }

    /// A browser's request: no token, whatever else the headers say.
    pub async fn browse(&self, host: &str, request: request::Builder, body: String) -> Seen {
        let request = request.header(header::HOST, host).body(Body::from(body)).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let octets = to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec();
        Seen { status, headers, text: String::from_utf8(octets).unwrap() }
    }

    pub async fn get<T: DeserializeOwned>(&self, host: &str, path: &str) -> Result<T, Refused> {
        let octets = self.call(host, "GET", path, Body::empty()).await?;
        Ok(serde_json::from_slice(&octets).unwrap())
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        host: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Refused> {
        let octets = self.call(host, "POST", path, serde_json::to_vec(body).unwrap().into()).await?;
        Ok(serde_json::from_slice(&octets).unwrap())
    }

    pub fn phone<'a>(&'a self, name: &'a str) -> Phone<'a> {
        Phone { world: self, host: format!("phone-{name}.localhost:8484") }
    }
}

/// A phone, and the person in front of it.
pub struct Phone<'a> {
    world: &'a World,
    host: String,
}

impl Phone<'_> {
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refused> {
        self.world.get(&self.host, path).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Refused> {
        self.world.post(&self.host, path, body).await
    }

    pub async fn status(&self) -> PhoneStatus {
        self.get("/api/status").await.unwrap()
    }

    pub async fn begin(&self, resident: &str) -> Result<Progress, Refused> {
        self.post("/api/enrolment", &EnrolmentStart { resident: resident.parse().unwrap() }).await
    }

    pub async fn show_card(&self, resident: &str, password: &str) -> Result<Progress, Refused> {
        let shown = CardShown {
            resident: resident.parse().unwrap(),
            card_sign_pin: Some(password.to_owned()),
            reset: None,
            risk_last_try: false,
        };
        self.post("/api/enrolment/card", &shown).await
    }

    pub async fn open(&self, act: &Act) -> Result<PinSession, Refused> {
        self.post("/api/pin-sessions", act).await
    }

    /// Seals what the purposes want.
    pub async fn seal(&self, session: &PinSession, sign: &str, auth: &str) -> SealedPins {
        let maker: Value = self.world.get("localhost:8484", "/admin/maker").await.unwrap();
        let root: Bytes = serde_json::from_value(maker["public_key"].clone()).unwrap();
        let typed = session.purposes.iter().map(|purpose| match purpose {
            PinPurpose::VerifySign | PinPurpose::SetSign => sign,
            PinPurpose::VerifyAuth | PinPurpose::SetAuth => auth,
        });
        let typed: Vec<_> = typed.map(|text| Secret::new(text.as_bytes().to_vec())).collect();
        seal::seal(session, &root.0, &typed, &mut SystemRandom).unwrap()
    }

    pub async fn complete<T: DeserializeOwned>(
        &self,
        session: &PinSession,
        sealed: &SealedPins,
    ) -> Result<T, Refused> {
        self.post(&format!("/api/pin-sessions/{}", session.id), sealed).await
    }

    pub async fn agree<T: DeserializeOwned>(&self, act: &Act) -> Result<T, Refused> {
        let session = self.open(act).await?;
        let sealed = self.seal(&session, SIGN, AUTH).await;
        self.complete(&session, &sealed).await
    }

    /// One step further, as a command line or page would go.
    pub async fn step(&self, progress: &Progress, resident: &str, card: &str) -> Result<Progress, Refused> {
        match progress.next {
            Needed::Card => self.show_card(resident, card).await,
            Needed::Pins => self.agree(&Act::SetPins).await,
            Needed::Decision => self.get("/api/enrolment").await,
            Needed::Register => self.agree(&Act::Register).await,
            Needed::Nothing => self.begin(resident).await,
        }
    }

    /// All of it.
    pub async fn enrol(&self, resident: &str, card: &str) -> Progress {
        let mut progress = self.begin(resident).await.unwrap();
        while progress.next != Needed::Nothing {
            progress = self.step(&progress, resident, card).await.unwrap();
        }
        progress
    }
}
