//! An authority to throw away: generations of a CA, what they publish, and phones with keys of their own.
//!
//! The gateway's tests use it too.

use p256::ecdsa::Signature;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tefuda_keys::{Environment, KeySpace, RoleKey, SystemRandom};
use tefuda_pki::{
    Certificate, SignatureAlgorithm, Signer,
    crl::{CrlDraft, Entry, EntryState, ListKind, RevocationReason, Update},
    profile::{self, Leaf, Municipality, Period},
};
use tefuda_protocol::{
    Signed, SignedMessage,
    login::LoginProof,
    statement::{CertificateReference, Heartbeat, Link, ListState, Statement, WalletInstance},
    transaction::{LoginTransaction, Method, login_message, wallet_message},
};
use tefuda_types::{Bytes, CertificateKind, Serial, Timestamp};

pub const INTERVAL_SECONDS: u32 = 5;
const DAY_SECONDS: i64 = 86_400;

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder that is gone with the value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::SeqCst);
        let name = format!("tefuda-throwaway-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn later(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(time.as_second() + seconds).unwrap()
}

pub fn serial() -> Serial {
    let mut octets = SystemRandom::octets::<8>();
    octets[0] = octets[0] & 0x7F | 0x40;
    Serial::from_be_bytes(&octets).unwrap()
}

pub fn raw(der: &[u8]) -> Bytes {
    Bytes(Signature::from_der(der).unwrap().to_bytes().to_vec())
}

#[derive(Debug)]
pub struct Generation {
    pub certificate: Certificate,
    key: RoleKey,
    statement_key: RoleKey,
    statement_signer: Certificate,
    pub full: Vec<u8>,
    pub delta: Vec<u8>,
    base: u64,
    full_number: u64,
    delta_number: u64,
    last_number: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
pub struct Authority {
    _folder: Folder,
    keys: KeySpace,
    pub kind: CertificateKind,
    pub generations: Vec<Generation>,
    phones: u32,
}

#[derive(Debug)]
pub struct Phone {
    pub certificate: Certificate,
    pub reference: CertificateReference,
    pub auth: RoleKey,
    pub wallet: RoleKey,
    pub wallet_instance: Statement<WalletInstance>,
}

impl Authority {
    pub fn new(kind: CertificateKind, now: Timestamp) -> Self {
        let folder = Folder::new();
        let keys = KeySpace::open(folder.path(), "throw-away", Environment::Sandbox).unwrap();
        let mut authority = Self { _folder: folder, keys, kind, generations: Vec::new(), phones: 0 };
        authority.rotate(now);
        authority
    }

    /// The next generation, with its first lists.
    pub fn rotate(&mut self, now: Timestamp) {
        let number = self.generations.len() + 1;
        let key = self.keys.signer(&format!("ca-{number}"), SignatureAlgorithm::Rsa2048Sha256).unwrap();
        let period =
            Period { not_before: later(now, -DAY_SECONDS), not_after: later(now, 3_000 * DAY_SECONDS) };
        let linted = profile::authority(self.kind, &serial(), key.public_spki(), period).unwrap();
        let linted = linted.lint().unwrap();
        let signature = key.sign(linted.to_be_signed()).unwrap();
        let certificate = linted.assemble(&signature).unwrap();
        let name = format!("statement-{number}");
        let statement_key = self.keys.signer(&name, SignatureAlgorithm::EcdsaP256Sha256).unwrap();
        let period = Period { not_before: later(now, -300), not_after: later(now, 30 * DAY_SECONDS) };
        let spki = statement_key.public_spki();
        let linted = profile::statement_signer(&certificate, &serial(), spki, period).unwrap();
        let linted = linted.lint().unwrap();
        let signature = key.sign(linted.to_be_signed()).unwrap();
        let statement_signer = linted.assemble(&signature).unwrap();
        self.generations.push(Generation {
            certificate,
            key,
            statement_key,
            statement_signer,
            full: Vec::new(),
            delta: Vec::new(),
            base: 0,
            full_number: 0,
            delta_number: 0,
            last_number: 0,
            entries: Vec::new(),
        });
        self.newest().publish_full(now);
        self.newest().publish_delta(now);
    }

    pub fn newest(&mut self) -> &mut Generation {
        self.generations.last_mut().unwrap()
    }

    /// A certificate of the newest generation for a key.
    pub fn issue(&self, spki: &[u8], period: Period) -> Certificate {
        let leaf = Leaf {
            kind: self.kind,
            common_name: format!("{}", serial()),
            municipality: Municipality { prefecture: "Tokyo-to".into(), city: "Kiyose-shi".into() },
            attributes: None,
            ocsp_url: "http://localhost/ocsp".into(),
        };
        let generation = self.generations.last().unwrap();
        let linted = profile::leaf(&leaf, &generation.certificate, &serial(), spki, period).unwrap();
        let linted = linted.lint().unwrap();
        let signature = generation.key.sign(linted.to_be_signed()).unwrap();
        linted.assemble(&signature).unwrap()
    }

    pub fn reference(&self, certificate: &Certificate) -> CertificateReference {
        CertificateReference {
            kind: self.kind,
            issuer_key_id: hex(&certificate.issuer_key_id()),
            serial: certificate.serial().clone(),
        }
    }

    /// A phone with a certificate that is good for a thousand days.
    pub fn phone(&mut self, now: Timestamp) -> Phone {
        self.phones += 1;
        let name = |key: &str| format!("phone-{}-{key}", self.phones);
        let auth = self.keys.signer(&name("auth"), SignatureAlgorithm::Rsa2048Sha256).unwrap();
        let wallet = self.keys.signer(&name("wallet"), SignatureAlgorithm::EcdsaP256Sha256).unwrap();
        let period = Period { not_before: later(now, -60), not_after: later(now, 1_000 * DAY_SECONDS) };
        let certificate = self.issue(auth.public_spki(), period);
        let reference = self.reference(&certificate);
        let wallet_instance = self.wallet_instance(&reference, &wallet, now);
        Phone { certificate, reference, auth, wallet, wallet_instance }
    }

    pub fn wallet_instance(
        &self,
        certificate: &CertificateReference,
        wallet: &RoleKey,
        now: Timestamp,
    ) -> Statement<WalletInstance> {
        self.state(&WalletInstance {
            certificate: certificate.clone(),
            wallet_key: Bytes(wallet.public_key().to_vec()),
            issued_at: now,
        })
    }

    pub fn link(&self, phone: &Phone, linked: &CertificateReference, now: Timestamp) -> Statement<Link> {
        self.state(&Link { certificate: phone.reference.clone(), linked: linked.clone(), issued_at: now })
    }

    /// A statement by the delegate of the newest generation.
    pub fn state<T: SignedMessage>(&self, message: &T) -> Statement<T> {
        let generation = self.generations.last().unwrap();
        let (payload, to_be_signed) = Signed::prepare(message).unwrap();
        let signature = raw(&generation.statement_key.sign(&to_be_signed).unwrap());
        Statement {
            signer: Bytes(generation.statement_signer.as_der().to_vec()),
            signed: Signed::assemble(payload, signature),
        }
    }

    pub fn heartbeat(&self, now: Timestamp) -> Statement<Heartbeat> {
        let lists = self.generations.iter().zip(1..).map(|(generation, number)| ListState {
            kind: self.kind,
            generation: number,
            issuer_key_id: hex(&generation.certificate.key_id()),
            full: generation.full_number,
            delta: generation.delta_number,
        });
        self.state(&Heartbeat { time: now, interval_seconds: INTERVAL_SECONDS, lists: lists.collect() })
    }

    /// Says something of a certificate in the next lists.
    pub fn list(&mut self, certificate: &CertificateReference, state: EntryState, now: Timestamp) {
        let generation = self
            .generations
            .iter_mut()
            .find(|generation| hex(&generation.certificate.key_id()) == certificate.issuer_key_id)
            .unwrap();
        generation.entries.retain(|entry| entry.serial != certificate.serial);
        generation.entries.push(Entry { serial: certificate.serial.clone(), since: now, state });
    }

    pub fn suspend(&mut self, certificate: &CertificateReference, now: Timestamp) {
        self.list(certificate, EntryState::Revoked(RevocationReason::CertificateHold), now);
    }

    pub fn revoke(&mut self, certificate: &CertificateReference, now: Timestamp) {
        self.list(certificate, EntryState::Revoked(RevocationReason::CessationOfOperation), now);
    }

    pub fn lift(&mut self, certificate: &CertificateReference, now: Timestamp) {
        self.list(certificate, EntryState::Removed, now);
    }
}

impl Generation {
    fn publish(&mut self, kind: &ListKind, update: Update, entries: &[Entry]) -> Vec<u8> {
        let draft = CrlDraft::new(&self.certificate, kind, update, entries).unwrap();
        let signature = self.key.sign(draft.to_be_signed()).unwrap();
        draft.assemble(&signature).unwrap()
    }

    /// A full list: where deltas start from, from now on.
    pub fn publish_full(&mut self, now: Timestamp) {
        self.last_number += 1;
        self.full_number = self.last_number;
        self.base = self.last_number;
        let update =
            Update { number: self.last_number, this_update: now, next_update: later(now, 36 * 3_600) };
        let entries: Vec<Entry> =
            self.entries.iter().filter(|entry| entry.state != EntryState::Removed).cloned().collect();
        let kind = ListKind::Full { freshest: "http://localhost/delta".into() };
        self.full = self.publish(&kind, update, &entries);
    }

    pub fn publish_delta(&mut self, now: Timestamp) {
        self.last_number += 1;
        self.delta_number = self.last_number;
        let update = Update { number: self.last_number, this_update: now, next_update: later(now, 3_600) };
        let entries = self.entries.clone();
        self.delta = self.publish(&ListKind::Delta { base: self.base }, update, &entries);
    }
}

impl Phone {
    pub fn prove(&self, transaction: &LoginTransaction, method: Method) -> LoginProof {
        let hash = transaction.to_transaction().hash();
        LoginProof {
            certificate: Bytes(self.certificate.as_der().to_vec()),
            method,
            auth_signature: Bytes(self.auth.sign(&login_message(method, &hash)).unwrap()),
            wallet_signature: raw(&self.wallet.sign(&wallet_message(method, &hash)).unwrap()),
            wallet_instance: self.wallet_instance.clone(),
            links: Vec::new(),
        }
    }
}

pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
