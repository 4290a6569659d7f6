//! `tefuda card`.

use clap::Subcommand;
use serde_json::{Value, json};
use std::path::Path;
use tefuda_types::ResidentId;

use crate::{Done, failure::Failure, print, running::Running, up};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Hold a card against a vpcd reader until ended.
    Attach {
        #[arg(long, value_name = "ID")]
        resident: ResidentId,
        /// Where the reader listens.
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:35963")]
        to: String,
    },
    /// Give all tries back, at the municipal counter.
    Unblock {
        #[arg(long, value_name = "ID")]
        resident: ResidentId,
    },
    /// Report a card lost.
    Lose {
        #[arg(long, value_name = "ID")]
        resident: ResidentId,
    },
    /// Make the next card; this one and the phones' certificates end.
    Renew {
        #[arg(long, value_name = "ID")]
        resident: ResidentId,
    },
    /// Give a card back for good.
    Return {
        #[arg(long, value_name = "ID")]
        resident: ResidentId,
    },
}

pub async fn run(home: &Path, verb: Verb) -> Done {
    let running = Running::find(home)?;
    match verb {
        Verb::Attach { resident, to } => attach(&running, &resident, &to).await,
        Verb::Unblock { resident } => {
            running.post("control", &format!("/admin/cards/{resident}/unblock"), &json!({})).await
        }
        Verb::Renew { resident } => {
            running.post("control", &format!("/admin/cards/{resident}/renew"), &json!({})).await
        }
        Verb::Lose { resident } => event(&running, &resident, "card-lost", &json!({})).await,
        Verb::Return { resident } => event(&running, &resident, "card-ended", &json!({})).await,
    }
}

/// Lets something happen that the authority has to know of.
pub async fn event(running: &Running, resident: &ResidentId, event: &str, changes: &Value) -> Done {
    running.post("authority", &format!("/admin/residents/{resident}/events/{event}"), changes).await
}

/// The answer under way is the hand that holds the card: letting go of it takes the card away.
async fn attach(running: &Running, resident: &ResidentId, to: &str) -> Done {
    let stop_asked = up::told_to_stop()?;
    let url = running.url("control", &format!("/admin/cards/{resident}/hold"));
    let mut held = running.answered(running.client.open(&url, &json!({ "to": to })).await)?;
    print::prose(&format!("held against {to}; end with Ctrl-C"));
    let until_gone = async { while let Ok(Some(_)) = held.chunk().await {} };
    let ended_by = tokio::select! {
        () = stop_asked => "holder",
        () = until_gone => "reader",
    };
    Ok::<Value, Failure>(json!({ "resident": resident, "reader": to, "ended_by": ended_by }))
}
