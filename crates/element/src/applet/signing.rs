//! What the holder's keys sign: typed messages that the element makes itself, each for one consent.

use tefuda_apdu::{Response, StatusWord};
use tefuda_card::applet::Scheme;
use tefuda_protocol::{
    Signed,
    device::{DeviceAction, DeviceMessage},
    transaction::{Method, TransactionKind, login_message, wallet_message},
};
use tefuda_silicon::{
    Silicon, SiliconRng,
    engine::{P256Key, RsaKey},
};

use super::Wallet;
use crate::memory::Fault;

/// Most octets of a device message.
const MESSAGE_OCTETS_MAX: usize = 1_024;

impl<S: Silicon> Wallet<'_, S> {
    /// The holder lets the authority's domain load the certificates that wait.
    pub(super) fn confirm(&mut self, body: String) -> Result<Response, Fault> {
        let (session, _) = self.volatile.spend(self.channel, TransactionKind::Register, body)?;
        if !session.sign || self.persistent.applet()?.holder.pending.is_none() {
            return Err(StatusWord::CONDITIONS.into());
        }
        self.volatile.confirmed = true;
        Ok(StatusWord::OK.into())
    }

    /// Signs a login with both keys, for the method by which the person was there.
    pub(super) fn sign_login(&mut self, method: Method, body: String) -> Result<Response, Fault> {
        let (session, hash) = self.volatile.spend(self.channel, TransactionKind::Login, body)?;
        if session.auth != Some(method) {
            return Err(StatusWord::CONDITIONS.into());
        }
        let (memory, silicon) = self.persistent.parts();
        let holder = &memory.applet().ok_or(StatusWord::NOT_FOUND)?.holder;
        let (Some(auth), Some(wallet)) = (&holder.auth, &holder.wallet_key) else {
            return Err(StatusWord::CONDITIONS.into());
        };
        let auth = RsaKey::from_pkcs8(auth.key.expose())?;
        let wallet = P256Key::from_bytes(wallet.expose())?;
        let mut signatures = tefuda_card::sign(
            &auth,
            Scheme::Hashed,
            &login_message(method, &hash),
            &mut SiliconRng(silicon),
        )?;
        signatures.extend(wallet.sign_sha256(&wallet_message(method, &hash)));
        Ok(Response::ok(signatures))
    }

    /// Signs a message that needs no password. After a sensor event that is the report of it, which the
    /// attestation key signs.
    pub(super) fn sign_message(&mut self, payload: &[u8]) -> Result<Response, Fault> {
        let message = self.own_message(payload)?;
        let memory = self.persistent.memory();
        let key = match (message.action, memory.tampered) {
            (DeviceAction::Tampered, true) => &memory.identity.attestation_key,
            (DeviceAction::Retire | DeviceAction::Lift | DeviceAction::Statements, false) => {
                self.persistent.applet()?.holder.wallet_key.as_ref().ok_or(StatusWord::CONDITIONS)?
            }
            _ => return Err(StatusWord::CONDITIONS.into()),
        };
        let key = P256Key::from_bytes(key.expose())?;
        Ok(Response::ok(key.sign_sha256(&to_be_signed(payload))))
    }

    /// Signs a message that needs the signature password.
    pub(super) fn sign_message_with_password(
        &mut self,
        payload: &[u8],
        body: String,
    ) -> Result<Response, Fault> {
        let (session, _) = self.volatile.spend(self.channel, TransactionKind::RecoveryCode, body)?;
        let message = self.own_message(payload)?;
        if !session.sign || !matches!(message.action, DeviceAction::RecoveryCode { .. }) {
            return Err(StatusWord::CONDITIONS.into());
        }
        let key = self.persistent.applet()?.holder.wallet_key.as_ref().ok_or(StatusWord::CONDITIONS)?;
        let key = P256Key::from_bytes(key.expose())?;
        Ok(Response::ok(key.sign_sha256(&to_be_signed(payload))))
    }

    /// A message about this element, in the one form that this element signs: what else a reader might find
    /// in the bytes is not in them.
    fn own_message(&self, payload: &[u8]) -> Result<DeviceMessage, Fault> {
        let refused = Fault::Refused(StatusWord::WRONG_DATA);
        if payload.len() > MESSAGE_OCTETS_MAX {
            return Err(refused);
        }
        let message: DeviceMessage = serde_json::from_slice(payload).map_err(|_| refused)?;
        let (canonical, _) = Signed::prepare(&message).map_err(|_| refused)?;
        let own = message.element == self.persistent.memory().identity.element;
        if own && canonical.0 == payload { Ok(message) } else { Err(refused) }
    }
}

/// Context, zero octet, payload.
fn to_be_signed(payload: &[u8]) -> Vec<u8> {
    [<DeviceMessage as tefuda_protocol::SignedMessage>::CONTEXT.as_bytes(), &[0], payload].concat()
}
