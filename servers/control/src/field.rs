//! A field that a card can leave in the middle.

use std::sync::{
    Arc, PoisonError,
    atomic::{AtomicU32, Ordering},
};
use tefuda_apdu::{Atr, Chip};
use tefuda_reader::SharedChip;

/// A chip for as many exchanges as it stays; nothing answers afterwards.
pub(crate) struct InField {
    chip: SharedChip,
    stays: Arc<AtomicU32>,
}

impl InField {
    pub(crate) fn new(chip: SharedChip, stays: Arc<AtomicU32>) -> Self {
        Self { chip, stays }
    }

    fn chip(&self) -> std::sync::MutexGuard<'_, dyn Chip + 'static> {
        self.chip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one exchange; tells whether the card is still there for it.
    fn stays(&self) -> bool {
        let counted = |left: u32| match left {
            u32::MAX => Some(left),
            _ => left.checked_sub(1),
        };
        self.stays.fetch_update(Ordering::SeqCst, Ordering::SeqCst, counted).is_ok()
    }
}

impl Chip for InField {
    fn power_on(&mut self) -> Atr {
        self.chip().power_on()
    }

    fn atr(&self) -> Atr {
        self.chip().atr()
    }

    fn power_off(&mut self) {
        self.chip().power_off();
    }

    fn process(&mut self, command: &[u8]) -> Vec<u8> {
        if self.stays() {
            return self.chip().process(command);
        }
        self.chip().power_off();
        Vec::new()
    }
}
