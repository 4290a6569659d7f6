//! A running system, as a command finds it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use tefuda_store::files;
use tefuda_types::Timestamp;
use tefuda_web::{Client, ClientError};
use url::Url;

use crate::{
    failure::{Failure, ProgramError},
    home,
};

/// What the ready file and `run.json` say.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ready {
    pub pid: u32,
    pub home: PathBuf,
    pub actors: BTreeMap<String, BTreeMap<String, String>>,
    pub phones: BTreeMap<String, BTreeMap<String, String>>,
    pub readers: BTreeMap<String, String>,
    pub databases: BTreeMap<String, String>,
    pub clock: Timestamp,
}

/// Where it lies in the home.
pub fn run_file(home: &Path) -> PathBuf {
    home.join("run.json")
}

/// The actors, and what opens their doors.
#[derive(Debug)]
pub struct Running {
    home: PathBuf,
    pub ready: Ready,
    pub client: Client,
    /// The call centre's, which may stop and nothing else.
    pub call_centre: Client,
}

impl Running {
    /// Finds the system of a home.
    ///
    /// # Errors
    /// [`ProgramError::NotRunning`], [`ProgramError::Disk`].
    pub fn find(home: &Path) -> Result<Self, ProgramError> {
        let not_running = || ProgramError::NotRunning(home.to_owned());
        let ready = files::read(&run_file(home))?.ok_or_else(not_running)?;
        let client = |file: &str| {
            let token = files::read(&home.join(file))?.ok_or_else(not_running)?;
            Ok::<_, ProgramError>(Client::new(Some(Arc::from(String::from_utf8_lossy(&token)))))
        };
        Ok(Self {
            home: home.to_owned(),
            ready: serde_json::from_slice(&ready).map_err(|_| not_running())?,
            client: client(home::CONTROL_TOKEN)?,
            call_centre: client(home::CALL_CENTRE_TOKEN)?,
        })
    }

    /// Address of something that an actor answers, by its path from the root: the gateway's own address is its
    /// issuer and has a path itself.
    pub fn url(&self, actor: &str, path: &str) -> String {
        let base = self.ready.actors.get(actor).and_then(|addresses| addresses.get("url"));
        let base = base.and_then(|base| Url::parse(base).ok());
        base.and_then(|base| base.join(path).ok()).map(String::from).unwrap_or_default()
    }

    /// Asks an actor.
    ///
    /// # Errors
    /// What it refuses, or that it is not there.
    pub async fn get<T: DeserializeOwned>(&self, actor: &str, path: &str) -> Result<T, Failure> {
        self.answered(self.client.get(&self.url(actor, path)).await)
    }

    /// Tells an actor.
    ///
    /// # Errors
    /// As [`Running::get`].
    pub async fn post(
        &self,
        actor: &str,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Value, Failure> {
        self.answered(self.client.post(&self.url(actor, path), body).await)
    }

    /// A stale run file of a process that was killed says as little as none.
    pub fn answered<T>(&self, answer: Result<T, ClientError>) -> Result<T, Failure> {
        answer.map_err(|error| match error {
            ClientError::Unreachable(_) => ProgramError::NotRunning(self.home.clone()).into(),
            other => other.into(),
        })
    }
}
