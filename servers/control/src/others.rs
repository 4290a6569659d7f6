//! What the control room sees of the other actors, as they tell it.

use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tefuda_protocol::phone::PhoneStatus;
use tefuda_types::{CertificateKind, CertificateStatus, ResidentId, Serial, Timestamp};
use tefuda_web::Client;

/// How long a phone may take to say where it stands: one that reads a card answers afterwards.
const STATUS_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Names and addresses of the phones there are now.
pub type Addresses = Arc<dyn Fn() -> BTreeMap<String, String> + Send + Sync>;

/// A resident with a card.
#[derive(Clone, Deserialize)]
pub(crate) struct Resident {
    pub id: ResidentId,
    pub name: String,
    pub individual_number: String,
    pub birth_date: Option<String>,
    pub address: Option<String>,
    pub can_enroll: bool,
    pub card: Card,
    pub pins: Pins,
}

/// A card.
#[derive(Clone, Deserialize)]
pub(crate) struct Card {
    pub state: String,
    pub expires: Option<Timestamp>,
    pub certificates: Vec<Certificate>,
}

/// A line of a card's certificates.
#[derive(Clone, Deserialize)]
pub(crate) struct Certificate {
    pub kind: CertificateKind,
    pub serial: Serial,
    pub not_after: Timestamp,
    pub status: CertificateStatus,
}

/// A sandbox card's passwords. Reference number A is the My Number and is not among them.
#[derive(Clone, Deserialize)]
pub(crate) struct Pins {
    pub sign: Option<String>,
    pub auth: Option<String>,
    pub text: Option<String>,
    pub reference_b: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Residents {
    pub residents: Vec<Resident>,
}

/// The authority at a glance.
#[derive(Deserialize)]
pub(crate) struct Overview {
    pub authorities: Vec<Authority>,
    pub waiting: usize,
    pub next_decision: Option<Timestamp>,
    pub audit_entries: i64,
}

/// A CA and its newest lists.
#[derive(Deserialize)]
pub(crate) struct Authority {
    pub kind: CertificateKind,
    pub generation: u32,
    pub full: u64,
    pub delta: u64,
    pub delta_made: Option<Timestamp>,
}

/// A phone, and where it stands if it says so in time.
pub(crate) struct Handset {
    pub name: String,
    pub url: String,
    pub status: Option<PhoneStatus>,
}

/// Asks a phone where it stands.
pub(crate) async fn handset(client: &Client, name: String, url: String) -> Handset {
    let address = format!("{url}/api/status");
    let asked = tokio::time::timeout(STATUS_TIMEOUT, client.get::<PhoneStatus>(&address)).await;
    Handset { name, url, status: asked.ok().and_then(Result::ok) }
}
