use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

use crate::{PowerCut, Silicon};

/// What a chip finds when power comes.
#[derive(Debug)]
pub enum PowerUp {
    /// Nothing was ever committed.
    Blank,
    /// The newest committed state.
    Intact(Zeroizing<Vec<u8>>),
    /// The pages are older than the fuse says, or do not open: somebody put an image back or edited it.
    RolledBack,
    /// Power went away again before it was clear what there is. Nothing may be answered before
    /// [`Vault::power_again`] tells.
    Cut,
}

/// One state of a chip, sealed on two alternating pages and bound to the fuse.
///
/// A commit writes the next generation to the page that does not hold the present one, then advances the
/// fuse (security.md, "order of a try"). At power-up a page one generation *ahead* of the fuse is a cut
/// between the two, and the fuse draws level; no page at the fuse's generation is a rollback. Each write is
/// durable before the next begins, and the page with the present state is never the one that is written: so
/// a cut, however it falls, costs at most the state that was not acknowledged.
///
/// Page: generation (u64, big endian) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag, generation as
/// additional data, under the die's key.
#[derive(Debug)]
pub struct Vault<S> {
    silicon: S,
    generation: u64,
    /// The page that the next state goes to.
    free: u8,
    /// What the die holds is known. Not after a cut, until [`Vault::power_again`].
    settled: bool,
}

const PAGES: u8 = 2;
const GENERATION_OCTETS: usize = 8;
const NONCE_OCTETS: usize = 12;

/// A page that opens.
struct Opened {
    page: u8,
    generation: u64,
    state: Zeroizing<Vec<u8>>,
}

impl<S: Silicon> Vault<S> {
    /// Finds the present state on a die.
    pub fn power_up(silicon: S) -> (Self, PowerUp) {
        let mut vault = Self { generation: silicon.fuse(), silicon, free: 0, settled: false };
        let found = vault.power_again();
        (vault, found)
    }

    /// Power comes back to a die that was not pulled out. After [`PowerCut`] only this tells which state is there.
    pub fn power_again(&mut self) -> PowerUp {
        let fuse = self.silicon.fuse();
        self.settled = false;
        let Ok(newest) = self.newest() else {
            return PowerUp::Cut;
        };
        if let Some(opened) = &newest {
            self.free = other(opened.page);
        }
        let found = match newest {
            Some(opened) if opened.generation == fuse => PowerUp::Intact(opened.state),
            Some(opened) if opened.generation == fuse.wrapping_add(1) => match self.silicon.advance_fuse() {
                Ok(()) => PowerUp::Intact(opened.state),
                // A commit now would go to the very page that holds the present state.
                Err(PowerCut) => return PowerUp::Cut,
            },
            None if fuse == 0 => PowerUp::Blank,
            _ => PowerUp::RolledBack,
        };
        self.generation = self.silicon.fuse();
        self.settled = true;
        found
    }

    /// Makes a state the present one.
    ///
    /// # Errors
    /// [`PowerCut`]: at the next power-up either the former or this state is there, and until then nothing
    /// more can be committed.
    pub fn commit(&mut self, state: &[u8]) -> Result<(), PowerCut> {
        if !std::mem::take(&mut self.settled) {
            return Err(PowerCut);
        }
        let next = self.generation.wrapping_add(1);
        let sealed = seal(&mut self.silicon, next, state);
        self.silicon.write_page(self.free, &sealed)?;
        self.silicon.advance_fuse()?;
        self.generation = next;
        self.free = other(self.free);
        self.settled = true;
        Ok(())
    }

    /// The newest state that opens, however old: after [`PowerUp::RolledBack`], for a chip that can then say
    /// who it is and what happened to it. Nothing in it may be relied on.
    pub fn remnant(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.newest().ok().flatten().map(|opened| opened.state)
    }

    fn newest(&self) -> Result<Option<Opened>, PowerCut> {
        let mut newest = None;
        for page in 0..PAGES {
            let opened = unseal(&self.silicon, page)?;
            let generation = newest.as_ref().map(|opened: &Opened| opened.generation);
            if opened.as_ref().map(|opened| opened.generation) > generation {
                newest = opened;
            }
        }
        Ok(newest)
    }

    /// The die, for its randomness.
    pub const fn silicon(&mut self) -> &mut S {
        &mut self.silicon
    }

    /// Power off: only the die is left.
    pub fn into_silicon(self) -> S {
        self.silicon
    }
}

const fn other(page: u8) -> u8 {
    PAGES - 1 - page
}

fn seal<S: Silicon>(silicon: &mut S, generation: u64, state: &[u8]) -> Vec<u8> {
    let header = generation.to_be_bytes();
    let mut nonce = [0; NONCE_OCTETS];
    silicon.fill_random(&mut nonce);
    let cipher = Aes256Gcm::new(silicon.die_key().expose().into());
    // AES-GCM refuses only plaintexts beyond 64 GiB; an empty page would be found as a rollback.
    let sealed =
        cipher.encrypt(&Nonce::from(nonce), Payload { msg: state, aad: &header }).unwrap_or_default();
    [header.as_slice(), &nonce, &sealed].concat()
}

/// A page, if it is one that this die sealed.
fn unseal<S: Silicon>(silicon: &S, page: u8) -> Result<Option<Opened>, PowerCut> {
    let octets = silicon.read_page(page)?;
    Ok(octets.and_then(|octets| {
        let (header, rest) = octets.split_first_chunk::<GENERATION_OCTETS>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_OCTETS>()?;
        let cipher = Aes256Gcm::new(silicon.die_key().expose().into());
        let state = cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: header }).ok()?;
        Some(Opened { page, generation: u64::from_be_bytes(*header), state: Zeroizing::new(state) })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fall, ProbedSilicon, SeededSilicon};

    fn state(vault: &PowerUp) -> Option<&[u8]> {
        if let PowerUp::Intact(state) = vault { Some(state) } else { None }
    }

    /// A vault in its first state, `b"0"`.
    fn first() -> Vault<ProbedSilicon> {
        let (mut vault, found) = Vault::power_up(ProbedSilicon::new(SeededSilicon::new(1)));
        assert!(matches!(found, PowerUp::Blank));
        vault.commit(b"0").unwrap();
        vault
    }

    /// Commits `1` to `5`, until power goes: how many were acknowledged.
    fn write_on(vault: &mut Vault<ProbedSilicon>) -> u8 {
        (1..=5).take_while(|number| vault.commit(&[b'0' + number]).is_ok()).count().try_into().unwrap()
    }

    #[test]
    fn a_cut_at_any_write_leaves_the_old_or_the_new_state() {
        for fall in (0..8).flat_map(Fall::all) {
            for writes in 0.. {
                let mut vault = first();
                let die = vault.silicon().clone();
                die.probe(|die| die.cut_after(writes, fall));
                let committed = write_on(&mut vault);
                let met = die.probe(|die| die.cuts_met().len());
                die.probe(SeededSilicon::restore_power);
                let (mut vault, found) = Vault::power_up(vault.into_silicon());
                let found = state(&found).expect("intact");
                assert!(found == [b'0' + committed] || found == [b'1' + committed], "{fall:?} {writes}");
                assert_eq!(write_on(&mut vault), 5, "{fall:?} {writes}");
                if met == 0 {
                    assert_eq!((writes, committed), (10, 5));
                    break;
                }
            }
        }
    }

    #[test]
    fn a_state_that_was_found_once_stays_though_power_goes_while_the_fuse_draws_level() {
        for (fall, again) in Fall::all(1).into_iter().flat_map(|fall| Fall::all(2).map(|again| (fall, again)))
        {
            for flickers in [false, true] {
                let mut vault = first();
                let die = vault.silicon().clone();
                die.probe(|die| die.cut_after(1, Fall::Dropped));
                vault.commit(b"1").unwrap_err();
                die.probe(SeededSilicon::restore_power);
                die.probe(|die| if flickers { die.flicker_after(0, fall) } else { die.cut_after(0, fall) });
                let (mut vault, found) = Vault::power_up(vault.into_silicon());
                assert!(matches!(found, PowerUp::Cut));
                die.probe(|die| die.flicker_after(0, again));
                assert_eq!(vault.commit(b"2"), Err(PowerCut), "on a basis that is not known");
                die.probe(SeededSilicon::restore_power);
                let found = vault.power_again();
                assert_eq!(state(&found), Some(&b"1"[..]), "{fall:?} {again:?} {flickers}");
            }
        }
    }

    #[test]
    fn a_die_that_stays_where_it_is_tells_after_a_cut_which_state_it_has() {
        for fall in (0..8).flat_map(Fall::all) {
            for writes in 0..2 {
                let mut vault = first();
                vault.silicon().probe(|die| die.flicker_after(writes, fall));
                vault.commit(b"1").unwrap_err();
                assert_eq!(vault.commit(b"2"), Err(PowerCut), "power came back, and was not asked for");
                let there =
                    if (writes, fall) == (0, Fall::Unacknowledged) || writes == 1 { b"1" } else { b"0" };
                assert_eq!(state(&vault.power_again()), Some(&there[..]), "{fall:?} {writes}");
                vault.commit(b"3").unwrap();
                assert_eq!(state(&Vault::power_up(vault.into_silicon()).1), Some(&b"3"[..]));
            }
        }
    }

    #[test]
    fn the_remnant_of_a_die_that_was_set_back_outlives_every_cut() {
        for fall in (0..8).flat_map(Fall::all) {
            for writes in 0..2 {
                let mut vault = first();
                let die = vault.silicon().clone();
                let image = die.probe(|die| die.pages());
                assert_eq!(write_on(&mut vault), 5);
                die.probe(|die| die.put_back(image));
                die.probe(|die| die.cut_after(writes, fall));
                let (mut vault, found) = Vault::power_up(die.clone());
                assert!(matches!(found, PowerUp::RolledBack));
                vault.commit(b"destroyed").unwrap_err();
                die.probe(SeededSilicon::restore_power);
                match vault.power_again() {
                    PowerUp::Intact(state) => assert_eq!(state.as_slice(), b"destroyed"),
                    found => {
                        assert!(matches!(found, PowerUp::RolledBack));
                        assert_eq!(vault.remnant().unwrap().as_slice(), b"0", "{fall:?} {writes}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_image_that_was_put_back_is_noticed() {
        let (mut vault, _) = Vault::power_up(SeededSilicon::new(1));
        vault.commit(b"three tries").unwrap();
        let silicon = vault.into_silicon();
        let image = silicon.pages();
        let (mut vault, _) = Vault::power_up(silicon);
        vault.commit(b"two tries").unwrap();
        vault.commit(b"one try").unwrap();
        let mut silicon = vault.into_silicon();
        silicon.put_back(image);
        let (vault, found) = Vault::power_up(silicon);
        assert!(matches!(found, PowerUp::RolledBack));
        assert_eq!(vault.remnant().unwrap().as_slice(), b"three tries");
    }

    #[test]
    fn an_edited_page_does_not_open() {
        let (mut vault, _) = Vault::power_up(SeededSilicon::new(1));
        vault.commit(b"three tries").unwrap();
        let mut silicon = vault.into_silicon();
        let mut image = silicon.pages();
        for page in image.iter_mut().flatten() {
            *page.last_mut().unwrap() ^= 1;
        }
        silicon.put_back(image);
        assert!(matches!(Vault::power_up(silicon).1, PowerUp::RolledBack));
    }
}
