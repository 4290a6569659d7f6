//! What a line of the trace says in plain words, for whoever sees such a line for the first time.

use tefuda_pages::Texts;

/// Commands and requests, and the text that says the same.
const WORDS: &[(&str, &str)] = &[
    ("SELECT", "control-said-select"),
    ("VERIFY", "control-said-ask-tries"),
    ("VERIFY ••••", "control-said-verify"),
    ("CHANGE REFERENCE DATA ••••", "control-said-change-pin"),
    ("READ BINARY", "control-said-read"),
    ("READ RECORD", "control-said-read"),
    ("GET RESPONSE", "control-said-read"),
    ("GET DATA", "control-said-data"),
    ("GET CHALLENGE", "control-said-challenge"),
    ("SIGN", "control-said-sign"),
    ("INTERNAL AUTHENTICATE", "control-said-prove-chip"),
    ("MANAGE CHANNEL", "control-said-channel"),
    ("PRESENT PIN", "control-said-present-pin"),
    ("PRESENT TOKEN", "control-said-present-token"),
    ("BIOMETRICS", "control-said-biometrics"),
    ("CONFIRM", "control-said-confirm"),
    ("GENERATE KEYS", "control-said-generate"),
    ("INITIALIZE UPDATE", "control-said-secure-begin"),
    ("EXTERNAL AUTHENTICATE", "control-said-secure-prove"),
    ("INSTALL", "control-said-install"),
    ("PUT KEY", "control-said-put-key"),
    ("STORE DATA", "control-said-store"),
    ("DELETE", "control-said-delete"),
    ("POST /admin/makers", "control-said-makers"),
    ("POST /admin/factory/elements", "control-said-factory"),
    ("POST /api/element-sessions", "control-said-session-begin"),
    ("POST /api/element-sessions/…", "control-said-session-step"),
    ("POST /api/enrolment", "control-said-enrol"),
    ("POST /api/enrolment/card", "control-said-enrol-card"),
    ("POST /api/pin-sessions", "control-said-pin-begin"),
    ("POST /api/pin-sessions/…", "control-said-pin-step"),
    ("POST /api/applications", "control-said-apply"),
    ("GET /api/applications/…", "control-said-apply-state"),
    ("GET /api/devices/…/nonce", "control-said-nonce"),
    ("POST /api/devices/…/messages", "control-said-device-message"),
    ("GET /api/realms/main/.well-known/openid-configuration", "control-said-discovery"),
    ("GET /api/realms/main/protocol/openid-connect/auth", "control-said-authorize"),
    ("POST /api/realms/main/protocol/openid-connect/auth", "control-said-authorize"),
    ("POST /api/realms/main/protocol/openid-connect/token", "control-said-token"),
    ("GET /api/realms/main/protocol/openid-connect/certs", "control-said-gateway-keys"),
    ("GET /login", "control-said-portal-login"),
    ("GET /login/…", "control-said-login-page"),
    ("POST /login/…/other-device", "control-said-other-device"),
    ("GET /login/…/cancel", "control-said-cancel"),
    ("GET /login/…/continue", "control-said-go-on"),
    ("GET /api/login/…", "control-said-login-read"),
    ("POST /api/login/…/proof", "control-said-proof"),
    ("POST /api/login/…/denial", "control-said-denial"),
    ("POST /api/login/…/decline", "control-said-decline"),
    ("GET /callback", "control-said-callback"),
    ("POST /backchannel-logout", "control-said-logout-told"),
    ("POST /logout", "control-said-logout"),
    ("POST /me/certificates-token", "control-said-certificates-token"),
    ("GET /me", "control-said-me"),
    ("GET /me/jwks.json", "control-said-me-keys"),
    ("POST /me/phones/…/stop", "control-said-stop-phone"),
    ("POST /me/phones/…/end", "control-said-end-phone"),
    ("POST /me/card/stop", "control-said-stop-card"),
    ("POST /me/sessions/…/end", "control-said-end-session"),
    ("POST /api/stops", "control-said-stop-phone"),
    ("POST /lost", "control-said-stop-phone"),
];

/// Status words that say why a chip did not do it (ISO 7816-4, 5.6; GlobalPlatform Card Specification, 11.1.3).
const STATUS: &[(&str, &str)] = &[
    ("6300", "control-said-not-proven"),
    ("6982", "control-said-not-allowed"),
    ("6983", "control-said-blocked"),
    ("6984", "control-said-blocked"),
    ("6985", "control-said-not-now"),
    ("6A80", "control-said-wrong-data"),
    ("6A82", "control-said-not-there"),
    ("6A88", "control-said-not-there"),
];

fn of(t: Texts, words: &[(&str, &str)], told: &str) -> Option<String> {
    words.iter().find(|(own, _)| *own == told).map(|(_, key)| t.say(key))
}

/// How a chip answered, where that is more than done: tries that are left, or why not.
fn answer(t: Texts, asked: &str, answered: &str) -> Option<String> {
    let status = answered.rsplit(' ').next().unwrap_or_default();
    // `63CX`: X tries are left (ISO 7816-4, 7.5.1).
    if let Some(left) = status.strip_prefix("63C").and_then(|left| u8::from_str_radix(left, 16).ok()) {
        let key = if asked == "VERIFY" { "control-said-left" } else { "control-said-wrong" };
        return Some(t.with(key, "left", left));
    }
    of(t, STATUS, status)
}

/// A line in plain words, if there are any for it.
pub(super) fn plain(t: Texts, line: &str) -> Option<String> {
    let (asked, answered) = line.split_once(" → ").unwrap_or((line, ""));
    let asked = asked.trim_end_matches(" (SM)");
    let said = of(t, WORDS, asked)?;
    Some(match answer(t, asked, answered) {
        Some(answer) => t.with2("control-said-and", "said", said, "answer", answer),
        None => said,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tefuda_pages::Language;

    #[test]
    fn every_line_has_its_words_in_both_languages() {
        for t in Language::ALL.map(Texts) {
            for (line, key) in WORDS.iter().chain(STATUS) {
                assert_ne!(t.say(key), *key, "{line}");
            }
        }
    }

    #[test]
    fn tries_are_told_and_what_is_unknown_is_not_explained() {
        let t = Texts(Language::English);
        let said = plain(t, "VERIFY •••• → 63C2").unwrap();
        assert!(said.contains("wrong") && said.contains('2'), "{said}");
        assert!(!plain(t, "VERIFY → 63C5").unwrap().contains("wrong"));
        assert!(plain(t, "INSTALL (SM) → 16 B 9000").is_some());
        assert_eq!(plain(t, "GET /nowhere → 404"), None);
    }
}
