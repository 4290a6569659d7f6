use std::sync::{Arc, Mutex, PoisonError};
use tefuda_apdu::{Atr, Chip};

use crate::SharedChip;

/// Hears of every exchange: command, response.
pub type Observer = Arc<dyn Fn(&[u8], &[u8]) + Send + Sync>;

struct Observed {
    chip: SharedChip,
    observer: Observer,
}

/// The same chip, with somebody who looks on.
#[must_use]
pub fn observed(chip: SharedChip, observer: Observer) -> SharedChip {
    Arc::new(Mutex::new(Observed { chip, observer }))
}

impl Observed {
    fn chip(&self) -> std::sync::MutexGuard<'_, dyn Chip + 'static> {
        self.chip.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chip for Observed {
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
        let response = self.chip().process(command);
        (self.observer)(command, &response);
        response
    }
}
