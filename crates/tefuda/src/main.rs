//! The program: every actor in one process, and the command line that talks to them.

mod actors;
mod arguments;
mod bench;
mod catalogue;
mod config;
mod failure;
mod hand;
mod home;
mod keys;
mod portal;
mod print;
mod running;
mod serve;
mod up;
mod verbs;

use std::{process::ExitCode, time::Duration};

use crate::{
    arguments::{Arguments, Verb},
    failure::{Exit, Failure, ProgramError},
};

/// How long threads that wait for a reader or make keys are waited for. What they write is whole or absent.
const THREADS_GRACE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let Arguments { common, verb } = Arguments::of_process();
    let done = tokio::runtime::Runtime::new().map_err(|error| ProgramError::Disk(error).into()).and_then(
        |runtime| {
            let done =
                runtime.block_on(verbs::run(&common, verb.unwrap_or(Verb::Up(up::Options::default()))));
            runtime.shutdown_timeout(THREADS_GRACE);
            done
        },
    );
    match done {
        Ok(value) => {
            print::value(&value, common.json);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            print::failure(&failure, &common);
            failure.exit.into()
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Refused => Self::from(1),
            Exit::Environment => Self::from(3),
        }
    }
}

/// What a verb gives: one value, or why not.
type Done = Result<serde_json::Value, Failure>;
