//! `tefuda resident`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::path::Path;
use tefuda_types::ResidentId;

use super::card::event;
use crate::{Done, running::Running};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Everybody in the register, with the state of their cards.
    List {
        /// Show My Numbers and passwords.
        #[arg(long)]
        reveal: bool,
    },
    /// Add somebody; My Number and what is not given are drawn and printed.
    Add(Arrival),
    /// Something that happens to a person.
    Event {
        /// Whom.
        #[arg(value_name = "ID")]
        resident: ResidentId,
        /// What.
        event: Event,
        /// New address, of a move.
        #[arg(long, value_name = "A")]
        address: Option<String>,
        /// New name, of a name change.
        #[arg(long, value_name = "N")]
        name: Option<String>,
    },
}

/// Who is added.
#[derive(Debug, Args)]
pub struct Arrival {
    /// Identifier in commands; drawn if not given.
    #[arg(long)]
    id: Option<ResidentId>,
    #[arg(long)]
    name: String,
    #[arg(long)]
    address: String,
    /// YYYY-MM-DD, 00 for a month or day that is not known.
    #[arg(long, value_name = "DATE")]
    birth_date: String,
    /// ISO 5218: 1 male, 2 female, 9 not applicable.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=9))]
    sex: u8,
    /// Signature password of the card; drawn if not given.
    #[arg(long, value_name = "P")]
    sign_pin: Option<String>,
    /// Authentication PIN of the card; drawn if not given.
    #[arg(long, value_name = "P")]
    auth_pin: Option<String>,
}

/// What happens to a person.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Event {
    /// Moved.
    Move,
    /// Changed name.
    NameChange,
    /// Died.
    Death,
    /// Left the country.
    Departure,
}

impl Event {
    const fn name(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::NameChange => "name-change",
            Self::Death => "death",
            Self::Departure => "departure",
        }
    }
}

pub async fn run(home: &Path, verb: Verb) -> Done {
    let running = Running::find(home)?;
    match verb {
        Verb::List { reveal } => running.get("authority", &format!("/admin/residents?reveal={reveal}")).await,
        Verb::Add(Arrival { id, name, address, birth_date, sex, sign_pin, auth_pin }) => {
            let arrival = json!({
                "id": id, "name": name, "address": address, "birth_date": birth_date, "sex": sex,
                "sign_pin": sign_pin, "auth_pin": auth_pin,
            });
            running.post("authority", "/admin/residents", &arrival).await
        }
        Verb::Event { resident, event: what, address, name } => {
            let changes = json!({ "address": address, "name": name });
            event(&running, &resident, what.name(), &changes).await
        }
    }
}
