//! The holder's applet as data: keys, certificates, passwords, biometrics.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tefuda_apdu::StatusWord;
use tefuda_card::{
    file::{Alphabet, Password},
    personalisation::{PIN_TRIES, SIGN_TRIES},
};
use tefuda_protocol::{
    Bytes,
    element::{AppletParameters, AppletStatus, Holding},
};
use tefuda_silicon::Silicon;
use tefuda_types::{PinKind, Secret};

use crate::memory::{Fault, Memory, Persistent, Private};

/// Misses of the sensor, or wrong tokens, after which the PIN must be given.
pub(crate) const MISSES_MAX: u8 = 5;

/// One applet with two faces, each an instance of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Applet {
    /// The wallet's face is installed.
    pub(crate) wallet: bool,
    /// The JPKI face is installed.
    pub(crate) jpki: bool,
    pub(crate) token_label: String,
    pub(crate) token_serial: String,
    pub(crate) stage: Stage,
    pub(crate) holder: Holder,
}

/// Whose hands it is in, sensor events aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stage {
    Empty,
    Held,
    Wiped,
}

/// All that is the holder's, and goes with the holder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Holder {
    pub(crate) sign: Option<Credential>,
    pub(crate) auth: Option<Credential>,
    pub(crate) wallet_key: Option<Private>,
    pub(crate) sign_password: Option<Password>,
    pub(crate) auth_pin: Option<Password>,
    pub(crate) pending: Option<Pending>,
    pub(crate) biometrics: Option<Biometrics>,
    /// The signature password may be set anew, once.
    pub(crate) sign_grant: bool,
    /// The authentication PIN may be set anew, once.
    pub(crate) auth_grant: bool,
}

/// An RSA key with its certificates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Credential {
    /// PKCS #8.
    pub(crate) key: Private,
    pub(crate) certificate: Bytes,
    pub(crate) ca: Bytes,
}

/// Keys that wait for their certificates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) nonce: [u8; 16],
    /// PKCS #8.
    pub(crate) sign: Option<Private>,
    pub(crate) auth: Option<PendingAuth>,
}

/// The two keys that only come together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingAuth {
    /// PKCS #8.
    pub(crate) auth: Private,
    /// P-256 scalar.
    pub(crate) wallet: Private,
}

/// Fingers or faces in place of the authentication PIN.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Biometrics {
    pub(crate) set: u32,
    pub(crate) misses_left: u8,
}

impl Applet {
    pub(crate) fn new(parameters: AppletParameters) -> Self {
        let AppletParameters { token_label, token_serial } = parameters;
        let holder = Holder::default();
        Self { wallet: false, jpki: false, token_label, token_serial, stage: Stage::Empty, holder }
    }

    /// Destroys everything of the holder's.
    pub(crate) fn wipe(&mut self) {
        self.holder = Holder::default();
        self.stage = Stage::Wiped;
    }
}

impl Holder {
    pub(crate) const fn password(&self, kind: PinKind) -> Option<&Password> {
        match kind {
            PinKind::Sign => self.sign_password.as_ref(),
            PinKind::Auth => self.auth_pin.as_ref(),
        }
    }

    pub(crate) const fn password_mut(&mut self, kind: PinKind) -> &mut Option<Password> {
        match kind {
            PinKind::Sign => &mut self.sign_password,
            PinKind::Auth => &mut self.auth_pin,
        }
    }

    pub(crate) const fn grant_mut(&mut self, kind: PinKind) -> &mut bool {
        match kind {
            PinKind::Sign => &mut self.sign_grant,
            PinKind::Auth => &mut self.auth_grant,
        }
    }

    /// Whether a password may be set for the first time: none is, and keys wait for it.
    pub(crate) const fn awaits_password(&self, kind: PinKind) -> bool {
        match (kind, &self.pending) {
            (PinKind::Sign, Some(pending)) => pending.sign.is_some() && self.sign_password.is_none(),
            (PinKind::Auth, Some(pending)) => pending.auth.is_some() && self.auth_pin.is_none(),
            (_, None) => false,
        }
    }
}

/// A password as it is when it was just set; `None` if it is not one that the phone takes.
pub(crate) fn new_password(kind: PinKind, value: &[u8]) -> Option<Password> {
    let (limit, alphabet) = match kind {
        PinKind::Sign => (SIGN_TRIES, Alphabet::SignaturePassword),
        PinKind::Auth => (PIN_TRIES, Alphabet::FourDigits),
    };
    let mixed = value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_uppercase);
    let takes = alphabet.admits(value) && (kind == PinKind::Auth || mixed);
    takes.then(|| Password { value: value.to_vec().into(), left: limit, limit, alphabet })
}

/// Counts the try, makes that durable, and only then compares. A right password costs as many writes.
pub(crate) fn verify_password<S: Silicon>(
    persistent: &mut Persistent<S>,
    kind: PinKind,
    candidate: &Secret<Vec<u8>>,
) -> Result<StatusWord, Fault> {
    let password = persistent.update_applet(|applet| {
        let password = applet.holder.password_mut(kind).as_mut().ok_or(StatusWord::DATA_NOT_FOUND)?;
        password.left = password.left.checked_sub(1).ok_or(StatusWord::REFERENCE_NOT_USABLE)?;
        Ok(password.clone())
    })?;
    let right = bool::from(password.value.0.as_slice().ct_eq(candidate.expose()));
    persistent.update_applet(|applet| {
        if let (true, Some(password)) = (right, applet.holder.password_mut(kind)) {
            password.left = password.limit;
        }
        if let (true, PinKind::Auth, Some(biometrics)) = (right, kind, &mut applet.holder.biometrics) {
            biometrics.misses_left = MISSES_MAX;
        }
        Ok(())
    })?;
    Ok(if right { StatusWord::OK } else { StatusWord::tries_left(password.left) })
}

/// What the applet tells about itself.
pub(crate) fn status(memory: &Memory, applet: &Applet) -> AppletStatus {
    let holder = &applet.holder;
    AppletStatus {
        holding: match applet.stage {
            _ if memory.tampered => Holding::Tampered,
            Stage::Empty => Holding::Empty,
            Stage::Held => Holding::Held,
            Stage::Wiped => Holding::Wiped,
        },
        sign_tries: holder.sign_password.as_ref().map(|password| password.left),
        auth_tries: holder.auth_pin.as_ref().map(|password| password.left),
        pending: holder.pending.as_ref().map(|pending| pending.nonce),
        biometric_set: holder.biometrics.map(|biometrics| biometrics.set),
        biometric_misses_left: holder.biometrics.map_or(0, |biometrics| biometrics.misses_left),
        last_command: memory.authority.as_ref().map_or(0, |authority| authority.last_command),
    }
}
