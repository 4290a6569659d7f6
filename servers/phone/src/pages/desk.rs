//! What a phone's pages have to say next, kept between two of them, in memory alone.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tefuda_protocol::{login::LoginOutcome, transaction::LoginTransaction};
use tefuda_types::Secret;
use tefuda_web::Problem;

use super::reading::Reading;
use crate::phone::fresh_id;

/// Results that are kept until they are looked at; the oldest go.
const TOLD_MAX: usize = 32;

/// A login that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The gateway's answer.
    pub outcome: LoginOutcome,
    /// What was agreed to.
    pub login: Option<LoginTransaction>,
}

/// How something that a page began has ended.
#[derive(Debug)]
pub(crate) enum Told {
    /// Refused.
    Refused(Problem),
    /// A login came to its end.
    Login(Box<Ended>),
    /// The recovery code, until the person says that it is written down.
    Recovery(Secret<String>),
}

/// What is kept for a phone's pages.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    told: Mutex<VecDeque<(String, Arc<Told>)>>,
    reading: Mutex<Option<Arc<Reading>>>,
    /// The open challenge for the authenticator, good once.
    challenge: Mutex<Option<[u8; 32]>>,
}

impl Desk {
    /// Keeps a result under a name that nobody guesses.
    pub(super) fn tell(&self, told: Told) -> String {
        let id = fresh_id();
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back((id.clone(), Arc::new(told)));
        let surplus = all.len().saturating_sub(TOLD_MAX);
        all.drain(..surplus);
        id
    }

    pub(super) fn told(&self, id: &str) -> Option<Arc<Told>> {
        let all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(known, _)| known == id).map(|(_, told)| Arc::clone(told))
    }

    pub(super) fn forget(&self, id: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != id);
    }

    /// The reading of a card that is under way, or the last one.
    pub(super) fn reading(&self) -> Option<Arc<Reading>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn read(&self, reading: Option<Arc<Reading>>) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    pub(super) fn ask(&self, challenge: [u8; 32]) {
        *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = Some(challenge);
    }

    pub(super) fn take_challenge(&self) -> Option<[u8; 32]> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
