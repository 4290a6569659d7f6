use alloc::vec::Vec;
use thiserror::Error;

/// How many octets of response data are wanted, if any (Le, ISO 7816-4, 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedLength(pub u32);

impl ExpectedLength {
    /// Short `00`: up to 256.
    pub const SHORT_MAX: Self = Self(256);
    /// Extended `0000`: up to 65,536.
    pub const EXTENDED_MAX: Self = Self(65_536);

    /// As a number of octets.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// A command APDU (ISO 7816-4, 5.1): header, data, expected length.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// Class byte.
    pub cla: u8,
    /// Instruction.
    pub ins: u8,
    /// First parameter.
    pub p1: u8,
    /// Second parameter.
    pub p2: u8,
    /// Command data, up to 65,535 octets.
    pub data: Vec<u8>,
    /// Le; `None` when no response data are asked for.
    pub le: Option<ExpectedLength>,
}

/// Command data can hold a PIN: only the header is shown.
impl core::fmt::Debug for Command {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { cla, ins, p1, p2, data, le } = self;
        write!(f, "{cla:02X} {ins:02X} {p1:02X} {p2:02X} [{} octets] Le {le:?}", data.len())
    }
}

/// Bytes that are no command APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Fewer than the four octets of a header.
    #[error("a command has at least four octets, this one has {0}")]
    Header(usize),
    /// Lc and Le do not add up to the octets that are there.
    #[error("Lc and Le do not fit the body at octet {0}")]
    Length(usize),
}

tefuda_types::reasons! { CommandError {
    Header(_) => "apdu.header_truncated", Malformed;
    Length(_) => "apdu.length_mismatch", Malformed;
} }

impl Command {
    /// A command of case 1: header only.
    #[must_use]
    pub const fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self { cla, ins, p1, p2, data: Vec::new(), le: None }
    }

    /// The same with data.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = data.into();
        self
    }

    /// The same with an expected length in octets (256 is the short maximum, 65,536 the extended one).
    #[must_use]
    pub const fn with_le(mut self, octets: u32) -> Self {
        self.le = Some(ExpectedLength(octets));
        self
    }

    /// Parses the seven forms of cases 1 to 4, short and extended (ISO 7816-4, 5.1, table 1).
    ///
    /// # Errors
    /// [`CommandError`] with the position at which header or lengths do not fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, CommandError> {
        let (header, body) = bytes.split_first_chunk::<4>().ok_or(CommandError::Header(bytes.len()))?;
        let [cla, ins, p1, p2] = *header;
        let (data, le) = parse_body(body)?;
        Ok(Self { cla, ins, p1, p2, data: data.to_vec(), le })
    }

    /// As it goes over the wire: short lengths where they suffice.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.data.len() + 9);
        bytes.extend_from_slice(&[self.cla, self.ins, self.p1, self.p2]);
        let extended = self.data.len() > 255 || self.le.is_some_and(|le| le.0 > 256);
        let lc = u16::try_from(self.data.len()).unwrap_or(u16::MAX).to_be_bytes();
        match (self.data.is_empty(), extended) {
            (true, false) => {}
            (true, true) => bytes.push(0),
            (false, false) => bytes.push(lc[1]),
            (false, true) => bytes.extend_from_slice(&[0, lc[0], lc[1]]),
        }
        bytes.extend_from_slice(&self.data);
        if let Some(le) = self.le {
            // 256 and 65,536 are coded as zero octets, which truncation gives.
            let octets = le.0.to_be_bytes();
            if extended {
                bytes.extend_from_slice(&[octets[2], octets[3]]);
            } else {
                bytes.push(octets[3]);
            }
        }
        bytes
    }

    /// Class byte without the logical channel (ISO 7816-4, 5.4.1).
    #[must_use]
    pub const fn channel(&self) -> u8 {
        if self.cla & 0x40 == 0 { self.cla & 0x03 } else { 4 + (self.cla & 0x0F) }
    }
}

const fn short_le(octet: u8) -> ExpectedLength {
    if octet == 0 { ExpectedLength::SHORT_MAX } else { ExpectedLength(octet as u32) }
}

const fn extended_le(octets: [u8; 2]) -> ExpectedLength {
    match u16::from_be_bytes(octets) {
        0 => ExpectedLength::EXTENDED_MAX,
        some => ExpectedLength(some as u32),
    }
}

fn parse_body(body: &[u8]) -> Result<(&[u8], Option<ExpectedLength>), CommandError> {
    match body {
        [] => Ok((&[], None)),
        [le] => Ok((&[], Some(short_le(*le)))),
        [0, high, low] => Ok((&[], Some(extended_le([*high, *low])))),
        [0, high, low, rest @ ..] => {
            let lc = usize::from(u16::from_be_bytes([*high, *low]));
            let (data, le) = rest.split_at_checked(lc).ok_or(CommandError::Length(7))?;
            match le {
                _ if lc == 0 => Err(CommandError::Length(5)),
                [] => Ok((data, None)),
                [high, low] => Ok((data, Some(extended_le([*high, *low])))),
                _ => Err(CommandError::Length(7 + lc)),
            }
        }
        [0, ..] => Err(CommandError::Length(5)),
        [lc, rest @ ..] => {
            let lc = usize::from(*lc);
            let (data, le) = rest.split_at_checked(lc).ok_or(CommandError::Length(5))?;
            match le {
                [] => Ok((data, None)),
                [le] => Ok((data, Some(short_le(*le)))),
                _ => Err(CommandError::Length(5 + lc)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_seven_cases_round_trip() {
        let long = vec![7; 300];
        for command in [
            Command::new(0, 0x20, 0, 0x80),
            Command::new(0, 0xB0, 0, 0).with_le(256),
            Command::new(0, 0xB0, 0, 0).with_le(65_536),
            Command::new(0, 0xA4, 4, 0x0C).with_data([1, 2, 3]),
            Command::new(0, 0xA4, 4, 0x0C).with_data(long.clone()),
            Command::new(0x80, 0x2A, 0, 0x80).with_data([1]).with_le(256),
            Command::new(0x80, 0x2A, 0, 0x80).with_data(long).with_le(65_536),
        ] {
            assert_eq!(Command::parse(&command.to_bytes()), Ok(command));
        }
    }

    #[test]
    fn bodies_that_do_not_add_up_are_refused() {
        for bad in [
            &[0, 0x20, 0][..],
            &[0, 0x20, 0, 0x80, 4, 1, 2],
            &[0, 0x20, 0, 0x80, 1, 1, 2, 3],
            &[0, 1, 2, 3, 0, 0, 0, 1],
            &[0, 1, 2, 3, 0, 0],
        ] {
            assert!(Command::parse(bad).is_err(), "{bad:02X?}");
        }
    }
}
