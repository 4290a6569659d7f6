//! The whole path with the authority's, the gateway's and the portal's keys in a token, and the token pulled.

use std::path::Path;

use serde_json::Value;

use crate::{
    peer::well,
    phones::{AUTH, Party, SIGN, enroll},
    softhsm::{CONFIGURATION, LABEL, MODULE, PIN, SoftHsm},
    system::{Answer, Folder, MORNING, Running, System, TEFUDA, eventually, free_ports, run},
};

/// A system whose keys are in a token.
struct Case {
    softhsm: SoftHsm,
    system: System,
}

impl Case {
    fn up_at(clock: &str) -> Self {
        let (softhsm, folder) = (SoftHsm::new(), Folder::new());
        let system = start(&softhsm, folder, free_ports(), &["--clock", clock]);
        Self { softhsm, system }
    }

    /// Killed, and started again.
    fn killed(self) -> Self {
        let Self { softhsm, system } = self;
        let base = system.base;
        run("kill", &["-KILL", &system.ready()["pid"].to_string()]);
        let (code, folder) = system.down();
        assert_eq!(code, None, "it was killed");
        let system = start(&softhsm, folder, base, &[]);
        Self { softhsm, system }
    }

    /// What the authority says of its readiness: an HTTP status and a body.
    fn readiness(&self) -> (String, String) {
        let ready = format!("{}/readyz", self.system.actor("authority", "url"));
        let asked = well("curl", &["-s", "-w", "\n%{http_code}", &ready]).stdout;
        let (body, status) = asked.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    /// Certificates that a CA issued, as its store has them.
    fn issued(&self, ca: &str) -> usize {
        const COUNT: &str = "import sqlite3, sys\n\
            store = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)\n\
            print(store.execute(\"SELECT count(*) FROM document WHERE collection = 'certificate'\").fetchone()[0])";
        let store = self.system.folder.path(&format!("home/authority/{ca}/store.db"));
        well("python3", &["-c", COUNT, &store]).stdout.trim().parse().unwrap()
    }
}

/// The words that name the token, its PIN in a file.
fn token_words(folder: &Folder) -> Vec<String> {
    let pin = format!("@{}", folder.write("pin", PIN));
    ["--hsm", MODULE, "--hsm-token", LABEL, "--hsm-pin", &pin].map(str::to_owned).to_vec()
}

fn start(softhsm: &SoftHsm, folder: Folder, base: u16, more: &[&str]) -> System {
    let words = token_words(&folder);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let configuration = softhsm.configuration();
    let environment = [(CONFIGURATION, configuration.to_str().unwrap())];
    System::start(folder, base, None, (&words, &environment))
}

/// A start that is refused, and its reason.
fn not_started(softhsm: &SoftHsm, folder: &Folder, words: &[String]) -> String {
    let mut up = std::process::Command::new(TEFUDA);
    up.args(["up", "--json", "--home", &folder.path("home")]).args(words);
    let answer: Answer = up.env(CONFIGURATION, softhsm.configuration()).output().unwrap().into();
    assert_eq!(answer.code, 3, "{answer:#?}");
    answer.json()["reason"].as_str().unwrap().to_owned()
}

/// OpenSSL's word on a phone's certificate under a root.
fn verifies(system: &System, certificate: &Value, generation: &str) -> bool {
    let pem = system.folder.write("certificate.pem", certificate["pem"].as_str().unwrap());
    let kind = certificate["kind"].as_str().unwrap();
    let root = system.folder.path(&format!("trust/{kind}-ca-{generation}.pem"));
    run("openssl", &["verify", "-attime", &system.epoch(), "-CAfile", &root, &pem]).code == 0
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn a_phone_enrols_and_logs_in_with_every_ca_in_a_token() {
    let case = Case::up_at(MORNING);
    let system = &case.system;
    let adults = system.adults();
    let first = system.enrolled("first", &adults[0]);
    let party = Party::register(system);
    party.log_in(system, "first").unwrap();
    assert_eq!(case.readiness(), ("200".to_owned(), "ok".to_owned()));

    // The next generation of the CA: the same name, another key; what the earlier one issued stays good.
    let rotated = system.done(&["authority", "rotate", "--kind", "phone-auth"]);
    assert_eq!(rotated["generation"], 2);
    let second = system.enrolled("second", &adults[1]);
    system.done(&["trust", "export", &system.folder.path("trust")]);
    let auth = |enrolled: &Value| {
        let certificates = enrolled["certificates"].as_array().unwrap();
        certificates.iter().find(|certificate| certificate["kind"] == "phone-auth").unwrap().clone()
    };
    assert!(verifies(system, &auth(&first), "g1") && !verifies(system, &auth(&first), "g2"));
    assert!(verifies(system, &auth(&second), "g2") && !verifies(system, &auth(&second), "g1"));
    let subject = |generation: &str| {
        let root = system.folder.path(&format!("trust/phone-auth-ca-{generation}.pem"));
        well("openssl", &["x509", "-in", &root, "-noout", "-subject"]).stdout
    };
    assert_eq!(subject("g1"), subject("g2"));
    party.log_in(system, "first").unwrap();
    party.log_in(system, "second").unwrap();
    system.done(&["authority", "audit", "verify"]);

    // Every private key was made in the token and never leaves it; the home has public halves.
    let listed = case.softhsm.pkcs11_tool(["--list-objects", "--type", "privkey"]);
    for role in ["ca-card-sign", "ca-card-auth", "ca-phone-sign", "ca-phone-auth"] {
        assert!(listed.contains(&format!("tefuda/{role}/")), "{role}: {listed}");
        let keys = system.folder.path(&format!("home/authority/{role}/keys"));
        let files: Vec<String> = std::fs::read_dir(Path::new(&keys))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let public = |file: &String| file == "space" || file.ends_with(".pub");
        assert!(files.len() > 1 && files.iter().all(public), "{files:?}");
    }
    for role in ["service-manager", "gateway", "portal"] {
        assert!(listed.contains(&format!("tefuda/{role}/")), "{role}: {listed}");
    }
    let fast = "sensitive, always sensitive, never extractable, local";
    let accesses: Vec<&str> = listed.lines().filter(|line| line.contains("Access:")).collect();
    assert!(accesses.len() >= 8 && accesses.iter().all(|line| line.ends_with(fast)), "{listed}");
    let log = system.folder.read("log");
    assert!(!log.contains(PIN), "the PIN is in the log");
    assert!(log.contains("a CA has a generation") && log.contains("a key was made in the token"), "{log}");

    // The home keeps to its token.
    let words = token_words(&system.folder);
    let Case { softhsm, system } = case;
    let (code, folder) = system.down();
    assert_eq!(code, Some(0));
    assert_eq!(not_started(&softhsm, &folder, &[]), "home.other_keys");
    let pulled = softhsm.pull();
    assert_eq!(not_started(&softhsm, &folder, &words), "keys.token_absent");
    pulled.put_back();
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn abuse_m05_a_pulled_token_pauses_issuing_and_each_request_has_one_certificate() {
    // In the evening: what is applied for is decided in the morning.
    let mut case = Case::up_at("2026-10-05T20:00:00+09:00");
    let adult = case.system.adult();
    let party = Party::register(&case.system);
    // The card's certificates are issued when it is first picked up.
    case.system.done(&["phone", "create", "waiting"]);
    let asked = [&enroll("waiting", &adult, SIGN, AUTH)[..], &["--wait", "0"]].concat();
    assert_eq!(case.system.verb(&asked).json()["reason"], "enrol.pending");

    let pulled = case.softhsm.pull();
    case.system.done(&["clock", "set", "2026-10-06T08:00:00+09:00"]);
    let (status, told) = case.readiness();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status.as_str(), told["reason"].as_str()), ("503", Some("keys.token_absent")));
    assert!(told["message"].as_str().unwrap().contains(LABEL), "{told}");
    // Whoever asks is told to come again, and nothing is half there.
    for kind in ["phone-sign", "phone-auth"] {
        let rotated = case.system.verb(&["authority", "rotate", "--kind", kind]);
        assert_eq!((rotated.code, rotated.json()["reason"].as_str()), (3, Some("ca.keys_unavailable")));
    }
    let again = case.system.verb(&asked);
    assert_eq!(again.code, 3, "{again:#?}");
    assert_eq!((case.issued("ca-phone-sign"), case.issued("ca-phone-auth")), (0, 0));

    // It goes on by itself, whether or not anybody asks.
    pulled.put_back();
    eventually(|| (case.issued("ca-phone-auth") == 1).then_some(())).expect("issued");
    assert_eq!(case.readiness().0, "200");
    case.system.done(&["phone", "register", "waiting", "--sign-pin", SIGN]);
    party.log_in(&case.system, "waiting").unwrap();

    // Pulled under way, again and again, and once the process is killed meanwhile.
    let others = case.system.adults();
    for (number, other) in others.iter().filter(|other| other.id() != adult.id()).take(3).enumerate() {
        let phone = format!("phone-{number}");
        case.system.done(&["phone", "create", &phone]);
        let enrolling = std::thread::scope(|scope| {
            let system = &case.system;
            let enrolling = scope.spawn(|| system.verb(&enroll(&phone, other, SIGN, AUTH)));
            // As soon as a serial number is taken for it, or at once.
            let pulled = case.softhsm.pull();
            pulled.put_back();
            enrolling.join().unwrap()
        });
        if number == 1 {
            case = case.killed();
        }
        if enrolling.code != 0 {
            assert_eq!(enrolling.code, 3, "{enrolling:#?}");
            let again = eventually(|| {
                let again = case.system.verb(&enroll(&phone, other, SIGN, AUTH));
                (again.code == 0).then_some(again)
            });
            assert_eq!(again.expect("enrolled").json()["state"], "registered");
        }
        party.log_in(&case.system, &phone).unwrap();
        assert_eq!((case.issued("ca-phone-sign"), case.issued("ca-phone-auth")), (number + 2, number + 2));
    }
    case.system.done(&["authority", "audit", "verify"]);
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn production_takes_keys_in_a_token_and_no_others() {
    let (softhsm, folder) = (SoftHsm::new(), Folder::new());
    let (port, home) = (free_ports(), folder.path("home"));
    let token = folder.write("admin.token", "0123456789abcdef0123456789abcdef");
    let pin = folder.write("pin", PIN);
    let written = |keys: &str| {
        folder.write(
            "gateway.toml",
            format!(
                "home = \"{home}\"\nlisten = \"127.0.0.1:{port}\"\nadmin_token = \"{token}\"\n{keys}\n[urls]\n\
                 authority = \"https://jpki.example\"\ngateway = \"https://id.example\"\n\
                 portal = \"https://my.example\"\nphones = \"https://wallet.example\"\n"
            ),
        )
    };
    let serve = |config: &str| {
        let mut serve = std::process::Command::new(TEFUDA);
        serve.args(["serve", "gateway", "--json", "--config", config]);
        serve.env(CONFIGURATION, softhsm.configuration());
        serve
    };
    let refused: Answer = serve(&written("")).output().unwrap().into();
    assert_eq!(refused.json()["reason"], "keys.sandbox_only", "{refused:#?}");
    assert!(!Path::new(&home).exists());

    let keys = format!("keys = {{ module = \"{MODULE}\", token = \"{LABEL}\", pin = \"@{pin}\" }}");
    let mut served = Running(serve(&written(&keys)).spawn().unwrap());
    let ready = format!("http://127.0.0.1:{port}/readyz");
    let is_ready = || (run("curl", &["-sf", &ready]).stdout == "ok").then_some(());
    eventually(|| {
        assert!(!served.has_ended(), "the gateway ended");
        is_ready()
    })
    .expect("ready");
    assert!(softhsm.pkcs11_tool(["--list-objects", "--type", "privkey"]).contains("tefuda/gateway/"));
    let pulled = softhsm.pull();
    assert_eq!(is_ready(), None);
    pulled.put_back();
    assert_eq!(is_ready(), Some(()));
    assert_eq!(served.signal("-TERM"), Some(0));
}
