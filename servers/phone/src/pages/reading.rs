//! The reading of a card, as far as it is.

use std::sync::{Arc, Mutex, PoisonError};
use tefuda_phone::card::Seen;
use tefuda_protocol::phone::{CardShown, Next};
use tefuda_types::{PinKind, ResidentId};
use tefuda_web::Problem;

use crate::phone::{Phone, Watch, fresh_id};

/// What the card is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Steps 2 and 3.
    Enrolment,
    /// A password is set anew.
    Reset(PinKind),
}

/// How far a reading is.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Keys of the phone are made.
    pub keys: bool,
    /// The card is in the field.
    pub found: bool,
    /// Tries of its password that are left, once known.
    pub tries_left: Option<u8>,
    /// The password was right.
    pub verified: bool,
    /// Octets of the certificate that are read, and in all.
    pub octets: (usize, usize),
    /// It signed.
    pub signed: bool,
    /// How it ended.
    pub ended: Option<Result<(), Problem>>,
}

/// A reading.
#[derive(Debug)]
pub(super) struct Reading {
    /// What pages call it.
    pub id: String,
    pub purpose: Purpose,
    pub resident: ResidentId,
    state: Mutex<State>,
}

impl Reading {
    pub(super) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn see(&self, seen: Seen) {
        self.change(|state| match seen {
            Seen::Card => state.found = true,
            Seen::TriesLeft(left) => state.tries_left = Some(left),
            Seen::Verified => state.verified = true,
            Seen::Certificate(read, total) => state.octets = (read, total),
            Seen::Signed => state.signed = true,
        });
    }

    fn watch(self: &Arc<Self>) -> Watch {
        let reading = Arc::clone(self);
        Box::new(move |seen| reading.see(seen))
    }

    /// Begins a reading; the pages ask how far it is. One that is under way goes on instead.
    pub(super) fn begin(phone: &Arc<Phone>, purpose: Purpose, shown: CardShown) {
        if phone.desk.reading().is_some_and(|reading| reading.state().ended.is_none()) {
            return;
        }
        let state = Mutex::default();
        let reading = Arc::new(Self { id: fresh_id(), purpose, resident: shown.resident.clone(), state });
        phone.desk.read(Some(Arc::clone(&reading)));
        let phone = Arc::clone(phone);
        tokio::spawn(async move {
            let ended = reading.run(&phone, shown).await;
            reading.change(|state| state.ended = Some(ended));
        });
    }

    async fn run(self: &Arc<Self>, phone: &Phone, shown: CardShown) -> Result<(), Problem> {
        if let Purpose::Reset(_) = self.purpose {
            self.change(|state| state.keys = true);
            return phone.reset_with_card(shown, self.watch()).await.map(drop);
        }
        let progress = phone.enrol(shown.resident.clone()).await?;
        self.change(|state| state.keys = true);
        if matches!(progress.next, Next::Card | Next::Pins) {
            phone.show_card(shown, self.watch()).await?;
        }
        Ok(())
    }
}
