//! Four values, and what makes the fourth.

use tefuda_protocol::statement::{CertificateReference, Heartbeat};
use tefuda_types::{CertificateKind, CertificateStatus, Reason, Timestamp};
use tefuda_verifier::{StatusBook, Wanted};

use crate::fixture::{Authority, INTERVAL_SECONDS, later};

const KIND: CertificateKind = CertificateKind::PhoneAuth;

pub fn now() -> Timestamp {
    "2026-11-24T03:00:00Z".parse().unwrap()
}

type Step = fn(&mut Authority, &CertificateReference, Timestamp);

/// A book that has fetched everything.
pub fn book(authority: &Authority, at: Timestamp) -> StatusBook {
    let mut book = StatusBook::new(authority.kind, Timestamp::MIN);
    fetch(&mut book, authority, at);
    book
}

pub fn fetch(book: &mut StatusBook, authority: &Authority, at: Timestamp) {
    book.add_roots(authority.generations.iter().map(|generation| generation.certificate.clone()));
    book.take_heartbeat(&authority.heartbeat(at)).unwrap();
    for generation in &authority.generations {
        book.take_list(&generation.full).unwrap();
        book.take_list(&generation.delta).unwrap();
    }
}

/// Why a certificate is not in force.
fn refused(book: &StatusBook, certificate: &CertificateReference, at: Timestamp) -> &'static str {
    book.require_valid(certificate, at).unwrap_err().code().as_str()
}

#[test]
fn stop_lift_and_revocation_are_seen_in_the_delta_and_in_the_full_list() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let mut book = book(&authority, now());
    assert_eq!(book.status(&phone, now()), CertificateStatus::Valid);
    let steps: [(Step, CertificateStatus); 3] = [
        (Authority::suspend, CertificateStatus::Suspended),
        (Authority::lift, CertificateStatus::Valid),
        (Authority::revoke, CertificateStatus::Revoked),
    ];
    for ((step, status), seconds) in steps.into_iter().zip((1..).map(|n| n * 2)) {
        let at = later(now(), seconds);
        step(&mut authority, &phone, at);
        authority.newest().publish_delta(at);
        fetch(&mut book, &authority, at);
        assert_eq!(book.status(&phone, at), status);
        authority.newest().publish_full(later(at, 1));
        fetch(&mut book, &authority, later(at, 1));
        assert_eq!(book.status(&phone, later(at, 1)), status, "the full list says the same");
    }
}

#[test]
fn abuse_c06_a_line_that_is_cut_hides_a_stop_for_two_beats_at_the_most() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let book = book(&authority, now());
    // The phone is stolen and stopped; whoever has it keeps the verifier from hearing of that.
    authority.suspend(&phone, later(now(), 1));
    authority.newest().publish_delta(later(now(), 1));
    let two = i64::from(2 * INTERVAL_SECONDS);
    assert_eq!(book.status(&phone, later(now(), two)), CertificateStatus::Valid);
    assert_eq!(book.status(&phone, later(now(), two + 1)), CertificateStatus::NotKnown);
    let refusal = book.require_valid(&phone, later(now(), two + 1)).unwrap_err();
    assert_eq!(refusal.code().as_str(), "certificate.status_not_known");
}

#[test]
fn a_list_behind_the_heartbeat_is_not_known_until_it_is_fetched() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let mut book = book(&authority, now());
    let at = later(now(), 1);
    authority.newest().publish_delta(at);
    book.take_heartbeat(&authority.heartbeat(at)).unwrap();
    assert_eq!(book.status(&phone, at), CertificateStatus::NotKnown);
    let wanted: Vec<_> = book.wanted().collect();
    assert_eq!(wanted, [Wanted { generation: 1, full: false, delta: true }]);
    assert!(book.take_list(&authority.generations[0].delta).unwrap());
    assert_eq!(book.status(&phone, at), CertificateStatus::Valid);
    assert_eq!(book.wanted().count(), 0);
}

#[test]
fn abuse_e06_a_delta_without_the_list_that_it_completes_says_nothing() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let at = later(now(), 1);
    let old_full = authority.generations[0].full.clone();
    authority.newest().publish_full(at);
    authority.newest().publish_delta(at);
    let mut book = StatusBook::new(KIND, Timestamp::MIN);
    book.add_roots([authority.generations[0].certificate.clone()]);
    book.take_heartbeat(&authority.heartbeat(at)).unwrap();
    book.take_list(&authority.generations[0].delta).unwrap();
    assert_eq!(refused(&book, &phone, at), "certificate.status_not_known", "no full list at all");
    book.take_list(&old_full).unwrap();
    assert_eq!(refused(&book, &phone, at), "certificate.status_not_known", "one from before its base");
    book.take_list(&authority.generations[0].full).unwrap();
    assert_eq!(book.status(&phone, at), CertificateStatus::Valid);
    // Nor where the sign of life is content with the list from before.
    let mut beat = authority.heartbeat(at).signed.peek_unverified().unwrap();
    beat.lists.iter_mut().for_each(|state| state.full = 0);
    let mut book = StatusBook::new(KIND, Timestamp::MIN);
    book.add_roots([authority.generations[0].certificate.clone()]);
    book.take_heartbeat(&authority.state(&beat)).unwrap();
    for list in [&old_full, &authority.generations[0].delta] {
        assert!(book.take_list(list).unwrap());
    }
    assert_eq!(refused(&book, &phone, at), "certificate.status_not_known", "between list and base");
}

#[test]
fn abuse_e14_a_clock_that_is_set_back_makes_everything_not_known_until_it_has_passed_again() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let mut book = book(&authority, now());
    let years = later(now(), -2 * 365 * 86_400);
    assert_eq!(refused(&book, &phone, years), "certificate.status_not_known");
    let back = later(now(), -200);
    authority.newest().publish_delta(back);
    fetch(&mut book, &authority, back);
    assert_eq!(refused(&book, &phone, back), "certificate.status_not_known");
    assert_eq!(book.newest_signed(), now(), "what was seen is not forgotten");
    // A sign of life tells the time, and a list does.
    let (mut beaten, mut listed) = (book.clone(), book.clone());
    assert!(beaten.take_heartbeat(&authority.heartbeat(later(now(), 100))).unwrap());
    assert_eq!(beaten.newest_signed(), later(now(), 100));
    assert_eq!(refused(&beaten, &phone, now()), "certificate.status_not_known");
    authority.newest().publish_delta(later(now(), 100));
    assert!(listed.take_list(&authority.generations[0].delta).unwrap());
    assert_eq!(listed.newest_signed(), later(now(), 100));
    assert_eq!(refused(&listed, &phone, now()), "certificate.status_not_known");
    // A verifier that starts again remembers the newest signed time.
    let mut again = StatusBook::new(KIND, book.newest_signed());
    fetch(&mut again, &authority, back);
    assert_eq!(refused(&again, &phone, back), "certificate.status_not_known");
    let after = later(now(), 1);
    authority.newest().publish_delta(after);
    fetch(&mut book, &authority, after);
    assert_eq!(book.status(&phone, after), CertificateStatus::Valid);
}

#[test]
fn abuse_e04_a_list_that_has_ended_says_nothing_though_the_authority_goes_on_beating() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    authority.newest().publish_delta(now());
    let mut book = book(&authority, now());
    let delta_ended = later(now(), 3_601);
    assert!(book.take_heartbeat(&authority.heartbeat(delta_ended)).unwrap());
    assert_eq!(refused(&book, &phone, delta_ended), "certificate.status_not_known");
    let full_ended = later(now(), 36 * 3_600 + 1);
    authority.newest().publish_delta(full_ended);
    fetch(&mut book, &authority, full_ended);
    assert_eq!(refused(&book, &phone, full_ended), "certificate.status_not_known");
    authority.newest().publish_full(full_ended);
    let at = later(full_ended, 1);
    fetch(&mut book, &authority, at);
    assert_eq!(book.status(&phone, at), CertificateStatus::Valid);
}

#[test]
fn abuse_c06_no_sign_of_life_puts_the_next_one_off_for_a_day() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let beat = authority.heartbeat(now()).signed.peek_unverified().unwrap();
    let mut book = book(&authority, now());
    let at = later(now(), 1);
    let rare = Heartbeat { time: at, interval_seconds: 86_400, ..beat };
    assert!(book.take_heartbeat(&authority.state(&rare)).unwrap());
    assert_eq!(book.status(&phone, later(at, 1_200)), CertificateStatus::Valid);
    assert_eq!(refused(&book, &phone, later(at, 1_201)), "certificate.status_not_known");
}

#[test]
fn abuse_e04_nothing_older_replaces_anything_newer() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let old_beat = authority.heartbeat(now());
    let old_delta = authority.generations[0].delta.clone();
    let at = later(now(), 1);
    authority.suspend(&phone, at);
    authority.newest().publish_delta(at);
    let mut book = book(&authority, at);
    assert!(!book.take_list(&old_delta).unwrap());
    assert!(!book.take_heartbeat(&old_beat).unwrap());
    assert_eq!(refused(&book, &phone, at), "certificate.suspended");
    // Nor do the old ones alone last longer than they say.
    let mut behind = StatusBook::new(KIND, Timestamp::MIN);
    behind.add_roots([authority.generations[0].certificate.clone()]);
    behind.take_list(&authority.generations[0].full).unwrap();
    behind.take_list(&old_delta).unwrap();
    behind.take_heartbeat(&authority.heartbeat(at)).unwrap();
    assert_eq!(refused(&behind, &phone, at), "certificate.status_not_known", "the beat names the newer one");
}

#[test]
fn abuse_e08_an_authority_that_was_restored_from_before_undoes_nothing_that_was_seen() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let before = authority.heartbeat(now()).signed.peek_unverified().unwrap();
    let (old_full, old_delta) =
        (authority.generations[0].full.clone(), authority.generations[0].delta.clone());
    let at = later(now(), 1);
    authority.revoke(&phone, at);
    authority.newest().publish_delta(at);
    let mut book = book(&authority, at);
    assert_eq!(refused(&book, &phone, at), "certificate.revoked");
    // It goes on beating, with the numbers and lists of its backup.
    let restored = later(at, 3);
    let beat = authority.state(&Heartbeat { time: restored, ..before });
    assert!(book.take_heartbeat(&beat).unwrap());
    assert!(!book.take_list(&old_full).unwrap() && !book.take_list(&old_delta).unwrap());
    assert_eq!(refused(&book, &phone, restored), "certificate.revoked");
    assert_eq!(book.wanted().count(), 0);
}

#[test]
fn abuse_e03_one_serial_number_of_two_issuers_is_two_certificates() {
    let mut authority = Authority::new(KIND, now());
    let first = authority.phone(now()).reference;
    authority.rotate(now());
    let second = authority.phone(now()).reference;
    authority.revoke(&first, now());
    authority.generations[0].publish_delta(now());
    let own = book(&authority, now());
    // Whoever has a certificate of the second generation is not what the first says of its serial, nor the
    // other way round.
    let namesake = CertificateReference { serial: first.serial.clone(), ..second.clone() };
    assert_eq!(own.require_valid(&namesake, now()), Ok(()));
    assert_eq!(refused(&own, &first, now()), "certificate.revoked");
    let hidden = CertificateReference { serial: second.serial, ..first.clone() };
    assert_eq!(own.require_valid(&hidden, now()), Ok(()));
    // An issuer that nobody knows, and the same one for another kind.
    let nobody = CertificateReference { issuer_key_id: "00".repeat(20), ..first.clone() };
    let card = CertificateReference { kind: CertificateKind::CardAuth, ..first };
    for other in [nobody, card] {
        assert_eq!(refused(&own, &other, now()), "certificate.status_not_known");
    }
}

#[test]
fn generations_of_one_name_are_told_apart_and_others_are_nobody() {
    let mut authority = Authority::new(KIND, now());
    let first = authority.phone(now()).reference;
    authority.rotate(now());
    let second = authority.phone(now()).reference;
    authority.suspend(&first, now());
    authority.generations[0].publish_delta(now());
    let mut own = book(&authority, now());
    assert_eq!(own.status(&first, now()), CertificateStatus::Suspended);
    assert_eq!(own.status(&second, now()), CertificateStatus::Valid);
    let stranger = Authority::new(KIND, now());
    assert_eq!(
        own.take_list(&stranger.generations[0].full).unwrap_err().code().as_str(),
        "crl.issuer_unknown"
    );
    let refusal = own.take_heartbeat(&stranger.heartbeat(later(now(), 1))).unwrap_err();
    assert_eq!(refusal.code().as_str(), "certificate.issuer_unknown");
    let other_kind = CertificateReference { kind: CertificateKind::CardAuth, ..second };
    assert_eq!(own.status(&other_kind, now()), CertificateStatus::NotKnown);
}

#[test]
fn an_expired_delegate_and_a_changed_beat_say_nothing() {
    let mut authority = Authority::new(KIND, now());
    let phone = authority.phone(now()).reference;
    let mut book = StatusBook::new(KIND, Timestamp::MIN);
    book.add_roots([authority.generations[0].certificate.clone()]);
    let late = authority.heartbeat(later(now(), 31 * 86_400));
    assert_eq!(book.take_heartbeat(&late).unwrap_err().code().as_str(), "certificate.expired");
    let mut mixed = authority.heartbeat(now());
    let other: Heartbeat = authority.heartbeat(later(now(), 9)).signed.peek_unverified().unwrap();
    let (payload, _) = tefuda_protocol::Signed::prepare(&other).unwrap();
    mixed.signed = tefuda_protocol::Signed::assemble(payload, vec![1; 64].into());
    assert_eq!(book.take_heartbeat(&mixed).unwrap_err().code().as_str(), "message.signature_wrong");
    assert_eq!(book.status(&phone, now()), CertificateStatus::NotKnown);
}
