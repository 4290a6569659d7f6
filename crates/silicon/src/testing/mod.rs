//! A die in memory whose randomness repeats and whose power can be cut at any write, in every way that a
//! flash page and a fuse allow.
//!
//! Two writes are never in flight together: [`Silicon::write_page`] and [`Silicon::advance_fuse`] return
//! when their write is durable, and a [`Vault`](crate::Vault) begins the next only then. So there is no cut
//! that leaves a later write done and an earlier one not, and none is simulated.

use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tefuda_types::Secret;

use crate::{PowerCut, Silicon};

mod walk;

pub use walk::{Tally, Walk};

/// The pages of a die, as an attacker with a programmer would copy them.
pub type Image = [Option<Vec<u8>>; 2];

/// What a cut leaves of the write that it falls into. A fuse knows only whether it was advanced: it is not,
/// except for [`Fall::Unacknowledged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fall {
    /// The write never began: the page is as it was.
    Dropped,
    /// The first half is new, the rest as it was.
    Halved,
    /// New up to an octet that the seed draws, the rest as it was.
    Torn(u64),
    /// The page was being erased: bits that the seed draws are set already, and nothing of the new is there.
    Garbled(u64),
    /// The write is whole, and whoever asked for it is not told.
    Unacknowledged,
}

impl Fall {
    /// All ways to fall, with a seed for those that draw.
    #[must_use]
    pub const fn all(seed: u64) -> [Self; 5] {
        [Self::Dropped, Self::Unacknowledged, Self::Halved, Self::Torn(seed), Self::Garbled(seed)]
    }

    /// What is on a page where `new` was to take the place of `old`.
    fn leave(self, old: Option<&[u8]>, new: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Dropped => old.map(<[u8]>::to_vec),
            Self::Halved => Some(mixture(old, new, new.len() / 2)),
            Self::Torn(seed) => {
                let drawn = stream(seed, 8).into_iter().fold(0_u64, |sum, octet| sum << 8 | u64::from(octet));
                let length = u64::try_from(new.len()).unwrap_or(u64::MAX).max(1);
                Some(mixture(old, new, usize::try_from(drawn % length).unwrap_or_default()))
            }
            Self::Garbled(seed) => {
                let old = old.map_or_else(|| vec![0; new.len()], <[u8]>::to_vec);
                Some(old.iter().zip(stream(seed, old.len())).map(|(octet, erased)| octet | erased).collect())
            }
            Self::Unacknowledged => Some(new.to_vec()),
        }
    }
}

/// The new up to an octet, behind it the old.
fn mixture(old: Option<&[u8]>, new: &[u8], at: usize) -> Vec<u8> {
    let head = new.get(..at).unwrap_or(new);
    let tail = old.and_then(|old| old.get(head.len()..)).unwrap_or_default();
    [head, tail].concat()
}

/// The block of a number in the octets that a seed stands for.
fn block(seed: u64, number: u64) -> [u8; 32] {
    Sha256::new().chain_update(seed.to_be_bytes()).chain_update(number.to_be_bytes()).finalize().into()
}

fn stream(seed: u64, octets: usize) -> Vec<u8> {
    (0..).flat_map(|number| block(seed, number)).take(octets).collect()
}

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A page.
    Page,
    /// The fuse.
    Fuse,
}

/// A cut that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whole writes before it (pages and fuse advances), counted from the cut before.
    pub writes: u32,
    /// What it leaves of the write that it falls into.
    pub fall: Fall,
    /// The power is back for the next write, and the chip lives on. Otherwise it is away until
    /// [`SeededSilicon::power_returns`].
    pub flickers: bool,
}

/// A die with seeded randomness. Not for keys that anybody relies on.
#[derive(Debug)]
pub struct SeededSilicon {
    key: Secret<[u8; 32]>,
    seed: u64,
    drawn: u64,
    pages: Image,
    fuse: u64,
    cuts: VecDeque<Cut>,
    off: bool,
    met: Vec<Part>,
    writes: u64,
}

impl SeededSilicon {
    /// A blank die.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let key = Sha256::new().chain_update(b"die key").chain_update(seed.to_be_bytes()).finalize();
        Self::made(Secret::new(key.into()), seed)
    }

    const fn made(key: Secret<[u8; 32]>, seed: u64) -> Self {
        Self {
            key,
            seed,
            drawn: 0,
            pages: [None, None],
            fuse: 0,
            cuts: VecDeque::new(),
            off: false,
            met: Vec::new(),
            writes: 0,
        }
    }

    /// Another die in the same state and with power, as no attacker could make one: for trying several
    /// endings of one story.
    #[must_use]
    pub fn twin(&self) -> Self {
        let blank = Self::made(Secret::new(*self.key.expose()), self.seed);
        Self { drawn: self.drawn, pages: self.pages.clone(), fuse: self.fuse, ..blank }
    }

    /// Has the power cut, once for each, in this order.
    pub fn plan(&mut self, cuts: &[Cut]) {
        self.cuts.extend(cuts);
    }

    /// Cuts the power in the middle of the write after so many whole ones.
    pub fn cut_after(&mut self, writes: u32, fall: Fall) {
        self.plan(&[Cut { writes, fall, flickers: false }]);
    }

    /// The same, but the power is back for the next write: the chip lives on.
    pub fn flicker_after(&mut self, writes: u32, fall: Fall) {
        self.plan(&[Cut { writes, fall, flickers: true }]);
    }

    /// Power is back, until the next cut.
    pub const fn power_returns(&mut self) {
        self.off = false;
    }

    /// Power is back, and stays.
    pub fn restore_power(&mut self) {
        self.power_returns();
        self.cuts.clear();
    }

    /// What the cuts so far fell into.
    #[must_use]
    pub fn cuts_met(&self) -> &[Part] {
        &self.met
    }

    /// Writes that went through.
    #[must_use]
    pub const fn writes(&self) -> u64 {
        self.writes
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

    /// How far the next write gets: `None` if to its end.
    fn draw_power(&mut self, part: Part) -> Option<Fall> {
        if self.off {
            return Some(Fall::Dropped);
        }
        match self.cuts.front_mut() {
            Some(Cut { writes: 0, .. }) => {}
            Some(cut) => {
                cut.writes -= 1;
                self.writes += 1;
                return None;
            }
            None => {
                self.writes += 1;
                return None;
            }
        }
        let cut = self.cuts.pop_front()?;
        self.off = !cut.flickers;
        self.met.push(part);
        Some(cut.fall)
    }
}

impl Silicon for SeededSilicon {
    fn fill_random(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let drawn = block(self.seed, self.drawn);
            chunk.iter_mut().zip(drawn).for_each(|(octet, random)| *octet = random);
            self.drawn += 1;
        }
    }

    fn die_key(&self) -> &Secret<[u8; 32]> {
        &self.key
    }

    fn read_page(&self, page: u8) -> Result<Option<Vec<u8>>, PowerCut> {
        if self.off {
            return Err(PowerCut);
        }
        Ok(self.pages.get(usize::from(page)).cloned().flatten())
    }

    fn write_page(&mut self, page: u8, bytes: &[u8]) -> Result<(), PowerCut> {
        let fall = self.draw_power(Part::Page);
        let slot = self.pages.get_mut(usize::from(page)).ok_or(PowerCut)?;
        *slot = fall.unwrap_or(Fall::Unacknowledged).leave(slot.as_deref(), bytes);
        fall.map_or(Ok(()), |_| Err(PowerCut))
    }

    fn fuse(&self) -> u64 {
        self.fuse
    }

    fn advance_fuse(&mut self) -> Result<(), PowerCut> {
        let fall = self.draw_power(Part::Fuse);
        if matches!(fall, None | Some(Fall::Unacknowledged)) {
            self.fuse += 1;
        }
        fall.map_or(Ok(()), |_| Err(PowerCut))
    }
}

/// A seeded die with a probe on it: a clone reaches the same die, while it sits in a chip.
#[derive(Clone, Debug)]
pub struct ProbedSilicon {
    die: Arc<Mutex<SeededSilicon>>,
    key: Arc<Secret<[u8; 32]>>,
}

impl ProbedSilicon {
    /// Puts a probe on a die.
    #[must_use]
    pub fn new(die: SeededSilicon) -> Self {
        let key = Arc::new(Secret::new(*die.key.expose()));
        Self { die: Arc::new(Mutex::new(die)), key }
    }

    /// What the probe does to the die, or reads from it.
    pub fn probe<T>(&self, act: impl FnOnce(&mut SeededSilicon) -> T) -> T {
        act(&mut self.die.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Silicon for ProbedSilicon {
    fn fill_random(&mut self, out: &mut [u8]) {
        self.probe(|die| die.fill_random(out));
    }
    fn die_key(&self) -> &Secret<[u8; 32]> {
        &self.key
    }
    fn read_page(&self, page: u8) -> Result<Option<Vec<u8>>, PowerCut> {
        self.probe(|die| die.read_page(page))
    }
    fn write_page(&mut self, page: u8, bytes: &[u8]) -> Result<(), PowerCut> {
        self.probe(|die| die.write_page(page, bytes))
    }
    fn fuse(&self) -> u64 {
        self.probe(|die| die.fuse())
    }
    fn advance_fuse(&mut self) -> Result<(), PowerCut> {
        self.probe(Silicon::advance_fuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_fall_leaves_what_a_page_allows() {
        for (fall, left) in [
            (Fall::Dropped, Some(&b"oldold"[..])),
            (Fall::Halved, Some(b"NEWold")),
            (Fall::Unacknowledged, Some(b"NEWNEW")),
        ] {
            assert_eq!(fall.leave(Some(b"oldold"), b"NEWNEW").as_deref(), left);
        }
        for seed in 0..100 {
            let torn = Fall::Torn(seed).leave(Some(b"oldold"), b"NEWNEW").unwrap();
            assert!((0..6).any(|at| torn == [&b"NEWNEW"[..at], &b"oldold"[at..]].concat()));
            let garbled = Fall::Garbled(seed).leave(Some(b"oldold"), b"NEWNEW").unwrap();
            assert!(garbled.iter().zip(b"oldold").all(|(after, before)| after & before == *before));
        }
        assert_eq!(Fall::Dropped.leave(None, b"NEW"), None);
        assert_eq!(Fall::Garbled(1).leave(None, b"NEW").unwrap().len(), 3);
    }

    #[test]
    fn power_that_was_cut_is_away_and_power_that_flickers_is_not() {
        let mut die = SeededSilicon::new(1);
        die.cut_after(1, Fall::Unacknowledged);
        assert_eq!(
            [die.advance_fuse(), die.advance_fuse(), die.advance_fuse()],
            [Ok(()), Err(PowerCut), Err(PowerCut)]
        );
        assert_eq!((die.fuse(), die.cuts_met(), die.writes()), (2, &[Part::Fuse][..], 1));
        die.restore_power();
        die.flicker_after(0, Fall::Dropped);
        die.flicker_after(1, Fall::Halved);
        assert_eq!(
            [(); 4].map(|()| die.write_page(0, b"ab")),
            [Err(PowerCut), Ok(()), Err(PowerCut), Ok(())]
        );
    }
}
