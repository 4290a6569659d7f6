//! Full lists and deltas: what was put in comes out, under the right CA only.

use crate::fixture::{Ca, at, serial, sign};
use tefuda_pki::{
    crl::{CrlDraft, CrlError, Entry, EntryState, ListKind, RevocationList, RevocationReason, Update},
    path::TrustStore,
};
use tefuda_types::CertificateKind::{CardAuth, PhoneAuth};

pub fn update(number: u64) -> Update {
    Update { number, this_update: at("2026-10-05T03:00:00Z"), next_update: at("2026-10-07T03:00:00Z") }
}

pub fn entries() -> Vec<Entry> {
    let entry = |last, state| Entry { serial: serial(last), since: at("2026-10-05T02:00:00Z"), state };
    let revoked = RevocationReason::ALL.into_iter().map(EntryState::Revoked);
    (1..).zip(revoked.chain([EntryState::Removed])).map(|(last, state)| entry(last, state)).collect()
}

pub fn list(ca: &Ca, kind: &ListKind, update: Update, entries: &[Entry]) -> Vec<u8> {
    let draft = CrlDraft::new(&ca.certificate, kind, update, entries).unwrap();
    let signature = sign(&ca.key, draft.to_be_signed());
    draft.assemble(&signature).unwrap()
}

#[test]
fn a_list_says_what_was_put_in() {
    let ca = Ca::new(PhoneAuth);
    let trust = TrustStore::new(PhoneAuth, [ca.certificate.clone()]);
    let full = ListKind::Full { freshest: "http://localhost:8481/crl/phone-auth-g1.delta.crl".to_owned() };
    for (kind, number, base) in
        [(full.clone(), 1, None), (full, u64::MAX, None), (ListKind::Delta { base: 41 }, 300, Some(41))]
    {
        for entries in [entries(), Vec::new()] {
            let list = list(&ca, &kind, update(number), &entries);
            let read = RevocationList::verify(&list, &trust).unwrap();
            assert_eq!((read.number, read.base), (number, base));
            assert_eq!(read.this_update, update(number).this_update);
            assert_eq!(read.next_update, update(number).next_update);
            assert_eq!(read.entries, entries);
            assert_eq!(read.issuer_key_id, ca.certificate.key_id());
        }
    }
}

#[test]
fn a_list_of_another_generation_or_kind_is_nobodys() {
    let (ca, next, card) = (Ca::new(PhoneAuth), Ca::new(PhoneAuth), Ca::new(CardAuth));
    let list = list(&ca, &ListKind::Delta { base: 1 }, update(2), &entries());
    for (kind, other) in [(PhoneAuth, next), (CardAuth, card)] {
        let trust = TrustStore::new(kind, [other.certificate]);
        assert_eq!(RevocationList::verify(&list, &trust), Err(CrlError::UnknownIssuer));
    }
}
