//! `tefuda reset`.

use serde_json::json;
use std::{
    io::{self, BufRead},
    path::Path,
};
use tefuda_store::files;

use crate::{Done, failure::ProgramError, home, print};

pub fn run(home: &Path, yes: bool) -> Done {
    home::look(home)?.ok_or_else(|| ProgramError::HomeNotFound(home.to_owned()))?;
    let _held = home::take(home)?;
    if !yes {
        print::prose(&format!("Everything in {} will be gone. Type yes to go on.", home.display()));
        let answer = io::stdin().lock().lines().next().transpose()?.unwrap_or_default();
        if answer.trim() != "yes" {
            return Err(ProgramError::NotConfirmed.into());
        }
    }
    files::remove_folder(home)?;
    Ok(json!({ "home": home, "emptied": true }))
}
