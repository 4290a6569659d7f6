//! Where the private keys are, as somebody says it who starts actors.

use clap::Args;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tefuda_keys::{KeyStore, Token};

use crate::{
    failure::Failure,
    verbs::pins::{self, PinSource},
};

/// A token, on the command line.
#[derive(Debug, Default, Args)]
pub struct TokenOptions {
    /// Keys in a hardware security module in place of files in the home, by its PKCS #11 library; the same at every
    /// start.
    #[arg(long, value_name = "MODULE", requires_all = ["hsm_token", "hsm_pin"])]
    hsm: Option<PathBuf>,
    /// Label of the token.
    #[arg(long, value_name = "LABEL", requires = "hsm")]
    hsm_token: Option<String>,
    /// PIN of the token's user.
    #[arg(long, value_name = "PIN", requires = "hsm")]
    hsm_pin: Option<PinSource>,
}

impl TokenOptions {
    /// Opens what was named.
    pub fn open(&self) -> Result<KeyStore, Failure> {
        match (&self.hsm, &self.hsm_token, &self.hsm_pin) {
            (Some(module), Some(label), Some(pin)) => open(module, label, pin),
            _ => Ok(KeyStore::Files),
        }
    }
}

/// A token, in the configuration of an actor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSection {
    /// PKCS #11 library.
    module: PathBuf,
    /// Label.
    token: String,
    /// `@FILE` with the PIN of its user.
    pin: PinSource,
}

impl TokenSection {
    /// Opens it.
    pub fn open(&self) -> Result<KeyStore, Failure> {
        open(&self.module, &self.token, &self.pin)
    }
}

fn open(module: &Path, label: &str, pin: &PinSource) -> Result<KeyStore, Failure> {
    let token = Token::open(module, label, &pins::read(pin)?);
    token.map(KeyStore::Token).map_err(|error| Failure::of(&error))
}
