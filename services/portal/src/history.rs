//! Where a person logged in: day by day, and what repeats itself in one entry.

use askama::Template;
use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use tefuda_pages::{Frame, Page, dates};
use tefuda_types::{Timestamp, civil_day, jst};

use crate::{
    Portal,
    account::Login,
    error::Refused,
    pages::Tag,
    view::{View, see_other},
};

/// An entry: one login, or several of a day that differ in their time only.
struct Entry {
    id: String,
    relying_party: String,
    time: String,
    how: String,
    by: String,
    state: Tag,
    this_session: bool,
    live: bool,
    /// How it ended, where it did.
    why: Option<String>,
    /// Earlier ones of the same kind: when, and how each ended.
    earlier: Vec<String>,
}

/// The entries of a day.
struct Day {
    day: String,
    entries: Vec<Entry>,
}

/// Hours, minutes and seconds: two logins of a minute are two.
fn clock(time: Timestamp) -> String {
    jst(time).strftime("%H:%M:%S").to_string()
}

impl Entry {
    fn of(frame: &Frame, login: &Login) -> Self {
        let method = if login.amr.iter().any(|own| own == "fpt") { "finger" } else { "pin" };
        let channel = if login.cross_device { "other" } else { "same" };
        let plain = |class, icon, text| Tag { class, icon, text };
        let state = match &login.ended {
            Some(end) => {
                let same_day = civil_day(end.at) == civil_day(login.since);
                let when = if same_day { clock(end.at) } else { dates::moment(end.at, frame.language()) };
                plain("", "door", frame.t.with(&format!("portal-ended-{}", end.why), "when", when))
            }
            None if login.live => plain("good", "check", frame.t.say("portal-live")),
            None => plain("", "clock", frame.t.say("portal-over")),
        };
        let by = if login.this_phone { "portal-by-this-phone" } else { "portal-by-another-phone" };
        Self {
            id: login.id.clone(),
            relying_party: login.relying_party_in(frame.language()).to_owned(),
            time: clock(login.since),
            how: frame.t.say(&format!("portal-how-{method}-{channel}")),
            by: frame.t.say(by),
            state,
            this_session: login.this_session,
            live: login.live,
            why: login.ended.as_ref().map(|end| end.why.clone()),
            earlier: Vec::new(),
        }
    }

    /// Whether a later reader would see the same words but for the times. What is still live stands alone: it can
    /// be ended.
    fn repeats(&self, later: &Self) -> bool {
        !self.live && !later.live && self.words() == later.words()
    }

    fn words(&self) -> (&str, &str, &str, Option<&str>) {
        (&self.relying_party, &self.how, &self.by, self.why.as_deref())
    }
}

impl Day {
    /// Newest first, as they come.
    fn all(frame: &Frame, logins: &[Login]) -> Vec<Self> {
        let mut days: Vec<Self> = Vec::new();
        for login in logins {
            let day = dates::day(login.since, frame.language());
            let entry = Entry::of(frame, login);
            match days.last_mut().filter(|last| last.day == day) {
                Some(last) => last.add(entry),
                None => days.push(Self { day, entries: vec![entry] }),
            }
        }
        days
    }

    fn add(&mut self, entry: Entry) {
        match self.entries.last_mut().filter(|later| entry.repeats(later)) {
            Some(later) => later.earlier.push(format!("{} · {}", entry.time, entry.state.text)),
            None => self.entries.push(entry),
        }
    }
}

#[derive(Template)]
#[template(path = "portal-history.html")]
struct HistoryPage {
    frame: Frame,
    days: Vec<Day>,
}

impl Portal {
    async fn show_history(&self, view: &View, headers: &HeaderMap) -> Result<Response, Refused> {
        let Some((found, access)) = self.live(headers).await? else { return Ok(see_other("/", &[])) };
        let history = match self.history(&access).await {
            Ok(history) => history,
            Err(refused) => return Err(self.settle(&found, refused).await),
        };
        let frame = view.own_frame();
        let days = Day::all(&frame, &history.sessions);
        Ok(Page(HistoryPage { frame, days }).into_response())
    }
}

/// `GET /history`.
pub(crate) async fn show(State(portal): State<Arc<Portal>>, view: View, headers: HeaderMap) -> Response {
    view.answer(portal.show_history(&view, &headers).await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tefuda_pages::Language;

    fn login(second: u8, ended: Option<&str>) -> Login {
        let civil = |second: u8| format!("2026-10-05T01:00:{second:02}Z");
        let ended = ended.map(|why| serde_json::json!({ "civil": civil(second + 1), "why": why }));
        let login = serde_json::json!({
            "id": second.to_string(), "relying_party": "図書館", "civil": civil(second), "amr": ["pin"],
            "live": ended.is_none(), "this_session": false, "this_phone": true, "ended": ended,
        });
        serde_json::from_value(login).unwrap()
    }

    #[test]
    fn what_repeats_itself_is_one_entry_and_what_is_live_stands_alone() {
        let frame = Frame::new(Language::Japanese, &"/history".parse().unwrap(), "portal", "");
        let own = Some("ended-by-person");
        let logins = [
            login(50, None),
            login(40, None),
            login(30, own),
            login(20, own),
            login(10, own),
            login(5, Some("certificate-suspended")),
        ];
        let days = Day::all(&frame, &logins);
        let entries = &days[0].entries;
        let shown: Vec<_> = entries.iter().map(|own| (own.time.as_str(), own.earlier.len())).collect();
        assert_eq!(days.len(), 1);
        assert_eq!(shown, [("10:00:50", 0), ("10:00:40", 0), ("10:00:30", 2), ("10:00:05", 0)]);
        assert!(
            entries[2].earlier[0].starts_with("10:00:20 · ") && entries[2].earlier[0].contains("10:00:21")
        );
    }
}
