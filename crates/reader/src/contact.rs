use std::sync::{Arc, Mutex, PoisonError};
use tefuda_apdu::{Chip, LinkError, Response, Transceive};

/// A chip that several parts of a process can reach, one at a time.
pub type SharedChip = Arc<Mutex<dyn Chip>>;

/// A chip in the field of this process's own reader: power on when made, off when dropped.
pub struct Contact(SharedChip);

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact")
    }
}

impl Contact {
    /// Brings a chip into the field.
    #[must_use]
    pub fn new(chip: SharedChip) -> Self {
        chip.lock().unwrap_or_else(PoisonError::into_inner).power_on();
        Self(chip)
    }
}

impl Drop for Contact {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).power_off();
    }
}

impl Transceive for Contact {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let answer = self.0.lock().unwrap_or_else(PoisonError::into_inner).process(command);
        // A chip that says nothing at all has left the field.
        if answer.is_empty() { Err(LinkError::Torn) } else { Response::from_bytes(&answer) }
    }
}
