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
use tefuda_store::{AuditEntry, StoreError};
use tefuda_types::{CertificateKind, Clock, ElementId, ResidentId};
use tefuda_web::Problem;

use crate::{Authority, ResidentView, registrar::Registrar};

/// Events that the register says already and that certificates do not follow yet.
const UNFINISHED: &str = "unfinished-event";

fn unfinished_id(id: &ResidentId, event: Event) -> String {
    format!("{id}/{event:?}")
}

impl Registrar {
    /// Events that a stop of the process left open.
    async fn unfinished(&self) -> Result<Vec<(ResidentId, Event)>, StoreError> {
        Ok(self.store.list(UNFINISHED).await?.into_iter().map(|(_, open)| open).collect())
    }

    /// Everything follows an event now.
    async fn finished(&self, id: &ResidentId, event: Event) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.remove(UNFINISHED, &unfinished_id(id, event)).await?;
        transaction.commit().await
    }
}

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
        event: Option<Event>,
        change: impl FnOnce(&mut Resident) + Send,
    ) -> Result<(), Problem> {
        let mut resident = self.registrar.resident(id).await??;
        change(&mut resident);
        let mut transaction = self.registrar.store.begin().await?;
        transaction.put("resident", id.as_str(), &resident).await?;
        if let Some(event) = event {
            transaction.put(UNFINISHED, &unfinished_id(id, event), &(id, event)).await?;
        }
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
        let _one_at_a_time = self.deciding.lock().await;
        let Changes { address, name } = changes;
        let fits = |text: &Option<String>| text.as_ref().is_none_or(|text| !text.trim().is_empty());
        if !fits(&address) || !fits(&name) {
            return Err(ArrivalError::Text.into());
        }
        self.take_event(id, event.event(), |resident| {
            resident.address = address.unwrap_or_else(|| resident.address.clone());
            resident.name = name.unwrap_or_else(|| resident.name.clone());
        })
        .await
    }

    /// A card that nobody picked up yet is made stopped.
    pub(crate) async fn card_lost(&self, id: &ResidentId) -> Result<(), Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        self.take_event(id, Event::CardLost, |_| ()).await
    }

    /// The register first, with the event as one that is not finished: a cut leaves no certificate behind.
    async fn take_event(
        &self,
        id: &ResidentId,
        event: Event,
        change: impl FnOnce(&mut Resident) + Send,
    ) -> Result<(), Problem> {
        let action = if event == Event::CardLost { "card.stopped" } else { "resident.changed" };
        self.change_resident(id, action, Some(event), |resident| {
            change(resident);
            resident.happened(event);
        })
        .await?;
        self.finish_event(id, event).await
    }

    /// Lets every certificate, and every phone, follow what the register says already.
    async fn finish_event(&self, id: &ResidentId, event: Event) -> Result<(), Problem> {
        self.happen(id, event).await?;
        if event == Event::PersonLeft {
            self.wipe_phones(id).await?;
        }
        Ok(self.registrar.finished(id, event).await?)
    }

    /// Finishes what a stop of the process left open. Whoever calls it has the turn.
    pub(crate) async fn finish_events(&self) -> Result<(), Problem> {
        for (id, event) in self.registrar.unfinished().await? {
            self.finish_event(&id, event).await?;
        }
        Ok(())
    }

    /// The phones of who is gone are emptied.
    async fn wipe_phones(&self, id: &ResidentId) -> Result<(), Problem> {
        for device in self.service_manager.devices().await? {
            if device.holder() == Some(id) {
                self.empty(device.element).await?;
            }
        }
        Ok(())
    }

    /// Ends a card; the next one is issued now, when its keys are made.
    pub(crate) async fn renew_card(&self, id: &ResidentId) -> Result<ResidentView, Problem> {
        let _one_at_a_time = self.deciding.lock().await;
        if self.registrar.resident(id).await??.left {
            return Err(IssuanceError::Left.into());
        }
        self.take_event(id, Event::CardEnded, |_| ()).await?;
        let now = self.context.clock.civil();
        self.change_resident(id, "card.renewed", None, |resident| resident.renewed(now)).await?;
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
