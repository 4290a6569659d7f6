//! Who a person is: a random handle here, another `sub` for each relying party.
//!
//! A handle is found by any authentication certificate of the person that was seen or linked. The sector of a
//! `sub` is the relying party itself (OpenID Connect Core, 8.1): two parties on one host learn nothing from
//! one another.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};
use tefuda_openid::ClientId;
use tefuda_protocol::statement::CertificateReference;
use tefuda_types::{Secret, Timestamp};
use tefuda_verifier::VerifiedLogin;

use crate::{FlowError, secrets::keyed_hash};

/// Names a person inside the gateway, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handle(String);

impl Handle {
    /// From 16 octets of randomness.
    #[must_use]
    pub fn new(random: &[u8; 16]) -> Self {
        Self(tefuda_types::hexadecimal(random))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person as the gateway keeps one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name of the person.
    pub handle: Handle,
    /// Wire time of the first login.
    pub since: Timestamp,
    /// The older handle of the same person, once a link has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<Handle>,
}

/// A line of the link table: the only place in which the gateway keeps serials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// A certificate.
    pub certificate: CertificateReference,
    /// Whose.
    pub handle: Handle,
}

/// A certificate of a login that is in the link table, with the person behind it (the older one, if merged).
#[derive(Clone, Debug)]
pub struct Known {
    /// Which.
    pub certificate: CertificateReference,
    /// Whose.
    pub person: Person,
}

/// Who logged in, and what is new about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The person.
    pub person: Person,
    /// Younger handles that turned out to be the same person's.
    pub merged: Vec<Handle>,
    /// Certificates for the link table.
    pub learned: Vec<CertificateReference>,
}

/// Finds the person of a login. One link joins; of two handles that are linked, the older stays.
///
/// # Errors
/// [`FlowError::LinksWanted`] for a certificate that was never seen, shown without links: the wallet shows
/// them only when it must.
pub fn join(
    login: &VerifiedLogin,
    known: &[Known],
    fresh: Handle,
    now: Timestamp,
) -> Result<Joined, FlowError> {
    let shown = || core::iter::once(login.certificate()).chain(login.links());
    let is_known =
        |certificate: &CertificateReference| known.iter().any(|own| own.certificate == *certificate);
    if login.links().is_empty() && !is_known(login.certificate()) {
        return Err(FlowError::LinksWanted);
    }
    let oldest = known.iter().map(|known| &known.person).min_by_key(|person| (person.since, &person.handle));
    let person = oldest.cloned().unwrap_or(Person { handle: fresh, since: now, merged_into: None });
    let mut merged: Vec<Handle> = known.iter().map(|known| known.person.handle.clone()).collect();
    merged.retain(|handle| *handle != person.handle);
    merged.sort();
    merged.dedup();
    let mut learned: Vec<CertificateReference> =
        shown().filter(|certificate| !is_known(certificate)).cloned().collect();
    learned.sort();
    learned.dedup();
    Ok(Joined { person, merged, learned })
}

/// Makes pairwise subjects under a secret of the gateway's key space.
#[derive(Debug)]
pub struct Subjects(Secret<[u8; 32]>);

impl Subjects {
    /// With a secret.
    #[must_use]
    pub const fn new(secret: Secret<[u8; 32]>) -> Self {
        Self(secret)
    }

    /// `sub` of a person for a relying party: base64url of `HMAC-SHA256(secret, sector ‖ 00 ‖ handle)`.
    #[must_use]
    pub fn of(&self, sector: &ClientId, handle: &Handle) -> String {
        let mac = keyed_hash(&self.0, &[sector.as_str().as_bytes(), &[0], handle.as_str().as_bytes()]);
        Base64UrlUnpadded::encode_string(&mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_another_to_each_party() {
        let subjects = Subjects::new(Secret::new([1; 32]));
        let (one, two) = ("RP1".parse().unwrap(), "RP2".parse().unwrap());
        let (a, b) = (Handle::new(&[1; 16]), Handle::new(&[2; 16]));
        assert_eq!(subjects.of(&one, &a), subjects.of(&one, &a));
        assert_ne!(subjects.of(&one, &a), subjects.of(&two, &a));
        assert_ne!(subjects.of(&one, &a), subjects.of(&one, &b));
    }
}
