use core::convert::Infallible;
use rand_core::{TryCryptoRng, TryRng};
use tefuda_types::Secret;
use thiserror::Error;

/// The power went away in the middle of a write. Nothing may be answered after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the power was cut")]
pub struct PowerCut;

/// A die: the part of a chip that cannot exist in software.
pub trait Silicon: Send {
    /// True randomness.
    fn fill_random(&mut self, out: &mut [u8]);

    /// The key that was fused in at manufacture. It seals the pages and never leaves the die.
    fn die_key(&self) -> &Secret<[u8; 32]>;

    /// A page as last written, or whatever a cut left of it; `None` if it is blank.
    ///
    /// # Errors
    /// [`PowerCut`]: it cannot be read now. A page that cannot be read is not a blank one, and costs no keys.
    fn read_page(&self, page: u8) -> Result<Option<Vec<u8>>, PowerCut>;

    /// Replaces a page, durably: nothing that is written later can come before it.
    ///
    /// # Errors
    /// [`PowerCut`]: the page holds the old bytes, the new ones, a mixture, or neither.
    fn write_page(&mut self, page: u8, bytes: &[u8]) -> Result<(), PowerCut>;

    /// The fuse counter: it can be advanced and never set back.
    fn fuse(&self) -> u64;

    /// Advances the fuse by one, durably.
    ///
    /// # Errors
    /// [`PowerCut`]: it is advanced or not.
    fn advance_fuse(&mut self) -> Result<(), PowerCut>;
}

impl<S: Silicon + ?Sized> Silicon for Box<S> {
    fn fill_random(&mut self, out: &mut [u8]) {
        (**self).fill_random(out);
    }
    fn die_key(&self) -> &Secret<[u8; 32]> {
        (**self).die_key()
    }
    fn read_page(&self, page: u8) -> Result<Option<Vec<u8>>, PowerCut> {
        (**self).read_page(page)
    }
    fn write_page(&mut self, page: u8, bytes: &[u8]) -> Result<(), PowerCut> {
        (**self).write_page(page, bytes)
    }
    fn fuse(&self) -> u64 {
        (**self).fuse()
    }
    fn advance_fuse(&mut self) -> Result<(), PowerCut> {
        (**self).advance_fuse()
    }
}

/// The die's randomness as other crates ask for it.
#[derive(Debug)]
pub struct SiliconRng<'a, S: ?Sized>(pub &'a mut S);

impl<S: Silicon + ?Sized> TryRng for SiliconRng<'_, S> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.0.fill_random(&mut octets);
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.0.fill_random(&mut octets);
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_random(out);
        Ok(())
    }
}

impl<S: Silicon + ?Sized> TryCryptoRng for SiliconRng<'_, S> {}
