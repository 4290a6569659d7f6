//! The authority as an HTTP actor: four CAs with a store and a key space each, the registrar with its own.

mod ca;
mod counter;
mod face;
mod lists;
mod registrar;
mod responder;
mod routes;

use std::sync::Arc;
use tefuda_keys::KeySpace;
use tefuda_types::CertificateKind;
use tefuda_web::ActorContext;

pub use registrar::{CardView, ResidentView};

use crate::{ca::Ca, face::FaceKeys, registrar::Registrar};

/// The roles of the authority. Each has its own folder; none opens another's.
#[derive(Debug)]
pub struct Authority {
    context: ActorContext,
    card_sign: Ca,
    card_auth: Ca,
    phone_sign: Ca,
    phone_auth: Ca,
    registrar: Registrar,
    face: FaceKeys,
}

impl Authority {
    /// Opens every role's store and keys, making what is not there, and finishes what a stop left open.
    ///
    /// # Errors
    /// What stores and keys say.
    pub async fn open(context: ActorContext) -> anyhow::Result<Arc<Self>> {
        let home = context.home.join("authority");
        let open =
            async |kind: CertificateKind| Ca::open(kind, &home.join(format!("ca-{kind}")), &context).await;
        let card_sign = open(CertificateKind::CardSign).await?;
        let card_auth = open(CertificateKind::CardAuth).await?;
        let phone_sign = open(CertificateKind::PhoneSign).await?;
        let phone_auth = open(CertificateKind::PhoneAuth).await?;
        let registrar = Registrar::open(&home.join("registrar"), &context).await?;
        let face = FaceKeys::open(&KeySpace::open(&home.join("face"), "face-issuer", context.environment)?)?;
        Ok(Arc::new(Self { context, card_sign, card_auth, phone_sign, phone_auth, registrar, face }))
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
