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
}

/// One state of a chip, sealed on two alternating pages and bound to the fuse.
///
/// A commit writes the next generation to the page that does not hold the present one, then advances the
/// fuse (security.md, "order of a try"). At power-up a page one generation *ahead* of the fuse is a cut
/// between the two, and the fuse draws level; no page at the fuse's generation is a rollback.
///
/// Page: generation (u64, big endian) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag, generation as
/// additional data, under the die's key.
#[derive(Debug)]
pub struct Vault<S> {
    silicon: S,
    generation: u64,
}

const PAGES: u8 = 2;
const GENERATION_OCTETS: usize = 8;
const NONCE_OCTETS: usize = 12;

impl<S: Silicon> Vault<S> {
    /// Finds the present state on a die.
    pub fn power_up(silicon: S) -> (Self, PowerUp) {
        let mut vault = Self { generation: silicon.fuse(), silicon };
        let found = vault.power_again();
        (vault, found)
    }

    /// Power comes back to a die that was not pulled out. After [`PowerCut`] only this tells which state is there.
    pub fn power_again(&mut self) -> PowerUp {
        let silicon = &mut self.silicon;
        let fuse = silicon.fuse();
        let newest =
            (0..PAGES).filter_map(|page| unseal(silicon, page)).max_by_key(|(generation, _)| *generation);
        let found = match newest {
            Some((generation, state)) if generation == fuse => PowerUp::Intact(state),
            Some((generation, state)) if generation == fuse.wrapping_add(1) => {
                // A second cut leaves this page still one ahead: the next power-up finds the same.
                let _ = silicon.advance_fuse();
                PowerUp::Intact(state)
            }
            None if fuse == 0 => PowerUp::Blank,
            _ => PowerUp::RolledBack,
        };
        self.generation = silicon.fuse();
        found
    }

    /// Makes a state the present one.
    ///
    /// # Errors
    /// [`PowerCut`]: at the next power-up either the former or this state is there.
    pub fn commit(&mut self, state: &[u8]) -> Result<(), PowerCut> {
        let next = self.generation.wrapping_add(1);
        let page = u8::try_from(next % u64::from(PAGES)).unwrap_or_default();
        let sealed = seal(&mut self.silicon, next, state);
        self.silicon.write_page(page, &sealed)?;
        self.silicon.advance_fuse()?;
        self.generation = next;
        Ok(())
    }

    /// The newest state that opens, however old: after [`PowerUp::RolledBack`], for a chip that can then say
    /// who it is and what happened to it. Nothing in it may be relied on.
    pub fn remnant(&self) -> Option<Zeroizing<Vec<u8>>> {
        let pages = (0..PAGES).filter_map(|page| unseal(&self.silicon, page));
        pages.max_by_key(|(generation, _)| *generation).map(|(_, state)| state)
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

fn unseal<S: Silicon>(silicon: &S, page: u8) -> Option<(u64, Zeroizing<Vec<u8>>)> {
    let page = silicon.read_page(page)?;
    let (header, rest) = page.split_first_chunk::<GENERATION_OCTETS>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_OCTETS>()?;
    let cipher = Aes256Gcm::new(silicon.die_key().expose().into());
    let state = cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: header }).ok()?;
    Some((u64::from_be_bytes(*header), Zeroizing::new(state)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededSilicon;

    fn state(vault: &PowerUp) -> Option<&[u8]> {
        if let PowerUp::Intact(state) = vault { Some(state) } else { None }
    }

    #[test]
    fn a_cut_at_any_write_leaves_the_old_or_the_new_state() {
        for writes in 0..8 {
            let (mut vault, found) = Vault::power_up(SeededSilicon::new(1));
            assert!(matches!(found, PowerUp::Blank));
            vault.commit(b"0").unwrap();
            let mut silicon = vault.into_silicon();
            silicon.cut_after(writes);
            let (mut vault, _) = Vault::power_up(silicon);
            let mut committed = 0_u8;
            while committed < 9 && vault.commit(&[b'1' + committed]).is_ok() {
                committed += 1;
            }
            let mut silicon = vault.into_silicon();
            silicon.restore_power();
            let (_, found) = Vault::power_up(silicon);
            let found = state(&found).expect("intact");
            assert!(found == [b'0' + committed] || found == [b'1' + committed], "{writes}: {found:?}");
        }
    }

    #[test]
    fn a_die_that_stays_where_it_is_tells_after_a_cut_which_state_it_has() {
        for (writes, there) in [(0, "five tries"), (1, "four tries"), (2, "four tries")] {
            let (mut vault, _) = Vault::power_up(SeededSilicon::new(1));
            vault.commit(b"five tries").unwrap();
            vault.silicon().cut_after(writes);
            assert_eq!(vault.commit(b"four tries").is_ok(), writes == 2);
            vault.silicon().restore_power();
            assert_eq!(state(&vault.power_again()), Some(there.as_bytes()), "{writes}");
            vault.commit(b"three tries").unwrap();
            assert_eq!(
                state(&Vault::power_up(vault.into_silicon()).1),
                Some(&b"three tries"[..]),
                "{writes}"
            );
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
