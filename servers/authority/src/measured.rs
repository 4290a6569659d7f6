//! A CA by itself, to be measured: in a home of its own, which nobody trusts.

use std::sync::Arc;
use tefuda_pki::{
    Signer,
    profile::{Leaf, Municipality, Period},
};
use tefuda_types::{CertificateKind, Clock, Timestamp};
use tefuda_web::ActorContext;

use crate::{
    ca::{Ca, Generation},
    issuing::Request,
};

/// Seconds of what it issues: a day.
const LIFE_SECONDS: i64 = 86_400;

/// A CA that issues to nobody.
#[derive(Debug)]
pub struct MeasuredCa {
    ca: Ca,
    newest: Arc<Generation>,
    period: Period,
}

impl MeasuredCa {
    /// Opens it as the authority opens its own.
    ///
    /// # Errors
    /// What store and keys say.
    pub async fn open(context: &ActorContext) -> anyhow::Result<Self> {
        let ca = Ca::open(CertificateKind::PhoneAuth, context).await?;
        let now = context.clock.civil();
        let not_after = Timestamp::from_second(now.as_second() + LIFE_SECONDS)?;
        Ok(Self { newest: ca.newest()?, ca, period: Period { not_before: now, not_after } })
    }

    /// Issues a phone's authentication certificate as the authority does: serial kept, draft linted, audit before
    /// and after, on disk.
    ///
    /// # Errors
    /// What refuses it.
    pub async fn issue(&self, number: u64, spki: Vec<u8>) -> anyhow::Result<()> {
        let request =
            throw_away(format!("measured/{number}"), format!("nobody-{number}"), (number, spki, self.period));
        Ok(self.ca.issue(&request).await.map(drop)?)
    }

    /// The raw limit: one signature of its key.
    ///
    /// # Errors
    /// What the key says.
    pub fn sign(&self, message: &[u8]) -> anyhow::Result<()> {
        Ok(self.newest.signer.sign(message).map(drop)?)
    }
}

/// A request for a phone's authentication certificate that nobody will ever show.
pub(crate) fn throw_away(
    id: String,
    holder: String,
    (number, spki, period): (u64, Vec<u8>, Period),
) -> Request {
    let municipality = Municipality { prefecture: "Tokyo-to".to_owned(), city: "Kiyose-shi".to_owned() };
    let leaf = Leaf {
        kind: CertificateKind::PhoneAuth,
        common_name: format!("13101{number:015}"),
        municipality,
        attributes: None,
        ocsp_url: "http://localhost/ocsp".to_owned(),
    };
    Request { id, holder, device: None, leaf, spki, period }
}
