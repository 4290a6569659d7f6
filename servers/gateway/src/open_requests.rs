//! How many requests wait for their phones: anybody can begin one, so they are counted before they are kept.
//!
//! Counted in memory, from the beginning of the process. What was kept before it is swept away within ten minutes.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};
use tefuda_gateway::{
    FlowError,
    policy::{OPEN_MAX, OPEN_OF_ONE_MAX, REQUEST_SECONDS},
};
use tefuda_types::Timestamp;

/// Seconds after which a request is swept away whatever became of it.
const KEPT_SECONDS: i64 = 2 * REQUEST_SECONDS;

/// Those of one relying party, in the order in which they began.
#[derive(Debug, Default)]
struct OfOne {
    order: VecDeque<(i64, String)>,
    open: HashSet<String>,
}

impl OfOne {
    /// Leaves out those that are over. Each is looked at once.
    fn pass(&mut self, now: i64) {
        while let Some((began, request)) = self.order.front()
            && (now - began > KEPT_SECONDS || !self.open.contains(request))
        {
            self.open.remove(request);
            self.order.pop_front();
        }
    }
}

/// Those of all relying parties, by `client_id`.
#[derive(Debug, Default)]
pub struct OpenRequests(Mutex<HashMap<String, OfOne>>);

impl OpenRequests {
    /// Counts a request that begins.
    ///
    /// # Errors
    /// [`FlowError::TooMany`].
    pub fn begin(&self, party: &str, request: &str, now: Timestamp) -> Result<(), FlowError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.as_second();
        all.retain(|_, of_one| {
            of_one.pass(now);
            !of_one.order.is_empty()
        });
        let total: usize = all.values().map(|of_one| of_one.open.len()).sum();
        let own = all.entry(party.to_owned()).or_default();
        if own.open.len() >= OPEN_OF_ONE_MAX || total >= OPEN_MAX {
            return Err(FlowError::TooMany);
        }
        own.order.push_back((now, request.to_owned()));
        own.open.insert(request.to_owned());
        Ok(())
    }

    /// A phone approved a request, and its browser went on: that takes more than asking.
    pub fn end(&self, party: &str, request: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(party) {
            own.open.remove(request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn abuse_m01_who_begins_logins_without_end_fills_his_own_places_and_those_for_ten_minutes() {
        let all = OpenRequests::default();
        for number in 0..OPEN_OF_ONE_MAX {
            all.begin("a", &number.to_string(), at(0)).unwrap();
        }
        assert_eq!(all.begin("a", "one more", at(0)), Err(FlowError::TooMany));
        all.begin("b", "anothers", at(0)).unwrap();
        all.end("a", "17");
        all.begin("a", "in its place", at(1)).unwrap();
        assert_eq!(all.begin("a", "one more", at(KEPT_SECONDS)), Err(FlowError::TooMany));
        all.begin("a", "later", at(KEPT_SECONDS + 1)).unwrap();
        let kept = all.0.lock().unwrap();
        assert_eq!((kept["a"].open.len(), kept["a"].order.len()), (2, 2), "nothing of what is over");
    }

    #[test]
    fn relying_parties_together_have_no_more_than_all_places() {
        let all = OpenRequests::default();
        for number in 0..OPEN_MAX {
            let party = (number % 5).to_string();
            all.begin(&party, &number.to_string(), at(0)).unwrap();
        }
        assert_eq!(all.begin("new", "one more", at(0)), Err(FlowError::TooMany));
    }
}
