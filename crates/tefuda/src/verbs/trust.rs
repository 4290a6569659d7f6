//! `tefuda trust`: what others need to check our certificates, without a private key.

use base64ct::{Base64, Encoding};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};
use tefuda_store::files;
use tefuda_types::CertificateKind;

use crate::{Done, failure::Failure, running::Running};

/// Characters of a line of PEM (RFC 7468, 2).
const PEM_LINE: usize = 64;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write roots, full revocation lists and an index of the roots.
    Export {
        /// Made if it is not there.
        dir: PathBuf,
    },
}

#[derive(Deserialize)]
struct Roots {
    roots: Vec<Root>,
}

#[derive(Deserialize)]
struct Root {
    role: String,
    generation: u32,
    subject: String,
    key_id: String,
    pem: String,
}

#[derive(Deserialize)]
struct Lists {
    lists: Vec<List>,
}

/// A line of the authority's index of lists.
#[derive(Deserialize)]
pub struct List {
    pub kind: CertificateKind,
    pub generation: u32,
    pub full: String,
    pub delta: String,
}

/// A line of `index.json`.
#[derive(Serialize)]
struct Line {
    role: String,
    subject: String,
    key_id: String,
    file: String,
}

pub async fn run(home: &Path, verb: Verb) -> Done {
    let running = Running::find(home)?;
    let Verb::Export { dir } = verb;
    let mut index = Vec::new();
    let mut written = Vec::new();
    for root in roots(&running).await? {
        let file = format!("{}-g{}.pem", root.role, root.generation);
        files::write(&dir.join(&file), root.pem.as_bytes())?;
        written.push(file.clone());
        index.push(Line { role: root.role, subject: root.subject, key_id: root.key_id, file });
    }
    for list in lists(&running).await? {
        let der = running.answered(running.client.get_bytes(&list.full).await)?;
        let file = format!("{}-g{}.crl.pem", list.kind, list.generation);
        files::write(&dir.join(&file), pem("X509 CRL", &der).as_bytes())?;
        written.push(file);
    }
    let index = serde_json::to_vec_pretty(&index).map_err(std::io::Error::from)?;
    files::write(&dir.join("index.json"), &index)?;
    written.push("index.json".to_owned());
    Ok(json!({ "dir": dir, "files": written }))
}

async fn roots(running: &Running) -> Result<Vec<Root>, Failure> {
    Ok(running.get::<Roots>("authority", "/trust/index.json").await?.roots)
}

/// Every list that the authority publishes.
pub async fn lists(running: &Running) -> Result<Vec<List>, Failure> {
    Ok(running.get::<Lists>("authority", "/crl/index.json").await?.lists)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Base64::encode_string(der);
    let lines = text.as_bytes().chunks(PEM_LINE).map(String::from_utf8_lossy).collect::<Vec<_>>();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
