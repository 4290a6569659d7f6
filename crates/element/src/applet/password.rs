//! Sealed passwords: opened inside, compared or set.

use tefuda_apdu::{Response, StatusWord};
use tefuda_protocol::{
    element::SealedPin,
    sealed::{Binding, PinBlock, PinPurpose},
    transaction::{Method, TransactionHash},
};
use tefuda_silicon::{Silicon, engine::P256Key};
use tefuda_types::{PinKind, Secret};

use super::Wallet;
use crate::{
    holder::{Holder, new_password, verify_password},
    memory::Fault,
    session::PinSession,
};

/// What a purpose does to which password.
const fn act(purpose: PinPurpose) -> (PinKind, bool) {
    match purpose {
        PinPurpose::VerifySign => (PinKind::Sign, false),
        PinPurpose::VerifyAuth => (PinKind::Auth, false),
        PinPurpose::SetSign => (PinKind::Sign, true),
        PinPurpose::SetAuth => (PinKind::Auth, true),
    }
}

impl<S: Silicon> Wallet<'_, S> {
    /// Whatever is refused here ends the session: the next try needs a new challenge.
    pub(super) fn present_pin(&mut self, purpose: PinPurpose, sealed: &SealedPin) -> Result<Response, Fault> {
        let mut session = self.volatile.take(self.channel)?;
        session.bind(&sealed.transaction)?;
        session.present(purpose)?;
        let (kind, sets) = act(purpose);
        self.expect_usable(&session, kind, sets)?;
        let password = self.open(&session, purpose, sealed)?;
        let status = if sets {
            self.set_password(&mut session, kind, &password)?
        } else {
            verify_password(self.persistent, kind, &password)?
        };
        if !status.is_ok() {
            return Err(status.into());
        }
        match purpose {
            PinPurpose::VerifySign => session.sign = true,
            PinPurpose::VerifyAuth => session.auth = Some(Method::Pin),
            PinPurpose::SetSign | PinPurpose::SetAuth => {}
        }
        self.volatile.put_back(session);
        Ok(StatusWord::OK.into())
    }

    /// Before a block is opened: the password is there and not blocked, or may be set.
    fn expect_usable(&self, session: &PinSession, kind: PinKind, sets: bool) -> Result<(), Fault> {
        let holder = &self.persistent.applet()?.holder;
        if sets {
            let given = given(session, kind);
            return if given || may_be_set(holder, kind) {
                Ok(())
            } else {
                Err(StatusWord::CONDITIONS.into())
            };
        }
        if kind == PinKind::Auth && session.auth.is_some() {
            return Err(StatusWord::CONDITIONS.into());
        }
        match holder.password(kind) {
            None => Err(StatusWord::DATA_NOT_FOUND.into()),
            Some(password) if password.left == 0 => Err(StatusWord::REFERENCE_NOT_USABLE.into()),
            Some(_) => Ok(()),
        }
    }

    /// Opens a block. One that was made for anything else costs no try.
    fn open(
        &self,
        session: &PinSession,
        purpose: PinPurpose,
        sealed: &SealedPin,
    ) -> Result<Secret<Vec<u8>>, Fault> {
        let not_bound = Fault::Refused(StatusWord::SECURITY_STATUS);
        let SealedPin { transaction, block } = sealed;
        let transaction: TransactionHash = *transaction;
        let block = PinBlock::from_bytes(block).map_err(|_| not_bound)?;
        let key = P256Key::from_bytes(self.persistent.memory().identity.pin_entry_key.expose())?;
        let shared = key.ecdh(block.ephemeral_key()).map_err(|_| not_bound)?;
        let binding = Binding { challenge: session.challenge, transaction, purpose };
        block.open(&shared, &key.public_sec1(), &binding).map_err(|_| not_bound)
    }

    fn set_password(
        &mut self,
        session: &mut PinSession,
        kind: PinKind,
        value: &Secret<Vec<u8>>,
    ) -> Result<StatusWord, Fault> {
        let password = new_password(kind, value.expose()).ok_or(StatusWord::WRONG_DATA)?;
        self.persistent.update_applet(|applet| {
            *applet.holder.grant_mut(kind) = false;
            *applet.holder.password_mut(kind) = Some(password);
            Ok(())
        })?;
        // The old password was given for this one change.
        match kind {
            PinKind::Sign => session.sign = false,
            PinKind::Auth => session.auth = None,
        }
        Ok(StatusWord::OK)
    }
}

/// Whether the present password was given in the session.
const fn given(session: &PinSession, kind: PinKind) -> bool {
    match kind {
        PinKind::Sign => session.sign,
        PinKind::Auth => matches!(session.auth, Some(Method::Pin)),
    }
}

/// Whether a password may be set without the present one.
const fn may_be_set(holder: &Holder, kind: PinKind) -> bool {
    let granted = match kind {
        PinKind::Sign => holder.sign_grant,
        PinKind::Auth => holder.auth_grant,
    };
    granted || holder.awaits_password(kind)
}
