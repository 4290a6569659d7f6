//! One actor alone, for operators.

use clap::Args;
use serde_json::Value;
use std::{path::PathBuf, time::Duration};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    Done,
    actors::{self, Actor, Opened},
    arguments::Common,
    config::Config,
    failure::ProgramError,
    home, print, up,
};

/// Between two tries to begin, while a neighbour does not answer.
const TRY_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub struct Options {
    /// Who.
    #[arg(value_enum)]
    actor: Actor,
    /// Its configuration, in TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Starts one actor and runs until it is told to stop.
pub async fn serve(common: &Common, options: &Options) -> Done {
    up::log(&common.log);
    let Options { actor, config } = options;
    let config = Config::read(config, *actor)?;
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.map_err(|_| ProgramError::PortTaken(config.listen.port()))?;
    let _held = home::take(&config.home)?;
    home::of_one(&config.home, &config.databases, &config.keys)?;
    let listen = config.listen;
    let opened = actors::alone(*actor, config.into_context()).await;
    let opened = opened.map_err(|error| ProgramError::ActorFailed(format!("{error:#}")))?;
    print::prose(&format!("{}: {listen}. Stop with Ctrl-C.", actor.as_str()));
    run(opened, listener).await
}

/// Who listens answers: what needs a neighbour is done before.
async fn run(opened: Opened, listener: TcpListener) -> Done {
    let stop_asked = up::told_to_stop()?;
    let (stop, stopping) = watch::channel(false);
    let Opened { behind, begin, meanwhile } = opened;
    let answering = async {
        let mut stopped = stopping.clone();
        tokio::select! {
            () = begun(&begin) => {}
            // Whoever still waits for a neighbour has no answers under way.
            _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
        }
        let meanwhile = tokio::spawn(meanwhile);
        let ended = tefuda_web::serve(listener, behind, stopping).await;
        meanwhile.abort();
        ended
    };
    tokio::pin!(answering);
    tokio::select! {
        () = stop_asked => {}
        ended = &mut answering => {
            return Err(ProgramError::ActorFailed(format!("{ended:?}")).into());
        }
    }
    stop.send_replace(true);
    answering.await?;
    Ok(Value::Null)
}

/// Tries until the neighbours answer; a failure is logged when it changes.
async fn begun(begin: &actors::Begin) {
    let mut told = String::new();
    while let Err(error) = begin().await {
        let failure = format!("{error:#}");
        if failure != told {
            tracing::warn!(error = failure, "cannot begin yet");
            told = failure;
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}
