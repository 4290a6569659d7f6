//! `tefuda rp`: relying parties of the gateway.

use base64ct::{Base64UrlUnpadded, Encoding};
use clap::{Args, Subcommand};
use p256::SecretKey;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tefuda_keys::SystemRandom;
use tefuda_openid::{Jwk, JwkError, JwkSet};
use tefuda_store::files;

use crate::{Done, failure::Failure, running::Running};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Register a relying party; without a key set, make a key for it.
    Register(Registration),
    /// Every relying party.
    List,
    /// End a relying party.
    Remove {
        /// As `RP00000001`.
        #[arg(value_name = "ID")]
        client_id: String,
    },
}

/// Who is registered.
#[derive(Debug, Args)]
pub struct Registration {
    /// Shown to people.
    #[arg(long)]
    name: String,
    /// The name on English pages; without it they show `--name`.
    #[arg(long, value_name = "NAME")]
    name_en: Option<String>,
    /// Where answers go: https, or http on loopback; compared character by character.
    #[arg(long, value_name = "URI", required = true, num_args = 1..)]
    redirect_uri: Vec<String>,
    /// Public keys (RFC 7517); otherwise a P-256 key is made and its private half printed, once.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// What it may ask for, beside `openid`.
    #[arg(long, value_name = "S", num_args = 1..)]
    scope: Vec<String>,
    /// Why it asks, shown to people.
    #[arg(long, value_name = "P", default_value = "")]
    purpose: String,
    /// The purpose on English pages; without it they show `--purpose`.
    #[arg(long, value_name = "P")]
    purpose_en: Option<String>,
    /// Where it is told that a session ended, by a logout token.
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
}

pub async fn run(home: &Path, verb: Verb) -> Done {
    let running = Running::find(home)?;
    match verb {
        Verb::Register(registration) => register(&running, registration).await,
        Verb::List => running.get("gateway", "/admin/clients").await,
        Verb::Remove { client_id } => {
            let url = running.url("gateway", &format!("/admin/clients/{client_id}"));
            running.answered(running.client.delete(&url).await)
        }
    }
}

async fn register(running: &Running, registration: Registration) -> Done {
    let (jwks, private_jwk) = match &registration.jwks {
        Some(file) => (key_set(file)?, None),
        None => {
            let (jwk, private) = fresh_key().map_err(|error| Failure::of(&error))?;
            (json!({ "keys": [jwk] }), Some(private))
        }
    };
    let Registration { name, name_en, purpose, purpose_en, redirect_uri, .. } = registration;
    let logout_uri = registration.backchannel_logout_uri;
    let sent = json!({ "name": name, "name#en": name_en, "purpose": purpose, "purpose#en": purpose_en,
        "redirect_uris": redirect_uri, "jwks": jwks, "scopes": registration.scope,
        "backchannel_logout_session_required": logout_uri.is_some(), "backchannel_logout_uri": logout_uri });
    let mut registered = running.post("gateway", "/admin/clients", &sent).await?;
    if let (Value::Object(members), Some(private)) = (&mut registered, private_jwk) {
        members.insert("private_jwk".to_owned(), private);
    }
    Ok(registered)
}

/// A key set from a file, looked at here first: a private key in it goes nowhere.
fn key_set(file: &Path) -> Result<Value, Failure> {
    let text = files::read(file)?.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
    let refused = |error: JwkError| Failure::of(&error);
    let value: Value = serde_json::from_slice(&text).map_err(|_| refused(JwkError::Malformed))?;
    let value = if value.get("keys").is_some() { value } else { json!({ "keys": [value] }) };
    JwkSet::from_json(&value).map_err(refused)?;
    Ok(value)
}

/// A new P-256 key: its public half, and both for the relying party alone.
fn fresh_key() -> Result<(Jwk, Value), JwkError> {
    // Octets that are no scalar of the curve come once in 2^32; then there are others.
    let key = loop {
        if let Ok(key) = SecretKey::from_slice(&SystemRandom::octets::<32>()) {
            break key;
        }
    };
    let jwk = Jwk::from_point(&key.public_key().to_sec1_bytes())?;
    let mut private = serde_json::to_value(&jwk).map_err(|_| JwkError::Malformed)?;
    if let Value::Object(members) = &mut private {
        let scalar = Base64UrlUnpadded::encode_string(&key.to_bytes());
        members.insert("d".to_owned(), Value::String(scalar));
    }
    Ok((jwk, private))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_is_private_only_where_it_says_so() {
        let (jwk, private) = fresh_key().unwrap();
        assert_eq!(Jwk::from_json(&private), Err(JwkError::Private));
        let public = serde_json::to_value(&jwk).unwrap();
        assert!(public.get("d").is_none() && public["x"] == private["x"]);
    }
}
