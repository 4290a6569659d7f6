//! Whose card lies at hand: in the sandbox a person picks one of the residents' cards up.

use serde::Deserialize;
use tefuda_protocol::phone::PhoneState;
use tefuda_types::{Family, ResidentId};
use tefuda_web::{Client, ClientError, Problem};

use crate::{phone::Phone, phones::Phones};

/// A card at hand, as lists show it.
#[derive(Debug, Deserialize)]
pub(super) struct CardAtHand {
    pub id: ResidentId,
    pub name: String,
}

#[derive(Deserialize)]
struct Lines {
    residents: Vec<CardAtHand>,
}

/// The residents whose cards can be picked up.
pub(super) async fn cards(phones: &Phones) -> Result<Vec<CardAtHand>, ClientError> {
    let context = phones.context();
    let client = Client::new(Some(context.admin_token.clone()));
    let lines: Lines = client.get(&format!("{}/admin/residents", context.urls.authority())).await?;
    Ok(lines.residents)
}

/// The person's other phone of the same family, whose certificates end when this one is registered.
pub(super) async fn earlier_phone(
    phones: &Phones,
    phone: &Phone,
    family: Family,
    resident: &ResidentId,
) -> Result<Option<String>, Problem> {
    for other in phones.list() {
        if other.name == phone.name || other.model().map(|model| model.family) != Ok(family) {
            continue;
        }
        let memory = other.memory().await?;
        let same_person = memory.enrolment.is_some_and(|enrolment| enrolment.resident == *resident);
        if same_person && memory.wallet.is_some() && other.status().await?.state == PhoneState::Registered {
            return Ok(Some(other.name.to_string()));
        }
    }
    Ok(None)
}
