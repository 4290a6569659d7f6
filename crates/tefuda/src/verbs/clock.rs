//! `tefuda clock`: with a running system through it, without one in the home.

use clap::Subcommand;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path, sync::Arc};
use tefuda_control_server::{ClockError, ClockMove, Clocks, Skew};
use tefuda_store::SystemClock;
use tefuda_types::Timestamp;

use crate::{
    Done,
    failure::{Failure, ProgramError},
    home, print,
    running::Running,
    up,
};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Civil time and the host's.
    Show,
    /// Make it a civil time.
    Set {
        /// As `2026-11-24T10:00:00+09:00`.
        time: Timestamp,
        /// Backwards is meant.
        #[arg(long)]
        back: bool,
    },
    /// Move on by a duration.
    Advance {
        /// As `PT30S`, `P1D` or `P1Y`.
        duration: String,
    },
    /// Put one actor's clock off.
    Skew {
        /// Whose.
        actor: String,
        /// How far ahead, as `PT3S`; behind, as `-PT3S`.
        #[arg(allow_hyphen_values = true)]
        duration: String,
    },
}

pub async fn run(home: &Path, verb: Verb) -> Done {
    let shown = match Running::find(home) {
        Ok(running) => through(&running, &verb).await,
        Err(not_running) => Err(not_running.into()),
    };
    let not_running = "system.not_running";
    let shown = match shown {
        Err(failure) if failure.reason == not_running => in_home(home, &verb)?,
        other => other?,
    };
    if let Some(warning) = shown.get("warning").and_then(Value::as_str) {
        print::prose(warning);
    }
    Ok(shown)
}

async fn through(running: &Running, verb: &Verb) -> Done {
    match verb {
        Verb::Show => running.get("control", "/admin/clock").await,
        Verb::Skew { actor, duration } => {
            let path = format!("/admin/clock/skew/{actor}");
            running.post("control", &path, &Skew { skew: duration.clone() }).await
        }
        Verb::Set { .. } | Verb::Advance { .. } => {
            running.post("control", "/admin/clock", &movement(verb)).await
        }
    }
}

fn movement(verb: &Verb) -> ClockMove {
    match verb {
        Verb::Set { time, back } => ClockMove { set: Some(*time), back: *back, ..ClockMove::default() },
        Verb::Advance { duration } => ClockMove { advance: Some(duration.clone()), ..ClockMove::default() },
        Verb::Show | Verb::Skew { .. } => ClockMove::default(),
    }
}

fn in_home(home: &Path, verb: &Verb) -> Done {
    home::look(home)?.ok_or_else(|| ProgramError::HomeNotFound(home.to_owned()))?;
    let _held = home::take(home)?;
    let clock = SystemClock::open(home)?;
    let mut actors = BTreeMap::new();
    for actor in up::ACTORS {
        actors.insert(actor, Arc::new(clock.of_actor(actor)?));
    }
    let clocks = Clocks { home: Arc::new(clock), actors: Arc::new(actors) };
    let refused = |error: ClockError| Failure::of(&error);
    let view = match verb {
        Verb::Show => clocks.view(false),
        Verb::Skew { actor, duration } => {
            clocks.put_off(actor, &Skew { skew: duration.clone() }).map_err(refused)?
        }
        Verb::Set { .. } | Verb::Advance { .. } => clocks.shift(&movement(verb)).map_err(refused)?,
    };
    Ok(serde_json::to_value(view).unwrap_or_default())
}
