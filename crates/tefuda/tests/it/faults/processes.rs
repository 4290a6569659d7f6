//! The actors as processes of their own, each with its home; whoever is killed is started again at once.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::plan::{Draw, Plan, Victim};
use crate::system::{Folder, Running, TEFUDA, eventually, free_ports};

/// Who is started, in the order of their ports; behind them, at the same distances, come the proxies.
const ACTORS: [&str; 4] = ["control", "authority", "gateway", "phones"];
/// From an actor's port to that of its proxy.
pub const PROXIES: u16 = 5;
/// Milliseconds by which an actor's civil time is off at most: two of them are then as far apart as whoever verifies
/// a status bears (`CLOCK_TOLERANCE_SECONDS`); beyond that every status is not known, as it must be.
const SKEW_MILLISECONDS_MAX: u64 = 950;
/// How far two actors' clocks are apart at most.
pub const CLOCKS_APART_MAX: Duration = Duration::from_millis(2 * SKEW_MILLISECONDS_MAX);

const TOKENS: [(&str, &str); 2] = [
    ("control.token", "0123456789abcdef0123456789abcdef"),
    ("call-centre.token", "fedcba9876543210fedcba9876543210"),
];

/// The processes, and what is to happen to them.
#[derive(Debug)]
pub struct Processes {
    pub folder: Folder,
    pub base: u16,
    pub plan: Arc<Plan>,
    running: [Mutex<Option<Running>>; ACTORS.len()],
}

/// The place of a victim among the actors.
const fn place(victim: Victim) -> usize {
    match victim {
        Victim::Authority => 1,
        Victim::Gateway => 2,
        Victim::Phones => 3,
    }
}

impl Processes {
    /// Writes the configurations and starts nobody yet. `database` gives the URL for the actor of a name.
    pub fn new(seed: u64, database: impl Fn(&str) -> Option<String>) -> Arc<Self> {
        let (folder, base) = (Folder::new(), free_ports());
        let cli = folder.path("cli");
        std::fs::create_dir(&cli).unwrap();
        for (file, token) in TOKENS {
            std::fs::write(format!("{cli}/{file}"), token).unwrap();
        }
        let url = |offset: u16| format!("http://localhost:{}", base + offset);
        let mut draw = Draw::new(seed);
        // Business hours, whatever the hour of the test.
        let morning: jiff::Timestamp = crate::system::MORNING.parse().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test tells the processes how far civil time is off")]
        let off = morning.duration_since(jiff::Timestamp::now());
        for (actor, offset) in ACTORS.iter().zip(0_u16..) {
            let skew = i64::try_from(draw.below(2 * SKEW_MILLISECONDS_MAX)).unwrap();
            let skew = skew - i64::try_from(SKEW_MILLISECONDS_MAX).unwrap();
            let offset_of_actor = off + jiff::SignedDuration::from_millis(skew);
            let database = database(actor).map(|url| format!("database = \"{url}\"\n")).unwrap_or_default();
            let config = format!(
                "sandbox = true\nhome = \"{home}\"\nlisten = \"127.0.0.1:{port}\"\n{database}admin_token = \"{cli}/control.token\"\n\
                 call_centre_token = \"{cli}/call-centre.token\"\ncivil_offset = \"{offset_of_actor}\"\n[urls]\n\
                 control = \"{}\"\nauthority = \"{}\"\ngateway = \"{}\"\nphones = \"{}\"\nportal = \"{}\"\n",
                url(0),
                url(1 + PROXIES),
                url(2 + PROXIES),
                url(3 + PROXIES),
                url(4 + PROXIES),
                home = folder.path(actor),
                port = base + offset,
            );
            folder.write(&format!("{actor}.toml"), config);
        }
        let actor = |offset: u16| serde_json::json!({ "url": url(offset) });
        let ready = serde_json::json!({
            "pid": 0, "home": cli, "phones": {}, "readers": {}, "databases": {}, "clock": morning,
            "actors": {
                "control": actor(0), "authority": actor(1 + PROXIES), "phones": actor(3 + PROXIES),
                "gateway": { "url": format!("{}/api/realms/main", url(2 + PROXIES)) },
            },
        });
        folder.write("cli/run.json", ready.to_string());
        Arc::new(Self { folder, base, plan: Arc::new(Plan::default()), running: Default::default() })
    }

    /// Starts everybody.
    pub fn start(&self) {
        for place in 0..ACTORS.len() {
            *self.running(place) = Some(self.spawn(place));
        }
    }

    fn running(&self, place: usize) -> MutexGuard<'_, Option<Running>> {
        self.running[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, place: usize) -> Running {
        let actor = ACTORS[place];
        let log = self.folder.path(&format!("{actor}.log"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let spawned = Command::new(TEFUDA)
            .args(["serve", actor, "--log", "info", "--config", &self.folder.path(&format!("{actor}.toml"))])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Running(spawned.expect("tefuda starts"))
    }

    /// Kills a process as by a power cut, and starts it again.
    pub fn kill(&self, victim: Victim) {
        let place = place(victim);
        let mut running = self.running(place);
        if let Some(mut old) = running.take() {
            let _ = old.0.kill();
            let _ = old.0.wait();
            self.plan.killed();
            *running = Some(self.spawn(place));
        }
    }

    /// The power of all machines goes.
    pub fn kill_all(&self) {
        let mut all: Vec<_> = Victim::ALL.map(|victim| (place(victim), self.running(place(victim)))).into();
        for (_, running) in &mut all {
            if let Some(process) = running.as_mut() {
                let _ = process.0.kill();
            }
        }
        for (place, running) in &mut all {
            if let Some(mut old) = running.take() {
                let _ = old.0.wait();
                self.plan.killed();
                **running = Some(self.spawn(*place));
            }
        }
    }

    /// Ends everybody, for good.
    pub fn stop(&self) {
        for place in 0..ACTORS.len() {
            let mut running = self.running(place);
            // An empty place is never filled again.
            drop(running.take());
        }
    }

    /// Waits until everybody answers.
    pub fn answer(&self) {
        for (actor, offset) in ACTORS.iter().zip(0_u16..) {
            let ready = eventually(|| is_ready(self.base + offset).then_some(()));
            ready.unwrap_or_else(|| {
                panic!("{actor} does not answer:\n{}", self.folder.read(&format!("{actor}.log")))
            });
        }
    }

    /// The logs of the processes, for whoever reads a failure.
    pub fn logs(&self) -> String {
        let log = |actor: &&str| {
            let text = self.folder.read(&format!("{actor}.log"));
            let lines: Vec<&str> = text.lines().collect();
            format!("── {actor}\n{}\n", lines[lines.len().saturating_sub(30)..].join("\n"))
        };
        ACTORS.iter().map(log).collect()
    }
}

fn is_ready(port: u16) -> bool {
    let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = to.set_read_timeout(Some(Duration::from_secs(5)));
    let mut answer = String::new();
    let asked = to.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    asked.is_ok() && to.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}
