//! `tefuda authority`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::Path;
use tefuda_types::{CertificateKind, PhoneName, ResidentId, Serial};

use crate::{Done, running::Running};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Stop a card or a phone, as the call centre does.
    Stop {
        #[arg(long, value_name = "ID")]
        resident: ResidentId,
        #[command(flatten)]
        what: Stopped,
    },
    /// The next generation of a CA, under the same name.
    Rotate {
        /// `card-sign`, `card-auth`, `phone-sign` or `phone-auth`.
        #[arg(long)]
        kind: CertificateKind,
    },
    /// End a certificate for good.
    Revoke {
        #[arg(long)]
        kind: CertificateKind,
        /// Upper-case hexadecimal.
        #[arg(long)]
        serial: Serial,
        /// As RFC 5280 names it: `keyCompromise`, `superseded`, …
        #[arg(long)]
        reason: String,
    },
    /// Order the wipe of a phone's element.
    Wipe {
        #[arg(long, value_name = "NAME")]
        phone: PhoneName,
    },
    /// The audit logs.
    #[command(subcommand)]
    Audit(Audit),
}

/// What is stopped.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Stopped {
    /// The resident's card.
    #[arg(long)]
    card: bool,
    /// A phone of the resident.
    #[arg(long, value_name = "NAME")]
    phone: Option<PhoneName>,
}

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Go through every entry of every role.
    Verify,
}

pub async fn run(home: &Path, verb: Verb) -> Done {
    let running = Running::find(home)?;
    match verb {
        Verb::Stop { resident, what: Stopped { card, phone } } => {
            let stop = json!({ "resident": resident, "card": card, "phone": phone });
            let url = running.url("authority", "/call-centre/stops");
            running.answered(running.call_centre.post(&url, &stop).await)
        }
        Verb::Wipe { phone } => {
            running.post("authority", &format!("/admin/phones/{phone}/wipe"), &json!({})).await
        }
        Verb::Rotate { kind } => {
            running.post("authority", &format!("/admin/generations/{kind}"), &json!({})).await
        }
        Verb::Revoke { kind, serial, reason } => {
            let revocation = json!({ "kind": kind, "serial": serial, "reason": reason });
            running.post("authority", "/admin/revocations", &revocation).await
        }
        Verb::Audit(Audit::Verify) => verify_audit(&running).await,
    }
}

/// Every log of every actor that keeps one; the first that is broken is the answer.
async fn verify_audit(running: &Running) -> Done {
    let mut logs = Vec::new();
    for actor in ["authority", "gateway"] {
        let mut verified: Value = running.get(actor, "/admin/audit").await?;
        if let Some(Value::Array(of_actor)) = verified.get_mut("logs").map(Value::take) {
            logs.extend(of_actor);
        }
    }
    Ok(json!({ "verified": true, "logs": logs }))
}
