use std::{
    io,
    path::{Path, PathBuf},
};
use tefuda_silicon::{PowerCut, Silicon};
use tefuda_types::Secret;

use crate::files;

/// A die in a folder: its key, two pages and the fuse, a file each.
///
/// Every write is whole or not there, and flushed before it counts, so a killed process is a power cut
/// between writes.
#[derive(Debug)]
pub struct FileSilicon {
    folder: PathBuf,
    key: Secret<[u8; 32]>,
    fuse: u64,
}

impl FileSilicon {
    /// The die in a folder; a new one if there is none.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::InvalidData`] if the fuse is no number.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let key = Secret::new(files::secret(&folder.join("key"))?);
        let fuse = match files::read(&folder.join("fuse"))? {
            None => 0,
            Some(octets) => u64::from_be_bytes(octets.try_into().map_err(|_| io::ErrorKind::InvalidData)?),
        };
        Ok(Self { folder: folder.to_owned(), key, fuse })
    }

    fn page(&self, page: u8) -> PathBuf {
        self.folder.join(format!("page-{page}"))
    }
}

impl Silicon for FileSilicon {
    #[expect(clippy::disallowed_methods, reason = "the die's randomness is the host's")]
    fn fill_random(&mut self, out: &mut [u8]) {
        // A host without randomness has nothing to go on with: the die stays silent, not predictable.
        while getrandom::fill(out).is_err() {
            std::thread::yield_now();
        }
    }

    fn die_key(&self) -> &Secret<[u8; 32]> {
        &self.key
    }

    fn read_page(&self, page: u8) -> Result<Option<Vec<u8>>, PowerCut> {
        files::read(&self.page(page)).map_err(|_| PowerCut)
    }

    fn write_page(&mut self, page: u8, bytes: &[u8]) -> Result<(), PowerCut> {
        files::write(&self.page(page), bytes).map_err(|_| PowerCut)
    }

    fn fuse(&self) -> u64 {
        self.fuse
    }

    fn advance_fuse(&mut self) -> Result<(), PowerCut> {
        let next = self.fuse.wrapping_add(1);
        files::write(&self.folder.join("fuse"), &next.to_be_bytes()).map_err(|_| PowerCut)?;
        self.fuse = next;
        Ok(())
    }
}
