use alloc::{borrow::ToOwned, string::String};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hexadecimal::from_hexadecimal;

/// A text that is not the identifier it is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// A resident's id: `r` and digits, as `r07`.
    #[error("a resident's id is a lower-case letter followed by lower-case letters, digits or hyphens")]
    ResidentId,
    /// A phone's name: `[a-z][a-z0-9-]{0,30}`.
    #[error(
        "a phone's name is a lower-case letter followed by at most 30 lower-case letters, digits or hyphens"
    )]
    PhoneName,
    /// An element's identity: 20 hex digits.
    #[error("an element's identity is 20 hexadecimal digits")]
    ElementId,
    /// A serial number.
    #[error("a serial number is 1 to 20 octets in hexadecimal, not zero")]
    Serial,
    /// A certificate kind.
    #[error("a certificate kind is card-sign, card-auth, phone-sign or phone-auth")]
    CertificateKind,
    /// An Individual Number.
    #[error("an Individual Number is 12 digits, the last a check digit")]
    IndividualNumber,
}

crate::reasons! { IdentifierError {
    ResidentId => "resident.id_malformed", Malformed;
    PhoneName => "phone.name_malformed", Malformed;
    ElementId => "element.id_malformed", Malformed;
    Serial => "certificate.serial_malformed", Malformed;
    CertificateKind => "certificate.kind_unknown", Malformed;
    IndividualNumber => "resident.individual_number_malformed", Malformed;
} }

/// Longest name of a resident or phone: a DNS label has 63 octets, `phone-` takes six.
const NAME_LENGTH_MAX: usize = 31;

fn is_name(text: &str) -> bool {
    let mut octets = text.bytes();
    text.len() <= NAME_LENGTH_MAX
        && octets.next().is_some_and(|first| first.is_ascii_lowercase())
        && octets.all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = IdentifierError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if is_name(text) { Ok(Self(text.to_owned())) } else { Err(IdentifierError::$name) }
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name_type! {
    /// A resident of the synthetic register.
    ResidentId
}
name_type! {
    /// A phone's name, which is also a label of its host name `phone-NAME.localhost`.
    PhoneName
}

/// Identity of a secure element: the ten octets of its key diversification data
/// (GlobalPlatform Card Specification, INITIALIZE UPDATE response).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElementId([u8; 10]);

impl ElementId {
    /// From the ten octets on the wire.
    #[must_use]
    pub const fn from_bytes(octets: [u8; 10]) -> Self {
        Self(octets)
    }

    /// The ten octets on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 10] {
        &self.0
    }
}

impl fmt::Display for ElementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl fmt::Debug for ElementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for ElementId {
    type Err = IdentifierError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 20 || !text.is_ascii() {
            return Err(IdentifierError::ElementId);
        }
        let octets = from_hexadecimal(text).ok_or(IdentifierError::ElementId)?;
        Ok(Self(octets.try_into().map_err(|_| IdentifierError::ElementId)?))
    }
}

impl Serialize for ElementId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ElementId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
