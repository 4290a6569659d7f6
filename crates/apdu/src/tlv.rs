//! BER-TLV as ISO 7816-4, 5.2.2 has it: tags of one to three octets, definite lengths.

use alloc::vec::Vec;
use thiserror::Error;

/// Most octets in a value. Nothing on a card or in a script is larger.
pub const VALUE_OCTETS_MAX: usize = 65_535;

/// Why octets are no BER-TLV. Positions count from the start of the parsed octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlvError {
    /// They end inside a tag, a length or a value.
    #[error("data end inside the object at octet {0}")]
    Truncated(usize),
    /// A tag of more than three octets.
    #[error("the tag at octet {0} has more than three octets")]
    Tag(usize),
    /// Indefinite, or longer than [`VALUE_OCTETS_MAX`].
    #[error("the length at octet {0} is indefinite or too large")]
    Length(usize),
    /// An object that must be there is not.
    #[error("the object {0:X} is missing")]
    Missing(u32),
}

tefuda_types::reasons! { TlvError {
    Truncated(_) => "tlv.truncated", Malformed;
    Tag(_) => "tlv.tag_malformed", Malformed;
    Length(_) => "tlv.length_malformed", Malformed;
    Missing(_) => "tlv.object_missing", Malformed;
} }

/// One data object, borrowed from the octets that it was parsed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag as its octets read as a number: `0x5F20`, `0xDF21`.
    pub tag: u32,
    /// The value.
    pub value: &'a [u8],
    /// Tag, length and value as received.
    pub object: &'a [u8],
}

/// Goes through a sequence of data objects. Filler octets `00` and `FF` between and after objects are
/// skipped (ISO 7816-4, 5.2.2.1: "before, between or after").
///
/// It ends after the first error.
#[derive(Clone, Debug)]
pub struct Objects<'a> {
    octets: &'a [u8],
    position: usize,
}

/// The data objects in a sequence of octets.
#[must_use]
pub const fn objects(octets: &[u8]) -> Objects<'_> {
    Objects { octets, position: 0 }
}

/// The value of the first object with a tag, on this level.
///
/// # Errors
/// [`TlvError::Missing`], or what was malformed before it.
pub fn find(octets: &[u8], tag: u32) -> Result<Tlv<'_>, TlvError> {
    objects(octets)
        .find(|object| object.is_ok_and(|object| object.tag == tag) || object.is_err())
        .unwrap_or(Err(TlvError::Missing(tag)))
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.octets.get(self.position) {
                None => return None,
                // FF begins private two-octet tags (FF20); two FF in a row are filler.
                Some(0x00) => self.position += 1,
                Some(0xFF) if !self.begins_private_tag() => self.position += 1,
                Some(_) => break,
            }
        }
        let object = self.parse();
        match object {
            Ok(object) => self.position += object.object.len(),
            Err(_) => self.position = self.octets.len(),
        }
        Some(object)
    }
}

impl<'a> Objects<'a> {
    fn begins_private_tag(&self) -> bool {
        self.octets.get(self.position + 1).is_some_and(|octet| *octet != 0xFF && *octet != 0x00)
    }

    fn octet(&self, offset: usize) -> Result<u8, TlvError> {
        self.octets.get(self.position + offset).copied().ok_or(TlvError::Truncated(self.position))
    }

    fn parse(&self) -> Result<Tlv<'a>, TlvError> {
        let first = self.octet(0)?;
        let mut tag = u32::from(first);
        let mut header = 1;
        if first & 0x1F == 0x1F {
            loop {
                let octet = self.octet(header)?;
                header += 1;
                tag = tag << 8 | u32::from(octet);
                match (octet & 0x80, header) {
                    (0, _) => break,
                    (_, 3..) => return Err(TlvError::Tag(self.position)),
                    _ => {}
                }
            }
        }
        let length_position = self.position + header;
        let first_length = self.octet(header)?;
        header += 1;
        let mut length = usize::from(first_length);
        if first_length >= 0x80 {
            let octets = usize::from(first_length & 0x7F);
            if octets == 0 || octets > 3 {
                return Err(TlvError::Length(length_position));
            }
            length = 0;
            for _ in 0..octets {
                length = length << 8 | usize::from(self.octet(header)?);
                header += 1;
            }
        }
        if length > VALUE_OCTETS_MAX {
            return Err(TlvError::Length(length_position));
        }
        let rest = self.octets.get(self.position..).unwrap_or_default();
        let object = rest.get(..header + length).ok_or(TlvError::Truncated(self.position))?;
        let value = object.get(header..).unwrap_or_default();
        Ok(Tlv { tag, value, object })
    }
}

/// One object: tag, shortest length form, value.
#[must_use]
pub fn encode(tag: u32, value: &[u8]) -> Vec<u8> {
    let mut object: Vec<u8> = tag.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    match (value.len(), u8::try_from(significant.len())) {
        (0..=0x7F, _) => object.push(value.len().to_le_bytes()[0]),
        (_, Ok(octets)) => {
            object.push(0x80 | octets);
            object.extend_from_slice(&significant);
        }
        (_, Err(_)) => {}
    }
    object.extend_from_slice(value);
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn objects_round_trip_at_every_length_form() {
        for (tag, length) in
            [(0x86, 0), (0x5F20, 127), (0xDF21, 128), (0xFF20, 255), (0x7F21, 256), (0xA1, 65_535)]
        {
            let value = vec![0x5A; length];
            let object = encode(tag, &value);
            let parsed = objects(&object).next().unwrap().unwrap();
            assert_eq!((parsed.tag, parsed.value, parsed.object), (tag, value.as_slice(), object.as_slice()));
        }
    }

    #[test]
    fn filler_is_skipped_and_bombs_are_refused() {
        let padded = [&encode(0xDF21, b"x")[..], &[0xFF, 0xFF, 0x00]].concat();
        assert_eq!(objects(&padded).count(), 1);
        assert_eq!(objects(&[0x30, 0x80, 0, 0]).next(), Some(Err(TlvError::Length(1))));
        assert_eq!(objects(&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]).next(), Some(Err(TlvError::Length(1))));
        assert_eq!(objects(&[0x3F, 0x81, 0x81, 0x81]).next(), Some(Err(TlvError::Tag(0))));
        assert_eq!(objects(&[0x30, 5, 1]).next(), Some(Err(TlvError::Truncated(0))));
        assert_eq!(find(&padded, 0xDF22), Err(TlvError::Missing(0xDF22)));
    }
}
