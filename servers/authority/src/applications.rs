//! Applications: taken, decided when it is time, finished when the element confirms.

use serde_json::json;
use std::{sync::Arc, time::Duration};
use tefuda_authority::{
    Refusal,
    application::{self, Due, EnrolError, Examined, Facts, Trust, Twin, due, register_until},
    device::{Device, Registration},
    issuance,
    matrix::{Action, Event},
    register::Resident,
};
use tefuda_pki::{Certificate, crl::RevocationReason};
use tefuda_protocol::{
    Bytes, SignedMessageError,
    device::CertificateView,
    enrolment::{ApplicationRequest, ApplicationState, ApplicationView, Office},
};
use tefuda_types::{
    Blame, CertificateKind, CertificateStatus, Clock, ElementId, Reason, ResidentId, Timestamp,
};
use tefuda_web::Problem;

use crate::{
    Authority,
    ca::{CaError, Issued},
    counter::CARD_KINDS,
    dossier::{Dossier, same},
    issuing::Request,
    service_manager::Trail,
};

/// Longest sleep of whoever waits for the next decision: the clock may run at another speed one day.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// Seconds after which keys that were away are looked for again.
const KEYS_AWAY_SECONDS: i64 = 2;

/// How a decision came out.
enum Decision {
    Approved(Dossier),
    Refused(Refusal),
    Undraftable(CaError),
}

impl Authority {
    /// Takes an application. The same one again gets the same answer.
    pub(crate) async fn apply(&self, request: ApplicationRequest) -> Result<ApplicationView, Problem> {
        let now = self.context.clock.civil();
        let claimed = request.application.peek_unverified()?;
        let fingerprint = Bytes(application::fingerprint(&request).to_vec());
        if let Some(known) = self.registrar.find_dossier(&claimed.id).await? {
            same(known, &fingerprint)?;
            return self.application(&claimed.id).await;
        }
        self.tell_why_not(&request, now).await?;
        let examined = self.examine(&request, now).await?;
        let resident = self.resident_of(&examined).await?;
        let device = self.service_manager.find(examined.element()).await?;
        if let Err(refusal) = self.admit(&examined, &resident, device.as_ref(), now).await? {
            let detail = json!({ "application": claimed.id, "reason": refusal.code().as_str() });
            self.registrar.note("application.refused", detail, now).await?;
            return Err(refusal.into());
        }
        let dossier = Dossier {
            request,
            fingerprint,
            resident: resident.id,
            element: examined.element(),
            received_at: now,
            state: ApplicationState::Pending { decision_at: self.calendar.decision_at(now) },
            certificates: std::collections::BTreeMap::new(),
        };
        self.registrar.take(&claimed.id, dossier).await?;
        self.meet(&examined, &claimed.id).await?;
        self.application(&claimed.id).await
    }

    /// Whether applications are decided now, and when one that came in now would be.
    pub(crate) fn office(&self) -> Office {
        let now = self.context.clock.civil();
        Office { open: self.calendar.is_open(now), decision_at: self.calendar.decision_at(now) }
    }

    /// Where an application stands, once everything that time asks for was done.
    pub(crate) async fn application(&self, id: &str) -> Result<ApplicationView, Problem> {
        let dossier = self.settle(id).await?;
        let mut certificates = Vec::new();
        for (kind, serial) in &dossier.certificates {
            if let Some(issued) = self.ca(*kind).find(serial).await? {
                certificates.push(self.certificate_view(*kind, &issued, true)?);
            }
        }
        Ok(ApplicationView { id: id.to_owned(), state: dossier.state, certificates })
    }

    /// A certificate as answers show it.
    pub(crate) fn certificate_view(
        &self,
        kind: CertificateKind,
        issued: &Issued,
        with_pem: bool,
    ) -> Result<CertificateView, Problem> {
        Ok(CertificateView {
            kind,
            serial: issued.serial.clone(),
            not_before: issued.not_before,
            not_after: issued.not_after,
            status: issued.standing.status(),
            reason: issued.standing.reason().map(|reason| reason.as_str().to_owned()),
            as_of: self.context.clock.civil(),
            pem: if with_pem { Certificate::from_der(&issued.der.0)?.to_pem() } else { String::new() },
        })
    }

    /// Tells who holds a card without a signature certificate why it has none, and nobody else.
    async fn tell_why_not(&self, request: &ApplicationRequest, now: Timestamp) -> Result<(), Problem> {
        let certificate = Certificate::from_der(&request.certificate.0)?;
        if certificate.claimed_kind() != Some(CertificateKind::CardAuth) {
            return Ok(());
        }
        let Some(issued) = self.card_auth.find(certificate.serial()).await? else { return Ok(()) };
        let holder: ResidentId = issued.holder.parse()?;
        let key = self.registrar.card_key(&holder).await?.ok_or(EnrolError::CardUnknown)?;
        application::examine_presence(request, &self.card_auth.trust(), &key.0, now)?;
        let resident = self.registrar.resident(&holder).await??;
        resident
            .without_signature(now)
            .map_or(Ok(()), |reason| Err(issuance::IssuanceError::from(reason).into()))
    }

    async fn examine(&self, request: &ApplicationRequest, at: Timestamp) -> Result<Examined, Problem> {
        Ok(self.try_examine(request, at).await??)
    }

    async fn try_examine(
        &self,
        request: &ApplicationRequest,
        at: Timestamp,
    ) -> Result<Result<Examined, Refusal>, Problem> {
        let makers = self.operator.makers().await?;
        let card_sign = self.card_sign.trust();
        Ok(application::examine(request, &Trust { card_sign: &card_sign, makers: &makers }, at))
    }

    async fn resident_of(&self, examined: &Examined) -> Result<Resident, Problem> {
        let issued = self.card_sign.find(examined.card()).await?.ok_or(EnrolError::CardUnknown)?;
        let holder: ResidentId = issued.holder.parse()?;
        Ok(self.registrar.resident(&holder).await??)
    }

    async fn twins(&self, resident: &ResidentId) -> Result<Vec<Twin>, CaError> {
        let mut twins = Vec::new();
        for kind in CARD_KINDS {
            if let Some(issued) = self.ca(kind).of_holder(resident.as_str()).await?.into_iter().next() {
                let status = issued.standing.status();
                twins.push(Twin { kind, serial: issued.serial, status, not_after: issued.not_after });
            }
        }
        Ok(twins)
    }

    async fn admit(
        &self,
        examined: &Examined,
        resident: &Resident,
        device: Option<&Device>,
        at: Timestamp,
    ) -> Result<Result<(), Refusal>, Problem> {
        let twins = self.twins(&resident.id).await?;
        Ok(examined.admit(&Facts { resident, twins: &twins, device }, at))
    }

    /// The service manager is told which phone it is.
    async fn meet(&self, examined: &Examined, id: &str) -> Result<(), Problem> {
        let (element, family) = (examined.element(), examined.application().family);
        self.service_manager.meet(element, family).await?;
        let applied = |device: &mut Device| {
            device.applied(examined);
            Ok(())
        };
        self.service_manager.change(element, Trail::message(format!("applied/{id}")), applied).await.map(drop)
    }

    /// Does what time and others have made due for an application.
    pub(crate) async fn settle(&self, id: &str) -> Result<Dossier, Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        self.settle_now(id).await
    }

    /// The same, for whoever has the turn.
    async fn settle_now(&self, id: &str) -> Result<Dossier, Problem> {
        let now = self.context.clock.civil();
        let dossier = self.registrar.dossier(id).await?;
        match due(&dossier.state, now) {
            Due::Decision => self.decide(id, dossier, now).await,
            Due::Expiry if !self.confirmed(id).await? => self.expire(id, dossier, now).await,
            Due::Expiry | Due::Nothing if matches!(dossier.state, ApplicationState::Approved { .. }) => {
                self.finish(id, dossier, now).await
            }
            Due::Expiry | Due::Nothing => Ok(dossier),
        }
    }

    /// Whether the element confirmed the certificates of an application.
    async fn confirmed(&self, id: &str) -> Result<bool, Problem> {
        Ok(self.service_manager.knows(&format!("registered/{id}")).await?)
    }

    async fn notify(&self, element: ElementId, message: String, code: &str) -> Result<(), Problem> {
        let now = self.context.clock.civil();
        let notify = |device: &mut Device| {
            device.notify(code, now);
            Ok(())
        };
        self.service_manager.change(element, Trail::message(message), notify).await.map(drop)
    }

    async fn decide(&self, id: &str, mut dossier: Dossier, now: Timestamp) -> Result<Dossier, Problem> {
        let reason = match self.decision(id, &dossier, now).await? {
            Decision::Approved(approved) => {
                self.notify(dossier.element, format!("approved/{id}"), "application.approved").await?;
                self.registrar.move_on(id, &approved, now, "application.decided").await?;
                return Ok(approved);
            }
            Decision::Refused(refusal) => refusal.code(),
            Decision::Undraftable(error) => error.code(),
        };
        dossier.state = ApplicationState::Refused { reason: reason.as_str().to_owned() };
        self.notify(dossier.element, format!("refused/{id}"), "application.refused").await?;
        self.registrar.move_on(id, &dossier, now, "application.decided").await?;
        Ok(dossier)
    }

    /// Everything is checked again: between application and decision a card can end and a phone change hands.
    async fn decision(&self, id: &str, dossier: &Dossier, now: Timestamp) -> Result<Decision, Problem> {
        let examined = match self.try_examine(&dossier.request, now).await? {
            Ok(examined) => examined,
            Err(refusal) => return Ok(Decision::Refused(refusal)),
        };
        let resident = self.registrar.resident(&dossier.resident).await??;
        self.meet(&examined, id).await?;
        let device = self.service_manager.find(dossier.element).await?;
        let twins = self.twins(&resident.id).await?;
        let facts = Facts { resident: &resident, twins: &twins, device: device.as_ref() };
        if let Err(refusal) = examined.admit(&facts, now) {
            return Ok(Decision::Refused(refusal));
        }
        let mut approved = dossier.clone();
        for kind in &examined.application().kinds {
            let request = match self.certificate_request(id, *kind, &examined, &facts, now) {
                Ok(request) => request,
                Err(refusal) => return Ok(Decision::Refused(refusal)),
            };
            match self.ca(*kind).issue(&request).await {
                Ok(issued) => approved.certificates.insert(*kind, issued.serial),
                Err(error) if error.blame() == Blame::Backend => return Err(error.into()),
                Err(error) => return Ok(Decision::Undraftable(error)),
            };
        }
        approved.state = ApplicationState::Approved { register_until: register_until(now) };
        Ok(Decision::Approved(approved))
    }

    fn certificate_request(
        &self,
        id: &str,
        kind: CertificateKind,
        examined: &Examined,
        facts: &Facts<'_>,
        now: Timestamp,
    ) -> Result<Request, Refusal> {
        let twin = facts.twin(kind)?;
        let name = format!("phone/{id}/{kind}");
        let number = crate::counter::digits(&name);
        let common_name = format!("{}{number:015}", facts.resident.municipality.code);
        Ok(Request {
            holder: facts.resident.id.to_string(),
            device: Some(examined.element()),
            leaf: issuance::leaf(facts.resident, kind, common_name, self.ocsp_url(), now)?,
            spki: examined.public_key(kind)?.to_vec(),
            period: twin.period(now),
            id: name,
        })
    }

    async fn revoke_all(&self, dossier: &Dossier, reason: RevocationReason) -> Result<(), CaError> {
        for (kind, serial) in &dossier.certificates {
            let issued = self.ca(*kind).find(serial).await?;
            if issued.is_some_and(|issued| issued.standing.status() != CertificateStatus::Revoked) {
                self.ca(*kind).act(serial, Action::Revoke(reason)).await?;
            }
        }
        Ok(())
    }

    async fn expire(&self, id: &str, mut dossier: Dossier, now: Timestamp) -> Result<Dossier, Problem> {
        self.revoke_all(&dossier, RevocationReason::CessationOfOperation).await?;
        dossier.state = ApplicationState::Expired;
        self.notify(dossier.element, format!("expired/{id}"), "application.expired").await?;
        self.registrar.move_on(id, &dossier, now, "application.expired").await?;
        Ok(dossier)
    }

    /// The element has confirmed: what a phone gave before, and an earlier phone of the family, give way.
    async fn finish(&self, id: &str, mut dossier: Dossier, now: Timestamp) -> Result<Dossier, Problem> {
        if !self.confirmed(id).await? {
            return self.overtaken(id, dossier, now).await;
        }
        self.supersede(&dossier).await?;
        let device = self.service_manager.device(dossier.element).await?;
        // One that was given up since takes no other phone's place.
        let is_held = device.holder() == Some(&dossier.resident);
        for other in self.service_manager.devices().await? {
            if is_held && application::gives_way(&other, &device, &dossier.resident) {
                // Whose phone it is, is forgotten last: a stop in between does all of it again.
                self.happen_to_phone(other.element, Event::PhoneRetired).await?;
                self.service_manager.order_wipe(other.element).await?;
                let message = format!("earlier-replaced/{id}");
                self.notify(dossier.element, message, "phone.earlier_replaced").await?;
                self.retire(other.element, "phone.replaced").await?;
            }
        }
        dossier.state = ApplicationState::Registered;
        self.registrar.move_on(id, &dossier, now, "application.registered").await?;
        Ok(dossier)
    }

    /// Other certificates of the phone of the kinds that its element has anew: their keys are gone.
    async fn supersede(&self, dossier: &Dossier) -> Result<(), CaError> {
        for (kind, present) in &dossier.certificates {
            for earlier in self.ca(*kind).of_device(dossier.element).await? {
                if earlier.serial != *present && earlier.standing.status() != CertificateStatus::Revoked {
                    let superseded = Action::Revoke(RevocationReason::Superseded);
                    self.ca(*kind).act(&earlier.serial, superseded).await?;
                }
            }
        }
        Ok(())
    }

    /// Certificates that ended before they were registered leave nothing to register.
    async fn overtaken(&self, id: &str, mut dossier: Dossier, now: Timestamp) -> Result<Dossier, Problem> {
        for (kind, serial) in &dossier.certificates {
            let issued = self.ca(*kind).find(serial).await?;
            if issued.is_some_and(|issued| issued.standing.status() == CertificateStatus::Revoked) {
                self.revoke_all(&dossier, RevocationReason::CessationOfOperation).await?;
                let reason = EnrolError::Overtaken.code().as_str().to_owned();
                dossier.state = ApplicationState::Refused { reason };
                self.notify(dossier.element, format!("refused/{id}"), "application.refused").await?;
                self.registrar.move_on(id, &dossier, now, "application.overtaken").await?;
                break;
            }
        }
        Ok(dossier)
    }

    /// The element confirmed that it has the certificates of an application. Where they ended while they were on
    /// their way, the phone is known with what it has, which is revoked; and one of who is gone is emptied.
    pub(crate) async fn registered(&self, id: &str) -> Result<(), Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        let dossier = self.settle_now(id).await?;
        self.note_registration(id, &dossier).await?;
        let dossier = self.settle_now(id).await?;
        if self.registrar.resident(&dossier.resident).await??.left {
            self.empty(dossier.element).await?;
        }
        if dossier.state == ApplicationState::Registered {
            return Ok(());
        }
        self.supersede(&dossier).await?;
        Err(EnrolError::Overtaken.into())
    }

    /// The service manager is told what the element has.
    async fn note_registration(&self, id: &str, dossier: &Dossier) -> Result<(), Problem> {
        // Checked when it was taken, and again at the decision.
        let application =
            dossier.request.application.peek_unverified().map_err(|_| SignedMessageError::Malformed)?;
        let examined = self.examine(&dossier.request, dossier.received_at).await?;
        let registration = Registration {
            application: id.to_owned(),
            resident: dossier.resident.clone(),
            wallet_key: examined.wallet_key().cloned(),
            recovery_code_hash: application.recovery_code_hash,
            certificates: dossier.certificates.clone(),
        };
        let now = self.context.clock.civil();
        let register = |device: &mut Device| {
            device.registered(&registration, now);
            Ok(())
        };
        let detail = json!({ "application": id, "element": dossier.element });
        let trail = Trail::message(format!("registered/{id}")).audit("phone.registered", detail);
        self.service_manager.change(dossier.element, trail, register).await.map(drop)
    }

    /// Finishes what a stop of the process left open of events, when it is nobody else's turn.
    async fn finish_what_was_cut(&self) {
        let _one_at_a_time = self.deciding.lock().await;
        if let Err(problem) = self.finish_events().await {
            tracing::warn!(reason = problem.reason(), "an event is unfinished");
        }
    }

    /// Settles every application that is open; tells when the next one is due. One that fails keeps no other
    /// from it. While the keys are away none is touched, and looked at again soon.
    async fn settle_all(&self) -> Result<Option<Timestamp>, Problem> {
        if self.context.keys.ready().is_err() {
            let again = self.context.clock.civil().as_second() + KEYS_AWAY_SECONDS;
            return Ok(Timestamp::from_second(again).ok());
        }
        self.finish_what_was_cut().await;
        let mut next: Option<Timestamp> = None;
        for (id, dossier) in self.registrar.dossiers().await? {
            if !matches!(dossier.state, ApplicationState::Pending { .. } | ApplicationState::Approved { .. })
            {
                continue;
            }
            let at = match self.settle(&id).await.map(|settled| settled.state) {
                Ok(ApplicationState::Pending { decision_at }) => decision_at,
                Ok(ApplicationState::Approved { register_until }) => register_until,
                Ok(_) => continue,
                Err(problem) => {
                    tracing::warn!(
                        reason = problem.reason(),
                        application = id,
                        "an application is unsettled"
                    );
                    continue;
                }
            };
            next = Some(next.map_or(at, |earliest| earliest.min(at)));
        }
        Ok(next)
    }

    /// Decides when it is time, whether or not anybody asks: so that notices are there. Ends with the authority.
    pub(crate) fn follow_the_clock(self: &Arc<Self>) {
        let authority = Arc::downgrade(self);
        let mut moves = self.context.clock.subscribe();
        tokio::spawn(async move {
            loop {
                let Some(present) = authority.upgrade() else { return };
                let next = present.settle_all().await.unwrap_or_else(|problem| {
                    tracing::warn!(reason = problem.reason(), "applications cannot be looked at");
                    None
                });
                let left = next.map_or(i64::MAX, |at| {
                    at.as_millisecond().saturating_sub(present.context.clock.civil().as_millisecond())
                });
                drop(present);
                let sleep = Duration::from_millis(u64::try_from(left).unwrap_or_default() + 1).min(SLEEP_MAX);
                tokio::select! {
                    moved = moves.changed() => if moved.is_err() { return },
                    () = tokio::time::sleep(sleep) => {}
                }
            }
        });
    }
}
