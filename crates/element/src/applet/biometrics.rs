//! The user-verification token: what the phone's operating system says of a finger or face.

use tefuda_apdu::{Response, StatusWord};
use tefuda_protocol::{
    transaction::{Method, TransactionHash, TransactionKind},
    user_verification,
};
use tefuda_silicon::Silicon;
use tefuda_types::Secret;

use super::{Presence, Wallet};
use crate::{
    holder::{Biometrics, MISSES_MAX},
    memory::Fault,
};

impl<S: Silicon> Wallet<'_, S> {
    /// Counts a miss, makes that durable, and only then compares. A right token costs as many writes. Tries of
    /// the PIN are not touched.
    pub(super) fn present_token(
        &mut self,
        hash: &TransactionHash,
        presence: &Presence,
    ) -> Result<Response, Fault> {
        let mut session = self.volatile.take(self.channel)?;
        session.bind(hash)?;
        let holder = &self.persistent.applet()?.holder;
        let enrolled = holder.biometrics.ok_or(StatusWord::DATA_NOT_FOUND)?;
        if session.auth.is_some() || holder.auth.is_none() {
            return Err(StatusWord::CONDITIONS.into());
        }
        if enrolled.set != presence.set {
            return Err(StatusWord::REFERENCE_NOT_USABLE.into());
        }
        let left = self.count_miss()?;
        let genuine = self.is_genuine(&session.challenge, hash, presence)?;
        self.store(Biometrics { misses_left: if genuine { MISSES_MAX } else { left }, ..enrolled })?;
        if !genuine {
            return Err(StatusWord::tries_left(left).into());
        }
        session.auth = Some(Method::Biometrics);
        self.volatile.put_back(session);
        Ok(StatusWord::OK.into())
    }

    /// The sensor did not recognise what touched it.
    pub(super) fn missed(&mut self) -> Result<Response, Fault> {
        Ok(StatusWord::tries_left(self.count_miss()?).into())
    }

    /// Enrols a set, after the PIN was given for it.
    pub(super) fn enrol(&mut self, presence: &Presence, body: String) -> Result<Response, Fault> {
        let (session, hash) = self.volatile.spend(self.channel, TransactionKind::EnrolBiometrics, body)?;
        let enrollable = self.persistent.applet()?.holder.auth.is_some();
        if session.auth != Some(Method::Pin) || !enrollable {
            return Err(StatusWord::CONDITIONS.into());
        }
        if !self.is_genuine(&session.challenge, &hash, presence)? {
            return Err(StatusWord::SECURITY_STATUS.into());
        }
        self.store(Biometrics { set: presence.set, misses_left: MISSES_MAX })?;
        Ok(StatusWord::OK.into())
    }

    /// Takes a changed set on, after the PIN was given for a login. The login can still be signed.
    pub(super) fn adopt(&mut self, presence: &Presence, body: String) -> Result<Response, Fault> {
        let (session, hash) = self.volatile.spend(self.channel, TransactionKind::Login, body)?;
        if session.auth != Some(Method::Pin) {
            return Err(StatusWord::CONDITIONS.into());
        }
        if self.persistent.applet()?.holder.biometrics.is_none() {
            self.volatile.put_back(session);
            return Err(StatusWord::DATA_NOT_FOUND.into());
        }
        if !self.is_genuine(&session.challenge, &hash, presence)? {
            return Err(StatusWord::SECURITY_STATUS.into());
        }
        self.store(Biometrics { set: presence.set, misses_left: MISSES_MAX })?;
        self.volatile.put_back(session);
        Ok(StatusWord::OK.into())
    }

    pub(super) fn remove_biometrics(&mut self) -> Result<Response, Fault> {
        if self.persistent.applet()?.holder.biometrics.is_some() {
            self.persistent.update_applet(|applet| {
                applet.holder.biometrics = None;
                Ok(())
            })?;
        }
        Ok(StatusWord::OK.into())
    }

    /// Misses left after this one.
    fn count_miss(&mut self) -> Result<u8, Fault> {
        self.persistent.update_applet(|applet| {
            let biometrics = applet.holder.biometrics.as_mut().ok_or(StatusWord::DATA_NOT_FOUND)?;
            biometrics.misses_left = biometrics.misses_left.checked_sub(1).ok_or(StatusWord::BLOCKED)?;
            Ok(biometrics.misses_left)
        })
    }

    fn store(&mut self, biometrics: Biometrics) -> Result<(), Fault> {
        self.persistent.update_applet(|applet| {
            applet.holder.biometrics = Some(biometrics);
            Ok(())
        })
    }

    fn is_genuine(
        &self,
        challenge: &[u8; 16],
        hash: &TransactionHash,
        presence: &Presence,
    ) -> Result<bool, Fault> {
        let key = self.persistent.memory().identity.user_verification_key.expose();
        let key = Secret::new(<[u8; 32]>::try_from(key).map_err(|_| StatusWord::MEMORY_FAILURE)?);
        Ok(user_verification::verify(&key, challenge, hash, presence.set, &presence.token))
    }
}
