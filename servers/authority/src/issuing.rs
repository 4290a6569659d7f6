//! Issuing. Whoever waits for a certificate while others are being issued is taken along with all who wait: a turn
//! costs two commits, however many it is for.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};
use tefuda_authority::status::Standing;
use tefuda_keys::KeyError;
use tefuda_pki::{
    Signer, SignerError,
    draft::DraftError,
    profile::{self, Leaf, Period},
};
use tefuda_store::Transaction;
use tefuda_types::{Bytes, ElementId, Serial};
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::ca::{Ca, CaError, Issued, random_serial};

/// Most requests of one turn: what a database takes in one statement, and 10 ms of signatures.
const TOGETHER_MAX: usize = 64;

/// What is issued, on whose request.
#[derive(Clone, Debug)]
pub struct Request {
    /// A second request of the same name gets the same certificate.
    pub id: String,
    /// Whose certificate.
    pub holder: String,
    /// The element that has the key, of phones' certificates.
    pub device: Option<ElementId>,
    /// What it says.
    pub leaf: Leaf,
    /// For which key.
    pub spki: Vec<u8>,
    /// How long.
    pub period: Period,
}

/// A request between its serial and its certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reserved {
    serial: Serial,
    generation: u32,
}

type Outcome = Result<Issued, CaError>;

/// Who waits, and whose turn it is.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<VecDeque<(Request, oneshot::Sender<Outcome>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl Queue {
    fn join(&self, request: &Request) -> oneshot::Receiver<Outcome> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back((request.clone(), tell));
        told
    }

    /// Those who have waited longest and still do. The second of one name waits for the next turn.
    fn take(&self) -> Vec<(Request, oneshot::Sender<Outcome>)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut names, mut taken, mut left) = (HashSet::new(), Vec::new(), VecDeque::new());
        for (request, tell) in waiting.drain(..).filter(|(_, tell)| !tell.is_closed()) {
            if taken.len() < TOGETHER_MAX && names.insert(request.id.clone()) {
                taken.push((request, tell));
            } else {
                left.push_back((request, tell));
            }
        }
        *waiting = left;
        taken
    }
}

/// What kept a turn from being finished, told to everybody in it.
fn all_refused(error: CaError, count: usize) -> Vec<Outcome> {
    if count == 1 {
        return vec![Err(error)];
    }
    let error = Arc::new(error);
    (0..count).map(|_| Err(CaError::Together(Arc::clone(&error)))).collect()
}

impl Ca {
    /// Issues, in boulder's order: check, persist the serial, lint the draft, audit before, sign once, audit
    /// after. A request that was cut off goes on with its serial; one that is done gets its certificate again.
    pub async fn issue(&self, request: &Request) -> Result<Issued, CaError> {
        let mut told = self.queue.join(request);
        loop {
            let _turn = self.queue.turn.lock().await;
            match told.try_recv() {
                Ok(outcome) => return outcome,
                // Whoever had the turn was cut off: the request goes on from where it stands.
                Err(TryRecvError::Closed) => told = self.queue.join(request),
                Err(TryRecvError::Empty) => {}
            }
            let (requests, tellers): (Vec<_>, Vec<_>) = self.queue.take().into_iter().unzip();
            let outcomes = self
                .issue_together(&requests)
                .await
                .unwrap_or_else(|error| all_refused(error, requests.len()));
            for (tell, outcome) in tellers.into_iter().zip(outcomes) {
                // Who no longer waits asks again.
                let _ = tell.send(outcome);
            }
        }
    }

    async fn issue_together(&self, requests: &[Request]) -> Result<Vec<Outcome>, CaError> {
        let reserved = self.reserve(requests).await?;
        let serials: Vec<String> =
            reserved.iter().flatten().map(|reserved| reserved.serial.to_string()).collect();
        let serials: Vec<&str> = serials.iter().map(String::as_str).collect();
        let mut known = self.store.get_all::<Issued>("certificate", &serials).await?;
        let (mut outcomes, mut fresh) = (Vec::new(), Vec::new());
        let mut is_key_away = false;
        for (request, reserved) in requests.iter().zip(reserved) {
            let outcome = match reserved {
                Ok(reserved) => match known.remove(&reserved.serial.to_string()) {
                    Some(issued) => Ok(issued),
                    // Nobody waits for a token once for each of a turn.
                    None if is_key_away => Err(SignerError.into()),
                    None => self.sign(request, reserved).inspect(|issued| fresh.push(issued.clone())),
                },
                Err(refused) => Err(refused),
            };
            is_key_away |= matches!(outcome, Err(CaError::Signer(_)));
            outcomes.push(outcome);
            // Others are answered between two signatures.
            tokio::task::yield_now().await;
        }
        if !fresh.is_empty() {
            self.keep(&fresh).await?;
        }
        Ok(outcomes)
    }

    fn sign(&self, request: &Request, reserved: Reserved) -> Result<Issued, CaError> {
        let generations = self.generations();
        let generation = generations
            .iter()
            .find(|generation| generation.number == reserved.generation)
            .ok_or(CaError::Keys(KeyError::Generation))?;
        let draft = profile::leaf(
            &request.leaf,
            &generation.certificate,
            &reserved.serial,
            &request.spki,
            request.period,
        )?;
        let linted = draft.lint()?;
        let signature = generation.signer.sign(linted.to_be_signed())?;
        let certificate = linted.assemble(&signature)?;
        Ok(Issued {
            generation: generation.number,
            holder: request.holder.clone(),
            device: request.device,
            der: Bytes(certificate.as_der().to_vec()),
            serial: reserved.serial,
            not_before: request.period.not_before,
            not_after: request.period.not_after,
            standing: Standing::Good,
            change: 0,
        })
    }

    async fn keep(&self, fresh: &[Issued]) -> Result<(), CaError> {
        let ids: Vec<String> = fresh.iter().map(|issued| issued.serial.to_string()).collect();
        let rows: Vec<(&str, &Issued)> = ids.iter().map(String::as_str).zip(fresh).collect();
        let told: Vec<_> =
            ids.iter().map(|id| self.entry("certificate.issued", json!({ "serial": id }))).collect();
        let mut transaction = self.store.begin().await?;
        transaction.insert_all("certificate", &rows).await?;
        transaction.audit_all(&told).await?;
        Ok(transaction.commit().await?)
    }

    /// A serial for each request, kept before anything is signed.
    async fn reserve(&self, requests: &[Request]) -> Result<Vec<Result<Reserved, CaError>>, CaError> {
        let ids: Vec<&str> = requests.iter().map(|request| request.id.as_str()).collect();
        let mut transaction = self.store.begin().await?;
        let mut known: HashMap<String, Reserved> = transaction.get_all("request", &ids).await?;
        let new: Vec<&Request> = requests.iter().filter(|request| !known.contains_key(&request.id)).collect();
        if !new.is_empty() {
            let new = self.with_new_keys(&mut transaction, new).await?;
            let reserved = self.serials(&mut transaction, &new).await?;
            let rows: Vec<(&str, &Reserved)> =
                reserved.iter().map(|(id, reserved)| (id.as_str(), reserved)).collect();
            transaction.insert_all("request", &rows).await?;
            let told = reserved.iter().map(|(id, reserved)| {
                self.entry("certificate.prepared", json!({ "serial": reserved.serial, "request": id }))
            });
            transaction.audit_all(&told.collect::<Vec<_>>()).await?;
            transaction.commit().await?;
            known.extend(reserved);
        }
        let refused = || CaError::from(DraftError::PublicKey);
        Ok(ids.into_iter().map(|id| known.remove(id).ok_or_else(refused)).collect())
    }

    /// A key is certified once, for ever: whoever shows it a second time copied it.
    async fn with_new_keys<'a>(
        &self,
        transaction: &mut Transaction,
        requests: Vec<&'a Request>,
    ) -> Result<Vec<&'a Request>, CaError> {
        let key = |request: &&Request| tefuda_types::hexadecimal(&Sha256::digest(&request.spki));
        let keys: Vec<String> = requests.iter().map(key).collect();
        let rows: Vec<(&str, &String)> =
            keys.iter().map(String::as_str).zip(requests.iter().map(|request| &request.id)).collect();
        let taken = transaction.insert_all("key", &rows).await?;
        Ok(requests.into_iter().zip(taken).filter(|(_, taken)| *taken).map(|(request, _)| request).collect())
    }

    async fn serials(
        &self,
        transaction: &mut Transaction,
        requests: &[&Request],
    ) -> Result<HashMap<String, Reserved>, CaError> {
        let generation = self.newest()?.number;
        let mut reserved = HashMap::new();
        while reserved.len() < requests.len() {
            let without = requests.iter().filter(|request| !reserved.contains_key(&request.id));
            let drawn: Vec<(Serial, &String)> =
                without.map(|request| (random_serial(), &request.id)).collect();
            let numbers: Vec<String> = drawn.iter().map(|(serial, _)| serial.to_string()).collect();
            let rows: Vec<(&str, &String)> =
                numbers.iter().map(String::as_str).zip(drawn.iter().map(|(_, id)| *id)).collect();
            let taken = transaction.insert_all("serial", &rows).await?;
            for ((serial, id), taken) in drawn.into_iter().zip(taken) {
                if taken {
                    reserved.insert(id.clone(), Reserved { serial, generation });
                }
            }
        }
        Ok(reserved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::throw_away;
    use tefuda_keys::KeySpace;
    use tefuda_pki::SignatureAlgorithm;
    use tefuda_store::{Databases, SystemClock};
    use tefuda_types::{CertificateKind, Clock, Environment, Reason, Timestamp};
    use tefuda_web::{ActorContext, Urls, live::Live};

    fn context(home: &std::path::Path) -> ActorContext {
        ActorContext {
            home: home.to_owned(),
            databases: Databases::InHome,
            clock: Arc::new(SystemClock::open(home).unwrap()),
            urls: Urls::on_loopback(8480),
            admin_token: "admin".into(),
            call_centre_token: "call-centre".into(),
            live: Live::default(),
            environment: Environment::Sandbox,
            element_keys: None,
            keys: tefuda_keys::KeyStore::Files,
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_waits_is_taken_along_and_nobody_gets_anothers() {
        let home = std::env::temp_dir().join(format!("tefuda-issuing-{}", std::process::id()));
        let context = context(&home);
        let ca = Arc::new(Ca::open(CertificateKind::PhoneAuth, &context).await.unwrap());
        let keys = KeySpace::open(&home.join("k"), "k", Environment::Sandbox).unwrap();
        let now = context.clock.civil();
        let period =
            Period { not_before: now, not_after: Timestamp::from_second(now.as_second() + 86_400).unwrap() };
        let request = |name: u64, key: u64| {
            let key = keys.signer(&format!("{key}"), SignatureAlgorithm::EcdsaP256Sha256).unwrap();
            throw_away(
                format!("r{name}"),
                format!("holder-{name}"),
                (name, key.public_spki().to_vec(), period),
            )
        };
        let all: Vec<Request> = (0..100).map(|name| request(name % 90, name % 90)).collect();
        let all = all.into_iter().chain([request(200, 7)]).map(|request| {
            let ca = Arc::clone(&ca);
            tokio::spawn(async move { (request.holder.clone(), ca.issue(&request).await) })
        });
        let (mut serials, mut refused) = (HashMap::new(), Vec::new());
        for outcome in all.collect::<Vec<_>>() {
            match outcome.await.unwrap() {
                (holder, Ok(issued)) => {
                    assert_eq!(issued.holder, holder);
                    let serial = serials.entry(holder).or_insert_with(|| issued.serial.clone());
                    assert_eq!(*serial, issued.serial, "asked twice, issued once");
                }
                (holder, Err(error)) => refused.push((holder, error.code().as_str())),
            }
        }
        // One of the two that show one key; whichever came first has it.
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!(refused[0].1, "ca.draft_refused");
        assert_eq!(serials.values().collect::<HashSet<_>>().len(), 90);
        assert_eq!(ca.store.list::<Issued>("certificate").await.unwrap().len(), 90);
        // A generation begun and made, and two entries for each.
        assert_eq!(ca.store.verify_audit().await.unwrap(), 2 + 2 * 90);
        std::fs::remove_dir_all(home).unwrap();
    }
}
