//! Card content management of the GlobalPlatform Card Specification 2.3 (chapter 11), as far as hand-over,
//! enrolment and wipe use it: built by whoever manages a card, parsed by the card.

use alloc::vec::Vec;
use tefuda_types::Secret;
use thiserror::Error;

use crate::{
    Aid, Command,
    scp03::{Scp03Error, StaticKeys},
};

/// Instruction DELETE.
pub const DELETE: u8 = 0xE4;
/// Instruction STORE DATA.
pub const STORE_DATA: u8 = 0xE2;
/// Instruction GET STATUS.
pub const GET_STATUS: u8 = 0xF2;
/// Instruction INSTALL.
pub const INSTALL: u8 = 0xE6;
/// Instruction PUT KEY.
pub const PUT_KEY: u8 = 0xD8;
/// Type of a key in PUT KEY: AES (table 11-16).
const KEY_TYPE_AES: u8 = 0x88;
/// P2 of PUT KEY: several keys, the first with identifier 1.
const SEVERAL_KEYS: u8 = 0x81;
/// P1 of STORE DATA: last block, no general encryption, BER-TLV.
const LAST_BLOCK: u8 = 0x90;

/// Why a management command cannot be used. Cards answer all of these by `6A80` or `6A86`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManagementError {
    /// P1 or P2 name a variant that is not supported.
    #[error("P1-P2 name no variant that is supported")]
    Parameters,
    /// The data field has not the parts that it must have.
    #[error("the data field has not the parts of its kind")]
    Data,
    /// A key does not fit its check value.
    #[error("a key does not fit its check value")]
    CheckValue,
}

tefuda_types::reasons! { ManagementError {
    Parameters => "globalplatform.parameters", Malformed;
    Data => "globalplatform.data", Malformed;
    CheckValue => "globalplatform.check_value", Malformed;
} }

impl From<Scp03Error> for ManagementError {
    fn from(_: Scp03Error) -> Self {
        Self::CheckValue
    }
}

/// Takes a length-value pair off the front.
fn take_lv<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], ManagementError> {
    let (length, tail) = rest.split_first().ok_or(ManagementError::Data)?;
    let (value, tail) = tail.split_at_checked(usize::from(*length)).ok_or(ManagementError::Data)?;
    *rest = tail;
    Ok(value)
}

fn put_lv(out: &mut Vec<u8>, value: &[u8]) {
    // Every value here is an AID, privileges or short parameters: at most 255 octets.
    out.push(value.len().to_le_bytes()[0]);
    out.extend_from_slice(value);
}

/// INSTALL (11.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Install {
    /// P1 `0C`: makes an instance and lets it be selected.
    MakeSelectable {
        /// Executable module.
        module: Aid,
        /// Instance.
        instance: Aid,
        /// Parameters, the value of tag `C9`.
        parameters: Vec<u8>,
    },
    /// P1 `20`: the STORE DATA commands that follow are for this instance.
    Personalise {
        /// Instance.
        instance: Aid,
    },
}

/// Tag of an application's own parameters (table 11-49).
const APPLICATION_PARAMETERS: u32 = 0xC9;

impl Install {
    /// The command, class `80`.
    #[must_use]
    pub fn to_command(&self) -> Command {
        let mut data = Vec::new();
        let p1 = match self {
            Self::MakeSelectable { module, instance, parameters } => {
                // Load file and module go by one identifier here.
                put_lv(&mut data, module.as_bytes());
                put_lv(&mut data, module.as_bytes());
                put_lv(&mut data, instance.as_bytes());
                put_lv(&mut data, &[0x00]);
                put_lv(&mut data, &crate::tlv::encode(APPLICATION_PARAMETERS, parameters));
                0x0C
            }
            Self::Personalise { instance } => {
                data.extend_from_slice(&[0, 0]);
                put_lv(&mut data, instance.as_bytes());
                data.extend_from_slice(&[0, 0]);
                0x20
            }
        };
        data.push(0); // no token
        Command::new(0x80, INSTALL, p1, 0x00).with_data(data)
    }

    /// What the card was asked.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub fn parse(command: &Command) -> Result<Self, ManagementError> {
        let mut rest = command.data.as_slice();
        let mut next = || take_lv(&mut rest);
        let (_load_file, module, instance) = (next()?, next()?, next()?);
        let (_privileges, parameters) = (next()?, next()?);
        let aid = |octets| Aid::new(octets).ok_or(ManagementError::Data);
        match (command.p1, command.p2) {
            (0x0C, 0x00) => {
                let parameters = crate::tlv::find(parameters, APPLICATION_PARAMETERS)
                    .map_or_else(|_| Vec::new(), |object| object.value.to_vec());
                Ok(Self::MakeSelectable { module: aid(module)?, instance: aid(instance)?, parameters })
            }
            (0x20, 0x00) => Ok(Self::Personalise { instance: aid(instance)? }),
            _ => Err(ManagementError::Parameters),
        }
    }
}

/// PUT KEY (11.8; Amendment D, 7.2): a whole key set, encryption, MAC and data encryption key.
#[derive(Debug)]
pub struct PutKeys {
    /// Version that is replaced; 0 for a new set.
    pub replaces: u8,
    /// Version of the new set, 1 to 127.
    pub version: u8,
    /// The keys.
    pub keys: StaticKeys,
}

impl PutKeys {
    /// The command, class `80`, keys wrapped under the present data encryption key, filled up to whole blocks.
    ///
    /// # Errors
    /// [`ManagementError::CheckValue`] for keys that cannot be wrapped.
    pub fn to_command(&self, present: &StaticKeys) -> Result<Command, ManagementError> {
        let mut data = alloc::vec![self.version];
        for key in [self.keys.enc(), self.keys.mac(), self.keys.dek()] {
            let length = key.len().to_le_bytes()[0];
            data.push(KEY_TYPE_AES);
            let mut whole = key.to_vec();
            whole.resize(key.len().next_multiple_of(16), 0);
            let whole = Secret::new(whole);
            put_lv(&mut data, &[&[length], present.wrap_key(whole.expose())?.as_slice()].concat());
            put_lv(&mut data, &StaticKeys::check_value(key)?);
        }
        Ok(Command::new(0x80, PUT_KEY, self.replaces, SEVERAL_KEYS).with_data(data).with_le(256))
    }

    /// The keys that the card was given, unwrapped and held against their check values.
    ///
    /// # Errors
    /// [`ManagementError`].
    pub fn parse(command: &Command, present: &StaticKeys) -> Result<Self, ManagementError> {
        if command.p2 != SEVERAL_KEYS || command.p1 > 0x7F {
            return Err(ManagementError::Parameters);
        }
        let (version, mut rest) = command.data.split_first().ok_or(ManagementError::Data)?;
        let mut keys = [const { Vec::new() }; 3];
        for slot in &mut keys {
            let (kind, tail) = rest.split_first().ok_or(ManagementError::Data)?;
            rest = tail;
            let (length, wrapped) = take_lv(&mut rest)?.split_first().ok_or(ManagementError::Data)?;
            let mut key = present.unwrap_key(wrapped)?;
            key.truncate(usize::from(*length));
            if *kind != KEY_TYPE_AES || take_lv(&mut rest)? != StaticKeys::check_value(&key)? {
                return Err(ManagementError::CheckValue);
            }
            *slot = key;
        }
        if !rest.is_empty() || !(1..=0x7F).contains(version) {
            return Err(ManagementError::Data);
        }
        let [enc, mac, dek] = keys;
        Ok(Self { replaces: command.p1, version: *version, keys: StaticKeys::new(&enc, &mac, &dek)? })
    }

    /// What a card answers: the version and the check values (table 11-75).
    ///
    /// # Errors
    /// [`ManagementError::CheckValue`].
    pub fn answer(&self) -> Result<Vec<u8>, ManagementError> {
        let mut answer = alloc::vec![self.version];
        for key in [self.keys.enc(), self.keys.mac(), self.keys.dek()] {
            answer.extend(StaticKeys::check_value(key)?);
        }
        Ok(answer)
    }
}

/// STORE DATA (11.11) of BER-TLV objects in one block.
#[must_use]
pub fn store_data(objects: &[u8]) -> Command {
    Command::new(0x80, STORE_DATA, LAST_BLOCK, 0x00).with_data(objects)
}

/// The objects of a STORE DATA command.
///
/// # Errors
/// [`ManagementError::Parameters`] for more than one block, or another format.
pub fn stored_data(command: &Command) -> Result<&[u8], ManagementError> {
    match (command.p1, command.p2) {
        (LAST_BLOCK, 0x00) => Ok(&command.data),
        _ => Err(ManagementError::Parameters),
    }
}

/// Tag of an application identifier.
pub const AID_TAG: u32 = 0x4F;

/// DELETE (11.2) of an instance.
#[must_use]
pub fn delete(instance: &Aid) -> Command {
    Command::new(0x80, DELETE, 0x00, 0x00).with_data(crate::tlv::encode(AID_TAG, instance.as_bytes()))
}

/// The instance that a DELETE command names.
///
/// # Errors
/// [`ManagementError`].
pub fn deleted(command: &Command) -> Result<Aid, ManagementError> {
    if (command.p1, command.p2) != (0x00, 0x00) {
        return Err(ManagementError::Parameters);
    }
    let object = crate::tlv::find(&command.data, AID_TAG).map_err(|_| ManagementError::Data)?;
    Aid::new(object.value).ok_or(ManagementError::Data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aid(octets: &[u8]) -> Aid {
        Aid::new(octets).unwrap()
    }

    #[test]
    fn installs_come_back_as_they_were_built() {
        for install in [
            Install::MakeSelectable {
                module: aid(b"module"),
                instance: aid(b"instance"),
                parameters: alloc::vec![1, 2, 3],
            },
            Install::Personalise { instance: aid(b"instance") },
        ] {
            assert_eq!(Install::parse(&install.to_command()), Ok(install));
        }
        let truncated = Command::new(0x80, INSTALL, 0x20, 0).with_data([0, 0, 9, 1]);
        assert_eq!(Install::parse(&truncated), Err(ManagementError::Data));
    }

    #[test]
    fn keys_are_unwrapped_and_checked() {
        let present = StaticKeys::new(&[1; 16], &[2; 16], &[3; 16]).unwrap();
        for octets in [16, 24, 32] {
            let fresh = [4, 5, 6].map(|value| alloc::vec![value; octets]);
            let [enc, mac, dek] = &fresh;
            let keys = StaticKeys::new(enc, mac, dek).unwrap();
            let put = PutKeys { replaces: 1, version: 2, keys };
            let mut command = put.to_command(&present).unwrap();
            let read = PutKeys::parse(&command, &present).unwrap();
            assert_eq!((read.keys.enc(), read.keys.dek()), (enc.as_slice(), dek.as_slice()));
            assert_eq!(read.answer().unwrap().len(), 10);
            command.data[5] ^= 1;
            assert!(PutKeys::parse(&command, &present).is_err());
        }
    }

    #[test]
    fn a_deleted_instance_is_named() {
        assert_eq!(deleted(&delete(&aid(b"instance"))), Ok(aid(b"instance")));
        assert_eq!(deleted(&Command::new(0x80, DELETE, 0, 0)), Err(ManagementError::Data));
    }
}
