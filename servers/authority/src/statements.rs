//! Statements for wallets, and signs of life.

use std::sync::Arc;
use tefuda_authority::{
    device::{Device, DeviceError},
    statement,
};
use tefuda_pki::Certificate;
use tefuda_protocol::{
    Bytes, SignedMessage,
    enrolment::WalletStatements,
    statement::{Heartbeat, Statement},
};
use tefuda_types::{CertificateKind, Clock};
use tefuda_web::Problem;

use crate::{
    Authority,
    ca::{Ca, Generation},
    lists::List,
    responder::Delegation,
};

impl Ca {
    /// A message with the delegated signer of a generation.
    async fn state<T: SignedMessage + Sync>(
        &self,
        generation: &Arc<Generation>,
        message: &T,
    ) -> Result<Statement<T>, Problem> {
        let delegated = self.delegate(generation, Delegation::StatementSigner).await?;
        let signer = Bytes(delegated.certificate.as_der().to_vec());
        Ok(Statement { signer, signed: statement::sign(message, &delegated.key)? })
    }
}

impl Authority {
    /// Whose wallet a phone's authentication certificate belongs to, and which other ones are the same person's.
    pub(crate) async fn wallet_statements(&self, device: &Device) -> Result<WalletStatements, Problem> {
        let holder = device.holder().ok_or(DeviceError::NotRegistered)?;
        let serial = device.present(CertificateKind::PhoneAuth).ok_or(DeviceError::NotRegistered)?;
        let wallet_key = device.wallet_key().ok_or(DeviceError::NotRegistered)?.clone();
        let issued = self.phone_auth.find(serial).await?.ok_or(DeviceError::NotRegistered)?;
        let certificate = Certificate::from_der(&issued.der.0)?;
        let generation = self.phone_auth.issuer_of(&issued)?;
        let now = self.context.clock.civil();
        let mut others = Vec::new();
        for kind in [CertificateKind::CardAuth, CertificateKind::PhoneAuth] {
            for other in self.ca(kind).of_holder(holder.as_str()).await? {
                others.push((kind, Certificate::from_der(&other.der.0)?));
            }
        }
        let instance = statement::wallet_instance(&certificate, wallet_key, now);
        let wallet_instance = self.phone_auth.state(&generation, &instance).await?;
        let mut links = Vec::new();
        for link in statement::links(&certificate, &others, now) {
            links.push(self.phone_auth.state(&generation, &link).await?);
        }
        Ok(WalletStatements { wallet_instance, links })
    }

    /// A sign of life of one CA: where its lists stand.
    pub(crate) async fn heartbeat(&self, kind: CertificateKind) -> Result<Statement<Heartbeat>, Problem> {
        let (ca, now) = (self.ca(kind), self.context.clock.civil());
        let mut lists = Vec::new();
        for generation in ca.generations() {
            if generation.certificate.not_after() < now {
                continue;
            }
            let series = ca.series(&generation, &self.list_url(kind, &generation, List::Delta)).await?;
            lists.push(statement::list_state(kind, generation.number, &generation.certificate, &series));
        }
        ca.state(&ca.newest()?, &statement::heartbeat(lists, now)).await
    }
}
