//! The table from above, in the order of the flow.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::Uri,
    response::IntoResponse,
};
use serde::Deserialize;
use tefuda_pages::{Frame, Language, Page, Texts, dates};
use tefuda_phone::catalogue::Catalogue;
use tefuda_protocol::phone::{Biometrics, PhoneState, PhoneStatus};
use tefuda_types::{CertificateKind, CertificateStatus, Clock, Timestamp};
use tefuda_web::ClientError;

use super::{Room, Shared, Shown, trace};
use crate::others::{Handset, Overview, Resident, Residents, handset};

/// Whose cards lie on top: ordinary ones first, then the cases that a first visit should meet.
const ON_TOP: [&str; 6] = ["hanako", "taro", "takako", "maria", "kodomo", "mamonaku"];
/// Lines of the trace below the table.
const TRACE_LINES: usize = 60;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Look {
    /// The resident whose card is in hand.
    hold: Option<String>,
    /// Whether all cards are shown.
    #[serde(default)]
    cards: String,
}

/// A card on the table.
struct CardView {
    id: String,
    name: String,
    about: String,
    good: bool,
    held: bool,
}

/// A phone on the table.
struct PhoneView {
    name: String,
    url: String,
    model: String,
    family: String,
    state: String,
    tone: &'static str,
    icon: &'static str,
    sign: String,
    auth: String,
    biometrics: String,
    empty: bool,
}

/// The authority behind the table.
struct AuthorityView {
    lists: Vec<String>,
    age: String,
    waiting: usize,
    until: Option<String>,
    entries: i64,
}

/// Something in the field of a virtual reader.
struct ReaderView {
    address: String,
    what: String,
    act: String,
}

#[derive(Template)]
#[template(path = "room.html")]
struct RoomPage {
    frame: Frame,
    now: String,
    cards: Vec<CardView>,
    more: usize,
    held: Option<CardView>,
    phones: Vec<PhoneView>,
    readers: Vec<ReaderView>,
    authority: AuthorityView,
    portal: String,
    /// Where a lost phone is stopped.
    lost: String,
    lines: Vec<trace::Line>,
    last: u64,
}

pub(super) async fn show(
    State(room): Shared,
    language: Language,
    uri: Uri,
    Query(look): Query<Look>,
) -> Shown {
    let frame = room.frame(language, &uri).as_wide();
    let page = page(&room, frame, &look).await;
    let page = page.map_err(|error| room.refused((language, &uri), &error.into(), "/"))?;
    Ok(Page(page).into_response())
}

async fn page(room: &Room, frame: Frame, look: &Look) -> Result<RoomPage, ClientError> {
    let t = frame.t;
    let Residents { mut residents } = room.table.ask("/admin/residents").await?;
    let place = |id: &str| ON_TOP.iter().position(|top| *top == id).unwrap_or(ON_TOP.len());
    residents.sort_by_key(|resident| place(resident.id.as_str()));
    let held = look.hold.as_deref();
    let all: Vec<CardView> = residents.iter().map(|resident| card(t, resident, held)).collect();
    let in_hand = residents.iter().find(|resident| held == Some(resident.id.as_str()));
    let shown = if look.cards == "all" { all.len() } else { ON_TOP.len() };
    let more = all.len().saturating_sub(shown);
    let mut phones = Vec::new();
    for (name, url) in (room.addresses)() {
        phones.push(phone(t, &handset(&room.client, name, url).await, room.clocks.home.civil()));
    }
    let overview: Overview = room.table.ask("/admin/overview").await?;
    let lines = trace::recent(room, t, TRACE_LINES);
    Ok(RoomPage {
        now: room.now(t.0),
        held: in_hand.map(|resident| card(t, resident, held)),
        cards: all.into_iter().take(shown).collect(),
        more,
        phones,
        readers: readers(room, &residents, t),
        authority: authority(t, &overview, room.clocks.home.civil()),
        portal: room.context.urls.portal(),
        lost: room.lost(t.0),
        last: trace::last(&room.context.live),
        lines,
        frame,
    })
}

fn card(t: Texts, resident: &Resident, held: Option<&str>) -> CardView {
    let card = &resident.card;
    let until = card.expires.map(|expires| dates::date(expires, t.0)).unwrap_or_default();
    let about = match card.state.as_str() {
        "active" if !resident.can_enroll => t.say("control-card-no-signature"),
        "active" => t.with("control-card-until", "date", until),
        "expiring" => t.with("control-card-expiring", "date", until),
        state => state_of_card(t, state),
    };
    CardView {
        id: resident.id.to_string(),
        name: resident.name.clone(),
        about,
        good: matches!(card.state.as_str(), "active" | "expiring"),
        held: held == Some(resident.id.as_str()),
    }
}

/// The state of a card as a word.
pub(super) fn state_of_card(t: Texts, state: &str) -> String {
    match state {
        "active" => t.say("control-card-active"),
        "expiring" => t.say("control-card-near-end"),
        "expired" => t.say("control-card-expired"),
        "suspended" => t.say("control-card-suspended"),
        "revoked" => t.say("control-card-revoked"),
        _ => t.say("control-card-none"),
    }
}

/// The state of a phone: word, tone and icon.
pub(super) fn state_of_phone(t: Texts, state: Option<PhoneState>) -> (String, &'static str, &'static str) {
    match state {
        None => (t.say("control-phone-busy"), "info", "half"),
        Some(PhoneState::Empty) => (t.say("control-phone-empty"), "", "circle"),
        Some(PhoneState::Applied) => (t.say("control-phone-applied"), "info", "half"),
        Some(PhoneState::Approved) => (t.say("control-phone-approved"), "info", "bell"),
        Some(PhoneState::Registered) => (t.say("control-phone-registered"), "good", "check"),
        Some(PhoneState::Stopped) => (t.say("control-phone-stopped"), "warn", "pause"),
        Some(PhoneState::Retired) => (t.say("control-phone-retired"), "", "cross"),
        Some(PhoneState::Wiped) => (t.say("control-phone-wiped"), "", "trash"),
        Some(PhoneState::Tampered) => (t.say("control-phone-tampered"), "bad", "alert"),
    }
}

/// Name of a model and of its family.
pub(super) fn model(t: Texts, handset: &Handset) -> (String, String) {
    let known = handset.status.as_ref().and_then(|status| Catalogue::known().model(&status.model).ok());
    let family = known.map(|model| family(t, model.family)).unwrap_or_default();
    (known.map_or_else(|| handset.name.clone(), |model| model.name.clone()), family)
}

pub(super) fn family(t: Texts, family: tefuda_types::Family) -> String {
    match family {
        tefuda_types::Family::Android => t.say("control-family-android"),
        tefuda_types::Family::Iphone => t.say("control-family-iphone"),
    }
}

/// Biometrics as a word.
pub(super) fn biometrics(t: Texts, biometrics: Biometrics) -> String {
    match biometrics {
        Biometrics::None => t.say("control-biometrics-none"),
        Biometrics::Enrolled => t.say("control-biometrics-enrolled"),
        Biometrics::Stale => t.say("control-biometrics-stale"),
    }
}

/// Tries left, or a dash where there is no password yet.
fn tries(t: Texts, left: Option<u8>) -> String {
    match left {
        None => "–".to_owned(),
        Some(0) => t.say("control-tries-none"),
        Some(left) => t.with("control-tries", "left", left),
    }
}

/// What a phone can do with the certificate of a kind: the tries that are left, or why none helps.
pub(super) fn purpose(
    t: Texts,
    status: Option<&PhoneStatus>,
    kind: CertificateKind,
    now: Timestamp,
) -> String {
    let of_kind = status.into_iter().flat_map(|status| &status.certificates);
    let newest = of_kind.filter(|known| known.kind == kind).max_by_key(|known| known.not_before);
    let retries = status.and_then(|status| status.retries);
    let left = retries.map(|retries| if kind.is_signature() { retries.sign } else { retries.auth });
    let Some(certificate) = newest else { return tries(t, left) };
    let in_force = certificate.status == CertificateStatus::Valid && now <= certificate.not_after;
    match left {
        Some(0) if in_force => t.say("control-tries-none"),
        _ if in_force => t.with("control-valid-tries", "tries", tries(t, left)),
        _ => standing(t, certificate.status, certificate.not_after, now).0,
    }
}

/// Where a certificate stands, and its tone: past its end it is in force no more, whatever the lists say.
pub(super) fn standing(
    t: Texts,
    status: CertificateStatus,
    not_after: Timestamp,
    now: Timestamp,
) -> (String, &'static str) {
    match status {
        CertificateStatus::Valid if now > not_after => (t.say("control-card-expired"), ""),
        CertificateStatus::Valid => (t.say("status-valid"), "good"),
        CertificateStatus::Suspended => (t.say("status-suspended"), "warn"),
        CertificateStatus::Revoked => (t.say("status-revoked"), "bad"),
        CertificateStatus::NotKnown => (t.say("status-not-known"), "bad"),
    }
}

fn phone(t: Texts, handset: &Handset, now: Timestamp) -> PhoneView {
    let status = handset.status.as_ref();
    let (state, tone, icon) = state_of_phone(t, status.map(|status| status.state));
    let (model, family) = model(t, handset);
    PhoneView {
        name: handset.name.clone(),
        url: handset.url.clone(),
        model,
        family,
        state,
        tone,
        icon,
        sign: purpose(t, status, CertificateKind::PhoneSign, now),
        auth: purpose(t, status, CertificateKind::PhoneAuth, now),
        biometrics: biometrics(t, status.map(|status| status.biometrics).unwrap_or_default()),
        empty: status.is_some_and(|status| matches!(status.state, PhoneState::Empty | PhoneState::Wiped)),
    }
}

fn readers(room: &Room, residents: &[Resident], t: Texts) -> Vec<ReaderView> {
    let of_card = |(id, address): (tefuda_types::ResidentId, String)| {
        let name = residents.iter().find(|resident| resident.id == id).map(|resident| resident.name.clone());
        let what = t.with("control-reader-card", "name", name.unwrap_or_default());
        ReaderView { address, what, act: format!("/cards/{id}/tear") }
    };
    let of_phone = |(name, address): (String, String)| {
        let what = t.with("control-reader-phone", "name", &name);
        ReaderView { address, what, act: format!("/phones/{name}/tear") }
    };
    let cards = room.table.readers.cards().into_iter().map(of_card);
    cards.chain(room.table.readers.phones().into_iter().map(of_phone)).collect()
}

fn authority(t: Texts, overview: &Overview, now: Timestamp) -> AuthorityView {
    let made = overview.authorities.iter().filter_map(|authority| authority.delta_made).max();
    let age = made.map(|made| (now.as_second() - made.as_second()).max(0));
    let lists = overview.authorities.iter().map(|authority| {
        let kind = match authority.kind {
            tefuda_types::CertificateKind::CardSign => t.say("kind-card-sign"),
            tefuda_types::CertificateKind::CardAuth => t.say("kind-card-auth"),
            tefuda_types::CertificateKind::PhoneSign => t.say("kind-phone-sign"),
            tefuda_types::CertificateKind::PhoneAuth => t.say("kind-phone-auth"),
        };
        let generation = authority.generation;
        let later = if generation > 1 { format!(" g{generation}") } else { String::new() };
        format!("{kind}{later} #{}/{}", authority.full, authority.delta)
    });
    AuthorityView {
        lists: lists.collect(),
        age: age.map_or_else(|| "–".to_owned(), |seconds| t.with("control-seconds", "seconds", seconds)),
        waiting: overview.waiting,
        until: overview.next_decision.map(|decision| dates::moment(decision, t.0)),
        entries: overview.audit_entries,
    }
}
