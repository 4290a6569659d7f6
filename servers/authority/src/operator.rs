//! The operator: owns the elements. Keys of their issuer security domains, makers, and the first keys of the
//! authority's domain, which it hands over.

use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use tefuda_apdu::scp03::{StaticKeys, diversify};
use tefuda_authority::tsm::KeySet;
use tefuda_keys::KeySpace;
use tefuda_protocol::element::{INITIAL_KEY_VERSION, OWN_KEY_VERSION};
use tefuda_store::{AuditEntry, Documents, StoreError};
use tefuda_types::{Bytes, ElementId, Family, Secret, Timestamp};
use tefuda_web::{ActorContext, Problem};
use thiserror::Error;

/// Octets of a maker's root: an uncompressed P-256 point.
const ROOT_OCTETS: usize = 65;
/// Its first octet (SEC 1, 2.3.3).
const UNCOMPRESSED: u8 = 0x04;

/// Why the operator says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// It never received such an element.
    #[error("the operator has no such element")]
    ElementNotFound,
    /// An element of that identity was made for the other family.
    #[error("an element of this identity was made for another family")]
    ElementTaken,
    /// Not a point.
    #[error("a maker's root is an uncompressed P-256 point")]
    MakerMalformed,
}

tefuda_types::reasons! { OperatorError {
    ElementNotFound => "element.not_found", Caller;
    ElementTaken => "element.id_taken", Policy;
    MakerMalformed => "maker.root_malformed", Malformed;
} }

/// An element that the operator owns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnedElement {
    /// Its identity.
    pub element: ElementId,
    /// What it was made for.
    pub family: Family,
    /// Civil time.
    pub made_at: Timestamp,
    /// Whether the authority's domain was made and has had its first keys.
    pub provisioned: bool,
}

/// Keys as the factory writes them into a new element.
#[derive(Serialize, Deserialize)]
pub struct FactoryKeys {
    enc: Bytes,
    mac: Bytes,
    dek: Bytes,
}

impl core::fmt::Debug for FactoryKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FactoryKeys(…)")
    }
}

/// Where it is in the home.
const PLACE: &str = "authority/operator";

/// The operator's store and keys.
#[derive(Debug)]
pub struct Operator {
    pub(crate) store: Documents,
    keys: KeySpace,
    /// The maker's master key of new elements, where it is not the sandbox's own.
    element_keys: Option<Arc<Secret<[u8; 32]>>>,
}

impl Operator {
    /// Opens the role.
    pub async fn open(context: &ActorContext) -> anyhow::Result<Self> {
        Ok(Self {
            store: context.documents(PLACE).await?,
            keys: context.key_space(&format!("{PLACE}/keys"), "operator")?,
            element_keys: context.element_keys.clone(),
        })
    }

    fn diversified(&self, master: &str, domain: &str, element: ElementId) -> Result<StaticKeys, Problem> {
        Ok(diversify(&self.keys.secret(master)?, domain, element.as_bytes())?)
    }

    /// Keys of an element as its maker delivers it.
    fn initial_keys(&self, element: ElementId) -> Result<StaticKeys, Problem> {
        match &self.element_keys {
            Some(master) => Ok(diversify(master, "issuer", element.as_bytes())?),
            None => self.diversified("issuer-domain-initial", "issuer", element),
        }
    }

    /// A new element, or the keys of one again.
    pub async fn made(
        &self,
        element: ElementId,
        family: Family,
        now: Timestamp,
    ) -> Result<FactoryKeys, Problem> {
        let mut transaction = self.store.begin().await?;
        let owned = OwnedElement { element, family, made_at: now, provisioned: false };
        if transaction.insert("element", &element.to_string(), &owned).await? {
            let detail = json!({ "element": element, "family": family });
            transaction
                .audit(&AuditEntry { time: now, action: "element.received".to_owned(), detail })
                .await?;
        } else {
            let known: Option<OwnedElement> = transaction.get("element", &element.to_string()).await?;
            if known.is_some_and(|known| known.family != family) {
                return Err(OperatorError::ElementTaken.into());
            }
        }
        transaction.commit().await?;
        let keys = self.initial_keys(element)?;
        let bytes = |key: &[u8]| Bytes(key.to_vec());
        Ok(FactoryKeys { enc: bytes(keys.enc()), mac: bytes(keys.mac()), dek: bytes(keys.dek()) })
    }

    /// An element.
    pub async fn element(&self, element: ElementId) -> Result<OwnedElement, Problem> {
        let owned = self.store.get("element", &element.to_string()).await?;
        owned.ok_or_else(|| OperatorError::ElementNotFound.into())
    }

    /// Something was done in an element.
    pub async fn did(&self, element: ElementId, action: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        let detail = json!({ "element": element });
        transaction.audit(&AuditEntry { time: now, action: action.to_owned(), detail }).await?;
        transaction.commit().await
    }

    /// The element confirmed that the authority's domain is there.
    pub async fn provisioned(&self, element: ElementId, now: Timestamp) -> Result<(), Problem> {
        let owned = OwnedElement { provisioned: true, ..self.element(element).await? };
        let mut transaction = self.store.begin().await?;
        transaction.put("element", &element.to_string(), &owned).await?;
        let detail = json!({ "element": element });
        let entry = AuditEntry { time: now, action: "element.provisioned".to_owned(), detail };
        transaction.audit(&entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Final keys of an issuer security domain.
    pub fn own_keys(&self, element: ElementId) -> Result<StaticKeys, Problem> {
        self.diversified("issuer-domain", "issuer", element)
    }

    /// Key sets of an issuer security domain in the order in which they are tried.
    pub fn key_sets(&self, element: ElementId) -> Result<Vec<KeySet>, Problem> {
        let initial = self.initial_keys(element)?;
        Ok(vec![
            KeySet { version: OWN_KEY_VERSION, keys: self.own_keys(element)? },
            KeySet { version: INITIAL_KEY_VERSION, keys: initial },
        ])
    }

    /// First keys of the authority's domain.
    pub fn domain_keys(&self, element: ElementId) -> Result<StaticKeys, Problem> {
        self.diversified("authority-domain-initial", "authority", element)
    }

    /// A maker whose elements are believed. Twice is once.
    pub async fn add_maker(&self, root: &Bytes, now: Timestamp) -> Result<(), Problem> {
        if root.0.len() != ROOT_OCTETS || root.0.first() != Some(&UNCOMPRESSED) {
            return Err(OperatorError::MakerMalformed.into());
        }
        let id: String = tefuda_types::hexadecimal(&root.0);
        let mut transaction = self.store.begin().await?;
        if transaction.insert("maker", &id, root).await? {
            let entry =
                AuditEntry { time: now, action: "maker.accepted".to_owned(), detail: json!({ "root": id }) };
            transaction.audit(&entry).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Roots of all makers.
    pub async fn makers(&self) -> Result<Vec<Bytes>, StoreError> {
        Ok(self.store.list("maker").await?.into_iter().map(|(_, root)| root).collect())
    }
}
