//! Somebody at the database itself: what the audit log shows of it, and what an act is without its entry.

use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};
use std::path::PathBuf;
use tefuda_store::{AuditEntry, Documents};
use tefuda_types::Reason;

/// Acts on record before somebody comes.
const ACTS: u32 = 5;

/// A store with a few acts, and a way to its tables past everything that guards them.
struct Tables {
    home: PathBuf,
    store: Documents,
}

impl Drop for Tables {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

async fn act(store: &Documents, number: u32) -> Result<(), &'static str> {
    let time = "2026-10-05T10:00:00Z".parse().unwrap();
    let entry = AuditEntry { time, action: "test.act".to_owned(), detail: json!({ "number": number }) };
    let mut transaction = store.begin().await.map_err(|error| error.code().as_str())?;
    let done = async {
        transaction.put("act", &number.to_string(), &number).await?;
        transaction.audit(&entry).await?;
        transaction.commit().await
    };
    done.await.map_err(|error: tefuda_store::StoreError| error.code().as_str())
}

impl Tables {
    async fn new(name: &str) -> Self {
        let home = std::env::temp_dir().join(format!("tefuda-audit-{name}-{}", std::process::id()));
        let store = Documents::open(&home.join("store.db")).await.unwrap();
        for number in 1..=ACTS {
            act(&store, number).await.unwrap();
        }
        Self { home, store }
    }

    async fn change(&self, sql: &'static str) {
        let url = format!("sqlite://{}", self.home.join("store.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        connection.execute(sql).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Why the log is not believed, and from where on.
    async fn broken(&self) -> (&'static str, String) {
        let error = self.store.verify_audit().await.unwrap_err();
        (error.code().as_str(), error.to_string())
    }
}

#[tokio::test]
async fn abuse_l03_an_audit_log_that_was_edited_says_where() {
    for (name, sql, at) in [
        ("edited", "UPDATE audit SET entry = replace(entry, '3', '7') WHERE number = 3", 3),
        ("rehashed", "UPDATE audit SET entry = replace(entry, '3', '7'), hash = '00' WHERE number = 3", 3),
        ("first", "UPDATE audit SET entry = replace(entry, '1', '7') WHERE number = 1", 1),
        ("taken-out", "DELETE FROM audit WHERE number = 2", 3),
        (
            "taken-out-and-numbered-anew",
            "DELETE FROM audit WHERE number = 2; UPDATE audit SET number = number - 1 WHERE number > 2",
            2,
        ),
        (
            "swapped",
            "UPDATE audit SET number = 99 WHERE number = 2; UPDATE audit SET number = 2 WHERE number = 3;
             UPDATE audit SET number = 3 WHERE number = 99",
            2,
        ),
        ("put-in", "INSERT INTO audit SELECT 6, entry, hash FROM audit WHERE number = 5", 6),
    ] {
        let tables = Tables::new(name).await;
        assert_eq!(tables.store.verify_audit().await.unwrap(), i64::from(ACTS));
        tables.change(sql).await;
        let expected = format!("the audit log is broken at entry {at}");
        assert_eq!(tables.broken().await, ("audit.broken", expected), "{name}");
    }
}

#[tokio::test]
async fn abuse_l05_what_cannot_be_put_on_record_is_not_done() {
    let tables = Tables::new("unrecorded").await;
    // A table that takes nothing more, as on a disk that is full.
    tables
        .change("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
        .await;
    assert_eq!(act(&tables.store, 6).await, Err("store.unavailable"));
    assert_eq!(tables.store.get::<u32>("act", "6").await.unwrap(), None, "no entry, no act");
    assert_eq!(tables.store.verify_audit().await.unwrap(), i64::from(ACTS));
    // It goes on by itself when there is room again.
    tables.change("DROP TRIGGER full").await;
    act(&tables.store, 6).await.unwrap();
    assert_eq!(tables.store.get::<u32>("act", "6").await.unwrap(), Some(6));
    assert_eq!(tables.store.verify_audit().await.unwrap(), i64::from(ACTS) + 1);
}
