//! The JPKI face: to a reader the phone is a card with one application.
//!
//! Unlike the card's, the authentication certificate is readable only after the PIN. Passwords are the
//! wallet's own, with the same tries; they cannot be changed here.

use std::collections::BTreeMap;
use tefuda_apdu::{Command, Response, StatusWord};
use tefuda_card::{
    applet::{Selection, Step, decide},
    file::{Access, Alphabet, Application, ChangeDialect, File, FileId, Password, PrivateKey},
    personalisation::{JPKI_AID, jpki, token_info},
};
use tefuda_protocol::Bytes;
use tefuda_silicon::{Silicon, SiliconRng, engine::RsaKey};
use tefuda_types::{PinKind, Secret};

use crate::{
    holder::{Applet, Credential, verify_password},
    memory::{Fault, Persistent},
};

/// Label of an iPhone-like token, which answers the last-command indicator.
const IPHONE_LABEL: &str = "JPKIAPIOSTOKEN";

/// What a reader's field holds: power, and the selection in the one application.
#[derive(Debug, Default)]
pub(crate) struct Field {
    selection: Option<Selection>,
}

impl Field {
    /// Answers a reader's command.
    pub(crate) fn respond<S: Silicon>(
        &mut self,
        persistent: &mut Persistent<S>,
        command: &Command,
    ) -> Result<Response, Fault> {
        if let (0x00, 0xA4, 0x04) = (command.cla, command.ins, command.p1) {
            return self.select(persistent, command);
        }
        let Some(mut selection) = self.selection.take() else {
            return Err(unselected(command).into());
        };
        let applet = installed(persistent)?;
        let step = decide(&face(applet), &selection, command);
        let response = carry_out(persistent, &mut selection, step)?;
        self.selection = Some(selection);
        Ok(response)
    }

    fn select<S: Silicon>(
        &mut self,
        persistent: &Persistent<S>,
        command: &Command,
    ) -> Result<Response, Fault> {
        if command.data != JPKI_AID {
            return Err(StatusWord::NOT_FOUND.into());
        }
        installed(persistent)?;
        if !matches!(command.p2, 0x00 | 0x0C) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        self.selection = Some(Selection::default());
        Ok(StatusWord::OK.into())
    }
}

/// The applet, if it has this face and no sensor event destroyed it.
fn installed<S: Silicon>(persistent: &Persistent<S>) -> Result<&Applet, Fault> {
    let applet = persistent.applet()?;
    match (applet.jpki, persistent.memory().tampered) {
        (false, _) => Err(StatusWord::NOT_FOUND.into()),
        (true, true) => Err(StatusWord::CONDITIONS.into()),
        (true, false) => Ok(applet),
    }
}

/// Commands before the application is selected.
const fn unselected(command: &Command) -> StatusWord {
    match (command.cla, command.ins) {
        (0x00, 0xA4) if command.p1 == 0 && command.data.is_empty() => StatusWord::WRONG_P1P2,
        (0x00, 0xA4) => StatusWord::NOT_FOUND,
        (0x00 | 0x80, _) => StatusWord::WRONG_INS,
        _ => StatusWord::WRONG_CLA,
    }
}

fn carry_out<S: Silicon>(
    persistent: &mut Persistent<S>,
    selection: &mut Selection,
    step: Step,
) -> Result<Response, Fault> {
    Ok(match step {
        Step::Answer(response) => response,
        Step::Select(id) => {
            selection.file = Some(id);
            StatusWord::OK.into()
        }
        Step::Verify(id, candidate) => {
            selection.verified.remove(&id);
            let kind = if id == jpki::SIGN_PASSWORD { PinKind::Sign } else { PinKind::Auth };
            let status = verify_password(persistent, kind, &Secret::new(candidate))?;
            if status.is_ok() {
                selection.verified.insert(id);
            }
            status.into()
        }
        // Passwords of a phone are changed on the phone.
        Step::Change(..) => StatusWord::CONDITIONS.into(),
        Step::Sign(id, scheme, data) => {
            let (memory, silicon) = persistent.parts();
            let holder = &memory.applet().ok_or(StatusWord::NOT_FOUND)?.holder;
            let credential = if id == jpki::SIGN_KEY { &holder.sign } else { &holder.auth };
            let credential = credential.as_ref().ok_or(StatusWord::CONDITIONS)?;
            let key = RsaKey::from_pkcs8(credential.key.expose())?;
            Response::ok(tefuda_card::sign(&key, scheme, &data, &mut SiliconRng(silicon))?)
        }
        Step::Challenge(octets) => {
            let mut random = vec![0; octets];
            persistent.parts().1.fill_random(&mut random);
            Response::ok(random)
        }
    })
}

/// The card's file tree over the holder's applet. Private keys stay out of it: [`decide`] only needs to know
/// that they are there.
fn face(applet: &Applet) -> Application {
    use jpki::{
        AUTH_CA, AUTH_CERTIFICATE, AUTH_KEY, AUTH_PIN, AVAILABILITY, SIGN_CA, SIGN_CERTIFICATE, SIGN_KEY,
        SIGN_PASSWORD, TOKEN_INFO,
    };
    let holder = &applet.holder;
    let information = token_info(&applet.token_label, &applet.token_serial);
    let there = |credential: &Option<Credential>| if credential.is_some() { 0x8F } else { 0x00 };
    let mut files = BTreeMap::from([
        (TOKEN_INFO, transparent(&Bytes(information), Access::Free)),
        (AVAILABILITY, transparent(&Bytes(vec![there(&holder.sign), there(&holder.auth), 0]), Access::Free)),
    ]);
    files.extend([0x0005, 0x0009, 0x0010, 0x0016, 0x0019, 0x001C, 0x001E].map(|id| (id, closed())));
    let mut kind = |credential: &Option<Credential>, password: Option<&Password>, ids: [FileId; 4]| {
        let [certificate, ca, key, pin] = ids;
        let after = Access::AnyOf(vec![pin]);
        files.insert(pin, File::Password(password.map_or_else(blocked, fixed)));
        match credential {
            Some(credential) => {
                files.insert(certificate, transparent(&credential.certificate, after.clone()));
                files.insert(ca, transparent(&credential.ca, Access::Free));
                files.insert(key, File::PrivateKey(PrivateKey { pkcs8: Bytes::default(), usable: after }));
            }
            None => files.extend([(certificate, closed()), (ca, closed())]),
        }
    };
    kind(&holder.sign, holder.password(PinKind::Sign), [SIGN_CERTIFICATE, SIGN_CA, SIGN_KEY, SIGN_PASSWORD]);
    kind(&holder.auth, holder.password(PinKind::Auth), [AUTH_CERTIFICATE, AUTH_CA, AUTH_KEY, AUTH_PIN]);
    Application {
        aid: JPKI_AID.to_vec().into(),
        files,
        change: ChangeDialect::Iso,
        presence_key: None,
        last_command_indicator: applet.token_label == IPHONE_LABEL,
    }
}

fn transparent(content: &Bytes, readable: Access) -> File {
    File::Transparent { content: content.clone(), readable }
}

fn closed() -> File {
    transparent(&Bytes::default(), Access::Never)
}

fn blocked() -> Password {
    Password { value: Bytes::default(), left: 0, limit: 0, alphabet: Alphabet::Fixed }
}

/// A password as this face shows it: its tries, and that it cannot be changed.
fn fixed(password: &Password) -> Password {
    Password { value: Bytes::default(), alphabet: Alphabet::Fixed, ..password.clone() }
}
