//! The contract of a store. One text for both databases.

use crate::server::Server;
use serde_json::{Value, json};
use std::path::PathBuf;
use tefuda_store::{AuditEntry, Databases, Documents, StoreError};

/// Where a store under test is, and a way to open it again.
pub struct Place {
    databases: Databases,
    home: PathBuf,
}

impl Place {
    pub async fn open(&self) -> Documents {
        self.databases.open(&self.home, "authority/ca-test").await.unwrap()
    }
}

fn entry(number: u32) -> AuditEntry {
    AuditEntry {
        time: "2026-10-05T10:00:00Z".parse().unwrap(),
        action: "test.act".to_owned(),
        detail: json!({ "number": number }),
    }
}

async fn documents_are_kept_whole(place: &Place) {
    let store = place.open().await;
    let mut transaction = store.begin().await.unwrap();
    let odd = json!({ "name": "𠮷野\u{0}家 \u{1F980} \" ' \\ $1", "deep": [[[null, 1.5, -0]]] });
    transaction.put("a", "2", &odd).await.unwrap();
    transaction.put("a", "10", &1).await.unwrap();
    transaction.put("a", "あ", &2).await.unwrap();
    transaction.put("a", "Z", &3).await.unwrap();
    transaction.put("b", "2", &4).await.unwrap();
    assert_eq!(transaction.get::<Value>("a", "2").await.unwrap(), Some(odd.clone()));
    assert_eq!(transaction.list::<Value>("a").await.unwrap().len(), 4);
    transaction.commit().await.unwrap();
    let again = place.open().await;
    assert_eq!(again.get::<Value>("a", "2").await.unwrap(), Some(odd));
    let order: Vec<_> = again.list::<Value>("a").await.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, ["10", "2", "Z", "あ"]);
    assert_eq!(again.get::<Value>("c", "2").await.unwrap(), None);
    assert!(matches!(again.get::<String>("b", "2").await, Err(StoreError::Document(_))));
}

async fn what_is_not_committed_is_not_there(place: &Place) {
    let store = place.open().await;
    let mut dropped = store.begin().await.unwrap();
    dropped.put("a", "1", &1).await.unwrap();
    dropped.audit(&entry(1)).await.unwrap();
    drop(dropped);
    assert_eq!(store.get::<u8>("a", "1").await.unwrap(), None);
    assert_eq!(store.verify_audit().await.unwrap(), 0);
}

async fn several_are_stored_at_once_as_one_by_one(place: &Place) {
    let store = place.databases.open(&place.home, "authority/ca-many").await.unwrap();
    let ids: Vec<String> = (0..150).map(|number| format!("{number}")).collect();
    let all: Vec<(&str, &String)> = ids.iter().map(|id| (id.as_str(), id)).collect();
    let mut transaction = store.begin().await.unwrap();
    transaction.put("many", "7", &"there").await.unwrap();
    let mut twice = all.clone();
    twice.extend(ids.first().map(|id| ("149", id)));
    let inserted = transaction.insert_all("many", &twice).await.unwrap();
    let refused: Vec<_> = inserted.iter().enumerate().filter(|(_, done)| !**done).map(|(at, _)| at).collect();
    assert_eq!(refused, [7, 150], "who was there, and who came twice");
    transaction.audit(&entry(1)).await.unwrap();
    transaction.audit_all(&[]).await.unwrap();
    transaction.audit_all(&(2..100).map(entry).collect::<Vec<_>>()).await.unwrap();
    let within = transaction.get_all::<String>("many", &["7", "8", "no"]).await.unwrap();
    transaction.commit().await.unwrap();
    let of =
        |ids: &[(&str, &str)]| ids.iter().map(|(id, body)| ((*id).to_owned(), (*body).to_owned())).collect();
    assert_eq!(within, of(&[("7", "there"), ("8", "8")]));
    let asked: Vec<&str> = ids.iter().map(String::as_str).chain(["none"]).collect();
    let found = store.get_all::<String>("many", &asked).await.unwrap();
    assert_eq!((found.len(), found.get("149").map(String::as_str)), (150, Some("149")));
    assert_eq!(store.verify_audit().await.unwrap(), 99);
}

async fn a_message_that_comes_twice_is_taken_once(place: &Place) {
    let store = place.open().await;
    for expected in [true, false] {
        let mut transaction = store.begin().await.unwrap();
        assert_eq!(transaction.insert("inbox", "1", &expected).await.unwrap(), expected);
        transaction.commit().await.unwrap();
    }
    assert_eq!(store.get::<bool>("inbox", "1").await.unwrap(), Some(true));
    let mut transaction = store.begin().await.unwrap();
    assert!(transaction.remove("inbox", "1").await.unwrap());
    assert!(!transaction.remove("inbox", "1").await.unwrap());
    transaction.commit().await.unwrap();
}

async fn writers_take_turns(place: &Place) {
    let store = place.open().await;
    // Another process: its own connections.
    let other = place.open().await;
    let add = |store: Documents, number| async move {
        let mut transaction = store.begin().await.unwrap();
        let sum: u32 = transaction.get("sum", "all").await.unwrap().unwrap_or(0);
        transaction.put("sum", "all", &(sum + 1)).await.unwrap();
        transaction.audit(&entry(number)).await.unwrap();
        transaction.commit().await.unwrap();
    };
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        tasks.spawn(add(if number % 2 == 0 { store.clone() } else { other.clone() }, number));
    }
    tasks.join_all().await;
    assert_eq!(store.get::<u32>("sum", "all").await.unwrap(), Some(40));
    assert_eq!(store.verify_audit().await.unwrap(), 40);
}

async fn the_audit_log_hangs_together(place: &Place) {
    let store = place.open().await;
    let before = store.verify_audit().await.unwrap();
    for number in 0..3 {
        let mut transaction = store.begin().await.unwrap();
        transaction.audit(&entry(number)).await.unwrap();
        transaction.commit().await.unwrap();
    }
    assert_eq!(store.verify_audit().await.unwrap(), before + 3);
    let newest = store.audit_entries(2).await.unwrap();
    assert_eq!(newest, [entry(2), entry(1)]);
}

async fn holds(place: &Place) {
    what_is_not_committed_is_not_there(place).await;
    documents_are_kept_whole(place).await;
    several_are_stored_at_once_as_one_by_one(place).await;
    a_message_that_comes_twice_is_taken_once(place).await;
    writers_take_turns(place).await;
    the_audit_log_hangs_together(place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_contract() {
    let home = std::env::temp_dir().join(format!("tefuda-store-{}", std::process::id()));
    holds(&Place { databases: Databases::InHome, home: home.clone() }).await;
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts PostgreSQL: cargo xtask test"]
async fn postgres_keeps_the_contract() {
    let server = Server::new();
    holds(&Place { databases: Databases::postgres(server.url()), home: PathBuf::new() }).await;
}
