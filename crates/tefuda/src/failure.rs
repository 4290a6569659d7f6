//! Why a command did not do what was asked, and with which exit code it ends.

use serde_json::{Map, Value};
use std::{io, path::PathBuf};
use tefuda_types::{Blame, Reason};
use tefuda_web::ClientError;

/// How the program ends when it did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 1: a rule says no.
    Refused,
    /// 3: something around the program is missing.
    Environment,
}

/// A refusal as it is printed.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub reason: String,
    /// For developers; people read the catalogue's sentence.
    pub detail: String,
    /// What else there is to say.
    pub more: Box<Map<String, Value>>,
}

/// What this program itself has to say no to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// No run file, or nobody behind it.
    #[error("nothing is running on the home {0}")]
    NotRunning(PathBuf),
    /// A port belongs to another program.
    #[error("port {0} is taken")]
    PortTaken(u16),
    /// Another process has the home.
    #[error("the home is held by process {0}")]
    HomeHeld(String),
    /// A later version wrote the home.
    #[error("the home has version {0}, this program knows {known}", known = crate::home::VERSION)]
    HomeLater(u32),
    /// The home remembers another port base.
    #[error("the home's ports begin at {0}")]
    OtherPortBase(u16),
    /// The home's keys belong to the stores of another database.
    #[error("the home's stores are in another database")]
    OtherDatabase,
    /// The home's keys are in another token, or in files.
    #[error("the home's keys are elsewhere")]
    OtherKeys,
    /// There is no such home.
    #[error("{0} is no home")]
    HomeNotFound(PathBuf),
    /// Nobody said yes.
    #[error("not confirmed")]
    NotConfirmed,
    /// An actor did not start, or stopped by itself.
    #[error("{0}")]
    ActorFailed(String),
    /// A password is wanted that was not given.
    #[error("a password is wanted that was not given")]
    PasswordMissing,
    /// The gateway did not send the browser on.
    #[error("the gateway answered {0} and sent the browser nowhere")]
    LoginNotBegun(u16),
    /// The doctor found something.
    #[error("{0} checks failed")]
    Unwell(usize),
    /// The file system says no.
    #[error("{0}")]
    Disk(#[from] io::Error),
}

tefuda_types::reasons! { ProgramError {
    NotRunning(_) => "system.not_running", Backend;
    PortTaken(_) => "system.port_taken", Backend;
    HomeHeld(_) => "home.held", Backend;
    HomeLater(_) => "home.later_version", Backend;
    OtherPortBase(_) => "home.other_port_base", Backend;
    OtherDatabase => "home.other_database", Backend;
    OtherKeys => "home.other_keys", Backend;
    HomeNotFound(_) => "home.not_found", Caller;
    NotConfirmed => "reset.not_confirmed", Policy;
    ActorFailed(_) => "system.actor_failed", Backend;
    PasswordMissing => "phone.password_missing", Malformed;
    LoginNotBegun(_) => "login.not_begun", Policy;
    Unwell(_) => "doctor.unwell", Policy;
    Disk(_) => "home.unavailable", Backend;
} }

impl Failure {
    /// A refusal for an error with a code.
    pub fn of(error: &(impl Reason + core::fmt::Display)) -> Self {
        Self {
            exit: if error.blame() == Blame::Backend { Exit::Environment } else { Exit::Refused },
            reason: error.code().as_str().to_owned(),
            detail: error.to_string(),
            more: Box::default(),
        }
    }

    /// With something else to say.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }
}

impl From<ProgramError> for Failure {
    fn from(error: ProgramError) -> Self {
        Self::of(&error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        ProgramError::Disk(error).into()
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        /// HTTP's word for "something behind me is missing".
        const UNAVAILABLE: u16 = 503;
        let refused = matches!(&error, ClientError::Refused(status, _) if *status != UNAVAILABLE);
        Self {
            exit: if refused { Exit::Refused } else { Exit::Environment },
            reason: error.reason().to_owned(),
            detail: error.to_string(),
            more: Box::default(),
        }
    }
}
