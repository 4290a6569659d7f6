//! `tefuda bench`: what this system does in a second of one core, beside what the library or the machine can do at
//! all. Figures, not tests: nothing here passes or fails.

mod issuing;
mod load;
mod login;
mod lookups;
mod meter;
mod responder;
mod stage;
mod start;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

use crate::{Done, arguments::Common, failure::Failure, verbs::pins::PinSource};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// OCSP answers over HTTP: signed for each request, and from the cache.
    Ocsp,
    /// Certificates, from the request to the disk.
    Issue,
    /// Logins and enrolments, whole.
    Login,
    /// Look-ups in a delta list.
    Lookup,
    /// Starting, and the memory of what has started.
    Start,
}

#[derive(Debug, Args)]
pub struct Options {
    /// Only this.
    #[arg(value_enum)]
    name: Option<Name>,
    /// Seconds of each measurement.
    #[arg(long, value_name = "N", default_value_t = 4)]
    seconds: u32,
    /// Stores in a PostgreSQL database, in new schemas, by its URL or as @FILE.
    #[arg(long, value_name = "URL")]
    database: Option<PinSource>,
}

/// One figure beside its limit.
#[derive(Debug, Serialize)]
pub struct Row {
    name: &'static str,
    unit: &'static str,
    value: f64,
    /// What the same core does at most, or the most that this may be.
    limit: f64,
    ratio: f64,
    /// What the limit is.
    against: &'static str,
}

impl Row {
    /// A figure and its limit.
    pub fn new(
        name: &'static str,
        unit: &'static str,
        value: f64,
        (limit, against): (f64, &'static str),
    ) -> Self {
        let rounded = |value: f64| (value * 1_000.0).round() / 1_000.0;
        Self {
            name,
            unit,
            value: rounded(value),
            limit: rounded(limit),
            ratio: rounded(value / limit),
            against,
        }
    }
}

pub type Rows = Result<Vec<Row>, Failure>;

pub async fn run(common: &Common, options: &Options) -> Done {
    crate::up::log(&common.log);
    let wanted = |name| options.name.is_none_or(|only| only == name);
    let time = Duration::from_secs(options.seconds.into());
    let mut rows = Vec::new();
    if wanted(Name::Issue) || wanted(Name::Ocsp) {
        let raw = issuing::Raw::measure(time).await?;
        if wanted(Name::Issue) {
            rows.extend(issuing::rows(time, &raw).await?);
        }
        if wanted(Name::Ocsp) {
            rows.extend(responder::rows(time, &raw).await?);
        }
    }
    if wanted(Name::Login) {
        rows.extend(login::rows(time, crate::up::databases(options.database.as_ref())?).await?);
    }
    if wanted(Name::Lookup) {
        rows.extend(lookups::rows(time).await?);
    }
    if wanted(Name::Start) {
        rows.extend(start::rows()?);
    }
    Ok(json!({ "rows": rows }))
}
