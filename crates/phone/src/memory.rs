//! What a phone's applications remember. A factory reset clears all of it, and nothing of the element.

use serde::{Deserialize, Serialize};
use tefuda_types::{PinKind, Timestamp};

use crate::{enrolment::Enrolment, wallet::Wallet};

/// Entries of the history that are kept.
const HISTORY_MAX: usize = 500;

/// The state of portal application and wallet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Memory {
    /// Form of this document; each past form must still load.
    pub form: u32,
    /// The enrolment under way, or the last one.
    #[serde(default)]
    pub enrolment: Option<Enrolment>,
    /// Certificates in use.
    #[serde(default)]
    pub wallet: Option<Wallet>,
    /// The holder gave the phone up.
    #[serde(default)]
    pub retired: bool,
    /// The recovery code of the enrolment has been shown.
    #[serde(default)]
    pub recovery_code_shown: bool,
    /// A password that the card was shown for.
    #[serde(default)]
    pub resetting: Option<PinKind>,
    /// What the phone did.
    #[serde(default)]
    pub history: Vec<Happened>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            form: Self::FORM,
            enrolment: None,
            wallet: None,
            retired: false,
            recovery_code_shown: false,
            resetting: None,
            history: Vec::new(),
        }
    }
}

/// An entry of the phone's own history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// Civil time.
    pub time: Timestamp,
    /// Stable name, as `login`.
    pub act: String,
    /// With whom: a relying party's name, a reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// Reason code, if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Memory {
    /// Form that this version writes.
    pub const FORM: u32 = 1;

    /// Whether an enrolment has begun and is not over.
    #[must_use]
    pub fn is_enrolling(&self) -> bool {
        self.enrolment.as_ref().is_some_and(|enrolment| !enrolment.is_over())
    }

    /// Adds to the history; the oldest entries go.
    pub fn happened(&mut self, time: Timestamp, act: &str, with: Option<String>, reason: Option<String>) {
        self.history.push(Happened { time, act: act.to_owned(), with, reason });
        let surplus = self.history.len().saturating_sub(HISTORY_MAX);
        self.history.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_still_loads_and_history_has_a_limit() {
        let mut memory: Memory = serde_json::from_str(r#"{ "form": 1 }"#).unwrap();
        for _ in 0..HISTORY_MAX + 3 {
            memory.happened(Timestamp::UNIX_EPOCH, "login", None, None);
        }
        assert_eq!(memory.history.len(), HISTORY_MAX);
    }
}
