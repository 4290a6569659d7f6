//! Commits as they are seen from outside: by the length of SQLite's log, and in what is said to PostgreSQL.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use super::{plan::Victim, processes::Processes};

/// Between two looks while a commit is waited for; a commit takes longer than that.
const LOOK_INTERVAL: Duration = Duration::from_micros(200);
/// Between two looks otherwise.
const IDLE_INTERVAL: Duration = Duration::from_millis(5);

/// Watches the write-ahead logs of an actor's SQLite stores for as long as the test runs.
pub fn watch_files(victim: Victim, home: String, processes: &Arc<Processes>) {
    let processes = Arc::downgrade(processes);
    thread::spawn(move || {
        let mut seen: Option<BTreeMap<PathBuf, (u64, SystemTime)>> = None;
        while let Some(processes) = processes.upgrade() {
            if !processes.plan.awaits_commit(victim) {
                seen = None;
                thread::sleep(IDLE_INTERVAL);
                continue;
            }
            let now = logs(Path::new(&home));
            let before = seen.replace(now.clone());
            // From outside a commit is seen only when it is there; so both moments are this one.
            if before.is_some_and(|before| before != now) {
                let kill = || processes.kill(victim);
                let _ =
                    processes.plan.commit(victim, true, kill) || processes.plan.commit(victim, false, kill);
            }
            thread::sleep(LOOK_INTERVAL);
        }
    });
}

/// Length and time of every write-ahead log below a folder.
fn logs(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.metadata() {
                Ok(about) if about.is_dir() => folders.push(path),
                Ok(about) if path.ends_with("store.db-wal") => {
                    found.insert(path, (about.len(), about.modified().unwrap()));
                }
                _ => {}
            }
        }
    }
    found
}

/// Stands between an actor and PostgreSQL on a socket of its own; gives the folder of that socket.
pub fn stand_between(victim: Victim, server: &Path, folder: &Path, processes: &Arc<Processes>) {
    let socket = ".s.PGSQL.5432";
    let listener = UnixListener::bind(folder.join(socket)).unwrap();
    let (server, processes) = (server.join(socket), Arc::downgrade(processes));
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Some(processes) = processes.upgrade() else { return };
            let server = server.clone();
            thread::spawn(move || {
                let Ok(server) = UnixStream::connect(server) else { return };
                let (from_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let answers = thread::spawn(move || copy(from_server, to_client));
                pass_on(victim, client, server, &processes);
                let _ = answers.join();
            });
        }
    });
}

fn copy(mut from: UnixStream, mut to: UnixStream) {
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// What an actor says to its database; `COMMIT` is a message of its own (PostgreSQL 15, 55.2.3).
fn pass_on(victim: Victim, mut from: UnixStream, mut to: UnixStream, processes: &Processes) {
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let commits = buffer[..read].windows(7).any(|seven| seven == b"COMMIT\0");
        let killed = |before| commits && processes.plan.commit(victim, before, || processes.kill(victim));
        if killed(true) || to.write_all(&buffer[..read]).is_err() || killed(false) {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
