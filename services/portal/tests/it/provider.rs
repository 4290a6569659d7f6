//! The portal as a relying party of somebody else's provider.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};
use tefuda_portal::Portal;
use tefuda_store::{Databases, SystemClock};
use tefuda_types::Environment;
use tefuda_web::{ActorContext, Urls, live::Live};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    process::Command,
};

use crate::fixture::Folder;

/// A script of the program's peers, laid beside the packages that it needs (`cargo xtask test` installs them).
fn script(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let packages = root.join("target/peers/node");
    assert!(packages.exists(), "{} is not there: cargo xtask test installs it", packages.display());
    let to = packages.join(name);
    std::fs::copy(root.join("crates/tefuda/tests/peers").join(name), &to).unwrap();
    to
}

#[tokio::test]
#[ignore = "drives oidc-provider: cargo xtask test"]
async fn oidc_provider_logs_people_in_and_out() {
    let home = Folder::new();
    let (at_portal, at_provider) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = at_provider.local_addr().unwrap().port();
    drop(at_provider);
    let port_base = at_portal.local_addr().unwrap().port() - 3;
    let context = ActorContext {
        home: home.path().to_owned(),
        clock: Arc::new(SystemClock::open(home.path()).unwrap()),
        urls: Urls::on_loopback(port_base),
        admin_token: "admin".into(),
        call_centre_token: "call centre".into(),
        live: Live::default(),
        databases: Databases::InHome,
        environment: Environment::Sandbox,
        element_keys: None,
        keys: tefuda_keys::KeyStore::Files,
    };
    let url = context.urls.portal();
    let portal = Portal::open_at(context, format!("http://localhost:{port}")).await.unwrap();
    portal.registered("portal".parse().unwrap()).await.unwrap();
    let registration = home.path().join("registration.json");
    std::fs::write(&registration, portal.registration().to_string()).unwrap();
    let router = tefuda_portal::router(portal);
    tokio::spawn(async move { axum::serve(at_portal, router).await });

    let mut provider = Command::new("node")
        .arg(script("oidc-provider.mjs"))
        .args([port.to_string(), registration.to_str().unwrap().to_owned(), url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(provider.stdout.take().unwrap()).lines();
    while lines.next_line().await.unwrap().unwrap() != "ready" {}
    provider.stdin.take().unwrap().write_all(b"go\n").await.unwrap();
    let mut told = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        told = line;
    }
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told, serde_json::json!({ "session": true, "reason": "portal.session_ended" }));
}
