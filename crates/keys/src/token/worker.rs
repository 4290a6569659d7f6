//! Who does what a token is asked: threads with a session each, behind a queue that is bounded.

use cryptoki::types::AuthPin;
use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};
use tefuda_pki::{SignatureAlgorithm, verify_signature};
use tefuda_types::Secret;

use super::{
    KeyLabel,
    error::{Fault, TokenError},
    module::Module,
    session::Session,
};

/// Sessions with one token: an HSM on the network answers several at once.
pub const SESSIONS: usize = 4;
/// Acts that may wait for a session. At a thousandth of a second each the last waits a fifteenth of a second; at the
/// fiftieth of a slow HSM, a third of one.
pub const WAITING_MAX: usize = 64;
/// How long anybody waits for an answer, as for the database.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a token is asked.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Whether it is there.
    Probe,
    /// A signing key's public half, made if there is none.
    Ensure(KeyLabel, SignatureAlgorithm),
    /// 32 octets that it alone makes of the input.
    Derive(KeyLabel, Vec<u8>),
    /// A signature under a registered public key.
    Sign { key: KeyLabel, algorithm: SignatureAlgorithm, registered: Arc<[u8]>, message: Vec<u8> },
}

type Outcome = Result<Vec<u8>, TokenError>;

struct Job {
    act: Act,
    answer: SyncSender<Outcome>,
    /// Nobody waits for it any more.
    given_up: Arc<AtomicBool>,
}

/// Which token, and what opens it.
#[derive(Debug)]
struct Place {
    module: &'static Module,
    label: String,
    pin: AuthPin,
    /// The PIN was refused: it is not tried again, because the token counts.
    pin_refused: AtomicBool,
}

/// The way to the threads of one token. They end with it.
pub(super) struct Workers(SyncSender<Job>);

impl Workers {
    /// Starts them; nothing is asked of the token yet.
    pub(super) fn start(module: &Path, label: &str, pin: &Secret<String>) -> Result<Self, TokenError> {
        let place = Arc::new(Place {
            module: Module::of(module)?,
            label: label.to_owned(),
            pin: AuthPin::from(pin.expose().as_str()),
            pin_refused: AtomicBool::new(false),
        });
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..SESSIONS {
            let worker = Worker { place: Arc::clone(&place), session: None, epoch: 0 };
            let jobs = Arc::clone(&receiver);
            let named = thread::Builder::new().name(format!("token-{number}"));
            let started = named.spawn(move || worker.run(&jobs));
            started.map_err(|error| TokenError::Module(error.to_string()))?;
        }
        Ok(Self(sender))
    }

    /// Asks and waits, but neither in a queue without end nor for ever.
    pub(super) fn ask(&self, act: Act) -> Outcome {
        let (answer, answered) = sync_channel(1);
        let given_up = Arc::new(AtomicBool::new(false));
        let job = Job { act, answer, given_up: Arc::clone(&given_up) };
        self.0.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => TokenError::Busy,
            TrySendError::Disconnected(_) => TokenError::SessionLost,
        })?;
        answered.recv_timeout(PATIENCE).unwrap_or_else(|missed| {
            given_up.store(true, Ordering::Relaxed);
            Err(match missed {
                RecvTimeoutError::Timeout => TokenError::Silent,
                RecvTimeoutError::Disconnected => TokenError::SessionLost,
            })
        })
    }
}

/// What is done before an act is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// The session that there is, or a first one.
    Nothing,
    /// Another session.
    Session,
    /// Another start of the library, which sees tokens that came back.
    Library,
}

struct Worker {
    place: Arc<Place>,
    session: Option<Session>,
    /// Start of the library that it last met.
    epoch: u64,
}

impl Worker {
    fn run(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = next else { break };
            if !job.given_up.load(Ordering::Relaxed) {
                // Who has given up meanwhile asks again.
                let _ = job.answer.send(self.perform(&job.act));
            }
        }
        self.let_go();
    }

    /// Once; in another session; after another start. An act that was lost on the way is safe to do again: a key is
    /// made under a name that is looked for first, and the same message is signed.
    fn perform(&mut self, act: &Act) -> Outcome {
        let mut lost = TokenError::SessionLost;
        for remedy in [Remedy::Nothing, Remedy::Session, Remedy::Library] {
            if remedy == Remedy::Library {
                self.place.module.start_anew(self.epoch)?;
            }
            match self.attempt(act) {
                Ok(octets) => return Ok(octets),
                Err(Fault::Told(error)) => {
                    if error == TokenError::Pin {
                        self.place.pin_refused.store(true, Ordering::Relaxed);
                    }
                    return Err(error);
                }
                Err(Fault::Lost(error)) => lost = error,
            }
            self.let_go();
        }
        Err(lost)
    }

    fn attempt(&mut self, act: &Act) -> Result<Vec<u8>, Fault> {
        let started = self.place.module.hold();
        self.epoch = started.epoch;
        self.session.take_if(|session| session.epoch != started.epoch);
        let session = match &mut self.session {
            Some(session) => session,
            None => {
                if self.place.pin_refused.load(Ordering::Relaxed) {
                    return Err(TokenError::Pin.into());
                }
                let opened = Session::open(&started, &self.place.label, &self.place.pin)?;
                self.session.insert(opened)
            }
        };
        match act {
            Act::Probe => session.probe(&started).map(|()| Vec::new()),
            Act::Ensure(key, algorithm) => session.ensure(&started, key, *algorithm),
            Act::Derive(key, input) => session.derive(&started, key, input),
            Act::Sign { key, algorithm, registered, message } => {
                let signature = session.sign(key, *algorithm, registered, message)?;
                // Whatever the token holds under this name now: only a signature of the registered key leaves.
                if verify_signature(*algorithm, registered, message, &signature) {
                    Ok(signature)
                } else {
                    Err(TokenError::KeyWrong(key.to_string()).into())
                }
            }
        }
    }

    fn let_go(&mut self) {
        if let Some(session) = self.session.take() {
            session.close(&self.place.module.hold());
        }
    }
}
