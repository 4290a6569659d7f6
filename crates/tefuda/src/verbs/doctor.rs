//! `tefuda doctor`: looks, spends nothing, changes nothing.

use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use tefuda_store::files;
use tefuda_types::Reason;

use super::trust::lists;
use crate::{
    Done,
    failure::{Failure, ProgramError},
    home,
    running::Running,
};

/// Socket of the PC/SC service.
const PCSCD: &str = "/run/pcscd/pcscd.comm";

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    well: bool,
    found: String,
    /// What to do, where something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

impl Check {
    fn new(name: &'static str, found: Result<String, String>, advice: &'static str) -> Self {
        let well = found.is_ok();
        let (Ok(found) | Err(found)) = found;
        Self { name, well, found, advice: (!well).then_some(advice) }
    }
}

pub async fn run(home: &Path) -> Done {
    let mut checks = vec![of_home(home), of_readers(home)];
    match Running::find(home) {
        Ok(running) => {
            checks.extend([
                actors(&running).await,
                clock(&running).await,
                cards(&running).await,
                databases(&running).await,
                trust_lists(&running).await,
            ]);
        }
        Err(error) => {
            checks.push(Check::new("system", Err(error.to_string()), "Start it: tefuda up"));
        }
    }
    let unwell = checks.iter().filter(|check| !check.well).count();
    let checks = json!(checks);
    match unwell {
        0 => Ok(json!({ "well": true, "checks": checks })),
        count => Err(Failure::from(ProgramError::Unwell(count)).with("checks", checks)),
    }
}

fn of_home(home: &Path) -> Check {
    let found = match home::look(home) {
        Ok(Some(known)) => Ok(format!("{}, ports from {}", home.display(), known.port_base)),
        Ok(None) => Err(format!("{} is no home", home.display())),
        Err(error) => Err(format!("{} ({})", error, error.code())),
    };
    Check::new("home", found, "Say which with --home, or start a new one: tefuda up")
}

/// No reader is no fault: cards and phones work without one.
fn of_readers(_home: &Path) -> Check {
    let there = files::exists(Path::new(PCSCD));
    let found =
        if there { "the PC/SC service runs" } else { "no PC/SC service; needed for `card attach` only" };
    Check::new("readers", Ok(found.to_owned()), "")
}

fn told(answer: Result<Value, Failure>, say: impl FnOnce(&Value) -> String) -> Result<String, String> {
    answer.map(|value| say(&value)).map_err(|failure| format!("{} ({})", failure.detail, failure.reason))
}

async fn actors(running: &Running) -> Check {
    let mut found = Ok(running.ready.actors.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
    for actor in running.ready.actors.keys() {
        if let Err(error) = running.client.get_bytes(&running.url(actor, "/readyz")).await {
            found = Err(format!("{actor} is not ready: {error}"));
        }
    }
    Check::new("actors", found, "Start them again: tefuda up")
}

async fn clock(running: &Running) -> Check {
    let answer = running.get("control", "/admin/clock").await;
    let found = told(answer, |clock| format!("civil time {}, host {}", clock["japan"], clock["host"]));
    Check::new("clock", found, "Look at it: tefuda clock show")
}

async fn cards(running: &Running) -> Check {
    let answer = running.get("authority", "/admin/residents").await;
    let found = told(answer, |list| {
        let residents = list["residents"].as_array().map(Vec::as_slice).unwrap_or_default();
        let made = residents.iter().filter(|resident| has_card(resident)).count();
        format!("{} residents, {made} cards made so far", residents.len())
    });
    Check::new("cards", found, "Empty the home and start again: tefuda reset")
}

/// Keys are certified when a card is first picked up.
fn has_card(resident: &Value) -> bool {
    let certificates = resident.pointer("/card/certificates").and_then(Value::as_array);
    certificates.is_some_and(|certificates| !certificates.is_empty())
}

async fn databases(running: &Running) -> Check {
    let answer = running.get("authority", "/admin/audit").await;
    let found = told(answer, |audit| {
        let logs = audit["logs"].as_array().map_or(0, Vec::len);
        format!("{logs} stores answer and their audit logs hang together")
    });
    Check::new("databases", found, "Keep a copy of the home and find out who changed it")
}

async fn trust_lists(running: &Running) -> Check {
    let found = match lists(running).await {
        Ok(lists) => fetched(running, lists.iter().flat_map(|list| [&list.full, &list.delta])).await,
        Err(failure) => Err(failure.detail),
    };
    Check::new("trust lists", found, "Start the authority again: tefuda up")
}

async fn fetched<'a>(running: &Running, urls: impl Iterator<Item = &'a String>) -> Result<String, String> {
    let mut count = 0;
    for url in urls {
        running.client.get_bytes(url).await.map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(format!("{count} revocation lists are published"))
}
