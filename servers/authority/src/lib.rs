//! The authority as an HTTP actor: registrar, operator, service manager and four CAs, with a store and a key space
//! each.

mod admin;
mod applications;
mod at_hand;
mod ca;
mod console;
mod counter;
mod devices;
mod dossier;
mod face;
mod issuing;
mod lists;
mod me;
mod measured;
mod operator;
mod overview;
mod phones;
mod published;
mod registrar;
mod resets;
mod residents;
mod responder;
mod routes;
mod service_manager;
mod sessions;
mod statements;

use anyhow::Context;
use std::sync::Arc;
use tefuda_authority::calendar::Calendar;
use tefuda_store::files;
use tefuda_types::CertificateKind;
use tefuda_web::ActorContext;
use tokio::sync::Mutex;

pub use measured::MeasuredCa;
pub use registrar::{CardView, ResidentView};

use crate::{
    ca::Ca, console::Staff, face::FaceKeys, operator::Operator, registrar::Registrar,
    service_manager::ServiceManager, sessions::Sessions,
};

/// The roles of the authority. Each has its own folder; none opens another's.
#[derive(Debug)]
pub struct Authority {
    context: ActorContext,
    calendar: Calendar,
    card_sign: Ca,
    card_auth: Ca,
    phone_sign: Ca,
    phone_auth: Ca,
    registrar: Registrar,
    operator: Operator,
    service_manager: ServiceManager,
    staff: Staff,
    sessions: Sessions,
    /// Applications are decided by one at a time.
    deciding: Mutex<()>,
    face: FaceKeys,
    token_key: me::TokenKey,
}

impl Authority {
    /// Opens every role's store and keys, making what is not there, and finishes what a stop left open.
    ///
    /// # Errors
    /// What stores and keys say, and a file of closures that is none.
    pub async fn open(context: ActorContext) -> anyhow::Result<Arc<Self>> {
        let home = context.home.join("authority");
        let open = async |kind: CertificateKind| Ca::open(kind, &context).await;
        let closures = files::read(&home.join("closures.txt"))?.unwrap_or_default();
        let authority = Arc::new(Self {
            calendar: Calendar::parse(&String::from_utf8_lossy(&closures)).context("closures.txt")?,
            card_sign: open(CertificateKind::CardSign).await?,
            card_auth: open(CertificateKind::CardAuth).await?,
            phone_sign: open(CertificateKind::PhoneSign).await?,
            phone_auth: open(CertificateKind::PhoneAuth).await?,
            registrar: Registrar::open(&context).await?,
            operator: Operator::open(&context).await?,
            service_manager: ServiceManager::open(&context).await?,
            staff: Staff::open(&context).await?,
            sessions: Sessions::default(),
            deciding: Mutex::default(),
            token_key: me::TokenKey::open(&context.key_space("authority/me", "me")?)?,
            face: FaceKeys::open(&context.key_space("authority/face", "face-issuer")?)?,
            context,
        });
        authority.follow_the_clock();
        Ok(authority)
    }

    /// The CA of a kind.
    const fn ca(&self, kind: CertificateKind) -> &Ca {
        match kind {
            CertificateKind::CardSign => &self.card_sign,
            CertificateKind::CardAuth => &self.card_auth,
            CertificateKind::PhoneSign => &self.phone_sign,
            CertificateKind::PhoneAuth => &self.phone_auth,
        }
    }
}

pub use routes::router;
