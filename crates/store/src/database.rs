//! The two databases that take the same SQL: SQLite in the home, and PostgreSQL.
//!
//! Both have one writer to a store at a time: SQLite by its own lock, PostgreSQL by an advisory lock that a
//! transaction takes first. The audit log, in which each entry follows from the one before, asks for that anyway;
//! and so no transaction is ever undone because of another.

use sha2::{Digest, Sha256};
use sqlx::{
    PgPool, Postgres, Sqlite, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr, sync::Arc, time::Duration};
use tefuda_types::Secret;

use crate::{Documents, StoreError};

/// How long anything waits for the database: a connection, another writer, a statement. A request ends before
/// its caller's patience does.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections of one store; it has one writer at a time anyway.
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

/// Where the stores of a system are.
#[derive(Clone, Debug, Default)]
pub enum Databases {
    /// SQLite files in the home, one for each role.
    #[default]
    InHome,
    /// A PostgreSQL database, a schema for each role.
    Postgres(Arc<Secret<String>>),
}

impl Databases {
    /// A PostgreSQL database by its URL. A password in it is never shown.
    #[must_use]
    pub fn postgres(url: String) -> Self {
        Self::Postgres(Arc::new(Secret::new(url)))
    }

    /// Opens a role's store, making or migrating it. The role is its path in the home, as `authority/operator`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(&self, home: &Path, role: &str) -> Result<Documents, StoreError> {
        match self {
            Self::InHome => Documents::open(&home.join(role).join("store.db")).await,
            Self::Postgres(url) => Documents::open_postgres(url.expose(), &schema(role)).await,
        }
    }

    /// Where a role's store is, for those who look into it; without any password.
    #[must_use]
    pub fn address(&self, home: &Path, role: &str) -> String {
        match self {
            Self::InHome => format!("sqlite://{}", home.join(role).join("store.db").display()),
            Self::Postgres(url) => PgConnectOptions::from_str(url.expose()).map_or_else(
                |_| "postgres:".to_owned(),
                |options| {
                    let (host, user) = (options.get_host(), options.get_username());
                    let database = options.get_database().unwrap_or(user);
                    format!("postgres://{user}@{host}:{}/{database}#{}", options.get_port(), schema(role))
                },
            ),
        }
    }
}

/// A role's schema: its path, as a name that needs no quotes.
fn schema(role: &str) -> String {
    role.replace(|sign: char| !sign.is_ascii_alphanumeric(), "_")
}

/// Connections to one store.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    /// With its schema.
    Postgres(PgPool, Arc<str>),
}

/// A transaction that may write, in either database.
#[derive(Debug)]
pub(crate) enum Open {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// The same query on whichever database there is.
macro_rules! on_pool {
    ($pool:expr, $to:ident => $query:expr) => {
        match $pool {
            $crate::database::Pool::Sqlite($to) => $query,
            $crate::database::Pool::Postgres($to, _) => $query,
        }
    };
}

/// The same statement in whichever transaction is open.
macro_rules! in_open {
    ($open:expr, $to:ident => $query:expr) => {
        match $open {
            $crate::database::Open::Sqlite(open) => {
                let $to = &mut **open;
                $query
            }
            $crate::database::Open::Postgres(open) => {
                let $to = &mut **open;
                $query
            }
        }
    };
}

pub(crate) use {in_open, on_pool};

impl Pool {
    pub(crate) async fn sqlite(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).connect_with(options).await?;
        Ok(Self::Sqlite(pool))
    }

    pub(crate) async fn postgres(url: &str, schema: &str) -> Result<Self, StoreError> {
        let patience = PATIENCE.as_millis().to_string();
        let options = PgConnectOptions::from_str(url)?
            .application_name(schema)
            .options([("search_path", schema), ("statement_timeout", patience.as_str())]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool, schema.into()))
    }

    /// A transaction that writes alone.
    pub(crate) async fn begin(&self) -> Result<Open, StoreError> {
        match self {
            Self::Sqlite(pool) => Ok(Open::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)),
            Self::Postgres(pool, schema) => {
                // Each statement after this one sees what the writer before has committed.
                let mut open = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
                sqlx::query("SELECT pg_advisory_xact_lock($1)")
                    .bind(turn(schema))
                    .execute(&mut *open)
                    .await?;
                Ok(Open::Postgres(open))
            }
        }
    }

    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        let mut open = self.begin().await?;
        if let (Self::Postgres(_, schema), Open::Postgres(open)) = (self, &mut open) {
            found(schema, open).await?;
        }
        in_open!(&mut open, to => {
            sqlx::query("CREATE TABLE IF NOT EXISTS migration (number BIGINT NOT NULL PRIMARY KEY)")
                .execute(to).await?;
        });
        let (done,): (i64,) = in_open!(&mut open, to => {
            sqlx::query_as("SELECT COALESCE(MAX(number), 0) FROM migration").fetch_one(to).await?
        });
        let done = usize::try_from(done).unwrap_or_default();
        if done > MIGRATIONS.len() {
            return Err(StoreError::LaterVersion);
        }
        for (step, number) in MIGRATIONS.iter().zip(1_i64..).skip(done) {
            in_open!(&mut open, to => { sqlx::query(*step).execute(to).await?; });
            in_open!(&mut open, to => {
                sqlx::query("INSERT INTO migration (number) VALUES ($1)").bind(number).execute(to).await?;
            });
        }
        open.commit().await
    }
}

/// The number of the lock that the writers of a schema take in turn.
fn turn(schema: &str) -> i64 {
    Sha256::digest(schema.as_bytes()).first_chunk().map_or(0, |octets| i64::from_be_bytes(*octets))
}

/// Makes a schema unless an operator did, who may keep that right to themselves.
async fn found(schema: &str, open: &mut sqlx::Transaction<'static, Postgres>) -> Result<(), StoreError> {
    let there = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1")
        .bind(schema)
        .fetch_optional(&mut **open)
        .await?;
    if there.is_none() {
        // Made of letters, digits and underscores; a name can't be bound.
        let make = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        sqlx::query(make).execute(&mut **open).await?;
    }
    Ok(())
}

impl Open {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(open) => open.commit().await?,
            Self::Postgres(open) => open.commit().await?,
        }
        Ok(())
    }
}
