//! What a command means for an application: decided here without effect, carried out by the chip.
//!
//! The order is that of a shipped applet: parse the command into an instruction, find the file, check the
//! access condition, and only then say what is to be done.

use std::collections::BTreeSet;
use tefuda_apdu::{Command, ExpectedLength, Response, StatusWord};

use crate::file::{Application, ChangeDialect, File, FileId};

/// What is lost when power goes or another application is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The current file.
    pub file: Option<FileId>,
    /// Passwords that were given.
    pub verified: BTreeSet<FileId>,
}

/// The six ways in which `80 2A` signs, chosen by P1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `00`: the data as they are, PKCS #1 v1.5 type 1.
    Verbatim,
    /// `01`: SHA-256 of the data, the bare hash padded.
    BareHash,
    /// `02`: the data are a SHA-256 hash; `DigestInfo` is added.
    Prehashed,
    /// `03`: SHA-256 of the data, with `DigestInfo`.
    Hashed,
    /// `04`: the data are a SHA-256 hash; RSASSA-PSS.
    PrehashedPss,
    /// `05`: SHA-256 of the data; RSASSA-PSS.
    HashedPss,
}

impl Scheme {
    const fn from_p1(p1: u8) -> Option<Self> {
        Some(match p1 {
            0 => Self::Verbatim,
            1 => Self::BareHash,
            2 => Self::Prehashed,
            3 => Self::Hashed,
            4 => Self::PrehashedPss,
            5 => Self::HashedPss,
            _ => return None,
        })
    }
}

/// What the chip has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Answer; nothing changes.
    Answer(Response),
    /// Make a file the current one.
    Select(FileId),
    /// Compare with a password, the try counted first.
    Verify(FileId, Vec<u8>),
    /// Replace a password.
    Change(FileId, Vec<u8>),
    /// Sign with a key.
    Sign(FileId, Scheme, Vec<u8>),
    /// Give randomness.
    Challenge(usize),
}

impl From<StatusWord> for Step {
    fn from(status: StatusWord) -> Self {
        Self::Answer(status.into())
    }
}

/// A command for the selected application, parsed.
enum Instruction {
    SelectFile,
    ReadBinary,
    ReadRecord,
    Verify,
    ChangeReferenceData,
    ChangeKey,
    ComputeDigitalSignature,
    InternalAuthenticate,
    GetChallenge,
    LastCommandIndicator,
}

impl Instruction {
    /// Class and instruction, or the status word that says which of the two is unknown.
    const fn parse(command: &Command) -> Result<Self, StatusWord> {
        Ok(match (command.cla, command.ins) {
            (0x00, 0xA4) => Self::SelectFile,
            (0x00, 0xB0) => Self::ReadBinary,
            (0x00, 0xB2) => Self::ReadRecord,
            (0x00, 0x20) => Self::Verify,
            (0x00, 0x24) => Self::ChangeReferenceData,
            (0x00, 0x84) => Self::GetChallenge,
            (0x00, 0x88) => Self::InternalAuthenticate,
            (0x80, 0x2A) => Self::ComputeDigitalSignature,
            (0x80, 0x32) => Self::ChangeKey,
            (0x80, 0xFC) => Self::LastCommandIndicator,
            // Terminal authentication wants a certificate of a terminal CA that is not here.
            (0x80, 0xA2) => return Err(StatusWord::WRONG_P1P2),
            // SET SESSION KEY and secure messaging are not reachable.
            (0x80, 0xAE) => return Err(StatusWord::SECURITY_STATUS),
            (0x08, _) => return Err(StatusWord(0x69FC)),
            // GET RESPONSE: there is never a response pending over T=1.
            (0x00, 0xC0) => return Err(StatusWord::CONDITIONS),
            (0x00 | 0x80, _) => return Err(StatusWord::WRONG_INS),
            _ => return Err(StatusWord::WRONG_CLA),
        })
    }
}

/// Decides what a command means, given the application's files and what was selected and verified.
#[must_use]
pub fn decide(application: &Application, selection: &Selection, command: &Command) -> Step {
    let view = View { application, selection };
    let decision = match Instruction::parse(command) {
        Err(status) => Err(status),
        Ok(Instruction::SelectFile) => view.select(command),
        Ok(Instruction::ReadBinary) => view.read_binary(command),
        Ok(Instruction::ReadRecord) => view.read_record(command),
        Ok(Instruction::Verify) => view.verify(command),
        Ok(Instruction::ChangeReferenceData) => view.change(command, ChangeDialect::Iso, 0x01),
        Ok(Instruction::ChangeKey) => view.change(command, ChangeDialect::Jicsap, 0x00),
        Ok(Instruction::ComputeDigitalSignature) => view.sign(command),
        Ok(Instruction::InternalAuthenticate) => view.internal_authenticate(command),
        Ok(Instruction::GetChallenge) => challenge(command),
        Ok(Instruction::LastCommandIndicator) if application.last_command_indicator => {
            Ok(Step::Answer(Response::ok(Vec::new())))
        }
        Ok(Instruction::LastCommandIndicator) => Err(StatusWord::WRONG_LENGTH),
    };
    decision.unwrap_or_else(Step::from)
}

fn challenge(command: &Command) -> Result<Step, StatusWord> {
    match (command.p1, command.p2, command.le) {
        (0, 0, Some(ExpectedLength(octets @ 1..=256))) if command.data.is_empty() => {
            Ok(Step::Challenge(octets as usize))
        }
        (0, 0, _) => Err(StatusWord::WRONG_LENGTH),
        _ => Err(StatusWord::WRONG_P1P2),
    }
}

/// An application as a command sees it.
struct View<'a> {
    application: &'a Application,
    selection: &'a Selection,
}

impl<'a> View<'a> {
    fn select(&self, command: &Command) -> Result<Step, StatusWord> {
        match (command.p1, command.p2, command.data.as_slice()) {
            // SELECT MF: a courtesy that changes nothing.
            (0x00, 0x00, []) => Ok(StatusWord::OK.into()),
            (0x02, 0x00 | 0x0C, [high, low]) => {
                let id = FileId::from_be_bytes([*high, *low]);
                if self.application.files.contains_key(&id) {
                    Ok(Step::Select(id))
                } else {
                    Err(StatusWord::NOT_FOUND)
                }
            }
            (0x00, _, [_, _]) => Err(StatusWord::NOT_FOUND),
            (0x02, ..) => Err(StatusWord::WRONG_LENGTH),
            _ => Err(StatusWord::WRONG_P1P2),
        }
    }

    /// The file that P2 names: `80` the current one, `80 | SFI` one by its short identifier.
    fn referenced(&self, p2: u8) -> Result<(FileId, &'a File), StatusWord> {
        if p2 & 0xE0 != 0x80 {
            return Err(StatusWord::WRONG_P1P2);
        }
        self.by_short_id(p2 & 0x1F)
    }

    fn by_short_id(&self, short: u8) -> Result<(FileId, &'a File), StatusWord> {
        if short == 0 {
            let id = self.selection.file.ok_or(StatusWord::NO_CURRENT_FILE)?;
            return self.file(id);
        }
        self.file(FileId::from(short))
    }

    fn file(&self, id: FileId) -> Result<(FileId, &'a File), StatusWord> {
        self.application.files.get(&id).map(|file| (id, file)).ok_or(StatusWord::NOT_FOUND)
    }

    fn read_binary(&self, command: &Command) -> Result<Step, StatusWord> {
        let (file, offset) = if command.p1 & 0x80 == 0 {
            let (_, file) = self.by_short_id(0)?;
            (file, usize::from(u16::from_be_bytes([command.p1, command.p2])))
        } else {
            let (_, file) = self.by_short_id(command.p1 & 0x1F)?;
            (file, usize::from(command.p2))
        };
        let File::Transparent { content, readable } = file else {
            return Err(StatusWord::INCOMPATIBLE_FILE);
        };
        if !readable.is_granted(&self.selection.verified) {
            return Err(StatusWord::SECURITY_STATUS);
        }
        let le = command.le.filter(|_| command.data.is_empty()).ok_or(StatusWord::WRONG_LENGTH)?;
        let rest = content.0.get(offset..).filter(|rest| !rest.is_empty()).ok_or(StatusWord::WRONG_OFFSET)?;
        Ok(Step::Answer(Response::ok(rest.iter().copied().take(le.as_usize()).collect())))
    }

    fn read_record(&self, command: &Command) -> Result<Step, StatusWord> {
        let (_, file) = self.by_short_id(command.p2 >> 3)?;
        let File::Records { records, readable } = file else {
            return Err(StatusWord::INCOMPATIBLE_FILE);
        };
        if !readable.is_granted(&self.selection.verified) {
            return Err(StatusWord::SECURITY_STATUS);
        }
        if command.p2 & 0x07 != 0x04 {
            return Err(StatusWord::FUNCTION_NOT_SUPPORTED);
        }
        let index = usize::from(command.p1).checked_sub(1).ok_or(StatusWord::RECORD_NOT_FOUND)?;
        let record = records.get(index).ok_or(StatusWord::RECORD_NOT_FOUND)?;
        Ok(Step::Answer(Response::ok(record.0.clone())))
    }

    fn verify(&self, command: &Command) -> Result<Step, StatusWord> {
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1P2);
        }
        let (id, file) = self.referenced(command.p2)?;
        let File::Password(password) = file else {
            return Err(StatusWord::INCOMPATIBLE_FILE);
        };
        match (command.data.as_slice(), command.le) {
            // Readers ask for the tries without Lc and Le; OpenSC wants the same answer after a right password.
            ([], None) => Ok(StatusWord::tries_left(password.left).into()),
            ([], Some(_)) => Err(StatusWord::WRONG_LENGTH),
            _ if password.left == 0 => Err(StatusWord::REFERENCE_NOT_USABLE),
            (candidate, _) => Ok(Step::Verify(id, candidate.to_vec())),
        }
    }

    fn change(&self, command: &Command, dialect: ChangeDialect, p1: u8) -> Result<Step, StatusWord> {
        if self.application.change != dialect {
            return Err(StatusWord::WRONG_INS);
        }
        if command.p1 != p1 {
            return Err(StatusWord::WRONG_P1P2);
        }
        let (id, file) = self.referenced(command.p2)?;
        let File::Password(password) = file else {
            return Err(StatusWord::INCOMPATIBLE_FILE);
        };
        if !self.selection.verified.contains(&id) {
            return Err(StatusWord::SECURITY_STATUS);
        }
        if !password.alphabet.admits(&command.data) {
            return Err(StatusWord::WRONG_DATA);
        }
        Ok(Step::Change(id, command.data.clone()))
    }

    fn sign(&self, command: &Command) -> Result<Step, StatusWord> {
        let scheme = Scheme::from_p1(command.p1).ok_or(StatusWord::WRONG_P1P2)?;
        let (id, file) = match (command.p2, self.application.presence_key) {
            (0x00, Some(id)) => self.file(id)?,
            (p2, _) => self.referenced(p2)?,
        };
        let File::PrivateKey(key) = file else {
            return Err(StatusWord::CONDITIONS);
        };
        if !key.usable.is_granted(&self.selection.verified) {
            return Err(StatusWord::SECURITY_STATUS);
        }
        let fits = match scheme {
            Scheme::Verbatim => (1..=245).contains(&command.data.len()),
            Scheme::Prehashed | Scheme::PrehashedPss => command.data.len() == 32,
            Scheme::BareHash | Scheme::Hashed | Scheme::HashedPss => !command.data.is_empty(),
        };
        if !fits {
            return Err(StatusWord::WRONG_LENGTH);
        }
        Ok(Step::Sign(id, scheme, command.data.clone()))
    }

    /// Signs `DigestInfo(SHA-256(challenge))` with a key that needs no password.
    fn internal_authenticate(&self, command: &Command) -> Result<Step, StatusWord> {
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1P2);
        }
        let (id, file) = self.referenced(command.p2)?;
        match file {
            File::PrivateKey(key) if !key.usable.is_granted(&self.selection.verified) => {
                Err(StatusWord::SECURITY_STATUS)
            }
            File::PrivateKey(_) if command.data.is_empty() => Err(StatusWord::WRONG_LENGTH),
            File::PrivateKey(_) => Ok(Step::Sign(id, Scheme::Hashed, command.data.clone())),
            _ => Err(StatusWord::CONDITIONS),
        }
    }
}
