//! What the phone did, and what the authority told it.

use askama::Template;
use tefuda_pages::{Frame, Refusal};
use tefuda_phone::memory::Happened;
use tefuda_protocol::device::Notice;

use super::screen::{Screen, Shown, page};

/// Entries on one page.
const SHOWN_MAX: usize = 100;
/// Acts that have a text of their own.
const ACTS: [&str; 11] = [
    "login",
    "deny",
    "register",
    "retire",
    "lift",
    "tap",
    "change-password",
    "reset-password",
    "recovery-code",
    "enrol-biometrics",
    "remove-biometrics",
];
/// Notices that have a text of their own.
const NOTICES: [&str; 17] = [
    "application.approved",
    "application.refused",
    "application.expired",
    "application.overtaken",
    "certificate.sign_revoked",
    "certificate.sign_stopped",
    "certificate.revoked",
    "phone.earlier_replaced",
    "phone.lifted",
    "phone.recovery_code_changed",
    "phone.registered",
    "phone.replaced",
    "phone.retired",
    "phone.stopped",
    "phone.tampered",
    "deletion.confirmed",
    "deletion.ordered",
];

/// A notice as its reader sees it.
pub(super) struct NoticeLine {
    pub time: String,
    pub text: String,
}

/// Notices, the newest first.
pub(super) fn notice_lines(screen: &Screen, notices: &[Notice]) -> Vec<NoticeLine> {
    let t = screen.t();
    let text = |code: &str| match NOTICES.contains(&code) {
        true => t.say(&format!("phone-notice-{}", code.replace(['.', '_'], "-"))),
        false => t.say("phone-notice-other"),
    };
    let line = |notice: &Notice| NoticeLine { time: screen.moment(notice.time), text: text(&notice.code) };
    notices.iter().rev().take(SHOWN_MAX).map(line).collect()
}

struct Entry {
    time: String,
    text: String,
    with: Option<String>,
    refusal: Option<Refusal>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    entries: Vec<Entry>,
}

/// `GET /history`.
pub(super) async fn history(screen: Screen) -> Shown {
    let t = screen.t();
    let text = |act: &str| match ACTS.contains(&act) {
        true => t.say(&format!("phone-act-{act}")),
        false => act.to_owned(),
    };
    let entry = |happened: &Happened| Entry {
        time: screen.moment(happened.time),
        text: text(&happened.act),
        with: happened.with.clone(),
        // What the holder denied is no refusal.
        refusal: happened
            .reason
            .as_ref()
            .filter(|_| happened.act != "deny")
            .map(|reason| Refusal::of(reason, screen.language)),
    };
    let memory = screen.phone.memory().await?;
    let entries = memory.history.iter().rev().take(SHOWN_MAX).map(entry).collect();
    page(HistoryPage { frame: screen.main(), entries })
}

#[derive(Template)]
#[template(path = "notices.html")]
struct NoticesPage {
    frame: Frame,
    lines: Vec<NoticeLine>,
}

/// `GET /notices`.
pub(super) async fn notices(screen: Screen) -> Shown {
    let notices = screen.phone.notices().await?;
    page(NoticesPage { lines: notice_lines(&screen, &notices), frame: screen.main() })
}
