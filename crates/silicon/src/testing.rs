//! A die in memory whose randomness repeats and whose power can be cut at any write.

use sha2::{Digest, Sha256};
use tefuda_types::Secret;

use crate::{PowerCut, Silicon};

/// The pages of a die, as an attacker with a programmer would copy them.
pub type Image = [Option<Vec<u8>>; 2];

/// A die with seeded randomness. Not for keys that anybody relies on.
#[derive(Debug)]
pub struct SeededSilicon {
    key: Secret<[u8; 32]>,
    seed: u64,
    drawn: u64,
    pages: Image,
    fuse: u64,
    writes_left: Option<u32>,
}

impl SeededSilicon {
    /// A blank die.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let key = Sha256::new().chain_update(b"die key").chain_update(seed.to_be_bytes()).finalize();
        Self { key: Secret::new(key.into()), seed, drawn: 0, pages: [None, None], fuse: 0, writes_left: None }
    }

    /// Another die in the same state, as no attacker could make one: for trying several endings of one story.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self { key: Secret::new(*self.key.expose()), pages: self.pages.clone(), ..*self }
    }

    /// Cuts the power in the middle of the write after so many whole ones (page writes and fuse advances).
    pub const fn cut_after(&mut self, writes: u32) {
        self.writes_left = Some(writes);
    }

    /// Power is back.
    pub const fn restore_power(&mut self) {
        self.writes_left = None;
    }

    /// A copy of the pages.
    #[must_use]
    pub fn pages(&self) -> Image {
        self.pages.clone()
    }

    /// Overwrites the pages; the fuse stays as it is.
    pub fn put_back(&mut self, image: Image) {
        self.pages = image;
    }

    /// Whether the power holds for one more write.
    const fn draws_power(&mut self) -> bool {
        match self.writes_left {
            None => true,
            Some(0) => false,
            Some(left) => {
                self.writes_left = Some(left - 1);
                true
            }
        }
    }
}

impl Silicon for SeededSilicon {
    fn fill_random(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block =
                Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(self.drawn.to_be_bytes());
            chunk.iter_mut().zip(block.finalize()).for_each(|(octet, random)| *octet = random);
            self.drawn += 1;
        }
    }

    fn die_key(&self) -> &Secret<[u8; 32]> {
        &self.key
    }

    fn read_page(&self, page: u8) -> Option<Vec<u8>> {
        self.pages.get(usize::from(page)).cloned().flatten()
    }

    fn write_page(&mut self, page: u8, bytes: &[u8]) -> Result<(), PowerCut> {
        let whole = self.draws_power();
        let slot = self.pages.get_mut(usize::from(page)).ok_or(PowerCut)?;
        if whole {
            *slot = Some(bytes.to_vec());
            return Ok(());
        }
        // A torn page: the first half is new, the rest is whatever was there.
        if let (Some(half), true) = (bytes.get(..bytes.len() / 2), self.seed.is_multiple_of(2)) {
            let rest = slot.as_deref().and_then(|old| old.get(half.len()..)).unwrap_or_default();
            *slot = Some([half, rest].concat());
        }
        Err(PowerCut)
    }

    fn fuse(&self) -> u64 {
        self.fuse
    }

    fn advance_fuse(&mut self) -> Result<(), PowerCut> {
        if !self.draws_power() {
            return Err(PowerCut);
        }
        self.fuse += 1;
        Ok(())
    }
}
