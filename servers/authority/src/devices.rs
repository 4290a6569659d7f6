//! Phones after enrolment: what their elements say, what happens to them, and how they are stopped.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tefuda_authority::{
    application::EnrolError,
    device::{Device, DeviceError},
    matrix::{Action, Event, action},
    status::Standing,
};
use tefuda_protocol::device::{
    Deletion, DeviceAction, DeviceNonce, DeviceReply, DeviceRequest, DeviceView, StopRequest,
};
use tefuda_types::{
    Bytes, CertificateKind, CertificateStatus, Clock, ElementId, Family, PhoneName, ResidentId,
};
use tefuda_web::Problem;

use crate::{Authority, ca::Issued, service_manager::Trail};

/// A phone's own certificates, in the order of lists.
const PHONE_KINDS: [CertificateKind; 2] = [CertificateKind::PhoneSign, CertificateKind::PhoneAuth];
/// Octets of the hash of a recovery code.
const HASH_OCTETS: usize = 32;

/// What the call centre stops.
#[derive(Debug, Deserialize)]
pub struct CallCentreStop {
    /// Whose.
    pub resident: ResidentId,
    /// The resident's card.
    #[serde(default)]
    pub card: bool,
    /// A phone of the resident.
    #[serde(default)]
    pub phone: Option<PhoneName>,
}

/// A phone as operators see it.
#[derive(Debug, Serialize)]
pub struct DeviceLine {
    element: ElementId,
    phone: Option<PhoneName>,
    family: Family,
    resident: Option<ResidentId>,
    deletion: Deletion,
    commands_waiting: bool,
}

impl Authority {
    /// What the authority tells a phone about itself.
    pub(crate) async fn device_view(&self, element: ElementId) -> Result<DeviceView, Problem> {
        let device = self.service_manager.device(element).await?;
        let mut certificates = Vec::new();
        for kind in PHONE_KINDS {
            for issued in self.ca(kind).of_device(element).await? {
                if device.has_loaded(&issued.serial) {
                    certificates.push(self.certificate_view(kind, &issued, false)?);
                }
            }
        }
        Ok(DeviceView {
            element,
            certificates,
            deletion: device.deletion(),
            commands_waiting: device.open_commands().next().is_some(),
            notices: device.notices().to_vec(),
        })
    }

    /// Every phone.
    pub(crate) async fn device_lines(&self) -> Result<Vec<DeviceLine>, Problem> {
        let line = |device: Device| DeviceLine {
            element: device.element,
            phone: device.phone().cloned(),
            family: device.family,
            resident: device.holder().cloned(),
            deletion: device.deletion(),
            commands_waiting: device.open_commands().next().is_some(),
        };
        Ok(self.service_manager.devices().await?.into_iter().map(line).collect())
    }

    /// A nonce for one message.
    pub(crate) async fn device_nonce(&self, element: ElementId) -> Result<DeviceNonce, Problem> {
        Ok(DeviceNonce { nonce: Bytes(self.service_manager.nonce(element).await?.to_vec()) })
    }

    /// Does what an element asks in its phone's name.
    pub(crate) async fn hear(
        &self,
        element: ElementId,
        request: &DeviceRequest,
    ) -> Result<DeviceReply, Problem> {
        let device = self.service_manager.device(element).await?;
        let message = device.hear(&request.message)?;
        self.service_manager.take_nonce(element, &message.nonce.0).await?;
        let mut statements = None;
        match message.action {
            DeviceAction::Retire => self.give_up(element).await?,
            DeviceAction::Lift => self.lift(&device).await?,
            DeviceAction::Tampered => self.tampered(element).await?,
            DeviceAction::RecoveryCode { hash } => self.change_recovery_code(&device, hash).await?,
            DeviceAction::Statements => statements = Some(self.wallet_statements(&device).await?),
        }
        Ok(DeviceReply { device: self.device_view(element).await?, statements })
    }

    /// Lets an event happen to the certificates of one phone; tells how many changed.
    pub(crate) async fn happen_to_phone(&self, element: ElementId, event: Event) -> Result<usize, Problem> {
        let mut changed = 0;
        for kind in PHONE_KINDS {
            for issued in self.ca(kind).of_device(element).await? {
                changed += usize::from(self.happen_to(kind, &issued, event).await?);
            }
        }
        Ok(changed)
    }

    /// Lets an event happen to a certificate, unless it has ended or there is nothing to lift; tells whether it
    /// changed.
    pub(crate) async fn happen_to(
        &self,
        kind: CertificateKind,
        issued: &Issued,
        event: Event,
    ) -> Result<bool, Problem> {
        let action = action(event, kind);
        let status = issued.standing.status();
        let idle = status == CertificateStatus::Revoked
            || (action == Action::Lift && status != CertificateStatus::Suspended);
        if idle {
            return Ok(false);
        }
        let after = self.ca(kind).act(&issued.serial, action).await?;
        Ok(after.standing != issued.standing)
    }

    /// A phone is nobody's any more.
    pub(crate) async fn retire(&self, element: ElementId, notice: &'static str) -> Result<(), Problem> {
        let now = self.context.clock.civil();
        let retire = |device: &mut Device| {
            device.retired(notice, now);
            Ok(())
        };
        let trail = Trail::default().audit(notice, json!({ "element": element }));
        self.service_manager.change(element, trail, retire).await.map(drop)
    }

    pub(crate) async fn give_up(&self, element: ElementId) -> Result<(), Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        self.happen_to_phone(element, Event::PhoneRetired).await?;
        if self.service_manager.device(element).await?.holder().is_some() {
            self.empty(element).await?;
        }
        Ok(())
    }

    /// What is on a phone is to be deleted, and nobody holds it any more.
    pub(crate) async fn empty(&self, element: ElementId) -> Result<(), Problem> {
        self.service_manager.order_wipe(element).await?;
        self.retire(element, "phone.retired").await
    }

    /// Lifts the hold of the authentication certificate and revokes the signature certificate. What a stop in
    /// between left is done by asking again.
    async fn lift(&self, device: &Device) -> Result<(), Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        device.holder().ok_or(DeviceError::NotRegistered)?;
        let present = device.present(CertificateKind::PhoneAuth).ok_or(DeviceError::NotRegistered)?;
        let standing = self.phone_auth.find(present).await?.map(|issued| issued.standing);
        if !matches!(standing, Some(Standing::Held { .. } | Standing::Lifted { .. })) {
            return Err(DeviceError::NotStopped.into());
        }
        if self.happen_to_phone(device.element, Event::PhoneFound).await? > 0 {
            self.tell(device.element, "phone.lifted").await?;
        }
        Ok(())
    }

    /// A notice, and the same in the audit log.
    pub(crate) async fn tell(&self, element: ElementId, code: &'static str) -> Result<(), Problem> {
        let now = self.context.clock.civil();
        let notify = |device: &mut Device| {
            device.notify(code, now);
            Ok(())
        };
        let trail = Trail::default().audit(code, json!({ "element": element }));
        self.service_manager.change(element, trail, notify).await.map(drop)
    }

    async fn tampered(&self, element: ElementId) -> Result<(), Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        self.happen_to_phone(element, Event::ElementTampered).await?;
        let now = self.context.clock.civil();
        let tampered = |device: &mut Device| {
            device.tampered(now);
            Ok(())
        };
        let trail = Trail::default().audit("phone.tampered", json!({ "element": element }));
        self.service_manager.change(element, trail, tampered).await.map(drop)
    }

    async fn change_recovery_code(&self, device: &Device, hash: Bytes) -> Result<(), Problem> {
        device.holder().ok_or(DeviceError::NotRegistered)?;
        if hash.0.len() != HASH_OCTETS {
            return Err(EnrolError::Malformed.into());
        }
        let now = self.context.clock.civil();
        let change = |device: &mut Device| {
            device.recovery_code(hash, now);
            Ok(())
        };
        let detail = json!({ "element": device.element });
        let trail = Trail::default().audit("phone.recovery_code_changed", detail);
        self.service_manager.change(device.element, trail, change).await.map(drop)
    }

    pub(crate) async fn stop(&self, device: &Device) -> Result<Value, Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        if self.happen_to_phone(device.element, Event::PhoneLost).await? > 0 {
            self.tell(device.element, "phone.stopped").await?;
        }
        Ok(json!({ "stopped": true, "phone": device.phone() }))
    }

    /// Who has the recovery code stops that phone.
    pub(crate) async fn stop_by_code(&self, request: &StopRequest) -> Result<Value, Problem> {
        let device = self.service_manager.by_recovery_code(&request.recovery_code).await?;
        self.stop(&device).await
    }

    /// The call centre stops a card or a phone, and nothing else.
    pub(crate) async fn stop_by_call(&self, request: &CallCentreStop) -> Result<Value, Problem> {
        self.registrar.resident(&request.resident).await??;
        match (&request.phone, request.card) {
            (Some(phone), false) => {
                let device = self.service_manager.named(phone, Some(&request.resident)).await?;
                let mut stopped = self.stop(&device).await?;
                if let Some(fields) = stopped.as_object_mut() {
                    fields.insert("resident".to_owned(), json!(request.resident));
                }
                Ok(stopped)
            }
            (None, true) => {
                self.card_lost(&request.resident).await?;
                Ok(json!({ "stopped": true, "resident": request.resident, "card": true }))
            }
            _ => Err(crate::routes::RouteError::StopMalformed.into()),
        }
    }

    /// Orders the wipe of a phone's element.
    pub(crate) async fn wipe(&self, element: ElementId) -> Result<Value, Problem> {
        self.service_manager.order_wipe(element).await?;
        let device = self.service_manager.device(element).await?;
        let number = device.open_commands().last().map(|order| order.number);
        Ok(json!({
            "element": element,
            "phone": device.phone(),
            "deletion": device.deletion(),
            "command": number,
        }))
    }
}
