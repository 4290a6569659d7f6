//! What a responder has at hand, so that an answer costs a signature, or none.
//!
//! Nothing here outlives a change: whoever changes where a certificate stands empties it before they say that it is
//! done, and what was read before the change is not put in after it. Nothing lives longer than [`SECONDS_MAX`] either.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tefuda_authority::status::Standing;
use tefuda_keys::RoleKey;
use tefuda_pki::Certificate;
use tefuda_types::{Clock, Serial, Timestamp};

/// Seconds that anything is told again without being looked up, of civil and of wire time: less than the ten within
/// which a stopped certificate is refused everywhere.
const SECONDS_MAX: i64 = 2;
/// Most certificates whose standing is remembered, some 100 octets each.
const STANDINGS_MAX: usize = 16_384;
/// Most answers that are remembered, some 2,000 octets each.
const ANSWERS_MAX: usize = 4_096;

/// When something was found out, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    civil: Timestamp,
    wire: Timestamp,
}

impl Moment {
    pub fn now(clock: &impl Clock) -> Self {
        Self { civil: clock.civil(), wire: clock.wire() }
    }

    fn holds(self, now: Self) -> bool {
        let holds = |then: Timestamp, now: Timestamp| {
            (0..=SECONDS_MAX).contains(&(now.as_second() - then.as_second()))
        };
        holds(self.civil, now.civil) && holds(self.wire, now.wire)
    }
}

/// A key that a generation delegated, with its certificate, and until when it signs.
#[derive(Debug)]
pub struct Delegated {
    pub key: RoleKey,
    pub certificate: Certificate,
}

/// What was found out, and how often the ground has changed since the process began.
#[derive(Debug, Default)]
struct Known {
    changes: u64,
    /// By serial number: the generation, and where it stands.
    standings: HashMap<Serial, (u32, Standing, Moment)>,
    /// By the octets of a request without a nonce.
    answers: HashMap<Vec<u8>, (axum::body::Bytes, Moment)>,
    /// By name and generation.
    delegated: HashMap<String, Arc<Delegated>>,
}

/// What one CA's responder has at hand.
#[derive(Debug, Default)]
pub struct AtHand(Mutex<Known>);

impl AtHand {
    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A certificate stands elsewhere now.
    pub fn changed(&self) {
        self.with(|known| {
            known.changes += 1;
            known.standings.clear();
            known.answers.clear();
        });
    }

    /// To be asked for before looking anything up, and shown when it is remembered.
    pub fn changes(&self) -> u64 {
        self.with(|known| known.changes)
    }

    pub fn standing(&self, serial: &Serial, now: Moment) -> Option<(u32, Standing)> {
        self.with(|known| {
            let (generation, standing, then) = known.standings.get(serial)?;
            then.holds(now).then(|| (*generation, standing.clone()))
        })
    }

    pub fn remember_standing(&self, changes: u64, serial: Serial, found: (u32, Standing), then: Moment) {
        self.with(|known| {
            if known.changes == changes {
                make_room(&mut known.standings, STANDINGS_MAX);
                known.standings.insert(serial, (found.0, found.1, then));
            }
        });
    }

    pub fn answer(&self, request: &[u8], now: Moment) -> Option<axum::body::Bytes> {
        self.with(|known| {
            let (answer, then) = known.answers.get(request)?;
            then.holds(now).then(|| answer.clone())
        })
    }

    pub fn remember_answer(&self, changes: u64, request: Vec<u8>, answer: axum::body::Bytes, then: Moment) {
        self.with(|known| {
            if known.changes == changes {
                make_room(&mut known.answers, ANSWERS_MAX);
                known.answers.insert(request, (answer, then));
            }
        });
    }

    pub fn delegated(&self, id: &str) -> Option<Arc<Delegated>> {
        self.with(|known| known.delegated.get(id).cloned())
    }

    pub fn remember_delegated(&self, id: String, delegated: &Arc<Delegated>) {
        self.with(|known| known.delegated.insert(id, Arc::clone(delegated)));
    }
}

/// What is full of things that live two seconds is emptied.
fn make_room<K, V>(map: &mut HashMap<K, V>, most: usize) {
    if map.len() >= most {
        map.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(civil: i64, wire: i64) -> Moment {
        let second = |second| Timestamp::from_second(second).unwrap();
        Moment { civil: second(civil), wire: second(wire) }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_told_after_it() {
        let (at_hand, serial) = (AtHand::default(), Serial::from_be_bytes(&[7]).unwrap());
        let before = at_hand.changes();
        at_hand.changed();
        at_hand.remember_standing(before, serial.clone(), (1, Standing::Good), at(0, 0));
        at_hand.remember_answer(before, vec![1], axum::body::Bytes::new(), at(0, 0));
        assert!(at_hand.standing(&serial, at(0, 0)).is_none());
        assert!(at_hand.answer(&[1], at(0, 0)).is_none());
        let now = at_hand.changes();
        at_hand.remember_standing(now, serial.clone(), (1, Standing::Good), at(0, 0));
        assert!(at_hand.standing(&serial, at(0, 0)).is_some());
        at_hand.changed();
        assert!(at_hand.standing(&serial, at(0, 0)).is_none(), "what was known");
    }

    #[test]
    fn nothing_is_told_for_long_by_either_clock_nor_in_the_past() {
        let at_hand = AtHand::default();
        at_hand.remember_answer(0, vec![1], axum::body::Bytes::new(), at(100, 100));
        let told = |civil, wire| at_hand.answer(&[1], at(civil, wire)).is_some();
        assert!(told(100 + SECONDS_MAX, 100 + SECONDS_MAX));
        assert!(!told(100 + SECONDS_MAX + 1, 100) && !told(100, 100 + SECONDS_MAX + 1) && !told(99, 100));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let at_hand = AtHand::default();
        for number in 0..=ANSWERS_MAX {
            at_hand.remember_answer(0, number.to_be_bytes().to_vec(), axum::body::Bytes::new(), at(0, 0));
        }
        assert!(at_hand.with(|known| known.answers.len()) <= ANSWERS_MAX);
    }
}
