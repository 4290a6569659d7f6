//! Whose card lies at hand: in the sandbox a person picks one of the residents' cards up.

use serde::{Deserialize, de::IgnoredAny};
use std::sync::Arc;
use tefuda_pages::Texts;
use tefuda_protocol::phone::PhoneState;
use tefuda_types::{Family, ResidentId};
use tefuda_web::{Client, ClientError, Problem};

use super::screen::model_name;
use crate::{phone::Phone, phones::Phones};

/// A card at hand, as lists show it.
#[derive(Debug, Deserialize)]
pub(super) struct CardAtHand {
    pub id: ResidentId,
    pub name: String,
    #[serde(default)]
    pins: Sheet,
}

/// What goes with a sample card: a signature password only if it can sign.
#[derive(Debug, Default, Deserialize)]
struct Sheet {
    #[serde(default)]
    sign: Option<IgnoredAny>,
}

impl CardAtHand {
    /// Whether there is a password to ask for. The card itself is asked when it is held.
    pub(super) const fn signs(&self) -> bool {
        self.pins.sign.is_some()
    }
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

/// That the person's earlier phone of the same family will stop working, as it is said.
pub(super) fn earlier_ends(t: Texts, family: Family, earlier: &Phone) -> String {
    let key = match family {
        Family::Android => "phone-earlier-android",
        Family::Iphone => "phone-earlier-iphone",
    };
    t.with2(key, "name", &earlier.name, "model", model_name(earlier))
}

/// The person's other phone of the same family, whose certificates end when this one is registered.
pub(super) async fn earlier_phone(
    phones: &Phones,
    phone: &Phone,
    family: Family,
    resident: &ResidentId,
) -> Result<Option<Arc<Phone>>, Problem> {
    for other in phones.list() {
        if other.name == phone.name || other.model().map(|model| model.family) != Ok(family) {
            continue;
        }
        let memory = other.memory().await?;
        let same_person = memory.enrolment.is_some_and(|enrolment| enrolment.resident == *resident);
        if same_person && memory.wallet.is_some() && other.status().await?.state == PhoneState::Registered {
            return Ok(Some(other));
        }
    }
    Ok(None)
}
