//! A PostgreSQL server that goes away and comes back.

use crate::server::Server;
use std::path::Path;
use tefuda_store::{Databases, StoreError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts PostgreSQL: cargo xtask test"]
async fn a_server_that_died_keeps_what_it_acknowledged_and_is_found_again() {
    let mut server = Server::new();
    let databases = Databases::postgres(server.url());
    let store = databases.open(Path::new(""), "gateway").await.unwrap();
    let mut acknowledged = store.begin().await.unwrap();
    acknowledged.put("a", "1", &1).await.unwrap();
    acknowledged.commit().await.unwrap();
    let mut cut = store.begin().await.unwrap();
    cut.put("a", "2", &2).await.unwrap();
    server.kill();
    assert!(matches!(cut.commit().await, Err(StoreError::Database(_))));
    assert!(matches!(store.get::<u8>("a", "1").await, Err(StoreError::Database(_))));
    server.start();
    assert_eq!(store.get::<u8>("a", "1").await.unwrap(), Some(1));
    assert_eq!(store.get::<u8>("a", "2").await.unwrap(), None);
    let mut goes_on = store.begin().await.unwrap();
    goes_on.put("a", "2", &2).await.unwrap();
    goes_on.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "starts PostgreSQL: cargo xtask test"]
async fn roles_share_a_database_and_nothing_in_it() {
    let server = Server::new();
    let databases = Databases::postgres(server.url());
    let open = async |role| databases.open(Path::new(""), role).await.unwrap();
    let (operator, registrar) = (open("authority/operator").await, open("authority/registrar").await);
    let mut transaction = operator.begin().await.unwrap();
    transaction.put("a", "1", &1).await.unwrap();
    // The other role's writer does not wait for this one.
    let mut other = registrar.begin().await.unwrap();
    other.put("a", "2", &2).await.unwrap();
    other.commit().await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(registrar.get::<u8>("a", "1").await.unwrap(), None);
    let address = databases.address(Path::new(""), "authority/operator");
    assert!(address.ends_with("/postgres#authority_operator"), "{address}");
}
