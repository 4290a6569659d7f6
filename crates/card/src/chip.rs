use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tefuda_apdu::{Atr, Chip, Command, Response, StatusWord};
use tefuda_silicon::{
    PowerCut, PowerUp, Silicon, SiliconRng, Vault,
    engine::{EngineError, RsaKey},
};
use tefuda_types::Secret;
use thiserror::Error;

use crate::{
    applet::{Scheme, Selection, Step, decide},
    face::digest_info,
    file::{File, FileId, Memory},
    personalisation::{ISD_AID, KeySlot, Personalisation, Slots},
};

/// ATR of the card: T=1, the one that OpenSC's table knows.
const ATR: [u8; 9] = [0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14];
/// Tag of the data object that holds it without its first octet, for contactless readers.
const CONTACT_ATR: u16 = 0x5F51;

/// Why a card cannot be made or used as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CardError {
    /// Power went away.
    #[error("the card lost power")]
    PowerCut,
    /// The card is personalised already, or not yet.
    #[error("the card is not in the state for this")]
    State,
    /// The chip found its memory set back and has shut itself down.
    #[error("the card's memory was tampered with")]
    Dead,
    /// The key engine failed.
    #[error("the key engine failed")]
    Engine,
}

tefuda_types::reasons! { CardError {
    PowerCut => "card.power_cut", Backend;
    State => "card.wrong_state", Caller;
    Dead => "card.dead", Policy;
    Engine => "card.engine_failed", Backend;
} }

impl From<PowerCut> for CardError {
    fn from(_: PowerCut) -> Self {
        Self::PowerCut
    }
}

impl From<EngineError> for CardError {
    fn from(_: EngineError) -> Self {
        Self::Engine
    }
}

/// The public keys of a new card, `SubjectPublicKeyInfo` in DER, for the authority to certify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeys(pub Vec<(KeySlot, Vec<u8>)>);

impl PublicKeys {
    /// The key of a slot.
    #[must_use]
    pub fn key(&self, slot: KeySlot) -> Option<&[u8]> {
        self.0.iter().find(|(other, _)| *other == slot).map(|(_, spki)| spki.as_slice())
    }
}

/// Where the chip stands since power-on.
enum Power {
    Off,
    /// Nothing selected yet: the issuer security domain.
    MasterFile,
    /// An application by its position, and what was selected and verified in it.
    Application(usize, Selection),
}

/// A physical card as an object that takes APDUs.
pub struct Card<S: Silicon> {
    vault: Vault<S>,
    memory: Option<Memory>,
    dead: bool,
    /// A write was cut: what the memory holds may not be what the die holds, and nothing is answered.
    torn: bool,
    power: Power,
    slots: Slots,
}

impl<S: Silicon> core::fmt::Debug for Card<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Card")
            .field("personalised", &self.memory.is_some())
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

impl<S: Silicon> Card<S> {
    /// Puts a die into a card: a new one, or one that was used before.
    pub fn insert(silicon: S) -> Self {
        let (vault, found) = Vault::power_up(silicon);
        let Recollection { memory, dead, torn } = recollect(found);
        Self { vault, memory, dead, torn, power: Power::Off, slots: Slots::default() }
    }

    /// Whether the card belongs to somebody.
    #[must_use]
    pub const fn is_personalised(&self) -> bool {
        self.memory.is_some()
    }

    /// What the card remembers, for those who hold the die in hand (tests, the counter's terminal).
    #[must_use]
    pub const fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// Makes the keys of a new card. They stay inside; power off before [`Card::personalise`] loses them.
    ///
    /// # Errors
    /// [`CardError::State`] for a card that is personalised, [`CardError::Dead`], [`CardError::Engine`],
    /// [`CardError::PowerCut`].
    pub fn make_keys(&mut self) -> Result<PublicKeys, CardError> {
        self.expect_blank()?;
        let mut rng = SiliconRng(self.vault.silicon());
        let mut public = Vec::new();
        for slot in KeySlot::ALL {
            let key = RsaKey::generate(&mut rng)?;
            public.push((slot, key.public_spki()?));
            self.slots.insert(slot, key.to_pkcs8()?);
        }
        Ok(PublicKeys(public))
    }

    /// Writes what the authority made for these keys. The card belongs to its holder from now on.
    ///
    /// # Errors
    /// [`CardError::State`] unless keys were made since power-on, [`CardError::PowerCut`].
    pub fn personalise(&mut self, personalisation: &Personalisation) -> Result<(), CardError> {
        self.expect_blank()?;
        let memory = personalisation.lay_out(&self.slots).ok_or(CardError::State)?;
        self.store(&memory)?;
        self.memory = Some(memory);
        self.slots = Slots::default();
        Ok(())
    }

    const fn expect_blank(&self) -> Result<(), CardError> {
        match (self.torn, self.dead, self.is_personalised()) {
            (true, ..) => Err(CardError::PowerCut),
            (_, true, _) => Err(CardError::Dead),
            (.., true) => Err(CardError::State),
            _ => Ok(()),
        }
    }

    /// What the municipal counter does for a holder who is known to it: sets passwords anew and gives all
    /// tries back.
    ///
    /// # Errors
    /// [`CardError::State`] for a blank card, [`CardError::PowerCut`].
    pub fn unblock(&mut self) -> Result<(), CardError> {
        if self.torn {
            return Err(CardError::PowerCut);
        }
        let mut memory = self.memory.clone().ok_or(CardError::State)?;
        for file in memory.applications.iter_mut().flat_map(|application| application.files.values_mut()) {
            if let File::Password(password) = file {
                password.left = password.limit;
            }
        }
        self.store(&memory)?;
        self.memory = Some(memory);
        Ok(())
    }

    /// Pulls the die out.
    pub fn into_silicon(self) -> S {
        self.vault.into_silicon()
    }

    fn store(&mut self, memory: &Memory) -> Result<(), CardError> {
        let state = Secret::new(serde_json::to_vec(memory).map_err(|_| CardError::Engine)?);
        let committed = self.vault.commit(state.expose());
        if committed.is_err() {
            self.torn = true;
            // Keys that were waiting for this are gone with the power.
            self.slots = Slots::default();
        }
        Ok(committed?)
    }

    fn respond(&mut self, command: &Command) -> Result<Response, CardError> {
        let Some(memory) = &self.memory else {
            return Ok(StatusWord::NOT_FOUND.into());
        };
        if let (0x00, 0xA4, 0x04) = (command.cla, command.ins, command.p1) {
            let found = memory.find(&command.data);
            return Ok(self.select_application(found, command));
        }
        match &self.power {
            Power::Off => Err(CardError::PowerCut),
            // The one object that answers under applications too.
            _ if asked_for_data(command) == Some(CONTACT_ATR) => Ok(data_object(command, ATR.split_at(1).1)),
            Power::MasterFile => Ok(master_file(memory, command)),
            Power::Application(position, selection) => {
                let (position, selection) = (*position, selection.clone());
                let step = match memory.applications.get(position) {
                    Some(application) => decide(application, &selection, command),
                    None => Step::from(StatusWord::NOT_FOUND),
                };
                self.carry_out(position, selection, step)
            }
        }
    }

    fn select_application(&mut self, found: Option<usize>, command: &Command) -> Response {
        match (found, command.p2) {
            (Some(position), 0x00 | 0x0C) => {
                self.power = Power::Application(position, Selection::default());
                StatusWord::OK.into()
            }
            (Some(_), _) => StatusWord::WRONG_P1P2.into(),
            (None, _) if command.data.is_empty() || command.data == ISD_AID => {
                self.power = Power::MasterFile;
                StatusWord::OK.into()
            }
            (None, _) => StatusWord::NOT_FOUND.into(),
        }
    }

    fn carry_out(
        &mut self,
        position: usize,
        mut selection: Selection,
        step: Step,
    ) -> Result<Response, CardError> {
        let response = match step {
            Step::Answer(response) => response,
            Step::Select(id) => {
                selection.file = Some(id);
                StatusWord::OK.into()
            }
            Step::Verify(id, candidate) => {
                selection.verified.remove(&id);
                let status = self.verify(position, id, &Secret::new(candidate))?;
                if status.is_ok() {
                    selection.verified.insert(id);
                }
                status.into()
            }
            Step::Change(id, value) => {
                self.update_password(position, id, |password| password.value = value.into())?;
                StatusWord::OK.into()
            }
            Step::Sign(id, scheme, data) => self.sign(position, id, scheme, &data)?,
            Step::Challenge(octets) => {
                let mut random = vec![0; octets];
                self.vault.silicon().fill_random(&mut random);
                Response::ok(random)
            }
        };
        self.power = Power::Application(position, selection);
        Ok(response)
    }

    /// Counts the try, makes that durable, and only then compares. A right password costs as many writes.
    fn verify(
        &mut self,
        position: usize,
        id: FileId,
        candidate: &Secret<Vec<u8>>,
    ) -> Result<StatusWord, CardError> {
        let password =
            self.update_password(position, id, |password| password.left = password.left.saturating_sub(1))?;
        let right = bool::from(password.value.0.as_slice().ct_eq(candidate.expose()));
        let after = self.update_password(position, id, |password| {
            if right {
                password.left = password.limit;
            }
        })?;
        Ok(if right { StatusWord::OK } else { StatusWord::tries_left(after.left) })
    }

    fn update_password(
        &mut self,
        position: usize,
        id: FileId,
        update: impl FnOnce(&mut crate::file::Password),
    ) -> Result<crate::file::Password, CardError> {
        let mut memory = self.memory.clone().ok_or(CardError::State)?;
        let password = memory
            .applications
            .get_mut(position)
            .and_then(|application| application.password_mut(id))
            .ok_or(CardError::State)?;
        update(password);
        let password = password.clone();
        self.store(&memory)?;
        self.memory = Some(memory);
        Ok(password)
    }

    fn sign(
        &mut self,
        position: usize,
        id: FileId,
        scheme: Scheme,
        data: &[u8],
    ) -> Result<Response, CardError> {
        let key = self
            .memory
            .as_ref()
            .and_then(|memory| memory.applications.get(position))
            .and_then(|application| application.files.get(&id));
        let Some(File::PrivateKey(key)) = key else {
            return Ok(StatusWord::CONDITIONS.into());
        };
        let key = RsaKey::from_pkcs8(&key.pkcs8.0)?;
        let signature = sign(&key, scheme, data, &mut SiliconRng(self.vault.silicon()))?;
        Ok(Response::ok(signature))
    }
}

/// What a die has to say when power comes.
struct Recollection {
    memory: Option<Memory>,
    /// It was tampered with.
    dead: bool,
    /// Power went away again before it was clear what there is.
    torn: bool,
}

fn recollect(found: PowerUp) -> Recollection {
    let nothing = Recollection { memory: None, dead: false, torn: false };
    match found {
        PowerUp::Blank => nothing,
        PowerUp::Intact(state) => match serde_json::from_slice::<Memory>(&state) {
            Ok(memory) if memory.form == Memory::FORM => Recollection { memory: Some(memory), ..nothing },
            _ => Recollection { dead: true, ..nothing },
        },
        PowerUp::RolledBack => Recollection { dead: true, ..nothing },
        PowerUp::Cut => Recollection { torn: true, ..nothing },
    }
}

/// Signs as one of the six schemes of `80 2A` says.
///
/// # Errors
/// [`EngineError::Data`] for data that do not fit the scheme.
pub fn sign<R: CryptoRng>(
    key: &RsaKey,
    scheme: Scheme,
    data: &[u8],
    rng: &mut R,
) -> Result<Vec<u8>, EngineError> {
    match scheme {
        Scheme::Verbatim => key.sign_verbatim(data, rng),
        Scheme::BareHash => key.sign_verbatim(&Sha256::digest(data), rng),
        Scheme::Prehashed => key.sign_verbatim(&digest_info(data), rng),
        Scheme::Hashed => key.sign_verbatim(&digest_info(&Sha256::digest(data)), rng),
        Scheme::PrehashedPss => key.sign_pss_sha256(data, rng),
        Scheme::HashedPss => key.sign_pss_sha256(&Sha256::digest(data), rng),
    }
}

/// The tag that a GET DATA asks for.
const fn asked_for_data(command: &Command) -> Option<u16> {
    match (command.cla, command.ins) {
        (0x00 | 0x80, 0xCA) => Some(u16::from_be_bytes([command.p1, command.p2])),
        _ => None,
    }
}

/// The whole object or nothing: there is no chaining.
fn data_object(command: &Command, object: &[u8]) -> Response {
    match command.le {
        Some(le) if object.len() <= le.as_usize() => Response::ok(object.to_vec()),
        _ => StatusWord::WRONG_LENGTH.into(),
    }
}

/// Commands before any application is selected: GET DATA of the master file's objects.
fn master_file(memory: &Memory, command: &Command) -> Response {
    if let Some(tag) = asked_for_data(command) {
        let object = memory.data_objects.get(&tag);
        return object.map_or(StatusWord::DATA_NOT_FOUND.into(), |object| data_object(command, &object.0));
    }
    match (command.cla, command.ins) {
        (0x00, 0xA4) if command.p1 == 0 && command.data.is_empty() => StatusWord::WRONG_P1P2.into(),
        (0x00, 0xA4) => StatusWord::NOT_FOUND.into(),
        (0x00 | 0x80, _) => StatusWord::WRONG_INS.into(),
        _ => StatusWord::WRONG_CLA.into(),
    }
}

impl<S: Silicon> Chip for Card<S> {
    fn power_on(&mut self) -> Atr {
        // After a cut the die says whether the last change is there, so that no try that was counted comes back.
        if self.torn {
            let Recollection { memory, dead, torn } = recollect(self.vault.power_again());
            (self.memory, self.dead, self.torn) = (memory, dead, torn);
        }
        self.power = Power::MasterFile;
        self.atr()
    }

    fn atr(&self) -> Atr {
        Atr(ATR.to_vec())
    }

    fn power_off(&mut self) {
        self.power = Power::Off;
    }

    fn process(&mut self, command: &[u8]) -> Vec<u8> {
        let response = match Command::parse(command) {
            Err(_) => StatusWord::WRONG_LENGTH.into(),
            Ok(_) if self.dead || self.torn => StatusWord::MEMORY_FAILURE.into(),
            Ok(command) => self.respond(&command).unwrap_or_else(|_| {
                self.power = Power::Off;
                StatusWord::MEMORY_FAILURE.into()
            }),
        };
        response.to_bytes()
    }
}
