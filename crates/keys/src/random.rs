use core::convert::Infallible;
use rand_core::{TryCryptoRng, TryRng};

/// The host's randomness, as other crates ask for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl TryRng for SystemRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the adapter that gives randomness")]
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        // A host without randomness has nothing to go on with: silent rather than predictable.
        while getrandom::fill(out).is_err() {
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl TryCryptoRng for SystemRandom {}

impl SystemRandom {
    /// Fresh octets.
    #[must_use]
    pub fn octets<const N: usize>() -> [u8; N] {
        let mut octets = [0; N];
        let _ = Self.try_fill_bytes(&mut octets);
        octets
    }
}
