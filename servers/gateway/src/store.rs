//! Collections of the gateway's store.

use tefuda_gateway::{Handle, Known, LinkRow, Person, Purpose};
use tefuda_protocol::statement::CertificateReference;
use tefuda_store::{StoreError, Transaction};

use crate::Gateway;

/// Relying parties, by `client_id`.
pub const PARTIES: &str = "relying-party";
/// Numbers given last.
pub const COUNTERS: &str = "counter";
/// Login requests, by identifier.
pub const LOGINS: &str = "login";
/// Codes, by fingerprint.
pub const CODES: &str = "code";
/// Access tokens, by fingerprint.
pub const ACCESS: &str = "access-token";
/// Client assertions that were used, by fingerprint: until when.
pub const ASSERTIONS: &str = "client-assertion";
/// Persons, by handle.
pub const PERSONS: &str = "person";
/// The link table, by fingerprint of a certificate.
pub const LINKS: &str = "link";
/// Sessions, by identifier.
pub const SESSIONS: &str = "session";
/// Sessions that are over, by identifier.
pub const HISTORY: &str = "history";
/// Relying parties that are to be told that a session ended, by its identifier.
pub const LOGOUTS: &str = "logout";
/// Signing keys, by number.
pub const KEYS: &str = "signing-key";
/// The newest signed time that was seen.
pub const STATUS: &str = "status";

/// Handles that point to one another in a row: each merge adds one at most.
const MERGES_MAX: usize = 64;

impl Gateway {
    /// Where a certificate stands in the link table.
    pub(crate) fn link(&self, certificate: &CertificateReference) -> tefuda_gateway::Fingerprint {
        let CertificateReference { kind, issuer_key_id, serial } = certificate;
        self.fingerprints.of(Purpose::Link, &format!("{kind}/{issuer_key_id}/{serial}"))
    }

    /// The person behind a handle: the older one, if two turned out to be one.
    pub(crate) async fn person(
        &self,
        transaction: &mut Transaction,
        handle: &Handle,
    ) -> Result<Option<Person>, StoreError> {
        let mut handle = handle.clone();
        for _ in 0..MERGES_MAX {
            let Some(person) = transaction.get::<Person>(PERSONS, handle.as_str()).await? else {
                return Ok(None);
            };
            match person.merged_into {
                Some(older) => handle = older,
                None => return Ok(Some(person)),
            }
        }
        Ok(None)
    }

    /// Those of several certificates that the link table has.
    pub(crate) async fn known<'a>(
        &self,
        transaction: &mut Transaction,
        certificates: impl Iterator<Item = &'a CertificateReference>,
    ) -> Result<Vec<Known>, StoreError> {
        let mut known = Vec::new();
        for certificate in certificates {
            let row: Option<LinkRow> = transaction.get(LINKS, self.link(certificate).as_str()).await?;
            let Some(row) = row else { continue };
            if let Some(person) = self.person(transaction, &row.handle).await? {
                known.push(Known { certificate: certificate.clone(), person });
            }
        }
        Ok(known)
    }
}
