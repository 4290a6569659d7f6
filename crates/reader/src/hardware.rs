//! PC/SC: cards and phones held against a reader of this machine.

use pcsc::{Card, Context, Protocols, Scope, ShareMode};
use std::ffi::CString;
use tefuda_apdu::{LinkError, Response, Transceive};

/// Octets that a response can have: the extended maximum and the status word.
const RESPONSE_OCTETS_MAX: usize = 65_538;

/// A chip on a PC/SC reader, held for ourselves alone.
pub struct PcscReader(Card);

impl std::fmt::Debug for PcscReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PcscReader")
    }
}

/// Names of the readers of this machine.
///
/// # Errors
/// What PC/SC says: no service, no readers.
pub fn readers() -> Result<Vec<String>, pcsc::Error> {
    let names = Context::establish(Scope::User)?.list_readers_owned()?;
    Ok(names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect())
}

impl PcscReader {
    /// Connects to the chip on a reader.
    ///
    /// # Errors
    /// What PC/SC says: no such reader, no card.
    pub fn connect(reader: &str) -> Result<Self, pcsc::Error> {
        let reader = CString::new(reader).map_err(|_| pcsc::Error::UnknownReader)?;
        let context = Context::establish(Scope::User)?;
        Ok(Self(context.connect(&reader, ShareMode::Exclusive, Protocols::ANY)?))
    }
}

impl Transceive for PcscReader {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let mut buffer = vec![0; RESPONSE_OCTETS_MAX];
        let response = self.0.transmit(command, &mut buffer).map_err(|error| match error {
            pcsc::Error::RemovedCard | pcsc::Error::ResetCard | pcsc::Error::NoSmartcard => LinkError::Torn,
            _ => LinkError::Reader,
        })?;
        Response::from_bytes(response)
    }
}
