//! A role's store: collections of JSON documents, and an append-only, hash-chained audit log.
//!
//! The SQL is what SQLite and PostgreSQL both take. A document is an aggregate: it is loaded whole, changed
//! by a pure step, and stored whole, in a transaction that also writes what the audit log says of it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};
use tefuda_types::Timestamp;

use crate::{
    database::{Open, Pool, in_open, on_pool},
    together,
};

const GET: &str = "SELECT body FROM document WHERE collection = $1 AND id = $2";
const LIST: &str = "SELECT id, body FROM document WHERE collection = $1";
const PUT: &str = "INSERT INTO document (collection, id, body) VALUES ($1, $2, $3)
    ON CONFLICT (collection, id) DO UPDATE SET body = excluded.body";
const INSERT: &str = "INSERT INTO document (collection, id, body) VALUES ($1, $2, $3)
    ON CONFLICT (collection, id) DO NOTHING";
const GET_ALL: &str = "SELECT id, body FROM document WHERE collection = $1 AND id IN";
const INSERT_ALL: &str = "INSERT INTO document (collection, id, body) VALUES";
const INSERTED: &str = "ON CONFLICT (collection, id) DO NOTHING RETURNING id";
const AUDIT_ALL: &str = "INSERT INTO audit (number, entry, hash) VALUES";
const REMOVE: &str = "DELETE FROM document WHERE collection = $1 AND id = $2";

/// Why a store gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A stored document has not the form that this version knows.
    #[error("a stored document cannot be read: {0}")]
    Document(#[from] serde_json::Error),
    /// A later version wrote this store.
    #[error("the store was written by a later version")]
    LaterVersion,
    /// The audit log does not hang together.
    #[error("the audit log is broken at entry {0}")]
    AuditBroken(i64),
}

tefuda_types::reasons! { StoreError {
    Database(_) => "store.unavailable", Backend;
    Document(_) => "store.document_unreadable", Backend;
    LaterVersion => "store.later_version", Policy;
    AuditBroken(_) => "audit.broken", Policy;
} }

/// A role's store.
#[derive(Clone, Debug)]
pub struct Documents {
    pool: Pool,
}

/// What the audit log says: when, what, about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Civil time.
    pub time: Timestamp,
    /// Stable name, as `certificate.issue`.
    pub action: String,
    /// Identifiers, never personal data.
    pub detail: serde_json::Value,
}

impl Documents {
    /// Opens a store in an SQLite file, making or migrating it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::migrated(Pool::sqlite(path).await?).await
    }

    /// Opens a store in a schema of a PostgreSQL database, making or migrating it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_postgres(url: &str, schema: &str) -> Result<Self, StoreError> {
        Self::migrated(Pool::postgres(url, schema).await?).await
    }

    async fn migrated(pool: Pool) -> Result<Self, StoreError> {
        pool.migrate().await?;
        Ok(Self { pool })
    }

    /// A transaction that may write. Nothing of it stays unless it is committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction(self.pool.begin().await?))
    }

    /// A document, outside any transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        collection: &str,
        id: &str,
    ) -> Result<Option<T>, StoreError> {
        let row: Option<(String,)> = on_pool!(&self.pool, to => {
            sqlx::query_as(GET).bind(collection).bind(id).fetch_optional(to).await?
        });
        row.map(|(body,)| Ok(serde_json::from_str(&body)?)).transpose()
    }

    /// Those of several documents that are there, by their identifiers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_all<T: DeserializeOwned>(
        &self,
        collection: &str,
        ids: &[&str],
    ) -> Result<HashMap<String, T>, StoreError> {
        let mut found = HashMap::new();
        for some in together::parts(ids) {
            let rows: Vec<(String, String)> = on_pool!(&self.pool, to => {
                let query = sqlx::query_as(together::list(GET_ALL, some.len())).bind(collection);
                some.iter().fold(query, |query, id| query.bind(*id)).fetch_all(to).await?
            });
            for (id, body) in rows {
                found.insert(id, serde_json::from_str(&body)?);
            }
        }
        Ok(found)
    }

    /// All documents of a collection with their identifiers, in the order of these.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list<T: DeserializeOwned>(&self, collection: &str) -> Result<Vec<(String, T)>, StoreError> {
        let rows = on_pool!(&self.pool, to => {
            sqlx::query_as(LIST).bind(collection).fetch_all(to).await?
        });
        documents(rows)
    }

    /// Goes through the whole audit log.
    ///
    /// # Errors
    /// [`StoreError::AuditBroken`] with the first entry that does not follow from the one before.
    pub async fn verify_audit(&self) -> Result<i64, StoreError> {
        let rows: Vec<(i64, String, String)> = on_pool!(&self.pool, to => {
            sqlx::query_as("SELECT number, entry, hash FROM audit ORDER BY number").fetch_all(to).await?
        });
        let mut last = (0, String::new());
        for (number, entry, hash) in rows {
            if number != last.0 + 1 || hash != chain(&last.1, number, &entry) {
                return Err(StoreError::AuditBroken(number));
            }
            last = (number, hash);
        }
        Ok(last.0)
    }

    /// The newest audit entries, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_entries(&self, most: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let rows: Vec<(String,)> = on_pool!(&self.pool, to => {
            sqlx::query_as("SELECT entry FROM audit ORDER BY number DESC LIMIT $1")
                .bind(i64::from(most))
                .fetch_all(to)
                .await?
        });
        rows.iter().map(|(entry,)| Ok(serde_json::from_str(entry)?)).collect()
    }
}

/// In the order of the identifiers' octets: databases differ in what comes after what.
fn documents<T: DeserializeOwned>(mut rows: Vec<(String, String)>) -> Result<Vec<(String, T)>, StoreError> {
    rows.sort_unstable();
    rows.into_iter().map(|(id, body)| Ok((id, serde_json::from_str(&body)?))).collect()
}

/// Hash of an audit entry over the one before it.
fn chain(previous: &str, number: i64, entry: &str) -> String {
    let hash = Sha256::new()
        .chain_update(previous.as_bytes())
        .chain_update(number.to_be_bytes())
        .chain_update(entry.as_bytes())
        .finalize();
    tefuda_types::hexadecimal(&hash)
}

/// Reads and writes that stay together.
#[derive(Debug)]
pub struct Transaction(Open);

impl Transaction {
    /// A document.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get<T: DeserializeOwned>(
        &mut self,
        collection: &str,
        id: &str,
    ) -> Result<Option<T>, StoreError> {
        let row: Option<(String,)> = in_open!(&mut self.0, to => {
            sqlx::query_as(GET).bind(collection).bind(id).fetch_optional(to).await?
        });
        row.map(|(body,)| Ok(serde_json::from_str(&body)?)).transpose()
    }

    /// Those of several documents that are there, by their identifiers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get_all<T: DeserializeOwned>(
        &mut self,
        collection: &str,
        ids: &[&str],
    ) -> Result<HashMap<String, T>, StoreError> {
        let mut found = HashMap::new();
        for some in together::parts(ids) {
            let rows: Vec<(String, String)> = in_open!(&mut self.0, to => {
                let query = sqlx::query_as(together::list(GET_ALL, some.len())).bind(collection);
                some.iter().fold(query, |query, id| query.bind(*id)).fetch_all(to).await?
            });
            for (id, body) in rows {
                found.insert(id, serde_json::from_str(&body)?);
            }
        }
        Ok(found)
    }

    /// All documents of a collection, in the order of their identifiers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list<T: DeserializeOwned>(
        &mut self,
        collection: &str,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let rows = in_open!(&mut self.0, to => {
            sqlx::query_as(LIST).bind(collection).fetch_all(to).await?
        });
        documents(rows)
    }

    /// Stores a document in place of the one with its identifier.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put<T: Serialize>(
        &mut self,
        collection: &str,
        id: &str,
        body: &T,
    ) -> Result<(), StoreError> {
        let body = serde_json::to_string(body)?;
        in_open!(&mut self.0, to => {
            sqlx::query(PUT).bind(collection).bind(id).bind(body).execute(to).await?;
        });
        Ok(())
    }

    /// Stores a document unless there is one with its identifier; tells whether it did. This is how a message
    /// that comes twice is taken once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert<T: Serialize>(
        &mut self,
        collection: &str,
        id: &str,
        body: &T,
    ) -> Result<bool, StoreError> {
        let body = serde_json::to_string(body)?;
        let rows = in_open!(&mut self.0, to => {
            sqlx::query(INSERT).bind(collection).bind(id).bind(body).execute(to).await?.rows_affected()
        });
        Ok(rows == 1)
    }

    /// Stores several documents, each unless there is one with its identifier, there or earlier among them; tells
    /// for each whether it did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_all<T: Serialize>(
        &mut self,
        collection: &str,
        documents: &[(&str, &T)],
    ) -> Result<Vec<bool>, StoreError> {
        let mut inserted = HashSet::new();
        for some in together::parts(documents) {
            let mut rows = Vec::new();
            for (id, body) in some {
                rows.push((*id, serde_json::to_string(body)?));
            }
            let text = together::rows(INSERT_ALL, "$1", (2, 2, rows.len()), INSERTED);
            let ids: Vec<(String,)> = in_open!(&mut self.0, to => {
                let query = sqlx::query_as(text).bind(collection);
                let query = rows.into_iter().fold(query, |query, (id, body)| query.bind(id).bind(body));
                query.fetch_all(to).await?
            });
            inserted.extend(ids.into_iter().map(|(id,)| id));
        }
        Ok(documents.iter().map(|(id, _)| inserted.remove(*id)).collect())
    }

    /// Removes a document; tells whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&mut self, collection: &str, id: &str) -> Result<bool, StoreError> {
        let rows = in_open!(&mut self.0, to => {
            sqlx::query(REMOVE).bind(collection).bind(id).execute(to).await?.rows_affected()
        });
        Ok(rows == 1)
    }

    /// Adds to the audit log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.audit_all(core::slice::from_ref(entry)).await
    }

    /// Adds several entries to the audit log, in their order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_all(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let last: Option<(i64, String)> = in_open!(&mut self.0, to => {
            sqlx::query_as("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
                .fetch_optional(to)
                .await?
        });
        let (mut number, mut hash) = last.unwrap_or_default();
        let mut lines = Vec::new();
        for entry in entries {
            let text = serde_json::to_string(entry)?;
            number += 1;
            hash = chain(&hash, number, &text);
            lines.push((number, text, hash.clone()));
        }
        for some in together::parts(&lines) {
            let text = together::rows(AUDIT_ALL, "", (1, 3, some.len()), "");
            in_open!(&mut self.0, to => {
                let query = some.iter().fold(sqlx::query(text), |query, (number, entry, hash)| {
                    query.bind(*number).bind(entry.as_str()).bind(hash.as_str())
                });
                query.execute(to).await?;
            });
        }
        Ok(())
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commit(self) -> Result<(), StoreError> {
        self.0.commit().await
    }
}
