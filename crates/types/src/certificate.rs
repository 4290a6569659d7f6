use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

use crate::{hexadecimal::from_hexadecimal, identifier::IdentifierError};

/// The four kinds of certificate. Each kind has its own CA, its own trust store and its own policy;
/// they are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKind {
    /// Signature certificate of the physical card.
    CardSign,
    /// User-authentication certificate of the physical card.
    CardAuth,
    /// Signature certificate of a phone.
    PhoneSign,
    /// User-authentication certificate of a phone.
    PhoneAuth,
}

impl CertificateKind {
    /// All four, in the order in which lists show them.
    pub const ALL: [Self; 4] = [Self::CardSign, Self::CardAuth, Self::PhoneSign, Self::PhoneAuth];

    /// The name in commands, files and JSON: `card-sign`, `card-auth`, `phone-sign`, `phone-auth`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CardSign => "card-sign",
            Self::CardAuth => "card-auth",
            Self::PhoneSign => "phone-sign",
            Self::PhoneAuth => "phone-auth",
        }
    }

    /// Whether its key signs documents (non-repudiation), as opposed to logins.
    #[must_use]
    pub const fn is_signature(self) -> bool {
        matches!(self, Self::CardSign | Self::PhoneSign)
    }

    /// The card's certificate that a phone's certificate follows, kind by kind.
    #[must_use]
    pub const fn card_twin(self) -> Self {
        if self.is_signature() { Self::CardSign } else { Self::CardAuth }
    }
}

impl fmt::Display for CertificateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CertificateKind {
    type Err = IdentifierError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(IdentifierError::CertificateKind)
    }
}

/// What is known of a certificate's validity. Expiry is a date, never a status.
///
/// *Not known* never passes as valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateStatus {
    /// In force according to status data that are fresh enough.
    Valid,
    /// On hold; may come back.
    Suspended,
    /// Ended for good.
    Revoked,
    /// No status data that are fresh enough.
    NotKnown,
}

impl fmt::Display for CertificateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "valid",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::NotKnown => "not-known",
        })
    }
}

/// The two families of phones. A person may hold one phone of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Android-like phones.
    Android,
    /// iPhone-like phones.
    Iphone,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Android => "android",
            Self::Iphone => "iphone",
        })
    }
}

/// Which of a chip's two passwords is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinKind {
    /// The signature password: 6 to 16 of A-Z and 0-9 with at least one of each; five tries.
    Sign,
    /// The authentication PIN: four digits; three tries.
    Auth,
}

/// A certificate's serial number, shown as `openssl x509 -serial` prints it: upper-case hex.
///
/// At most 20 octets (RFC 5280, 4.1.2.2), without leading zero octets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// Most octets in a serial number (RFC 5280, 4.1.2.2).
    pub const OCTETS_MAX: usize = 20;

    /// A serial number from big-endian octets, leading zeros dropped.
    ///
    /// # Errors
    /// [`IdentifierError::Serial`] for no octets at all, only zeros, or more than twenty.
    pub fn from_be_bytes(octets: &[u8]) -> Result<Self, IdentifierError> {
        let start = octets.iter().position(|octet| *octet != 0).ok_or(IdentifierError::Serial)?;
        let significant = octets.get(start..).unwrap_or_default();
        if significant.len() > Self::OCTETS_MAX {
            return Err(IdentifierError::Serial);
        }
        Ok(Self(significant.to_vec()))
    }

    /// Big-endian octets without leading zeros.
    #[must_use]
    pub fn as_be_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Serial {
    type Err = IdentifierError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.is_ascii() || text.len() > 2 * Self::OCTETS_MAX + 2 {
            return Err(IdentifierError::Serial);
        }
        let padded = if text.len() % 2 == 1 { alloc::format!("0{text}") } else { text.to_owned() };
        let octets = from_hexadecimal(&padded).ok_or(IdentifierError::Serial)?;
        Self::from_be_bytes(&octets)
    }
}

impl Serialize for Serial {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Serial {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_print_as_openssl_prints_them() {
        let serial = Serial::from_be_bytes(&[0, 0, 0x0A, 0xBC]).unwrap();
        assert_eq!(serial.to_string(), "0ABC");
        assert_eq!("ABC".parse::<Serial>().unwrap(), serial);
        assert!("".parse::<Serial>().is_err());
        assert!("00".parse::<Serial>().is_err());
        assert!(Serial::from_be_bytes(&[1; 21]).is_err());
    }

    extern crate std;
    use std::string::ToString;
}
