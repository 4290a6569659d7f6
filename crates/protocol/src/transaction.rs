//! What a person agrees to, and the bytes that the holder's keys sign for it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tefuda_types::Timestamp;

/// SHA-256 over kind and body of a transaction.
pub type TransactionHash = [u8; 32];

/// What kind of act a transaction is. The octet goes into its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum TransactionKind {
    /// Logging in at a relying party: authentication key and wallet-instance key.
    Login = 1,
    /// Signing a document: signature key.
    Document = 2,
    /// Setting a phone password for the first time.
    SetPin = 3,
    /// Giving the present password before it is changed, or a new one.
    ChangePin = 4,
    /// Loading the certificates that were applied for.
    Register = 5,
    /// Enrolling biometrics in place of the authentication PIN.
    EnrolBiometrics = 6,
    /// Setting a new password after the card was shown.
    ResetPin = 7,
    /// A new recovery code.
    RecoveryCode = 8,
}

/// One act, exactly as the person saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// What kind of act.
    pub kind: TransactionKind,
    /// The text that was shown, or the canonical form of what it was made from.
    pub body: String,
}

impl Transaction {
    /// `SHA-256("TEFUDA-TRANSACTION-1" ‖ 00 ‖ kind ‖ body)`.
    #[must_use]
    pub fn hash(&self) -> TransactionHash {
        Sha256::new()
            .chain_update(b"TEFUDA-TRANSACTION-1\0")
            .chain_update([self.kind as u8])
            .chain_update(self.body.as_bytes())
            .finalize()
            .into()
    }
}

/// Whether the browser that logs in and the phone that approves are the same device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginChannel {
    /// The strong path.
    SameDevice,
    /// Approval of what another screen shows, with the number that stands there.
    CrossDevice {
        /// Two digits, shown on both screens.
        number: String,
    },
}

/// A login as gateway and wallet both state it. Both sides make the same [`Transaction`] from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginTransaction {
    /// Issuer URL of the gateway.
    pub gateway: String,
    /// The gateway's identifier of this request.
    pub request: String,
    /// `client_id` of the relying party.
    pub client_id: String,
    /// Name of the relying party, as registered.
    pub relying_party: String,
    /// Origin to which the person will be sent back.
    pub origin: String,
    /// Why the relying party asks, as registered.
    pub purpose: String,
    /// Scopes asked for, in order.
    pub scopes: Vec<String>,
    /// 32 octets of the gateway's randomness, base64url.
    pub nonce: String,
    /// Wire time at which the gateway made the request.
    pub time: Timestamp,
    /// Same device or another.
    pub channel: LoginChannel,
    /// The name on English pages, where one was registered (OpenID Connect Dynamic Client Registration, 2.1). It is
    /// part of what is signed, as is every text that a person may be shown.
    #[serde(rename = "relying_party#en", default, skip_serializing_if = "Option::is_none")]
    pub relying_party_en: Option<String>,
    /// The purpose on English pages, where one was registered.
    #[serde(rename = "purpose#en", default, skip_serializing_if = "Option::is_none")]
    pub purpose_en: Option<String>,
}

/// A text in the language of a tag (RFC 5646): the one registered for it, or else the one without a tag.
#[must_use]
pub fn in_language<'a>(plain: &'a str, english: Option<&'a str>, language: &str) -> &'a str {
    english.filter(|_| language == "en").unwrap_or(plain)
}

impl LoginTransaction {
    /// Name of the relying party as a page in a language shows it.
    #[must_use]
    pub fn relying_party_in(&self, language: &str) -> &str {
        in_language(&self.relying_party, self.relying_party_en.as_deref(), language)
    }

    /// Why it asks, as a page in a language shows it.
    #[must_use]
    pub fn purpose_in(&self, language: &str) -> &str {
        in_language(&self.purpose, self.purpose_en.as_deref(), language)
    }

    /// The transaction whose hash is sealed with the PIN: the JSON of the fields in the order above.
    ///
    /// Both sides build it from the decoded fields; a field that one of them changed changes the hash.
    #[must_use]
    pub fn to_transaction(&self) -> Transaction {
        Transaction { kind: TransactionKind::Login, body: serde_json::to_string(self).unwrap_or_default() }
    }
}

/// How the person proved presence to the element. The octet is part of what the keys sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Method {
    /// The authentication PIN, sealed to the element.
    Pin = 1,
    /// A user-verification token of the phone's operating system.
    Biometrics = 2,
}

/// What the authentication key signs in a login (RSASSA-PKCS1-v1_5 with SHA-256):
/// `"TEFUDA-LOGIN-1" ‖ 00 ‖ method ‖ transaction hash`.
///
/// The element makes these bytes itself; a caller gives method and hash only.
#[must_use]
pub fn login_message(method: Method, hash: &TransactionHash) -> Vec<u8> {
    [b"TEFUDA-LOGIN-1\0".as_slice(), &[method as u8], hash].concat()
}

/// What the wallet-instance key signs beside it (ECDSA P-256 with SHA-256, `r ‖ s`):
/// `"TEFUDA-WALLET-1" ‖ 00 ‖ method ‖ transaction hash`.
#[must_use]
pub fn wallet_message(method: Method, hash: &TransactionHash) -> Vec<u8> {
    [b"TEFUDA-WALLET-1\0".as_slice(), &[method as u8], hash].concat()
}
