//! Where a phone stands, and the mending of what a stop left open.

use tefuda_element::host;
use tefuda_phone::{
    enrolment::{Enrolment, Stage},
    memory::Memory,
    os::App,
    standing,
};
use tefuda_protocol::{
    device::{Deletion, DeviceAction, DeviceView, SessionPurpose},
    element::{AppletStatus, Holding},
    enrolment::{ApplicationState, Office},
    phone::{Biometrics, Next, PhoneState, PhoneStatus},
};
use tefuda_web::{ClientError, Problem};

use crate::phone::Phone;

/// What element and authority say of a phone at one moment.
#[derive(Debug)]
pub(crate) struct Seen {
    pub memory: Memory,
    /// `None` without a secure element, and before the applet is installed.
    pub element: Option<AppletStatus>,
    /// `None` when the authority is out of reach, or never heard of the phone.
    pub authority: Option<DeviceView>,
}

impl Phone {
    /// `GET /api/status`.
    pub(crate) async fn status(&self) -> Result<PhoneStatus, Problem> {
        let _act = self.acts.lock().await;
        self.mend().await;
        self.shown(&self.look().await?)
    }

    /// Mends what a stop left open, at start.
    pub(crate) async fn repair(&self) {
        let _act = self.acts.lock().await;
        self.mend().await;
    }

    /// What the applet says of itself, if it is there.
    pub(crate) async fn element_status(&self) -> Result<Option<AppletStatus>, Problem> {
        if self.chips.is_none() || !self.os().handed_over {
            return Ok(None);
        }
        self.wallet(App::Wallet, host::status).await.map(Some)
    }

    /// What the authority says of the phone; `None` if it is out of reach or never heard of it.
    pub(crate) async fn device_view(&self) -> Option<DeviceView> {
        let element = self.element().ok()?;
        match self.authority().device(element).await {
            Ok(view) => Some(view),
            Err(ClientError::Refused(..)) => None,
            Err(error) => {
                tracing::warn!(reason = error.reason(), phone = %self.name, "the authority does not answer");
                None
            }
        }
    }

    /// Whether applications are decided now; `None` if the authority is out of reach.
    pub(crate) async fn office(&self) -> Option<Office> {
        let told = self.authority().office().await;
        told.inspect_err(|error| {
            tracing::warn!(reason = error.reason(), phone = %self.name, "the authority does not answer");
        })
        .ok()
    }

    pub(crate) async fn look(&self) -> Result<Seen, Problem> {
        Ok(Seen {
            memory: self.memory().await?,
            element: self.element_status().await?,
            authority: self.device_view().await,
        })
    }

    /// A status as it is shown.
    pub(crate) fn shown(&self, seen: &Seen) -> Result<PhoneStatus, Problem> {
        let model = self.model()?;
        let certificates = standing::certificates(&seen.memory, seen.authority.as_ref(), self.now());
        let state = standing::state(&seen.memory, seen.element.as_ref(), &certificates);
        // A phone that was set back to its factory state tells nothing of who had it.
        let in_use = state != PhoneState::Empty;
        let biometrics = seen.element.as_ref().map_or(Biometrics::None, |element| {
            self.os().sensor.biometrics(element.biometric_set, element.biometric_misses_left)
        });
        Ok(PhoneStatus {
            name: self.name.to_string(),
            model: model.id.clone(),
            family: model.family,
            url: self.around.context.urls.phone(self.name.as_str()),
            state,
            deletion: self.deletion(seen).filter(|_| in_use).unwrap_or_default(),
            biometrics,
            certificates,
            retries: seen.element.as_ref().and_then(standing::retries),
            documents: Vec::new(),
        })
    }

    /// What the authority says of the removal; the element itself is the better witness that it is done.
    fn deletion(&self, seen: &Seen) -> Option<Deletion> {
        let wiped = seen.element.as_ref().is_some_and(|element| element.holding == Holding::Wiped);
        let told = seen.authority.as_ref().map(|view| view.deletion);
        if wiped && told.is_none() { Some(Deletion::Confirmed) } else { told }
    }

    /// Goes on with whatever was left open; what fails is tried again next time.
    pub(crate) async fn mend(&self) {
        for (what, done) in [
            ("hand-over", self.hand_over().await),
            ("commands", self.carry_out_commands().await),
            ("enrolment", self.mend_enrolment().await),
            ("tampering", self.tell_tampering().await),
        ] {
            if let Err(problem) = done {
                tracing::warn!(reason = problem.reason(), phone = %self.name, what, "left for later");
            }
        }
    }

    /// Carries out what the service manager has ordered for this element.
    async fn carry_out_commands(&self) -> Result<(), Problem> {
        match self.device_view().await {
            Some(view) if view.commands_waiting => self.session_into_element(SessionPurpose::Commands).await,
            _ => Ok(()),
        }
    }

    /// Sends an application that waits, and completes a registration whose answer was lost.
    async fn mend_enrolment(&self) -> Result<(), Problem> {
        let memory = self.memory().await?;
        let Some(enrolment) = &memory.enrolment else { return Ok(()) };
        match &enrolment.stage {
            Stage::Sending { .. } => self.send(memory).await.map(drop),
            Stage::Sent { state: ApplicationState::Pending { decision_at }, .. }
                if *decision_at <= self.now() =>
            {
                self.ask_decision(memory).await.map(drop)
            }
            Stage::Sent {
                state: ApplicationState::Approved { .. } | ApplicationState::Registered, ..
            } => {
                // It may have ended meanwhile: nobody finished it, or its certificates were revoked.
                let memory = self.ask_decision(memory).await?;
                match memory.enrolment.as_ref().map(Enrolment::next) {
                    Some(Next::Register) if self.holds(&memory).await? => {
                        self.load_certificates(memory).await.map(drop)
                    }
                    _ => Ok(()),
                }
            }
            Stage::Done if self.wants_statements(&memory).await? => self.fetch_statements().await,
            _ => Ok(()),
        }
    }

    /// Tells the authority of a sensor event that it has not heard of.
    async fn tell_tampering(&self) -> Result<(), Problem> {
        if self.os().tamper_told {
            return Ok(());
        }
        let element = self.element_status().await?;
        if element.is_none_or(|element| element.holding != Holding::Tampered) {
            return Ok(());
        }
        match self.say(DeviceAction::Tampered).await {
            Ok(_) => Ok(self.change_os(|os| os.tamper_told = true)?),
            // Nobody ever enrolled on it: there is nothing that the authority could revoke.
            Err(problem) if problem.reason() == "device.not_found" => {
                Ok(self.change_os(|os| os.tamper_told = true)?)
            }
            Err(problem) => Err(problem),
        }
    }

    /// Whether the element holds the certificates of the enrolment already.
    async fn holds(&self, memory: &Memory) -> Result<bool, Problem> {
        let Some(enrolment) = &memory.enrolment else { return Ok(false) };
        let nonce = enrolment.nonce;
        let element = self.element_status().await?;
        // Keys wait under the application's nonce until its certificates are loaded.
        Ok(element.is_some_and(|element| element.holding == Holding::Held && element.pending != Some(nonce)))
    }

    /// Whether the authority's statements are still to be had.
    async fn wants_statements(&self, memory: &Memory) -> Result<bool, Problem> {
        let without = memory.wallet.as_ref().is_some_and(|wallet| wallet.statements.is_none());
        let element = if without { self.element_status().await? } else { None };
        Ok(element.is_some_and(|element| element.holding == Holding::Held))
    }
}
