//! What happens to residents and their cards at the municipal counter.

use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use tefuda_authority::{
    arrival::{Arrival, ArrivalError, arrive},
    issuance::IssuanceError,
    matrix::Event,
    register::Resident,
};
use tefuda_keys::SystemRandom;
use tefuda_store::AuditEntry;
use tefuda_types::{CertificateKind, Clock, ElementId, ResidentId};
use tefuda_web::Problem;

use crate::{Authority, ResidentView};

/// Something that happens to a person or a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CivilEvent {
    /// Moved.
    Move,
    /// Changed name.
    NameChange,
    /// Died.
    Death,
    /// Left the country.
    Departure,
    /// The card is lost.
    CardLost,
    /// The card was given back.
    CardEnded,
}

impl CivilEvent {
    /// The row of the matrix.
    const fn event(self) -> Event {
        match self {
            Self::Move | Self::NameChange => Event::AttributesChanged,
            Self::Death | Self::Departure => Event::PersonLeft,
            Self::CardLost => Event::CardLost,
            Self::CardEnded => Event::CardEnded,
        }
    }
}

/// What the register says afterwards.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Changes {
    /// New address.
    #[serde(default)]
    pub address: Option<String>,
    /// New name.
    #[serde(default)]
    pub name: Option<String>,
}

impl Authority {
    /// Somebody new in the register.
    pub(crate) async fn add_resident(&self, arrival: &Arrival) -> Result<ResidentView, Problem> {
        let register = self.registrar.residents().await?;
        let now = self.context.clock.civil();
        let resident = arrive(arrival, &register, SystemRandom::octets(), now)?;
        let mut transaction = self.registrar.store.begin().await?;
        if !transaction.insert("resident", resident.id.as_str(), &resident).await? {
            return Err(ArrivalError::Taken.into());
        }
        let detail = json!({ "resident": resident.id });
        transaction.audit(&AuditEntry { time: now, action: "resident.added".to_owned(), detail }).await?;
        transaction.commit().await?;
        self.resident_view(&resident.id, true).await
    }

    async fn change_resident(
        &self,
        id: &ResidentId,
        action: &str,
        change: impl FnOnce(&mut Resident) + Send,
    ) -> Result<(), Problem> {
        let mut resident = self.registrar.resident(id).await??;
        change(&mut resident);
        let mut transaction = self.registrar.store.begin().await?;
        transaction.put("resident", id.as_str(), &resident).await?;
        let detail = json!({ "resident": id });
        let entry = AuditEntry { time: self.context.clock.civil(), action: action.to_owned(), detail };
        transaction.audit(&entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Something happened: the register and every certificate that it concerns follow.
    pub(crate) async fn civil_event(
        &self,
        id: &ResidentId,
        event: CivilEvent,
        changes: Changes,
    ) -> Result<(), Problem> {
        self.registrar.resident(id).await??;
        if event == CivilEvent::CardLost {
            return self.card_lost(id).await;
        }
        let Changes { address, name } = changes;
        let fits = |text: &Option<String>| text.as_ref().is_none_or(|text| !text.trim().is_empty());
        if !fits(&address) || !fits(&name) {
            return Err(ArrivalError::Text.into());
        }
        let left = event.event() == Event::PersonLeft;
        self.change_resident(id, "resident.changed", |resident| {
            resident.address = address.unwrap_or_else(|| resident.address.clone());
            resident.name = name.unwrap_or_else(|| resident.name.clone());
            resident.left |= left;
        })
        .await?;
        self.happen(id, event.event()).await?;
        if left {
            self.wipe_phones(id).await?;
        }
        Ok(())
    }

    /// A card that nobody picked up yet is made stopped.
    pub(crate) async fn card_lost(&self, id: &ResidentId) -> Result<(), Problem> {
        self.change_resident(id, "card.stopped", |resident| resident.suspended = true).await?;
        self.happen(id, Event::CardLost).await
    }

    /// The phones of who is gone are emptied.
    async fn wipe_phones(&self, id: &ResidentId) -> Result<(), Problem> {
        for device in self.service_manager.devices().await? {
            if device.holder() == Some(id) {
                self.service_manager.order_wipe(device.element).await?;
                self.retire(device.element, "phone.retired").await?;
            }
        }
        Ok(())
    }

    /// Ends a card; the next one is issued now, when its keys are made.
    pub(crate) async fn renew_card(&self, id: &ResidentId) -> Result<ResidentView, Problem> {
        if self.registrar.resident(id).await??.left {
            return Err(IssuanceError::Left.into());
        }
        self.happen(id, Event::CardEnded).await?;
        let now = self.context.clock.civil();
        self.change_resident(id, "card.renewed", |resident| {
            resident.card_issued = now;
            resident.suspended = false;
        })
        .await?;
        self.resident_view(id, false).await
    }

    /// Lets an event happen to all certificates of a resident that it concerns, and tells the phones.
    async fn happen(&self, id: &ResidentId, event: Event) -> Result<(), Problem> {
        let mut phones: BTreeSet<ElementId> = BTreeSet::new();
        for kind in CertificateKind::ALL {
            for issued in self.ca(kind).of_holder(id.as_str()).await? {
                if self.happen_to(kind, &issued, event).await? {
                    phones.extend(issued.device);
                }
            }
        }
        let notice = match event {
            Event::AttributesChanged => "certificate.sign_revoked",
            Event::CardLost => "certificate.sign_stopped",
            _ => "certificate.revoked",
        };
        for element in phones {
            self.tell(element, notice).await?;
        }
        Ok(())
    }
}
