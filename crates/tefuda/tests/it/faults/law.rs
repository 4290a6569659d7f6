//! What must hold whatever went wrong, looked up in the stores, the lists and the responder.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tefuda_pki::{
    Certificate,
    crl::{EntryState, RevocationList, RevocationReason},
    path::TrustStore,
};
use tefuda_store::{Databases, Documents};
use tefuda_types::CertificateKind;
use tefuda_web::Client;

use super::processes::{PROXIES, Processes};
use crate::{peer::well, system::run};

/// What has been acknowledged, and where to look whether it still holds.
pub struct Law {
    databases: Databases,
    /// Serials that a phone ever held.
    seen: BTreeSet<String>,
    /// What was acknowledged last of a serial.
    acknowledged: BTreeMap<String, &'static str>,
}

/// A CA's own record.
struct Record {
    kind: CertificateKind,
    certificates: BTreeMap<String, Value>,
    requests: BTreeMap<String, Value>,
    audit: Vec<(String, Value)>,
}

impl Law {
    pub fn new(databases: Databases) -> Self {
        Self { databases, seen: BTreeSet::new(), acknowledged: BTreeMap::new() }
    }

    pub fn seen(&mut self, serials: &[String]) {
        self.seen.extend(serials.iter().cloned());
    }

    pub fn acknowledge(&mut self, serials: &[String], status: &'static str) {
        self.acknowledged.extend(serials.iter().map(|serial| (serial.clone(), status)));
    }

    /// Stops may be lifted from now on; what was revoked stays so.
    pub fn lift(&mut self) {
        self.acknowledged.retain(|_, status| *status == "revoked");
    }

    /// Looks at everything; gives how many certificates there are.
    ///
    /// # Panics
    /// When something does not hold.
    pub fn holds(&self, processes: &Processes) -> usize {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut serials = BTreeSet::new();
        let mut standing = BTreeMap::new();
        for kind in CertificateKind::ALL {
            let record = runtime.block_on(self.record(processes, kind));
            for (serial, certificate) in &record.certificates {
                assert!(serials.insert(serial.clone()), "the serial {serial} was issued twice");
                standing.insert(serial.clone(), (kind, certificate["standing"].clone()));
            }
            record.is_sound();
        }
        for serial in &self.seen {
            assert!(standing.contains_key(serial), "{serial} is on a phone and in no store");
        }
        runtime.block_on(self.is_published(processes));
        self.is_answered(processes, &standing);
        serials.len()
    }

    async fn record(&self, processes: &Processes, kind: CertificateKind) -> Record {
        let home = processes.folder.path("authority");
        let role = format!("authority/ca-{kind}");
        let store: Documents = self.databases.open(home.as_ref(), &role).await.unwrap();
        store.verify_audit().await.unwrap();
        let audit = store.audit_entries(u32::MAX).await.unwrap();
        Record {
            kind,
            certificates: store.list("certificate").await.unwrap().into_iter().collect(),
            requests: store.list("request").await.unwrap().into_iter().collect(),
            audit: audit.into_iter().map(|entry| (entry.action, entry.detail)).collect(),
        }
    }

    /// What was cut off is on the newest list.
    async fn is_published(&self, processes: &Processes) {
        let url = format!("http://localhost:{}", processes.base + 1 + PROXIES);
        let client = Client::new(None);
        let trust: Value = client.get(&format!("{url}/trust/index.json")).await.unwrap();
        let lists: Value = client.get(&format!("{url}/crl/index.json")).await.unwrap();
        let mut listed = BTreeMap::new();
        for list in lists["lists"].as_array().unwrap() {
            let kind: CertificateKind = serde_json::from_value(list["kind"].clone()).unwrap();
            let role = format!("{kind}-ca");
            let roots =
                trust["roots"].as_array().unwrap().iter().filter(|root| root["role"] == role.as_str());
            let roots = roots.map(|root| Certificate::from_pem(root["pem"].as_str().unwrap()).unwrap());
            let roots = TrustStore::new(kind, roots);
            // A full list is made once a day; the delta says what came since.
            for name in ["full", "delta"] {
                let der = client.get_bytes(list[name].as_str().unwrap()).await.unwrap();
                for entry in RevocationList::verify(&der, &roots).unwrap().entries {
                    listed.insert(entry.serial.to_string(), entry.state);
                }
            }
        }
        for (serial, status) in &self.acknowledged {
            let state = listed.get(serial);
            let is_hold = state == Some(&EntryState::Revoked(RevocationReason::CertificateHold));
            let is_cut_off = matches!(state, Some(EntryState::Revoked(_)));
            assert!(is_cut_off && (*status != "revoked" || !is_hold), "{serial} was {status}: {state:?}");
        }
    }

    /// The responder says the same, to OpenSSL.
    fn is_answered(&self, processes: &Processes, standing: &BTreeMap<String, (CertificateKind, Value)>) {
        let url = format!("http://localhost:{}/ocsp", processes.base + 1 + PROXIES);
        let trust = processes.folder.path("trust");
        let export = ["--home", &processes.folder.path("cli"), "trust", "export", &trust];
        well(crate::system::TEFUDA, &export);
        let at = crate::system::MORNING.parse::<jiff::Timestamp>().unwrap().as_second().to_string();
        for (serial, status) in &self.acknowledged {
            let (kind, own) = &standing[serial];
            let root = format!("{trust}/{kind}-ca-g1.pem");
            let number = format!("0x{serial}");
            let asked = ["ocsp", "-issuer", &root, "-CAfile", &root, "-serial", &number, "-url", &url];
            // An answer is believed for as long as this test can last.
            let answer =
                run("openssl", &[&asked[..], &["-attime", &at, "-validity_period", "400000000"]].concat());
            let text = &answer.stdout;
            let is_hold = text.contains("certificateHold");
            let agreed = text.contains(": revoked") && (*status != "revoked" || !is_hold);
            assert!(agreed, "{serial} was {status} and is {own}: {answer:#?}");
        }
    }
}

impl Record {
    fn is_sound(&self) {
        let kind = self.kind;
        let said = |action: &str| {
            let mut count: BTreeMap<String, usize> = BTreeMap::new();
            for (_, detail) in self.audit.iter().filter(|(said, _)| said == action) {
                *count.entry(detail["serial"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            count
        };
        let (prepared, issued) = (said("certificate.prepared"), said("certificate.issued"));
        let mut of_request = BTreeMap::new();
        for (request, reserved) in &self.requests {
            let serial = reserved["serial"].as_str().unwrap();
            let before = of_request.insert(serial, request);
            assert!(before.is_none(), "{kind}: {serial} is reserved for {request} and {before:?}");
            assert_eq!(
                prepared.get(serial),
                Some(&1),
                "{kind}: {serial} is not prepared once in the audit log"
            );
        }
        assert_eq!(prepared.len(), of_request.len(), "{kind}: prepared, and in no store");
        let (mut keys, mut live) = (BTreeSet::new(), BTreeMap::new());
        for (serial, certificate) in &self.certificates {
            assert!(of_request.contains_key(serial.as_str()), "{kind}: nobody asked for {serial}");
            assert_eq!(issued.get(serial), Some(&1), "{kind}: {serial} is not issued once in the audit log");
            let der: tefuda_types::Bytes = serde_json::from_value(certificate["der"].clone()).unwrap();
            let parsed = Certificate::from_der(&der.0).unwrap();
            assert_eq!(parsed.serial().to_string(), *serial, "{kind}");
            assert!(keys.insert(parsed.public_spki()), "{kind}: the key of {serial} was certified before");
            let is_revoked = certificate["standing"]["state"] == "revoked";
            let whose = certificate.get("device").unwrap_or(&certificate["holder"]).to_string();
            if !is_revoked && let Some(other) = live.insert(whose.clone(), serial) {
                panic!("{kind}: {whose} has {serial} and {other}, both alive");
            }
        }
        assert_eq!(issued.len(), self.certificates.len(), "{kind}: issued, and in no store");
    }
}
