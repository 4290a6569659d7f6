//! Enrolment, step by step, each after the one before is kept.

use tefuda_card::read::ReadError;
use tefuda_element::host;
use tefuda_keys::SystemRandom;
use tefuda_phone::{
    card::{self, CardRefusal, Demand},
    catalogue::Catalogue,
    enrolment::{Enrolment, EnrolmentError, Stage},
    memory::Memory,
    os::App,
    recovery::{self, ENTROPY_OCTETS},
    standing::{self, Again},
    wallet::Wallet,
};
use tefuda_protocol::{
    Signed,
    device::{DeviceAction, SessionPurpose},
    element::Holding,
    enrolment::{Application, ApplicationRequest, ApplicationState},
    phone::{CardShown, Next, Progress},
};
use tefuda_store::files;
use tefuda_types::{Bytes, ResidentId, Secret};
use tefuda_web::{ClientError, Problem};

use crate::{
    error::PhoneError,
    phone::{Phone, Watch},
    status::Seen,
};

/// What the authority says where a card has no signature certificate.
const WITHOUT_SIGNATURE: [&str; 3] = ["enrol.child", "enrol.ward", "enrol.declined"];

impl Phone {
    /// `POST /api/enrolment`: step 1, or where it stands.
    pub(crate) async fn enrol(&self, resident: ResidentId) -> Result<Progress, Problem> {
        let _act = self.acts.lock().await;
        Catalogue::known().check(self.model()?, self.now())?;
        self.mend().await;
        let mut seen = self.look().await?;
        if seen.authority.is_none() && seen.memory.wallet.is_some() {
            // Whether its certificates still stand is the authority's to say: unheard, nothing is complete.
            seen.authority = Some(self.authority().device(self.element()?).await?);
        }
        match self.goes_on(&seen, &resident)? {
            None => self.progress(seen.memory, true).await,
            Some(what) => self.begin(seen.memory, resident, what).await,
        }
    }

    /// `None` if the enrolment that is there goes on, or is complete; otherwise what a new one is for.
    fn goes_on(&self, seen: &Seen, resident: &ResidentId) -> Result<Option<Again>, EnrolmentError> {
        let memory = &seen.memory;
        let holding = seen.element.as_ref().map_or(Holding::Empty, |element| element.holding);
        if holding == Holding::Tampered {
            return Err(EnrolmentError::Tampered);
        }
        let Some(enrolment) = &memory.enrolment else { return Ok(Some(Again::Both)) };
        let given_up = memory.retired || holding == Holding::Wiped;
        let mine = enrolment.resident == *resident;
        let in_use = memory.wallet.is_some() && !given_up;
        if !mine && (enrolment.is_under_way() || in_use) {
            return Err(EnrolmentError::PhoneInUse);
        }
        if !mine || (enrolment.is_over() && given_up) {
            return Ok(Some(Again::Both));
        }
        if !enrolment.is_over() {
            return Ok(None);
        }
        if !in_use {
            return Ok(Some(Again::Both));
        }
        let certificates = standing::certificates(memory, seen.authority.as_ref(), self.now());
        match standing::again(&certificates) {
            Again::Nothing if matches!(enrolment.stage, Stage::Done) => Ok(None),
            Again::Nothing => Ok(Some(Again::Signature)),
            what => Ok(Some(what)),
        }
    }

    /// Begins anew. What an earlier enrolment gave stays in use until its successor is registered, unless it was
    /// given up.
    async fn begin(
        &self,
        mut memory: Memory,
        resident: ResidentId,
        what: Again,
    ) -> Result<Progress, Problem> {
        if memory.retired {
            memory.retired = false;
            memory.wallet = None;
        }
        let nonce = SystemRandom::octets();
        let enrolment = if what == Again::Signature {
            Enrolment::begin(resident, nonce, None)
        } else {
            let entropy = SystemRandom::octets::<ENTROPY_OCTETS>();
            let code = recovery::code(&entropy);
            let enrolment = Enrolment::begin(resident, nonce, Some(recovery::hash(&code)));
            let name = recovery_name(&enrolment);
            self.keys.blob(&name, || Ok(code.expose().as_bytes().to_vec()))?;
            memory.recovery_code_shown = false;
            enrolment
        };
        let (kinds, nonce) = (enrolment.key_kinds(), enrolment.nonce);
        memory.enrolment = Some(enrolment);
        self.keep(&memory).await?;
        self.wallet(App::Portal, move |wallet| host::generate_keys(wallet, kinds, &nonce)).await?;
        self.progress(memory, false).await
    }

    /// Whether a card goes on with what is here: a phone in use is its holder's, and an application that a card has
    /// signed is that card's.
    pub(crate) async fn expects(&self, resident: &ResidentId) -> Result<(), Problem> {
        let _act = self.acts.lock().await;
        let seen = self.look().await?;
        match &seen.memory.enrolment {
            Some(Enrolment { resident: signer, stage: Stage::Signed { .. }, .. }) => {
                Ok(card::same_person(signer, resident)?)
            }
            _ => Ok(self.goes_on(&seen, resident).map(drop)?),
        }
    }

    /// `GET /api/enrolment`.
    pub(crate) async fn enrolment(&self) -> Result<Progress, Problem> {
        let _act = self.acts.lock().await;
        self.mend().await;
        let memory = self.memory().await?;
        let enrolment = memory.enrolment.as_ref().ok_or(EnrolmentError::NotBegun)?;
        if enrolment.next() != Next::Decision {
            return self.progress(memory, true).await;
        }
        let memory = match &enrolment.stage {
            Stage::Sending { .. } => self.send(memory).await?,
            _ => self.ask_decision(memory).await?,
        };
        self.progress(memory, false).await
    }

    /// `POST /api/enrolment/card`: steps 2 and 3. `watch` is told how far the reading is.
    pub(crate) async fn show_card(&self, shown: CardShown, watch: Watch) -> Result<Progress, Problem> {
        let _act = self.acts.lock().await;
        let memory = self.memory().await?;
        let enrolment = memory.enrolment.as_ref().ok_or(EnrolmentError::NotBegun)?;
        card::same_person(&enrolment.resident, &shown.resident)?;
        if !matches!(enrolment.next(), Next::Card | Next::Pins) {
            return self.progress(memory, false).await;
        }
        let (kinds, nonce) = (enrolment.key_kinds(), enrolment.nonce);
        let keys = self.wallet(App::Portal, move |wallet| host::generate_keys(wallet, kinds, &nonce)).await?;
        let (payload, message) = enrolment.application(&self.device(self.model()?), keys, self.now())?;
        let signed = self.sign_with_card(shown, (payload.clone(), message), watch).await?;
        let memory = self.changed(memory, |enrolment| enrolment.signed(payload, signed)).await?;
        let memory = self.belongs_to_nobody_else(memory).await?;
        self.progress(memory, false).await
    }

    /// An element that knows passwords on a phone that knows nobody was enrolled before a factory reset. The
    /// authority says whether by the same person before anybody's password is asked: no try of it is spent.
    async fn belongs_to_nobody_else(&self, memory: Memory) -> Result<Memory, Problem> {
        let element = self.element_status().await?;
        let has_passwords = element.is_some_and(|element| element.sign_tries.is_some());
        let request = match memory.enrolment.as_ref().map(|enrolment| &enrolment.stage) {
            Some(Stage::Signed { request }) if has_passwords && memory.wallet.is_none() => request.clone(),
            _ => return Ok(memory),
        };
        match self.authority().apply(&request).await {
            Err(ClientError::Refused(status, body)) => {
                let reason = body.reason.clone();
                self.answered(memory, |enrolment| enrolment.refused(reason)).await?;
                Err(ClientError::Refused(status, body).into())
            }
            // Sent again once the passwords were given; the answer is the same.
            Ok(_) => Ok(memory),
            Err(error) => Err(error.into()),
        }
    }

    async fn sign_with_card(
        &self,
        shown: CardShown,
        (payload, message): (Bytes, Vec<u8>),
        mut watch: Watch,
    ) -> Result<card::Signed, Problem> {
        let at = self.now();
        let (password, risk_last_try) = (shown.card_sign_pin.map(Secret::new), shown.risk_last_try);
        let to_sign = message.clone();
        let signed = self.with_card(&shown.resident, move |card| {
            let demand = Demand { password: password.as_ref(), risk_last_try, message: &to_sign, at };
            let signed = card::sign(card, &demand, &mut watch);
            match signed {
                Err(CardRefusal::Read(ReadError::NoSignatureCertificate)) => {
                    // The card proves its presence instead, so that the authority can say why.
                    card::prove_presence(card, &to_sign, at, &mut watch).map(Err)
                }
                other => other.map(Ok),
            }
        });
        match signed.await? {
            Ok(signed) => Ok(signed),
            Err(presence) => Err(self.why_no_signature(payload, presence).await),
        }
    }

    /// The authority knows why a card has no signature certificate; whoever only has the card does not.
    async fn why_no_signature(&self, payload: Bytes, presence: card::Signed) -> Problem {
        let request = ApplicationRequest {
            certificate: presence.certificate.into(),
            application: Signed::<Application>::assemble(payload, presence.signature.into()),
        };
        match self.authority().apply(&request).await {
            Err(ClientError::Refused(status, body)) if WITHOUT_SIGNATURE.contains(&body.reason.as_str()) => {
                ClientError::Refused(status, body).into()
            }
            _ => ReadError::NoSignatureCertificate.into(),
        }
    }

    /// Changes the enrolment and keeps it.
    pub(crate) async fn changed<E: Into<Problem>>(
        &self,
        mut memory: Memory,
        change: impl FnOnce(Enrolment) -> Result<Enrolment, E>,
    ) -> Result<Memory, Problem> {
        let enrolment = memory.enrolment.take().ok_or(EnrolmentError::NotBegun)?;
        memory.enrolment = Some(change(enrolment).map_err(Into::into)?);
        self.keep(&memory).await?;
        Ok(memory)
    }

    async fn answered(
        &self,
        memory: Memory,
        change: impl FnOnce(Enrolment) -> Enrolment,
    ) -> Result<Memory, Problem> {
        self.changed(memory, |enrolment| Ok::<_, EnrolmentError>(change(enrolment))).await
    }

    /// Sends the application that waits. A refusal with a reason is final; no answer is not.
    pub(crate) async fn send(&self, memory: Memory) -> Result<Memory, Problem> {
        let request = match memory.enrolment.as_ref().map(|enrolment| &enrolment.stage) {
            Some(Stage::Sending { request }) => request.clone(),
            _ => return Ok(memory),
        };
        match self.authority().apply(&request).await {
            Ok(view) => self.answered(memory, |enrolment| enrolment.answered(view)).await,
            Err(ClientError::Refused(status, body)) => {
                let reason = body.reason.clone();
                self.answered(memory, |enrolment| enrolment.refused(reason)).await?;
                Err(ClientError::Refused(status, body).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks where the application stands.
    pub(crate) async fn ask_decision(&self, memory: Memory) -> Result<Memory, Problem> {
        let enrolment = memory.enrolment.as_ref().ok_or(EnrolmentError::NotBegun)?;
        let view = self.authority().application(&enrolment.application).await?;
        self.answered(memory, |enrolment| enrolment.answered(view)).await
    }

    /// Step 5 after the holder's consent: a live session loads the certificates, which the element confirms.
    pub(crate) async fn load_certificates(&self, memory: Memory) -> Result<Memory, Problem> {
        let enrolment = memory.enrolment.as_ref().ok_or(EnrolmentError::NotBegun)?;
        let application = enrolment.application.clone();
        self.session_into_element(SessionPurpose::Register { application: application.clone() }).await?;
        let view = self.authority().application(&application).await?;
        let mut memory = memory;
        memory.wallet = Some(Wallet::loaded(memory.wallet.take(), &view.certificates));
        memory.retired = false;
        memory.happened(self.now(), "register", None, None);
        let memory = self.answered(memory, Enrolment::done).await?;
        if let Err(problem) = self.fetch_statements().await {
            // The next look at the phone asks again.
            tracing::warn!(reason = problem.reason(), phone = %self.name, "no statements yet");
        }
        Ok(memory)
    }

    /// Asks the authority for the wallet instance and the links.
    pub(crate) async fn fetch_statements(&self) -> Result<(), Problem> {
        let reply = self.say(DeviceAction::Statements).await?;
        let mut memory = self.memory().await?;
        if let (Some(wallet), Some(statements)) = (&mut memory.wallet, reply.statements) {
            wallet.statements = Some(statements);
            self.keep(&memory).await?;
        }
        Ok(())
    }

    /// Where the enrolment stands. The first complete answer carries the recovery code, and none after it.
    pub(crate) async fn progress(&self, memory: Memory, asked_again: bool) -> Result<Progress, Problem> {
        let seen =
            Seen { element: self.element_status().await?, authority: self.device_view().await, memory };
        let status = self.shown(&seen)?;
        let mut memory = seen.memory;
        let enrolment = memory.enrolment.as_ref().ok_or(EnrolmentError::NotBegun)?;
        let done = matches!(enrolment.stage, Stage::Done);
        let biometric = status.biometrics != tefuda_protocol::phone::Biometrics::None;
        let mut progress = Progress {
            state: state_of(enrolment).unwrap_or(status.state),
            next: enrolment.next(),
            steps: enrolment.steps(biometric),
            certificates: if done { status.certificates } else { Vec::new() },
            recovery_code: None,
            decision_at: enrolment.decision_at(),
            repeated: done && asked_again,
            advice: Vec::new(),
        };
        if done && !memory.recovery_code_shown {
            let name = recovery_name(enrolment);
            progress.recovery_code =
                self.recovery_code_once(&name, enrolment.recovery_code_hash.is_some())?;
            progress.repeated = false;
            memory.recovery_code_shown = true;
            self.keep(&memory).await?;
        }
        Ok(progress)
    }

    /// The sealed recovery code, which is destroyed by being read.
    fn recovery_code_once(&self, name: &str, expected: bool) -> Result<Option<String>, Problem> {
        let path = self.folder.join("keys").join(format!("{name}.key"));
        if !expected || !files::exists(&path) {
            return Ok(None);
        }
        let sealed = self.keys.blob(name, || Ok(Vec::new()))?;
        files::remove(&path).map_err(PhoneError::Folder)?;
        Ok(String::from_utf8(sealed.expose().clone()).ok().filter(|code| !code.is_empty()))
    }
}

/// An application under way is what enrolment tells, even while the certificates before it are in use.
fn state_of(enrolment: &Enrolment) -> Option<tefuda_protocol::phone::PhoneState> {
    use tefuda_protocol::phone::PhoneState;
    match &enrolment.stage {
        Stage::Sent { state: ApplicationState::Pending { .. }, .. } => Some(PhoneState::Applied),
        Stage::Sent { state: ApplicationState::Approved { .. } | ApplicationState::Registered, .. } => {
            Some(PhoneState::Approved)
        }
        _ => None,
    }
}

/// Name under which an enrolment's recovery code is sealed.
fn recovery_name(enrolment: &Enrolment) -> String {
    format!("recovery-{}", enrolment.application)
}
