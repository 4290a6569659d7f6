//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{ffi::OsString, path::PathBuf};

use crate::{
    bench, serve, up,
    verbs::{authority, card, clock, phone, resident, rp, trust},
};

/// Japan's Individual Number Card, from the chip to the login, on one machine.
///
/// Without a command, starts every actor (`tefuda up`).
#[derive(Debug, Parser)]
#[command(name = "tefuda", version)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

impl Arguments {
    /// Reads the command line of this process; tells its mistakes and ends with exit code 2.
    pub fn of_process() -> Self {
        Self::parse_from(spelled_out(std::env::args_os()))
    }
}

/// `--biometric URL` leaves the finger out. To the parser the URL would be the finger, so it is put in.
fn spelled_out(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    const FINGERS: [&str; 3] = ["1", "2", "unknown"];
    let mut words = words.into_iter().peekable();
    let mut spelled = Vec::new();
    while let Some(word) = words.next() {
        let named = words.peek().is_some_and(|next| FINGERS.iter().any(|finger| next == finger));
        spelled.push(if word == "--biometric" && !named { "--biometric=1".into() } else { word });
    }
    spelled
}

/// What every command takes, before or after its name.
#[derive(Debug, Args)]
pub struct Common {
    /// Where everything is kept.
    #[arg(long, global = true, value_name = "DIR", default_value = ".tefuda")]
    pub home: PathBuf,
    /// Print one JSON value, and nothing else, on standard output.
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of refusals.
    #[arg(long, global = true, value_enum, default_value = "en")]
    pub lang: Language,
    /// What is logged on standard error, as `info` or `tefuda=debug,sqlx=warn`.
    #[arg(long, global = true, value_name = "FILTER", env = "TEFUDA_LOG", default_value = "warn")]
    pub log: String,
}

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Japanese.
    Ja,
    /// English.
    En,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start every actor and wait for SIGTERM or SIGINT.
    Up(up::Options),
    /// Start one actor alone, as operators run it.
    Serve(serve::Options),
    /// The civil clock.
    #[command(subcommand)]
    Clock(clock::Verb),
    /// Residents of the register.
    #[command(subcommand)]
    Resident(resident::Verb),
    /// Residents' cards.
    #[command(subcommand)]
    Card(card::Verb),
    /// Phones: enrolment, login, cutting off.
    #[command(subcommand)]
    Phone(phone::Verb),
    /// What the authority's operators and call centre do.
    #[command(subcommand)]
    Authority(authority::Verb),
    /// Relying parties of the gateway.
    #[command(subcommand)]
    Rp(rp::Verb),
    /// Roots and revocation lists.
    #[command(subcommand)]
    Trust(trust::Verb),
    /// Look at everything; say what is wrong and what to do.
    Doctor,
    /// What this system does in a second of one core, beside what the machine can do at all.
    Bench(bench::Options),
    /// Empty the home.
    Reset {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finger_that_is_left_out_is_the_first() {
        let login = |words: &str| spelled_out(words.split(' ').map(OsString::from)).join(" ".as_ref());
        assert_eq!(login("tefuda login --biometric http://a"), "tefuda login --biometric=1 http://a");
        for as_typed in
            ["login --biometric unknown http://a", "login http://a --biometric 2", "--biometric=2 http://a"]
        {
            assert_eq!(login(as_typed), as_typed);
        }
        assert_eq!(login("http://a --biometric"), "http://a --biometric=1");
    }
}
