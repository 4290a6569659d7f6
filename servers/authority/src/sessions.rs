//! Live sessions into elements: in memory, few, and not for long.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use tefuda_apdu::{Command, Response};
use tefuda_authority::{
    application::EnrolError,
    device::Device,
    matrix::Event,
    pin_reset::PinResetError,
    tsm::{
        CHALLENGE_OCTETS, Domain, Evidence, KeySet, Loaded, Script, Session, SessionError, Turn,
        applet_parameters,
    },
};
use tefuda_keys::SystemRandom;
use tefuda_protocol::{
    device::{SessionAnswers, SessionOpen, SessionPurpose, SessionTurn},
    enrolment::ApplicationState,
};
use tefuda_types::{Bytes, CertificateKind, Clock, ElementId, Secret, Timestamp};
use tefuda_web::Problem;

use crate::{Authority, service_manager::Trail};

/// Most sessions at a time; the oldest gives way.
const SESSIONS_MAX: usize = 64;
/// Seconds of wire time from a session's beginning to its last answer.
const SESSION_SECONDS: i64 = 120;

/// A session under way.
#[derive(Debug)]
struct Live {
    session: Session,
    open: SessionOpen,
    began: Timestamp,
    repair: Repair,
}

/// A blocked key set of the authority's domain is opened through the operator's, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repair {
    NotNeeded,
    Reopening,
    Done,
}

/// Sessions of this process. They do not survive it; phones begin anew.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<String, Live>>);

impl Sessions {
    /// Keeps a session until its next answer. An element has one.
    fn keep(&self, id: String, live: Live, wire: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, other| !other.is_old(wire) && other.open.element != live.open.element);
        if all.len() >= SESSIONS_MAX
            && let Some(oldest) = all.iter().min_by_key(|(_, other)| other.began).map(|(id, _)| id.clone())
        {
            all.remove(&oldest);
        }
        all.insert(id, live);
    }

    /// Takes a session out: whoever answers twice finds none.
    fn take(&self, id: &str, wire: Timestamp) -> Result<Live, SessionError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(id).filter(|live| !live.is_old(wire)).ok_or(SessionError::NotFound)
    }
}

impl Live {
    fn is_old(&self, wire: Timestamp) -> bool {
        wire.as_second() - self.began.as_second() > SESSION_SECONDS
    }
}

/// What a session will do, with whose keys.
struct Plan {
    domain: Domain,
    key_sets: Vec<KeySet>,
    script: Script,
}

fn turn(session: String, commands: &[Command], done: bool) -> SessionTurn {
    let commands = commands.iter().map(|command| Bytes(command.to_bytes())).collect();
    SessionTurn { session, commands, done }
}

fn begin(element: ElementId, plan: Plan) -> Result<(Session, Vec<Command>), SessionError> {
    let challenge = Secret::new(SystemRandom::octets::<CHALLENGE_OCTETS>());
    Session::open(element, plan.domain, plan.key_sets, plan.script, challenge)
}

impl Authority {
    /// Begins a session. One whose purpose is reached already is over at once.
    pub(crate) async fn open_session(&self, open: SessionOpen) -> Result<SessionTurn, Problem> {
        let id: String = tefuda_types::hexadecimal(&SystemRandom::octets::<16>());
        let Some(plan) = self.plan(&open).await? else {
            return Ok(turn(id, &[], true));
        };
        let (session, commands) = begin(open.element, plan)?;
        let began = self.context.clock.wire();
        let answer = turn(id.clone(), &commands, false);
        self.sessions.keep(id, Live { session, open, began, repair: Repair::NotNeeded }, began);
        Ok(answer)
    }

    /// The element's answers, and what it is sent next.
    pub(crate) async fn answer_session(
        &self,
        id: &str,
        answers: &SessionAnswers,
    ) -> Result<SessionTurn, Problem> {
        let wire = self.context.clock.wire();
        let Live { session, open, began, repair } = self.sessions.take(id, wire)?;
        let responses: Result<Vec<Response>, _> =
            answers.responses.iter().map(|response| Response::from_bytes(&response.0)).collect();
        let responses = responses.map_err(|_| SessionError::Answers)?;
        let (session, commands, repair) = match session.answer(&responses) {
            Ok(Turn::Next(session, commands)) => (*session, commands, repair),
            Ok(Turn::Done(evidence)) if repair != Repair::Reopening => {
                self.complete(&open, &evidence).await?;
                return Ok(turn(id.to_owned(), &[], true));
            }
            Ok(Turn::Done(_)) => {
                self.operator.did(open.element, "domain.reopened", self.context.clock.civil()).await?;
                let Some(plan) = self.plan(&open).await? else {
                    return Ok(turn(id.to_owned(), &[], true));
                };
                let (session, commands) = begin(open.element, plan)?;
                (session, commands, Repair::Done)
            }
            Err(SessionError::Blocked)
                if repair == Repair::NotNeeded && open.purpose != SessionPurpose::Provision =>
            {
                let key_sets = self.operator.key_sets(open.element)?;
                let plan = Plan { domain: Domain::Issuer, key_sets, script: Script::Reopen };
                let (session, commands) = begin(open.element, plan)?;
                (session, commands, Repair::Reopening)
            }
            Err(error) => return Err(error.into()),
        };
        let answer = turn(id.to_owned(), &commands, false);
        self.sessions.keep(id.to_owned(), Live { session, open, began, repair }, wire);
        Ok(answer)
    }

    /// What a purpose needs; nothing if it is reached.
    async fn plan(&self, open: &SessionOpen) -> Result<Option<Plan>, Problem> {
        let element = open.element;
        let script = match &open.purpose {
            SessionPurpose::Provision => return self.plan_provision(element).await.map(Some),
            SessionPurpose::HandOver => {
                let device = self.service_manager.device(element).await?;
                Some(Script::HandOver {
                    own: self.service_manager.own_keys(element)?,
                    parameters: applet_parameters(element, device.family),
                    command_key: self.service_manager.command_key()?.public_key().to_vec(),
                })
            }
            SessionPurpose::Register { application } => {
                self.loaded(element, application).await?.map(Script::Register)
            }
            SessionPurpose::ResetPin { grant } => {
                let grant = self.registrar.find_grant(grant).await?.ok_or(PinResetError::NotFound)?;
                if grant.element != element {
                    return Err(SessionError::OtherElement.into());
                }
                if !grant.used && grant.until < self.context.clock.civil() {
                    return Err(PinResetError::Expired.into());
                }
                (!grant.used).then_some(Script::ResetPin(grant.pin))
            }
            SessionPurpose::Commands => {
                let device = self.service_manager.device(element).await?;
                let orders: Vec<_> = device.open_commands().map(|order| order.signed.clone()).collect();
                (!orders.is_empty()).then_some(Script::Deliver(orders))
            }
        };
        let Some(script) = script else { return Ok(None) };
        let key_sets = self.service_manager.key_sets(element)?;
        Ok(Some(Plan { domain: Domain::Authority, key_sets, script }))
    }

    /// The operator hands the first keys of the authority's domain over before it writes them.
    async fn plan_provision(&self, element: ElementId) -> Result<Plan, Problem> {
        let owned = self.operator.element(element).await?;
        let domain = if owned.provisioned {
            None
        } else {
            let keys = self.operator.domain_keys(element)?;
            self.service_manager.accept_domain(element, owned.family, &keys).await?;
            Some(keys)
        };
        let script = Script::Provision { domain, own: self.operator.own_keys(element)? };
        Ok(Plan { domain: Domain::Issuer, key_sets: self.operator.key_sets(element)?, script })
    }

    /// The certificates of an approved application; none if the element has confirmed them.
    async fn loaded(&self, element: ElementId, application: &str) -> Result<Option<Loaded>, Problem> {
        let dossier = self.settle(application).await?;
        if dossier.element != element {
            return Err(SessionError::OtherElement.into());
        }
        match dossier.state {
            ApplicationState::Registered => return Ok(None),
            ApplicationState::Approved { .. } => {}
            _ => return Err(EnrolError::NotApproved.into()),
        }
        self.service_manager.device(element).await?.loadable()?;
        let mut loaded = Loaded { sign: None, auth: None };
        for (kind, serial) in &dossier.certificates {
            let issued = self.ca(*kind).find(serial).await?.ok_or(EnrolError::NotApproved)?;
            let issuer = self.ca(*kind).issuer_of(&issued)?;
            let pair = Some((issued.der.0, issuer.certificate.as_der().to_vec()));
            if *kind == CertificateKind::PhoneSign { loaded.sign = pair } else { loaded.auth = pair }
        }
        Ok(Some(loaded))
    }

    /// What the element confirmed takes effect.
    async fn complete(&self, open: &SessionOpen, evidence: &Evidence) -> Result<(), Problem> {
        let (element, now) = (evidence.element(), self.context.clock.civil());
        match &open.purpose {
            SessionPurpose::Provision => self.operator.provisioned(element, now).await,
            SessionPurpose::HandOver => Ok(self.operator.did(element, "domain.handed_over", now).await?),
            SessionPurpose::Register { application } => self.registered(application).await,
            SessionPurpose::ResetPin { grant } => {
                let found = self.registrar.find_grant(grant).await?.ok_or(PinResetError::NotFound)?;
                Ok(self.registrar.use_grant(grant, found, now).await?)
            }
            SessionPurpose::Commands => {
                for receipt in evidence.receipts() {
                    // The keys are gone: their certificates go as those of a phone that is given up.
                    self.happen_to_phone(element, Event::PhoneRetired).await?;
                    let detail = serde_json::json!({ "element": element, "number": receipt.number });
                    let trail = Trail::default().audit("wipe.confirmed", detail);
                    let confirm = |device: &mut Device| device.confirmed(&receipt, now);
                    self.service_manager.change(element, trail, confirm).await?;
                }
                Ok(())
            }
        }
    }
}
