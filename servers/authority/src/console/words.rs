//! Audit logs, reasons and names as words: what is kept as a code is read as a sentence.

use serde_json::{Map, Value};
use tefuda_authority::console::{self, Operator};
use tefuda_pages::{Language, Refusal, Texts, dates, reasons};
use tefuda_pki::crl::RevocationReason;
use tefuda_store::AuditEntry;
use tefuda_types::{CertificateKind, Family, Timestamp};

use super::views;

/// An operator by name; whoever left the list by the identifier that is left.
pub(super) fn operator(t: Texts, id: &str) -> String {
    console::operator(id).map_or_else(|_| id.to_owned(), |operator| name(t, &operator))
}

/// An operator's name in the page's language.
pub(super) fn name(t: Texts, operator: &Operator) -> String {
    match t.0 {
        Language::Japanese => operator.name.clone(),
        Language::English => operator.name_en.clone(),
    }
}

/// A reason of RFC 5280, 5.3.1 as a word.
pub(super) fn reason(t: Texts, name: &str) -> String {
    match RevocationReason::from_name(name) {
        Some(RevocationReason::KeyCompromise) => t.say("consoles-reason-key-compromise"),
        Some(RevocationReason::AffiliationChanged) => t.say("consoles-reason-affiliation-changed"),
        Some(RevocationReason::Superseded) => t.say("consoles-reason-superseded"),
        Some(RevocationReason::CessationOfOperation) => t.say("consoles-reason-cessation"),
        Some(RevocationReason::CertificateHold) => t.say("consoles-reason-hold"),
        Some(RevocationReason::Unspecified) => t.say("consoles-reason-unspecified"),
        Some(_) | None => name.to_owned(),
    }
}

/// The word with the standard's name, for whoever compares it with a list.
pub(super) fn reason_in_full(t: Texts, name: &str) -> String {
    t.with2("consoles-reason-in-full", "word", reason(t, name), "name", name)
}

/// Whose audit log it is.
pub(super) fn log(t: Texts, role: &str) -> String {
    let authority = |kind| t.with("consoles-log-ca", "kind", views::kind(t, kind));
    match role {
        "console" => t.say("consoles-log-console"),
        "registrar" => t.say("consoles-log-registrar"),
        "service-manager" => t.say("consoles-log-service-manager"),
        "operator" => t.say("consoles-log-operator"),
        "ca-card-sign" => authority(CertificateKind::CardSign),
        "ca-card-auth" => authority(CertificateKind::CardAuth),
        "ca-phone-sign" => authority(CertificateKind::PhoneSign),
        "ca-phone-auth" => authority(CertificateKind::PhoneAuth),
        other => other.to_owned(),
    }
}

/// A detail of an entry.
pub(super) struct DetailView {
    pub name: String,
    pub value: String,
    /// An identifier, to be compared letter by letter.
    pub mono: bool,
}

/// An entry of an audit log.
pub(super) struct EntryView {
    pub time: String,
    /// What happened.
    pub what: String,
    /// The same as a code, which the log is filtered by.
    pub action: String,
    pub details: Vec<DetailView>,
}

pub(super) fn entry(t: Texts, entry: &AuditEntry) -> EntryView {
    let mut details = Vec::new();
    if let Some(fields) = entry.detail.as_object() {
        describe(t, fields, &mut details);
    }
    EntryView {
        time: dates::moment(entry.time, t.0),
        what: did(t, &entry.action).unwrap_or_else(|| entry.action.clone()),
        action: entry.action.clone(),
        details,
    }
}

fn describe(t: Texts, fields: &Map<String, Value>, details: &mut Vec<DetailView>) {
    for (name, value) in fields {
        match value {
            Value::Null => {}
            // One level: what is inside stands beside what is outside.
            Value::Object(inner) => {
                let flat = inner.iter().filter(|(_, value)| !value.is_object());
                details.extend(flat.filter_map(|(name, value)| detail(t, name, value)));
            }
            _ => details.extend(detail(t, name, value)),
        }
    }
}

fn detail(t: Texts, name: &str, value: &Value) -> Option<DetailView> {
    let raw = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let word = word(t, name, &raw);
    let mono = word.is_none() && !matches!(name, "why" | "number" | "generation" | "residents");
    Some(DetailView { name: label(t, name), value: word.unwrap_or(raw), mono })
}

/// What a field of a detail is called.
fn label(t: Texts, name: &str) -> String {
    match name {
        "operator" | "by" => t.say("consoles-role-operator"),
        "resident" => t.say("consoles-field-resident"),
        "residents" => t.say("consoles-field-residents"),
        "thing" => t.say("consoles-stops"),
        "phone" => t.say("consoles-phone"),
        "element" => t.say("consoles-element"),
        "family" => t.say("consoles-family"),
        "serial" | "certificate" => t.say("consoles-serial"),
        "kind" => t.say("consoles-kind"),
        "state" => t.say("consoles-state"),
        "since" => t.say("consoles-since"),
        "reason" | "why" => t.say("consoles-why"),
        "deed" => t.say("consoles-deed"),
        "order" => t.say("consoles-field-order"),
        "application" => t.say("consoles-id"),
        "decision_at" => t.say("consoles-field-decision"),
        "register_until" => t.say("consoles-field-register"),
        "generation" => t.say("consoles-generation"),
        "number" => t.say("consoles-field-number"),
        "request" => t.say("consoles-field-request"),
        "reset" => t.say("consoles-field-reset"),
        "pin" => t.say("consoles-field-pin"),
        "root" => t.say("consoles-field-root"),
        other => other.to_owned(),
    }
}

/// A value of a detail as a word, where it is no identifier.
fn word(t: Texts, name: &str, value: &str) -> Option<String> {
    match name {
        "operator" | "by" => Some(operator(t, value)),
        "since" | "decision_at" | "register_until" => {
            value.parse::<Timestamp>().ok().map(|time| dates::moment(time, t.0))
        }
        "kind" => value.parse::<CertificateKind>().ok().map(|kind| views::kind(t, kind)),
        "reason" if RevocationReason::from_name(value).is_some() => Some(reason(t, value)),
        "reason" => reasons::text(value, t.0).map(|_| Refusal::of(value, t.0).happened),
        "family" => [Family::Android, Family::Iphone]
            .into_iter()
            .find(|family| family.to_string() == value)
            .map(|family| views::family(t, family)),
        "state" | "thing" | "deed" | "pin" => Some(match value {
            "good" => t.say("status-valid"),
            "lifted" => t.say("consoles-lifted"),
            "held" => t.say("status-suspended"),
            "revoked" => t.say("status-revoked"),
            "pending" => t.say("consoles-application-pending"),
            "approved" => t.say("consoles-application-approved"),
            "registered" => t.say("consoles-application-registered"),
            "refused" => t.say("consoles-application-refused"),
            "expired" => t.say("consoles-application-expired"),
            "card" => t.say("consoles-the-card"),
            "phone" => t.say("consoles-phone"),
            "revoke" => t.say("consoles-revoke"),
            "wipe" => t.say("consoles-wipe"),
            "sign" => t.say("control-pin-sign"),
            "auth" => t.say("control-pin-auth"),
            _ => return None,
        }),
        _ => None,
    }
}

/// What happened, for what the authority's roles write; none for what another may write one day.
fn did(t: Texts, action: &str) -> Option<String> {
    let (area, act) = action.split_once('.')?;
    match area {
        "operator" | "caller" | "person" | "order" => did_at_a_console(t, act, area),
        "certificate" | "generation" | "delegated" => did_at_a_ca(t, action),
        "phone" | "wipe" | "element" | "maker" => did_to_a_phone(t, action),
        _ => did_at_the_registrar(t, action),
    }
}

fn did_at_a_console(t: Texts, act: &str, area: &str) -> Option<String> {
    Some(match (area, act) {
        ("operator", "logged_in") => t.say("consoles-did-logged-in"),
        ("caller", "found") => t.say("consoles-did-caller-found"),
        ("caller", "not_found") => t.say("consoles-did-caller-not-found"),
        ("caller", "stops") => t.say("consoles-did-caller-stops"),
        ("person", "revealed") => t.say("consoles-did-person-revealed"),
        ("order", "made") => t.say("consoles-did-order-made"),
        ("order", "confirmed") => t.say("consoles-did-order-confirmed"),
        ("order", "withdrawn") => t.say("consoles-did-order-withdrawn"),
        _ => return None,
    })
}

fn did_at_a_ca(t: Texts, action: &str) -> Option<String> {
    Some(match action {
        "certificate.prepared" => t.say("consoles-did-certificate-prepared"),
        "certificate.issued" => t.say("consoles-did-certificate-issued"),
        "certificate.status" => t.say("consoles-did-certificate-status"),
        "certificate.revoked" => t.say("consoles-did-certificate-revoked"),
        "certificate.sign_revoked" => t.say("consoles-did-certificate-sign-revoked"),
        "certificate.sign_stopped" => t.say("consoles-did-certificate-sign-stopped"),
        "generation.made" => t.say("consoles-did-generation-made"),
        "delegated.issued" => t.say("consoles-did-delegated-issued"),
        _ => return None,
    })
}

fn did_to_a_phone(t: Texts, action: &str) -> Option<String> {
    Some(match action {
        "phone.registered" => t.say("consoles-did-phone-registered"),
        "phone.stopped" => t.say("consoles-did-phone-stopped"),
        "phone.lifted" => t.say("consoles-did-phone-lifted"),
        "phone.retired" => t.say("consoles-did-phone-retired"),
        "phone.replaced" => t.say("consoles-did-phone-replaced"),
        "phone.tampered" => t.say("consoles-did-phone-tampered"),
        "phone.recovery_code_changed" => t.say("consoles-did-recovery-code-changed"),
        "wipe.ordered" => t.say("consoles-did-wipe-ordered"),
        "wipe.confirmed" => t.say("consoles-did-wipe-confirmed"),
        "element.received" => t.say("consoles-did-element-received"),
        "element.provisioned" => t.say("consoles-did-element-provisioned"),
        "maker.accepted" => t.say("consoles-did-maker-accepted"),
        _ => return None,
    })
}

fn did_at_the_registrar(t: Texts, action: &str) -> Option<String> {
    Some(match action {
        "register.filled" => t.say("consoles-did-register-filled"),
        "resident.added" => t.say("consoles-did-resident-added"),
        "resident.changed" => t.say("consoles-did-resident-changed"),
        "card.stopped" => t.say("consoles-did-card-stopped"),
        "card.renewed" => t.say("consoles-did-card-renewed"),
        "application.received" => t.say("consoles-did-application-received"),
        "application.decided" => t.say("consoles-did-application-decided"),
        "application.refused" => t.say("consoles-did-application-refused"),
        "application.registered" => t.say("consoles-did-application-registered"),
        "application.expired" => t.say("consoles-did-application-expired"),
        "application.overtaken" => t.say("consoles-did-application-overtaken"),
        "pin_reset.granted" => t.say("consoles-did-pin-reset-granted"),
        "pin_reset.delivered" => t.say("consoles-did-pin-reset-delivered"),
        "me.phone_stopped" => t.say("consoles-did-me-phone-stopped"),
        "me.phone_ended" => t.say("consoles-did-me-phone-ended"),
        "me.card_stopped" => t.say("consoles-did-me-card-stopped"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_is_read_in_words_times_and_names() {
        let detail = json!({
            "serial": "1A2B", "standing": { "state": "held", "since": "2026-11-24T01:00:00Z" },
            "operator": "denwa", "phone": null,
        });
        let time = "2026-11-24T01:00:00Z".parse().unwrap();
        let kept = AuditEntry { time, action: "certificate.status".to_owned(), detail };
        for (language, wanted) in [
            (Language::Japanese, ["1A2B", "停止中", "2026年11月24日(火)10:00", "見本　電話"]),
            (Language::English, ["1A2B", "Stopped", "Tue 24 November 2026, 10:00", "Mihon Denwa"]),
        ] {
            let shown = entry(Texts(language), &kept);
            assert_ne!(shown.what, "certificate.status");
            let values: Vec<_> = shown.details.iter().map(|detail| detail.value.as_str()).collect();
            for value in wanted {
                assert!(values.contains(&value), "{value} of {values:?}");
            }
            assert_eq!(values.len(), wanted.len());
        }
    }

    #[test]
    fn every_reason_has_words_and_keeps_the_standards_name() {
        for language in [Language::Japanese, Language::English] {
            for of in RevocationReason::ALL {
                let word = reason(Texts(language), of.as_str());
                assert_ne!(word, of.as_str());
                assert!(reason_in_full(Texts(language), of.as_str()).contains(of.as_str()));
            }
        }
    }
}
