//! Reading a code that another screen shows: those that are shown now, an address that is pasted, a picture.

use askama::Template;
use axum::Form;
use serde::Deserialize;
use tefuda_pages::{Frame, Refusal};
use tefuda_phone::wallet;
use tefuda_protocol::transaction::in_language;
use tefuda_types::Reason;
use tefuda_web::Client;

use super::screen::{Screen, Shown, page, quoted, see};

/// A code that another screen shows now.
#[derive(Debug, Deserialize)]
struct Code {
    url: String,
    relying_party: String,
    #[serde(rename = "relying_party#en", default)]
    relying_party_en: Option<String>,
    number: String,
}

#[derive(Debug, Default, Deserialize)]
struct Codes {
    #[serde(default)]
    open_logins: Vec<Code>,
}

#[derive(Template)]
#[template(path = "scan.html")]
struct ScanPage {
    frame: Frame,
    codes: Vec<Code>,
    summary: Option<Refusal>,
    typed: String,
}

async fn page_with(screen: &Screen, typed: String, summary: Option<Refusal>) -> Shown {
    let context = screen.phones.context();
    let client = Client::new(Some(context.admin_token.clone()));
    // The camera of the sandbox sees what the gateway shows; without it there is still the address.
    let seen = client.get::<Codes>(&format!("{}/admin/open-logins", context.urls.gateway())).await;
    let mut codes = seen.unwrap_or_default().open_logins;
    for code in &mut codes {
        let shown = in_language(&code.relying_party, code.relying_party_en.as_deref(), screen.language.tag());
        code.relying_party = shown.to_owned();
    }
    page(ScanPage { frame: screen.main(), codes, summary, typed })
}

/// `GET /scan`.
pub(super) async fn show(screen: Screen) -> Shown {
    page_with(&screen, String::new(), None).await
}

#[derive(Debug, Deserialize)]
pub(super) struct Read {
    address: String,
}

/// `POST /scan`: the address in a code.
pub(super) async fn open(screen: Screen, Form(read): Form<Read>) -> Shown {
    let address = read.address.trim();
    match wallet::request_of(address, &screen.phones.context().urls.gateway()) {
        Ok(_) => see(&format!("/approve?request={}", quoted(address))),
        Err(error) => {
            let summary = Refusal::of(error.code().as_str(), screen.language);
            page_with(&screen, read.address, Some(summary)).await
        }
    }
}
