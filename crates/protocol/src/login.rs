//! Between wallet and gateway.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    Bytes,
    statement::{Link, Statement, WalletInstance},
    transaction::{LoginTransaction, Method},
};

/// `GET {gateway}/api/login/{request}`: what the phone shows and the person agrees to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginRequest {
    /// What is to be agreed to.
    pub transaction: LoginTransaction,
    /// Seconds of wire time for which the request stays open.
    pub expires_in_seconds: u32,
}

/// `POST {gateway}/api/login/{request}/proof`: the phone's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginProof {
    /// The phone's authentication certificate, DER.
    pub certificate: Bytes,
    /// How the person proved presence.
    pub method: Method,
    /// Over [`login_message`](crate::transaction::login_message) by the authentication key.
    pub auth_signature: Bytes,
    /// Over [`wallet_message`](crate::transaction::wallet_message) by the wallet-instance key.
    pub wallet_signature: Bytes,
    /// The authority's word for the wallet-instance key.
    pub wallet_instance: Statement<WalletInstance>,
    /// Shown only after the gateway answered `login.links_wanted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Statement<Link>>,
}

/// `POST {gateway}/api/login/{request}/decline`: the phone cannot approve, and the relying party is to know.
///
/// Nothing proves who declines: whoever knows the request can end it, and gains nothing by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case", tag = "because")]
#[non_exhaustive]
pub enum LoginDeclined {
    /// No certificates are on the phone.
    #[error("no certificates are on the phone")]
    NotRegistered,
    /// Its holder gave it up.
    #[error("the holder gave the phone up")]
    Retired,
    /// The holder's keys were destroyed by an order of the authority.
    #[error("the keys of the phone were destroyed by order")]
    Wiped,
    /// The holder's keys were destroyed by a sensor event.
    #[error("the keys of the phone were destroyed by a sensor event")]
    Tampered,
}

tefuda_types::reasons! { LoginDeclined {
    NotRegistered => "phone.not_registered", Policy;
    Retired => "phone.retired", Policy;
    Wiped => "phone.wiped", Policy;
    Tampered => "phone.tampered", Policy;
} }

/// The gateway's answer to a proof that was accepted, or that ended the request with an error for the
/// relying party. (`login.links_wanted` comes as an HTTP problem instead and leaves the request open.)
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginOutcome {
    /// Whether the person is logged in.
    pub accepted: bool,
    /// Reason code of the refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Authentication context class, when accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Authentication methods, when accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Where the same device's browser goes on (`…/login/{request}/continue`). Of a login that was accepted it
    /// carries what no other browser has, so that nobody can have somebody else approve what he began.
    pub continue_url: String,
}
