//! An authority in a folder of its own, residents with their cards, and phones with their elements.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    net::TcpListener,
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};
use tefuda_apdu::{Chip, LinkError, Response, Transceive, scp03::StaticKeys};
use tefuda_authority_server::{Authority, router};
use tefuda_card::{Card, personalisation::Personalisation, read};
use tefuda_element::{
    Element, KeyKinds,
    factory::Origin,
    host::{self, HostError},
};
use tefuda_protocol::{
    Signed,
    attestation::AttestedKeys,
    device::{
        DeviceAction, DeviceMessage, DeviceNonce, DeviceReply, DeviceRequest, DeviceView, SessionAnswers,
        SessionOpen, SessionPurpose, SessionTurn,
    },
    enrolment::{Application, ApplicationRequest, ApplicationState, ApplicationView},
    sealed::{Binding, PinBlock, PinPurpose},
    transaction::{Transaction, TransactionKind},
};
use tefuda_silicon::{engine::P256Key, testing::SeededSilicon};
use tefuda_store::{Databases, Documents, SystemClock};
use tefuda_types::{
    Bytes, CertificateKind, Clock, ElementId, Environment, Family, PinKind, Secret, Timestamp,
};
use tefuda_web::{ActorContext, Urls};
use tower::ServiceExt;

/// A working day in Japan, ten in the morning.
pub const MORNING: &str = "2026-11-24T01:00:00Z";
pub const SIGN_PASSWORD: &str = "PHONE01A";
pub const AUTH_PIN: &str = "2468";
pub const CODE: &str = "ABCD-EFGH-JKMN-PQRS";
pub const BOTH: [CertificateKind; 2] = [CertificateKind::PhoneSign, CertificateKind::PhoneAuth];

/// Why something was refused.
pub fn reason<T: std::fmt::Debug>(refused: Result<T, (u16, String)>) -> String {
    refused.unwrap_err().1
}

/// What a registration opens a channel for.
pub fn register(id: &str) -> SessionPurpose {
    SessionPurpose::Register { application: id.to_owned() }
}
const ADMIN: &str = "admin";
const CALL_CENTRE: &str = "call-centre";

static WORLDS: AtomicU32 = AtomicU32::new(0);
/// Where the authority looks for a gateway, for the test that has one.
pub static GATEWAY: LazyLock<TcpListener> = LazyLock::new(|| TcpListener::bind("127.0.0.1:0").unwrap());

pub struct World {
    home: PathBuf,
    pub clock: Arc<SystemClock>,
    router: Router,
    maker: P256Key,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// A refusal: status and reason code.
pub type Refused = (u16, String);

impl World {
    pub async fn at(time: &str) -> Self {
        Self::with_closures(time, "").await
    }

    pub async fn with_closures(time: &str, closures: &str) -> Self {
        let number = WORLDS.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("tefuda-authority-{}-{number}", std::process::id()));
        std::fs::create_dir_all(home.join("authority")).unwrap();
        std::fs::write(home.join("authority/closures.txt"), closures).unwrap();
        let clock = Arc::new(SystemClock::open(&home).unwrap());
        clock.set(time.parse().unwrap()).unwrap();
        let maker = P256Key::from_bytes(&[7; 32]).unwrap();
        let router = Self::start(&home, &clock).await;
        let world = Self { home, clock, router, maker };
        let root = Bytes(world.maker.public_sec1());
        for _ in 0..2 {
            world.admin("/admin/makers", &json!({ "public_key": root })).await.unwrap();
        }
        world
    }

    async fn start(home: &std::path::Path, clock: &Arc<SystemClock>) -> Router {
        Self::try_to_start(home, clock).await.unwrap()
    }

    async fn try_to_start(home: &std::path::Path, clock: &Arc<SystemClock>) -> anyhow::Result<Router> {
        let context = ActorContext {
            home: home.to_owned(),
            clock: Arc::clone(clock),
            urls: Urls::on_loopback(GATEWAY.local_addr().unwrap().port() - 2),
            admin_token: ADMIN.into(),
            call_centre_token: CALL_CENTRE.into(),
            live: tefuda_web::live::Live::default(),
            databases: Databases::InHome,
            environment: Environment::Sandbox,
            element_keys: None,
            keys: tefuda_keys::KeyStore::Files,
        };
        Ok(router(Authority::open(context).await?))
    }

    /// Another process on the same home.
    pub async fn restart(&mut self) {
        self.router = Self::start(&self.home, &self.clock).await;
    }

    /// The files of a role's store.
    fn store_of(&self, role: &str) -> Vec<PathBuf> {
        let names = ["store.db", "store.db-wal", "store.db-shm"];
        names.map(|name| self.home.join("authority").join(role).join(name)).to_vec()
    }

    /// A backup of a role's store, as it is now.
    pub fn back_up(&self, role: &str) -> Vec<Option<Vec<u8>>> {
        self.store_of(role).iter().map(|path| std::fs::read(path).ok()).collect()
    }

    /// Puts a backup in the place of a role's store and starts: why it does not.
    pub async fn put_back(&mut self, role: &str, backup: &[Option<Vec<u8>>]) -> Result<(), String> {
        self.router = Router::new();
        for (path, octets) in self.store_of(role).iter().zip(backup) {
            // Another file, so that who has the former one open does not write into this one.
            let _ = std::fs::remove_file(path);
            octets.iter().for_each(|octets| std::fs::write(path, octets).unwrap());
        }
        let started = Self::try_to_start(&self.home, &self.clock).await;
        started.map(|router| self.router = router).map_err(|error| error.to_string())
    }

    /// What the registrar keeps as it was before something that the other roles have done already, or after
    /// something that they have not: what a cut in between leaves behind.
    pub async fn cut(&mut self, collection: &str, id: &str, change: impl FnOnce(&mut Value)) {
        let store = Documents::open(&self.home.join("authority/registrar/store.db")).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        let mut kept: Value = transaction.get(collection, id).await.unwrap().unwrap_or_default();
        change(&mut kept);
        transaction.put(collection, id, &kept).await.unwrap();
        transaction.commit().await.unwrap();
        self.restart().await;
    }

    pub fn set(&self, time: &str) {
        self.clock.set(time.parse().unwrap()).unwrap();
    }

    pub fn advance(&self, seconds: i64) {
        let now = self.clock.civil().as_second();
        self.clock.set(Timestamp::from_second(now + seconds).unwrap()).unwrap();
    }

    /// What a browser talks to.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Vec<u8>>,
    ) -> (StatusCode, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, Body::from))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        (status, to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec())
    }

    fn answered<T: DeserializeOwned>((status, body): (StatusCode, Vec<u8>)) -> Result<T, Refused> {
        if status.is_success() {
            return Ok(serde_json::from_slice(&body).unwrap());
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Err((status.as_u16(), problem["reason"].as_str().unwrap_or_default().to_owned()))
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refused> {
        Self::answered(self.call("GET", path, ADMIN, None).await)
    }

    /// What a verifier fetches.
    pub async fn octets(&self, path: &str) -> Vec<u8> {
        let (status, octets) = self.call("GET", path, "", None).await;
        assert!(status.is_success(), "{path}: {status}");
        octets
    }

    /// With a token of one's own.
    pub async fn me<T: DeserializeOwned>(&self, method: &str, path: &str, token: &str) -> Result<T, Refused> {
        Self::answered(self.call(method, path, token, None).await)
    }

    /// As a phone, without any token.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Refused> {
        Self::answered(self.call("POST", path, "", Some(serde_json::to_vec(body).unwrap())).await)
    }

    pub async fn admin(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        Self::answered(self.call("POST", path, ADMIN, Some(serde_json::to_vec(body).unwrap())).await)
    }

    pub async fn call_centre(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        Self::answered(self.call("POST", path, CALL_CENTRE, Some(serde_json::to_vec(body).unwrap())).await)
    }

    /// A resident's card, made and personalised as the control room does it.
    pub async fn card(&self, resident: &str, seed: u64) -> Held {
        self.pick_up(resident, seed).await.unwrap()
    }

    pub async fn pick_up(&self, resident: &str, seed: u64) -> Result<Held, Refused> {
        let mut card = Card::insert(SeededSilicon::new(seed));
        let keys: Vec<_> = card.make_keys().unwrap().0;
        let keys: std::collections::BTreeMap<_, _> =
            keys.into_iter().map(|(slot, spki)| (slot, Bytes(spki))).collect();
        let path = format!("/admin/residents/{resident}/card");
        let personalisation = self.admin(&path, &json!({ "keys": keys })).await?;
        let personalisation: Personalisation = serde_json::from_value(personalisation).unwrap();
        card.personalise(&personalisation).unwrap();
        card.power_on();
        let password = personalisation.passwords.sign.clone().unwrap_or_default();
        Ok(Held { card, password })
    }

    /// A phone out of the factory, provisioned and handed over.
    pub async fn phone(&self, name: &str, seed: u8, family: Family) -> Phone {
        self.phone_by(&self.maker, name, seed, family).await
    }

    /// The same, by somebody who says to be a maker.
    pub async fn phone_by(&self, maker: &P256Key, name: &str, seed: u8, family: Family) -> Phone {
        let id = ElementId::from_bytes([seed; 10]);
        let made = self.admin("/admin/factory/elements", &json!({ "element": id, "family": family })).await;
        let made = made.unwrap();
        let key = |name: &str| serde_json::from_value::<Bytes>(made[name].clone()).unwrap().0;
        let origin = Origin {
            element: id,
            family,
            issuer_keys: StaticKeys::new(&key("enc"), &key("mac"), &key("dek")).unwrap(),
            user_verification_key: Secret::new([0x55; 32]),
        };
        let blank = Element::insert(SeededSilicon::new(u64::from(seed))).unwrap_err();
        let (unvouched, message) = blank.manufacture(origin).unwrap();
        let element = unvouched.vouch(maker.sign_sha256(&message)).unwrap();
        let element = Arc::new(Mutex::new(element));
        let mut wire: Box<dyn Chip> = Box::new(tefuda_element::wired(Arc::clone(&element)));
        wire.power_on();
        let phone = Phone { name: name.to_owned(), id, family, element, wire: Wire(wire) };
        let mut phone = phone;
        for purpose in [SessionPurpose::Provision, SessionPurpose::HandOver] {
            self.session(&mut phone, purpose).await.unwrap();
        }
        phone
    }

    pub async fn begin(&self, phone: &Phone, purpose: SessionPurpose) -> Result<SessionTurn, Refused> {
        self.post("/api/element-sessions", &SessionOpen { element: phone.id, purpose }).await
    }

    /// Passes a session's commands on until it is over.
    pub async fn session(&self, phone: &mut Phone, purpose: SessionPurpose) -> Result<usize, Refused> {
        self.session_with(phone, purpose, (usize::MAX, async {})).await
    }

    /// The same, with something that happens when the element has answered so many turns.
    pub async fn session_with(
        &self,
        phone: &mut Phone,
        purpose: SessionPurpose,
        (after, event): (usize, impl Future<Output = ()>),
    ) -> Result<usize, Refused> {
        let mut turn = self.begin(phone, purpose).await?;
        let (mut turns, mut event) = (0, Some(event));
        while !turn.done {
            let responses = host::pipe(&mut phone.wire, &turn.commands).unwrap();
            if turns + 1 == after
                && let Some(event) = event.take()
            {
                event.await;
            }
            let path = format!("/api/element-sessions/{}", turn.session);
            turn = self.post(&path, &SessionAnswers { responses }).await?;
            turns += 1;
        }
        Ok(turns)
    }

    pub async fn apply(&self, request: &ApplicationRequest) -> Result<ApplicationView, Refused> {
        self.post("/api/applications", request).await
    }

    pub async fn application(&self, id: &str) -> ApplicationView {
        self.get(&format!("/api/applications/{id}")).await.unwrap()
    }

    /// From the card to the registered phone.
    pub async fn enrol(&self, phone: &mut Phone, card: &mut Held, id: &str) -> ApplicationView {
        let request = phone.application(card, id, &BOTH, self.clock.civil());
        let view = self.apply(&request).await.unwrap();
        assert!(matches!(view.state, ApplicationState::Approved { .. }), "{view:?}");
        phone.set_pins();
        phone.confirm();
        let register = SessionPurpose::Register { application: id.to_owned() };
        self.session(phone, register).await.unwrap();
        self.application(id).await
    }

    pub async fn device(&self, phone: &Phone) -> DeviceView {
        self.get(&format!("/api/devices/{}", phone.id)).await.unwrap()
    }

    /// A message that the phone's element signs.
    pub async fn say(&self, phone: &mut Phone, action: DeviceAction) -> Result<DeviceReply, Refused> {
        let request = self.message(phone, action).await;
        self.post(&format!("/api/devices/{}/messages", phone.id), &request).await
    }

    pub async fn message(&self, phone: &mut Phone, action: DeviceAction) -> DeviceRequest {
        let nonce: DeviceNonce = self.get(&format!("/api/devices/{}/nonce", phone.id)).await.unwrap();
        let message = DeviceMessage { element: phone.id, action, nonce: nonce.nonce };
        let (payload, _) = Signed::prepare(&message).unwrap();
        let signature = host::sign_device_message(phone.wallet(), &payload.0).unwrap();
        DeviceRequest { message: Signed::assemble(payload, signature.into()) }
    }

    /// A new recovery code, for which the element asks the signature password.
    pub async fn change_recovery_code(&self, phone: &mut Phone, hash: Bytes) -> Result<DeviceReply, Refused> {
        let nonce: DeviceNonce = self.get(&format!("/api/devices/{}/nonce", phone.id)).await.unwrap();
        let action = DeviceAction::RecoveryCode { hash };
        let message = DeviceMessage { element: phone.id, action, nonce: nonce.nonce };
        let (payload, _) = Signed::prepare(&message).unwrap();
        phone.type_in(TransactionKind::RecoveryCode, "code", &[(PinPurpose::VerifySign, SIGN_PASSWORD)]);
        let signature = host::sign_device_message_with_password(&mut phone.wire, &payload.0, "code").unwrap();
        let request = DeviceRequest { message: Signed::assemble(payload, signature.into()) };
        self.post(&format!("/api/devices/{}/messages", phone.id), &request).await
    }

    /// Status of the present certificates of a person: card sign, card auth, phone sign, phone auth.
    pub async fn statuses(&self, resident: &str, phone: &Phone) -> [String; 4] {
        let card: Value = self.get(&format!("/admin/residents/{resident}")).await.unwrap();
        let device = serde_json::to_value(self.device(phone).await).unwrap();
        BOTH.iter()
            .map(|kind| (card["card"]["certificates"].clone(), kind.card_twin()))
            .chain(BOTH.iter().map(|kind| (device["certificates"].clone(), *kind)))
            .map(|(lines, kind)| {
                let lines = lines.as_array().unwrap().clone();
                let line = lines.into_iter().find(|line| line["kind"] == kind.as_str()).unwrap();
                let reason = line["reason"].as_str().filter(|reason| *reason != "certificateHold");
                let status = line["status"].as_str().unwrap().to_owned();
                reason.map_or_else(|| status.clone(), |reason| format!("{status} {reason}"))
            })
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }
}

/// A card held against a reader.
pub struct Held {
    pub card: Card<SeededSilicon>,
    password: String,
}

impl Transceive for Held {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        Response::from_bytes(&self.card.process(command))
    }
}

impl Held {
    pub fn sign(&mut self, message: &[u8]) -> (Bytes, Bytes) {
        read::select_jpki(self).unwrap();
        let password = Secret::new(self.password.clone());
        read::verify(self, PinKind::Sign, &password).unwrap();
        let certificate = read::certificate(self, PinKind::Sign, &mut |_, _| {}).unwrap();
        let signature = read::sign(self, PinKind::Sign, &Sha256::digest(message).into()).unwrap();
        (certificate.into(), signature.into())
    }

    /// Without a password: the authentication certificate and the common application's key.
    pub fn prove_presence(&mut self, message: &[u8]) -> (Bytes, Bytes) {
        read::select_jpki(self).unwrap();
        let certificate = read::certificate(self, PinKind::Auth, &mut |_, _| {}).unwrap();
        let signature = read::internal_authenticate(self, &Sha256::digest(message)).unwrap();
        (certificate.into(), signature.into())
    }
}

pub struct Wire(Box<dyn Chip>);

impl Transceive for Wire {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        Response::from_bytes(&self.0.process(command))
    }
}

/// A phone: its element, and the wires to it.
pub struct Phone {
    pub name: String,
    pub id: ElementId,
    pub family: Family,
    pub element: Arc<Mutex<Element<SeededSilicon>>>,
    pub wire: Wire,
}

impl Phone {
    pub fn wallet(&mut self) -> &mut Wire {
        host::select_wallet(&mut self.wire).unwrap();
        &mut self.wire
    }

    pub fn keys(&mut self, kinds: KeyKinds, nonce: [u8; 16]) -> Result<AttestedKeys, HostError> {
        host::generate_keys(self.wallet(), kinds, &nonce)
    }

    /// An application as the portal makes it; its nonce is made of its identifier.
    pub fn unsigned(&mut self, id: &str, kinds: &[CertificateKind], at: Timestamp) -> Application {
        let nonce: [u8; 16] = Sha256::digest(id)[..16].try_into().unwrap();
        let key_kinds = if kinds.len() == 1 { KeyKinds::Sign } else { KeyKinds::Both };
        let code = (kinds.len() > 1).then(|| Bytes(Sha256::digest(CODE).to_vec()));
        Application {
            id: id.to_owned(),
            phone: self.name.clone(),
            family: self.family,
            model: "test".to_owned(),
            app_version: "1.0.0".to_owned(),
            kinds: kinds.to_vec(),
            keys: self.keys(key_kinds, nonce).unwrap(),
            nonce: nonce.to_vec().into(),
            recovery_code_hash: code,
            created_at: at,
        }
    }

    pub fn application(
        &mut self,
        card: &mut Held,
        id: &str,
        kinds: &[CertificateKind],
        at: Timestamp,
    ) -> ApplicationRequest {
        sign(card, &self.unsigned(id, kinds, at))
    }

    fn type_in(&mut self, kind: TransactionKind, body: &str, typed: &[(PinPurpose, &str)]) {
        let wallet = self.wallet();
        let attestation = host::pin_entry_attestation(wallet).unwrap().peek_unverified().unwrap();
        let spki = attestation.public_key.0;
        let challenge = host::challenge(wallet).unwrap();
        let transaction = Transaction { kind, body: body.to_owned() }.hash();
        for (purpose, password) in typed {
            let binding = Binding { challenge, transaction, purpose: *purpose };
            let password = Secret::new(password.as_bytes().to_vec());
            let mut random = <rand_chacha::ChaCha8Rng as rand_core::SeedableRng>::seed_from_u64(4);
            let block = PinBlock::seal(&spki[spki.len() - 65..], &binding, &password, &mut random).unwrap();
            host::present_pin(wallet, *purpose, &transaction, &block).unwrap();
        }
    }

    pub fn set_pins(&mut self) {
        let typed = [(PinPurpose::SetSign, SIGN_PASSWORD), (PinPurpose::SetAuth, AUTH_PIN)];
        self.type_in(TransactionKind::SetPin, "set", &typed);
    }

    /// Sets a password that the element lets be set anew.
    pub fn set_anew(&mut self, purpose: PinPurpose, password: &str) {
        self.type_in(TransactionKind::ResetPin, "anew", &[(purpose, password)]);
    }

    /// The holder agrees to register.
    pub fn confirm(&mut self) {
        self.type_in(TransactionKind::Register, "register", &[(PinPurpose::VerifySign, SIGN_PASSWORD)]);
        host::confirm_registration(&mut self.wire, "register").unwrap();
    }
}

/// A message of the card's holder.
pub fn sign(card: &mut Held, application: &Application) -> ApplicationRequest {
    let (payload, message) = Signed::prepare(application).unwrap();
    let (certificate, signature) = card.sign(&message);
    ApplicationRequest { certificate, application: Signed::assemble(payload, signature) }
}
