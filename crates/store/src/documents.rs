//! A role's store: collections of JSON documents, and an append-only, hash-chained audit log.
//!
//! The SQL is what SQLite and PostgreSQL both take. A document is an aggregate: it is loaded whole, changed
//! by a pure step, and stored whole, in a transaction that also writes what the audit log says of it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use sqlx::{
    Row, Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};
use tefuda_types::Timestamp;

/// How long a writer waits for another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of one store; SQLite has one writer at a time anyway.
const CONNECTIONS_MAX: u32 = 4;

/// Forward-only: a step is never changed once it was released.
const MIGRATIONS: &[&str] = &[
    "CREATE TABLE document (
        collection TEXT NOT NULL,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (collection, id)
    )",
    "CREATE TABLE audit (
        number BIGINT NOT NULL PRIMARY KEY,
        entry TEXT NOT NULL,
        hash TEXT NOT NULL
    )",
];

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
    pool: SqlitePool,
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
    /// Opens a store, making or migrating it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).connect_with(options).await?;
        migrate(&pool).await?;
        Ok(Self { pool })
    }

    /// A transaction that may write. Nothing of it stays unless it is committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction(self.pool.begin_with("BEGIN IMMEDIATE").await?))
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
        let row = sqlx::query("SELECT body FROM document WHERE collection = $1 AND id = $2")
            .bind(collection)
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(serde_json::from_str(row.try_get("body")?)?)).transpose()
    }

    /// All documents of a collection with their identifiers, in the order of these.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list<T: DeserializeOwned>(&self, collection: &str) -> Result<Vec<(String, T)>, StoreError> {
        let rows = sqlx::query("SELECT id, body FROM document WHERE collection = $1 ORDER BY id")
            .bind(collection)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(document).collect()
    }

    /// Goes through the whole audit log.
    ///
    /// # Errors
    /// [`StoreError::AuditBroken`] with the first entry that does not follow from the one before.
    pub async fn verify_audit(&self) -> Result<i64, StoreError> {
        let rows = sqlx::query("SELECT number, entry, hash FROM audit ORDER BY number")
            .fetch_all(&self.pool)
            .await?;
        let mut last = (0, String::new());
        for row in rows {
            let (number, entry, hash): (i64, String, String) =
                (row.try_get("number")?, row.try_get("entry")?, row.try_get("hash")?);
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
        let rows = sqlx::query("SELECT entry FROM audit ORDER BY number DESC LIMIT $1")
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok(serde_json::from_str(row.try_get("entry")?)?)).collect()
    }
}

async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS migration (number BIGINT NOT NULL PRIMARY KEY)")
        .execute(&mut *transaction)
        .await?;
    let row = sqlx::query("SELECT COALESCE(MAX(number), 0) AS done FROM migration")
        .fetch_one(&mut *transaction)
        .await?;
    let done = usize::try_from(row.try_get::<i64, _>("done")?).unwrap_or_default();
    if done > MIGRATIONS.len() {
        return Err(StoreError::LaterVersion);
    }
    for (number, step) in MIGRATIONS.iter().enumerate().skip(done) {
        sqlx::query(*step).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO migration (number) VALUES ($1)")
            .bind(i64::try_from(number + 1).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await?;
    }
    Ok(transaction.commit().await?)
}

fn document<T: DeserializeOwned>(row: &sqlx::sqlite::SqliteRow) -> Result<(String, T), StoreError> {
    Ok((row.try_get("id")?, serde_json::from_str(row.try_get("body")?)?))
}

/// Hash of an audit entry over the one before it.
fn chain(previous: &str, number: i64, entry: &str) -> String {
    let hash = Sha256::new()
        .chain_update(previous.as_bytes())
        .chain_update(number.to_be_bytes())
        .chain_update(entry.as_bytes())
        .finalize();
    hash.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Reads and writes that stay together.
#[derive(Debug)]
pub struct Transaction(sqlx::Transaction<'static, Sqlite>);

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
        let row = sqlx::query("SELECT body FROM document WHERE collection = $1 AND id = $2")
            .bind(collection)
            .bind(id)
            .fetch_optional(&mut *self.0)
            .await?;
        row.map(|row| Ok(serde_json::from_str(row.try_get("body")?)?)).transpose()
    }

    /// All documents of a collection, in the order of their identifiers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list<T: DeserializeOwned>(
        &mut self,
        collection: &str,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let rows = sqlx::query("SELECT id, body FROM document WHERE collection = $1 ORDER BY id")
            .bind(collection)
            .fetch_all(&mut *self.0)
            .await?;
        rows.iter().map(document).collect()
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
        sqlx::query(
            "INSERT INTO document (collection, id, body) VALUES ($1, $2, $3)
             ON CONFLICT (collection, id) DO UPDATE SET body = excluded.body",
        )
        .bind(collection)
        .bind(id)
        .bind(serde_json::to_string(body)?)
        .execute(&mut *self.0)
        .await?;
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
        let done = sqlx::query(
            "INSERT INTO document (collection, id, body) VALUES ($1, $2, $3) ON CONFLICT (collection, id) DO NOTHING",
        )
        .bind(collection)
        .bind(id)
        .bind(serde_json::to_string(body)?)
        .execute(&mut *self.0)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes a document; tells whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&mut self, collection: &str, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM document WHERE collection = $1 AND id = $2")
            .bind(collection)
            .bind(id)
            .execute(&mut *self.0)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Adds to the audit log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let last = sqlx::query("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
            .fetch_optional(&mut *self.0)
            .await?;
        let (number, previous): (i64, String) = match last {
            Some(row) => (row.try_get("number")?, row.try_get("hash")?),
            None => (0, String::new()),
        };
        let text = serde_json::to_string(entry)?;
        let hash = chain(&previous, number + 1, &text);
        sqlx::query("INSERT INTO audit (number, entry, hash) VALUES ($1, $2, $3)")
            .bind(number + 1)
            .bind(text)
            .bind(hash)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}
