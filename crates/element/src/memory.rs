//! What an element remembers on its die, and the one way to change it.

use serde::{Deserialize, Serialize};
use tefuda_apdu::{
    StatusWord,
    globalplatform::ManagementError,
    scp03::{Scp03Error, StaticKeys},
};
use tefuda_protocol::{
    Bytes, Signed,
    attestation::{ElementCertificate, KeyAttestation},
    element::AccessRule,
};
use tefuda_silicon::{PowerCut, PowerUp, Silicon, Vault, engine::EngineError};
use tefuda_types::{ElementId, Secret};
use zeroize::Zeroize;

use crate::holder::Applet;

/// Why a command is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Refused with a status word; nothing changed that the refusing code did not mean to.
    Refused(StatusWord),
    /// Power went away: nothing may be told.
    PowerCut,
}

impl From<StatusWord> for Fault {
    fn from(status: StatusWord) -> Self {
        Self::Refused(status)
    }
}

impl From<PowerCut> for Fault {
    fn from(_: PowerCut) -> Self {
        Self::PowerCut
    }
}

impl From<EngineError> for Fault {
    fn from(_: EngineError) -> Self {
        Self::Refused(StatusWord::MEMORY_FAILURE)
    }
}

impl From<Scp03Error> for Fault {
    fn from(_: Scp03Error) -> Self {
        Self::Refused(StatusWord::MEMORY_FAILURE)
    }
}

impl From<ManagementError> for Fault {
    fn from(error: ManagementError) -> Self {
        Self::Refused(match error {
            ManagementError::Parameters => StatusWord::WRONG_P1P2,
            _ => StatusWord::WRONG_DATA,
        })
    }
}

/// Private octets in the sealed state: wiped when dropped, shown by nothing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Private(Bytes);

impl Private {
    pub(crate) fn new(octets: &[u8]) -> Self {
        Self(octets.to_vec().into())
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0.0
    }
}

impl From<Secret<Vec<u8>>> for Private {
    fn from(secret: Secret<Vec<u8>>) -> Self {
        Self::new(secret.expose())
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.0.0.zeroize();
    }
}

impl core::fmt::Debug for Private {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Private(…)")
    }
}

/// Who the element is. Written once, by the factory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) element: ElementId,
    /// Signs for the element's keys.
    pub(crate) attestation_key: Private,
    /// The maker's word for it.
    pub(crate) certificate: Signed<ElementCertificate>,
    /// Opens PIN blocks.
    pub(crate) pin_entry_key: Private,
    pub(crate) pin_entry: Signed<KeyAttestation>,
    /// Shared with the phone's operating system.
    pub(crate) user_verification_key: Private,
}

/// `40 41 … 4F`, which cards and their tools come with.
const PUBLISHED_KEY: &[u8] = b"@ABCDEFGHIJKLMNO";

/// A key set of a security domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeySet {
    pub(crate) version: u8,
    enc: Private,
    mac: Private,
    dek: Private,
    /// Rises with every set that the domain was given, so that a session under an earlier one is noticed.
    pub(crate) generation: u32,
    /// Sequence counter, 24 bits; used once each.
    pub(crate) sequence: u32,
    /// Authentications that failed since the last that did not.
    pub(crate) failures: u8,
}

impl KeySet {
    /// Failed authentications after which a key set is blocked.
    pub(crate) const FAILURES_MAX: u8 = 8;

    pub(crate) fn new(version: u8, keys: &StaticKeys, generation: u32) -> Self {
        let [enc, mac, dek] = [keys.enc(), keys.mac(), keys.dek()].map(Private::new);
        Self { version, enc, mac, dek, generation, sequence: 0, failures: 0 }
    }

    /// Whether a key among them is the one that every card of a well-known make is delivered with.
    pub(crate) fn is_published(&self) -> bool {
        [&self.enc, &self.mac, &self.dek].iter().any(|key| key.expose() == PUBLISHED_KEY)
    }

    pub(crate) fn keys(&self) -> Result<StaticKeys, Scp03Error> {
        StaticKeys::new(self.enc.expose(), self.mac.expose(), self.dek.expose())
    }
}

/// The operator's domain, with the access rules that it stores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Issuer {
    pub(crate) keys: KeySet,
    pub(crate) rules: Vec<AccessRule>,
}

/// The authority's domain, with what the service manager keeps in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Authority {
    pub(crate) keys: Option<KeySet>,
    /// The service manager put keys of its own: from now on the operator can put none.
    pub(crate) handed_over: bool,
    /// Verifies device commands, SEC 1.
    pub(crate) command_key: Option<Bytes>,
    /// Number of the last device command that was carried out.
    pub(crate) last_command: u64,
    pub(crate) applet: Option<Applet>,
}

/// One of the two security domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    Issuer,
    Authority,
}

/// All that an element remembers. The number of its form is the first field, so that every past form can
/// still be told apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) form: u32,
    pub(crate) identity: Identity,
    /// A sensor event, or a memory that was set back, destroyed the holder's keys. For good.
    pub(crate) tampered: bool,
    /// What was destroyed may still be on the page of the former state: to be overwritten before anything is
    /// answered.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) residue: bool,
    pub(crate) issuer: Issuer,
    pub(crate) authority: Option<Authority>,
}

/// The number of a form, whatever else is there.
#[derive(Deserialize)]
struct Form {
    form: u32,
}

impl Memory {
    /// The present form.
    pub(crate) const FORM: u32 = 1;

    /// From the octets of any form that was ever written; `None` for one that is not known.
    fn load(state: &[u8]) -> Option<Self> {
        let Form { form } = serde_json::from_slice(state).ok()?;
        match form {
            Self::FORM => serde_json::from_slice(state).ok(),
            _ => None,
        }
    }

    pub(crate) fn key_set(&self, domain: Domain) -> Option<&KeySet> {
        match domain {
            Domain::Issuer => Some(&self.issuer.keys),
            Domain::Authority => self.authority.as_ref()?.keys.as_ref(),
        }
    }

    pub(crate) fn key_set_mut(&mut self, domain: Domain) -> Option<&mut KeySet> {
        match domain {
            Domain::Issuer => Some(&mut self.issuer.keys),
            Domain::Authority => self.authority.as_mut()?.keys.as_mut(),
        }
    }

    pub(crate) fn applet(&self) -> Option<&Applet> {
        self.authority.as_ref()?.applet.as_ref()
    }

    pub(crate) fn applet_mut(&mut self) -> Option<&mut Applet> {
        self.authority.as_mut()?.applet.as_mut()
    }

    /// What a sensor event does.
    pub(crate) fn destroy(&mut self) {
        self.tampered = true;
        if let Some(applet) = self.applet_mut() {
            applet.wipe();
        }
    }
}

/// The die with the state on it.
#[derive(Debug)]
pub(crate) struct Persistent<S> {
    vault: Vault<S>,
    memory: Box<Memory>,
    /// A change was cut off: what is here may not be what the die has, and nothing of it may be answered.
    torn: bool,
}

/// What is on a die.
pub(crate) enum Found<S> {
    Blank(Vault<S>),
    Live(Persistent<S>),
    /// Its pages were edited, or are of a form that is not known: it cannot even say who it is.
    Dead(Vault<S>),
}

/// What a die that was found so remembers: its present state, or the newest that opens.
fn recollect<S: Silicon>(vault: &Vault<S>, found: &PowerUp) -> Option<Memory> {
    match found {
        PowerUp::Blank => None,
        PowerUp::Intact(state) => Memory::load(state),
        PowerUp::RolledBack | PowerUp::Cut => vault.remnant().and_then(|state| Memory::load(&state)),
    }
}

impl<S: Silicon> Persistent<S> {
    /// Finds the state. A memory that was set back costs the holder's keys. Without power to the end of that,
    /// nothing is answered until [`Persistent::power_again`] succeeds.
    pub(crate) fn power_up(silicon: S) -> Found<S> {
        let (vault, found) = Vault::power_up(silicon);
        if matches!(found, PowerUp::Blank) {
            return Found::Blank(vault);
        }
        let Some(memory) = recollect(&vault, &found) else {
            return Found::Dead(vault);
        };
        let mut live = Self { vault, memory: Box::new(memory), torn: true };
        // A cut here is found again by whoever gives power next.
        let _ = live.settle(&found);
        Found::Live(live)
    }

    /// Brings what a cut interrupted to its end: keys of a memory that was set back are destroyed, and what was
    /// being destroyed is overwritten.
    fn settle(&mut self, found: &PowerUp) -> Result<(), Fault> {
        let rolled_back = match found {
            PowerUp::Intact(_) => false,
            PowerUp::RolledBack => true,
            PowerUp::Blank | PowerUp::Cut => return Err(Fault::PowerCut),
        };
        self.torn = false;
        if rolled_back {
            // Each challenge of a domain cost a write at least: none that was ever given comes again.
            let spent = u32::try_from(self.vault.silicon().fuse()).unwrap_or(u32::MAX);
            return self.destroy(|memory| {
                memory.destroy();
                for domain in [Domain::Issuer, Domain::Authority] {
                    if let Some(set) = memory.key_set_mut(domain) {
                        set.sequence = set.sequence.max(spent);
                    }
                }
                Ok(())
            });
        }
        if self.memory.residue { self.overwrite() } else { Ok(()) }
    }

    /// Writes the first state.
    pub(crate) fn begin(silicon: S, memory: Memory) -> Result<Self, Fault> {
        let (vault, _) = Vault::power_up(silicon);
        let mut live = Self { vault, memory: Box::new(memory), torn: false };
        live.update(|_| Ok(()))?;
        Ok(live)
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The holder's applet; not found where there is none.
    pub(crate) fn applet(&self) -> Result<&Applet, Fault> {
        self.memory.applet().ok_or(Fault::Refused(StatusWord::NOT_FOUND))
    }

    /// State and randomness side by side.
    pub(crate) fn parts(&mut self) -> (&Memory, &mut S) {
        (&self.memory, self.vault.silicon())
    }

    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.vault.silicon().fill_random(&mut octets);
        octets
    }

    /// Changes the state: durable before this returns, unchanged if it fails.
    pub(crate) fn update<T>(
        &mut self,
        change: impl FnOnce(&mut Memory) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut next = self.memory.clone();
        let outcome = change(&mut next)?;
        let state = serde_json::to_vec(&next).map_err(|_| StatusWord::MEMORY_FAILURE)?;
        let committed = self.vault.commit(Secret::new(state).expose());
        self.torn |= committed.is_err();
        committed?;
        self.memory = next;
        Ok(outcome)
    }

    /// Changes the state so that nothing of the former one stays on the die: both pages are written. Begun, it
    /// goes on at the next power-up before anything is answered.
    pub(crate) fn destroy<T>(
        &mut self,
        change: impl FnOnce(&mut Memory) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let outcome = self.update(|memory| {
            memory.residue = true;
            change(memory)
        })?;
        self.overwrite()?;
        Ok(outcome)
    }

    /// The present state goes to the page of the former one too.
    fn overwrite(&mut self) -> Result<(), Fault> {
        self.update(|memory| {
            memory.residue = false;
            Ok(())
        })
    }

    /// Power comes back: after a cut the die says whether the last change is there, so that no try that was
    /// counted is given back.
    pub(crate) fn power_again(&mut self) -> Result<(), Fault> {
        if self.torn {
            let found = self.vault.power_again();
            self.memory = recollect(&self.vault, &found).map(Box::new).ok_or(Fault::PowerCut)?;
            self.settle(&found)?;
        }
        Ok(())
    }

    /// Changes the holder's applet.
    pub(crate) fn update_applet<T>(
        &mut self,
        change: impl FnOnce(&mut Applet) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.update(|memory| change(memory.applet_mut().ok_or(StatusWord::NOT_FOUND)?))
    }

    pub(crate) fn into_silicon(self) -> S {
        self.vault.into_silicon()
    }
}
