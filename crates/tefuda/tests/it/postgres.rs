//! The whole path with the stores in PostgreSQL, under faults.

use crate::{
    phones::Party,
    server::Server,
    system::{System, TEFUDA, run},
};

#[test]
#[ignore = "starts PostgreSQL: cargo xtask test"]
fn a_phone_enrols_logs_in_and_is_cut_off_on_postgresql() {
    let mut server = Server::new();
    let mut system = System::up_on(server.url());
    let adult = system.adult();
    system.enrolled("kept", &adult);
    let party = Party::register(&system);
    party.log_in(&system, "kept").unwrap();

    // The program is killed, then the database.
    system = system.restart("-KILL");
    party.log_in(&system, "kept").unwrap();
    server.kill();
    let away = system.verb(&["resident", "list"]);
    assert_eq!((away.code, away.json()["reason"].as_str()), (3, Some("store.unavailable")));
    server.start();
    party.log_in(&system, "kept").unwrap();

    system.done(&["authority", "stop", "--resident", adult.id(), "--phone", "kept"]);
    system = system.restart("-KILL");
    assert!(party.log_in(&system, "kept").is_err());
    system.done(&["authority", "audit", "verify"]);
    let address = system.ready()["databases"]["registrar"].as_str().unwrap();
    assert!(
        address.starts_with("postgres://tefuda@") && address.ends_with("#authority_registrar"),
        "{address}"
    );
}

#[test]
#[ignore = "starts PostgreSQL: cargo xtask test"]
fn a_home_keeps_to_its_database() {
    let server = Server::new();
    let (code, folder) = System::up_on(server.url()).down();
    assert_eq!(code, Some(0));
    let elsewhere = run(TEFUDA, &["up", "--json", "--home", &folder.path("home")]);
    assert_eq!((elsewhere.code, elsewhere.json()["reason"].as_str()), (3, Some("home.other_database")));
}
