//! Passwords on the command line: `VALUE`, `-` for a line of standard input, `@FILE`.

use serde::Deserialize;
use std::{
    io::{self, BufRead},
    path::PathBuf,
    sync::Arc,
};
use tefuda_store::files;
use tefuda_types::Secret;

use crate::failure::{Failure, ProgramError};

/// Where a password comes from.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub enum PinSource {
    Value(Arc<Secret<String>>),
    StandardInput,
    File(PathBuf),
}

impl std::fmt::Debug for PinSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "VALUE",
            Self::StandardInput => "-",
            Self::File(_) => "@FILE",
        })
    }
}

impl From<String> for PinSource {
    fn from(text: String) -> Self {
        match (text.as_str(), text.strip_prefix('@')) {
            ("-", _) => Self::StandardInput,
            (_, Some(path)) => Self::File(path.into()),
            _ => Self::Value(Arc::new(Secret::new(text))),
        }
    }
}

/// A password, without the end of its line. Standard input gives one line for each flag, in their order.
pub fn read(source: &PinSource) -> Result<Secret<String>, Failure> {
    match source {
        PinSource::Value(value) => Ok(Secret::new(value.expose().clone())),
        PinSource::File(path) => {
            let text = files::read(path)?.ok_or(io::ErrorKind::NotFound).map_err(io::Error::from)?;
            let text = String::from_utf8(text).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        PinSource::StandardInput => {
            let line = io::stdin().lock().lines().next().transpose()?;
            let missing = || ProgramError::Disk(io::ErrorKind::UnexpectedEof.into()).into();
            line.map(Secret::new).ok_or_else(missing)
        }
    }
}
