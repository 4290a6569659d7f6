//! The path from card to login under kills and faults of the network, with each actor a process of its own, on both
//! databases.
//!
//! A seed draws everything: what is killed at which message or commit, what is lost, doubled, late or overtaken, and
//! by how much each actor's clock is off. After each phone's life the law is looked up in stores, lists and audit.

mod commits;
mod law;
mod plan;
mod processes;
mod proxy;
mod walk;

use std::{path::Path, sync::Arc};
use tefuda_store::Databases;

use self::{
    law::Law,
    plan::{Draw, Victim},
    processes::{PROXIES, Processes},
    walk::{Walk, verb},
};
use crate::{phones::REDIRECT, server::Server, system::Resident};

/// Residents whose phones live and die in turn.
const RESIDENTS: usize = 3;
/// Where the long form writes down what it did.
const COUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults.tsv");

/// Opens a world by a seed.
type Opening = fn(u64) -> World;

/// Both databases, and how a world on each is opened.
const DATABASES: [(&str, Opening); 2] = [("SQLite", World::on_sqlite), ("PostgreSQL", World::on_postgresql)];

/// The actors on one database, and what has been acknowledged so far.
struct World {
    processes: Arc<Processes>,
    law: Law,
    residents: Vec<Resident>,
    party: String,
    lives: usize,
    /// Goes last.
    _server: Option<Server>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.processes.stop();
    }
}

impl World {
    fn on_sqlite(seed: u64) -> Self {
        let processes = Processes::new(seed, |_| None);
        for (victim, home) in
            [(Victim::Authority, "authority"), (Victim::Gateway, "gateway"), (Victim::Phones, "phones")]
        {
            commits::watch_files(victim, processes.folder.path(home), &processes);
        }
        Self::of(processes, Databases::InHome, None)
    }

    /// Each actor has a socket of its own to the server, where its commits are seen.
    fn on_postgresql(seed: u64) -> Self {
        let server = Server::new();
        let sockets = server.folder.clone();
        let place = |actor: &str| sockets.join(actor);
        let url = |folder: &Path| format!("postgres://tefuda@localhost/postgres?host={}", folder.display());
        let processes = Processes::new(seed, |actor| {
            ["authority", "gateway"].contains(&actor).then(|| url(&place(actor)))
        });
        for (victim, actor) in [(Victim::Authority, "authority"), (Victim::Gateway, "gateway")] {
            std::fs::create_dir(place(actor)).unwrap();
            commits::stand_between(victim, &sockets, &place(actor), &processes);
        }
        commits::watch_files(Victim::Phones, processes.folder.path("phones"), &processes);
        Self::of(processes, Databases::postgres(server.url()), Some(server))
    }

    fn of(processes: Arc<Processes>, databases: Databases, server: Option<Server>) -> Self {
        for actor in 1..=3 {
            proxy::stand_between(processes.base + actor + PROXIES, processes.base + actor, &processes);
        }
        processes.start();
        processes.answer();
        let done = |arguments: &[&str]| verb(&processes, arguments).unwrap();
        let list = done(&["resident", "list", "--reveal"]);
        let residents = list["residents"].as_array().unwrap().iter().cloned().map(Resident);
        let residents: Vec<_> =
            residents.filter(|resident| resident.0["can_enroll"] == true).take(RESIDENTS).collect();
        for resident in &residents {
            // The card's keys are made before, so that what goes wrong falls on what is said.
            done(&["card", "unblock", "--resident", resident.id()]);
        }
        let register =
            ["rp", "register", "--name", "Library", "--redirect-uri", REDIRECT, "--scope", "openid"];
        let party = done(&register)["client_id"].as_str().unwrap().to_owned();
        Self { processes, law: Law::new(databases), residents, party, lives: 0, _server: server }
    }

    /// A phone's life drawn from a seed, and the law afterwards.
    fn live(&mut self, seed: u64) -> usize {
        let resident = self.residents[self.lives % self.residents.len()].clone();
        self.lives += 1;
        let mut walk = Walk {
            processes: &self.processes,
            law: &mut self.law,
            draw: Draw::new(seed),
            resident,
            phone: format!("phone-{}", self.lives),
            party: self.party.clone(),
            told: vec![format!("seed {seed}")],
            cut_off: jiff::Timestamp::MIN,
        };
        walk.life();
        self.processes.answer();
        verb(&self.processes, &["authority", "audit", "verify"]).unwrap();
        self.law.holds(&self.processes)
    }
}

#[test]
#[ignore = "starts PostgreSQL: cargo xtask test"]
fn each_step_ends_well_whatever_goes_wrong_on_both_databases() {
    std::thread::scope(|scope| {
        for (open, seed) in DATABASES.iter().map(|(_, open)| open).zip([100, 200]) {
            scope.spawn(move || {
                let mut world = open(seed);
                world.live(seed);
                let (kills, faults) = (world.processes.plan.kills(), world.processes.plan.faults());
                assert!(kills > 1 && faults > 4, "{kills} kills, {faults} messages");
            });
        }
    });
}

/// The long form: `TEFUDA_FAULTS=ROUNDS` or `TEFUDA_FAULTS=ROUNDS@SEED`; a round's seed is the last plus one.
#[test]
#[ignore = "the long form, for `cargo xtask faults`"]
fn soak() {
    let (rounds, first) = asked();
    for (name, open) in DATABASES {
        let mut world = open(first);
        for seed in first..first + rounds {
            let certificates = world.live(seed);
            let plan = &world.processes.plan;
            let (kills, faults) = (plan.kills(), plan.faults());
            println!(
                "{name}, seed {seed}: {certificates} certificates, {kills} kills, {faults} messages so far"
            );
        }
        let plan = &world.processes.plan;
        record(&format!("{name}\t{first}\t{rounds}\t{}\t{}", plan.kills(), plan.faults()));
    }
    println!("go on with TEFUDA_FAULTS={rounds}@{}", first + rounds);
}

/// Adds a line to what is stored of the long form: day, database, first seed, lives, kills, faults of messages.
fn record(line: &str) {
    use std::io::Write;
    #[expect(clippy::disallowed_methods, reason = "a test writes down when it ran")]
    let day = jiff::Timestamp::now().strftime("%F");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(COUNT).unwrap();
    writeln!(file, "{day}\t{line}").unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test takes its rounds from whoever starts it")]
fn asked() -> (u64, u64) {
    let asked = std::env::var("TEFUDA_FAULTS").unwrap_or_else(|_| "2".to_owned());
    let (rounds, seed) = asked.split_once('@').unwrap_or((&asked, "1000"));
    (rounds.parse().unwrap(), seed.parse().unwrap())
}
