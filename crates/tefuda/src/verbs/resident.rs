//! `tefuda resident`.

use clap::Subcommand;
use std::path::Path;

use crate::{Done, running::Running};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Everybody in the register, with the state of their cards.
    List {
        /// Show My Numbers and passwords.
        #[arg(long)]
        reveal: bool,
    },
}

pub async fn run(home: &Path, verb: Verb) -> Done {
    let running = Running::find(home)?;
    match verb {
        Verb::List { reveal } => running.get("authority", &format!("/admin/residents?reveal={reveal}")).await,
    }
}
