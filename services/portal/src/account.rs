//! What the gateway and the authority tell about a person, asked for each time.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tefuda_pages::Language;
use tefuda_protocol::{account::AccountView, transaction::in_language};
use tefuda_types::{ElementId, Secret, Timestamp};

use crate::{Portal, error::Refused};

/// The sign-in history.
#[derive(Debug, Deserialize)]
pub struct History {
    /// Newest first.
    pub sessions: Vec<Login>,
}

/// A login somewhere.
#[derive(Clone, Debug, Deserialize)]
pub struct Login {
    /// Its identifier.
    pub id: String,
    /// Where.
    pub relying_party: String,
    /// The same on English pages.
    #[serde(rename = "relying_party#en", default)]
    pub relying_party_en: Option<String>,
    /// When, in civil time.
    #[serde(rename = "civil")]
    pub since: Timestamp,
    /// Authentication methods.
    #[serde(default)]
    pub amr: Vec<String>,
    /// Whether it was approved on another device than the browser's.
    #[serde(default)]
    pub cross_device: bool,
    /// Whether somebody may still be logged in by it.
    pub live: bool,
    /// Whether it is this one.
    pub this_session: bool,
    /// Whether the same phone approved it.
    pub this_phone: bool,
    /// How it ended.
    pub ended: Option<LoginEnd>,
}

impl Login {
    /// Where, as a page in a language names it.
    #[must_use]
    pub fn relying_party_in(&self, language: Language) -> &str {
        in_language(&self.relying_party, self.relying_party_en.as_deref(), language.tag())
    }
}

/// How a login ended.
#[derive(Clone, Debug, Deserialize)]
pub struct LoginEnd {
    /// When, in civil time.
    #[serde(rename = "civil")]
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// What a person does at the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Act {
    /// Both certificates of a phone on hold.
    StopPhone(ElementId),
    /// A phone given up.
    EndPhone(ElementId),
    /// The card lost.
    StopCard,
}

impl Act {
    fn path(self) -> String {
        match self {
            Self::StopPhone(element) => format!("phones/{element}/stop"),
            Self::EndPhone(element) => format!("phones/{element}/end"),
            Self::StopCard => "card/stop".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Vouched {
    certificates_token: String,
}

impl Portal {
    /// What the authority is shown: the gateway makes a new one each time, for minutes.
    async fn certificates_token(&self, access: &Secret<String>) -> Result<Secret<String>, Refused> {
        let url = format!("{}/me/certificates-token", self.context.urls.gateway());
        let vouched: Vouched = self.client.showing(access.expose()).post(&url, &json!({})).await?;
        Ok(Secret::new(vouched.certificates_token))
    }

    /// A person's certificates and phones.
    pub(crate) async fn account(&self, access: &Secret<String>) -> Result<AccountView, Refused> {
        let token = self.certificates_token(access).await?;
        let url = format!("{}/me", self.context.urls.authority());
        Ok(self.client.showing(token.expose()).get(&url).await?)
    }

    /// Does what a person wants; gives what it came to.
    pub(crate) async fn act(&self, access: &Secret<String>, act: Act) -> Result<AccountView, Refused> {
        let token = self.certificates_token(access).await?;
        let url = format!("{}/me/{}", self.context.urls.authority(), act.path());
        Ok(self.client.showing(token.expose()).post(&url, &json!({})).await?)
    }

    /// A person's logins.
    pub(crate) async fn history(&self, access: &Secret<String>) -> Result<History, Refused> {
        let url = format!("{}/me", self.context.urls.gateway());
        Ok(self.client.showing(access.expose()).get(&url).await?)
    }

    /// Ends a login somewhere.
    pub(crate) async fn end_at_gateway(&self, access: &Secret<String>, id: &str) -> Result<(), Refused> {
        let own = |c: char| c.is_ascii_alphanumeric();
        let id: String = id.chars().filter(|c| own(*c)).collect();
        let url = format!("{}/me/sessions/{id}/end", self.context.urls.gateway());
        let _: Value = self.client.showing(access.expose()).post(&url, &json!({})).await?;
        Ok(())
    }
}
