//! Card and phone at a PC/SC reader, judged by OpenSC, OpenSSL and the crate `myna-card`.
//!
//! `cargo xtask test` runs these as root in namespaces of their own: vpcd listens on every address, and
//! pcscd has one socket for the whole machine.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::system::{AUTH, Answer, Folder, Resident, SIGN, System, run};

const OPENSC: &str = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so";
const READER: &str = "127.0.0.1:35963";

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn interrupted(mut self) -> Option<i32> {
        run("kill", &["-INT", &self.0.id().to_string()]);
        self.0.wait().unwrap().code()
    }
}

/// PC/SC's daemon with its virtual reader.
fn pcscd(folder: &Folder) -> Running {
    let log = std::fs::File::create(folder.path("pcscd.log")).unwrap();
    let child =
        Command::new("pcscd").arg("--foreground").stdout(log.try_clone().unwrap()).stderr(log).spawn();
    let running = Running(child.expect("pcscd starts"));
    // Nothing announces its socket.
    for _ in 0..500 {
        if Path::new("/run/pcscd/pcscd.comm").exists() {
            return running;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("pcscd does not start: {}", std::fs::read_to_string(folder.path("pcscd.log")).unwrap());
}

/// Holds something against the reader, until OpenSC sees a card in it.
fn hold(system: &System, verb: &[&str]) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_tefuda"))
        .args(["--home", &system.folder.path("home")])
        .args(verb)
        .stdout(Stdio::null())
        .spawn()
        .expect("tefuda starts");
    let running = Running(child);
    let seen = run("timeout", &["30", "opensc-tool", "--wait", "--atr"]);
    assert_eq!(seen.code, 0, "{seen:#?}");
    running
}

#[track_caller]
fn well(program: &str, arguments: &[&str]) -> Answer {
    let answer = run(program, arguments);
    assert_eq!(answer.code, 0, "{program} {arguments:?}: {answer:#?}");
    answer
}

/// Signs with a key through PKCS#11 and has OpenSSL verify it with a certificate (PEM file).
#[track_caller]
fn sign_and_verify(folder: &Folder, slot: &str, id: &str, pin: &str, certificate: &str) {
    let (message, signature) = (folder.write("message", "what is signed"), folder.path("signature"));
    well(
        "pkcs11-tool",
        &[
            "--module",
            OPENSC,
            "--slot-index",
            slot,
            "--login",
            "--pin",
            pin,
            "--sign",
            "--mechanism",
            "SHA256-RSA-PKCS",
            "--id",
            id,
            "--input-file",
            &message,
            "--output-file",
            &signature,
        ],
    );
    let key = folder.path("key.pem");
    well("openssl", &["x509", "-in", certificate, "-noout", "-pubkey", "-out", &key]);
    let verified = well("openssl", &["dgst", "-sha256", "-verify", &key, "-signature", &signature, &message]);
    assert!(verified.stdout.contains("Verified OK"), "{verified:#?}");
}

fn attach(system: &System, resident: &Resident) -> Running {
    hold(system, &["card", "attach", "--resident", resident.id(), "--to", READER])
}

#[test]
#[ignore = "drives pcscd and OpenSC: cargo xtask test"]
fn opensc_names_lists_and_signs_with_a_card_and_counts_its_tries() {
    let system = System::up();
    let folder = &system.folder;
    let _pcscd = pcscd(folder);
    let adult = system.adult();
    let held = attach(&system, &adult);

    assert_eq!(well("opensc-tool", &["--name"]).stdout.trim(), "jpki");
    let listed = well("pkcs15-tool", &["--dump"]).stdout;
    assert!(listed.contains("PKCS#15 Card [JPKI]"), "{listed}");
    for (what, count) in [("PIN [", 2), ("Private RSA Key [", 2), ("X.509 Certificate [", 4)] {
        assert_eq!(listed.matches(what).count(), count, "{what}: {listed}");
    }

    let elsewhere = system.refused(&["card", "attach", "--resident", adult.id(), "--to", "127.0.0.1:35964"]);
    assert_eq!(elsewhere, "card.in_use");

    for (slot, id, pin) in [("0", "01", adult.pin("auth")), ("1", "02", adult.pin("sign"))] {
        let (der, pem) = (folder.path("certificate.der"), folder.path("certificate.pem"));
        well(
            "pkcs11-tool",
            &[
                "--module",
                OPENSC,
                "--slot-index",
                slot,
                "--login",
                "--pin",
                pin,
                "--read-object",
                "--type",
                "cert",
                "--id",
                id,
                "--output-file",
                &der,
            ],
        );
        well("openssl", &["x509", "-inform", "DER", "-in", &der, "-out", &pem]);
        sign_and_verify(folder, slot, id, pin, &pem);
        let serial = well("openssl", &["x509", "-in", &pem, "-noout", "-serial"]).stdout;
        assert!(
            adult.0.to_string().contains(serial.trim().trim_start_matches("serial=")),
            "{serial} {adult:?}"
        );
    }

    for (slot, wrong, tries) in [("0", "9999", 3), ("1", "WRONG99", 5)] {
        for _ in 0..tries {
            let refused = run(
                "pkcs11-tool",
                &["--module", OPENSC, "--slot-index", slot, "--login", "--pin", wrong, "--list-objects"],
            );
            assert_ne!(refused.code, 0, "{refused:#?}");
        }
    }
    let blocked = well("pkcs15-tool", &["--list-pins"]).stdout;
    assert_eq!(tries_left(&blocked), ["0", "0"], "{blocked}");
    assert_eq!(held.interrupted(), Some(0));

    system.done(&["card", "unblock", "--resident", adult.id()]);
    let adult = system.resident(adult.id());
    let _held = attach(&system, &adult);
    assert_eq!(tries_left(&well("pkcs15-tool", &["--list-pins"]).stdout), ["3", "5"]);
    let login =
        ["--module", OPENSC, "--slot-index", "0", "--login", "--pin", adult.pin("auth"), "--list-objects"];
    well("pkcs11-tool", &login);
}

/// The counters that `pkcs15-tool` prints as `Tries left     : 3`.
fn tries_left(listing: &str) -> Vec<&str> {
    let lines = listing.lines().filter(|line| line.contains("Tries left"));
    lines.filter_map(|line| line.split(':').nth(1)).map(str::trim).collect()
}

#[test]
#[ignore = "drives pcscd and OpenSC: cargo xtask test"]
fn a_phone_is_a_card_to_opensc() {
    let system = System::up();
    let folder = &system.folder;
    let _pcscd = pcscd(folder);
    system.done(&["phone", "create", "spare"]);
    system.enroll("spare", &system.adult());
    let _held = hold(&system, &["phone", "tap", "spare", "--to", READER]);

    assert_eq!(well("opensc-tool", &["--name"]).stdout.trim(), "jpki");
    let listed = well("pkcs15-tool", &["--dump"]).stdout;
    assert_eq!(tries_left(&listed), ["3", "5"], "{listed}");

    let status = system.phone("spare");
    for (slot, id, pin, kind) in [("0", "01", AUTH, "phone-auth"), ("1", "02", SIGN, "phone-sign")] {
        let certificates = status["certificates"].as_array().unwrap();
        let certificate = certificates.iter().find(|certificate| certificate["kind"] == kind).unwrap();
        let pem = folder.write("certificate.pem", certificate["pem"].as_str().unwrap());
        sign_and_verify(folder, slot, id, pin, &pem);
    }
}

/// What `myna-card`'s example prints of a check, by the words before it.
const NOT_CHECKABLE: &[&str] = &["chain        [", "to a root    ", "test accepted "];

#[test]
#[ignore = "drives pcscd and myna-card: cargo xtask test"]
fn myna_card_reads_a_card_completely() {
    let system = System::up();
    let folder = &system.folder;
    let _pcscd = pcscd(folder);
    let adult = system.adult();
    let _held = attach(&system, &adult);
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/bin");
    let peer = |name: &str| peers.join(name).to_str().unwrap().to_owned();

    let birth_date = adult.pin("reference_b").get(..6).unwrap();
    let read = well(
        &peer("read_card"),
        &[
            "--pin",
            adult.pin("text"),
            "--birth-date",
            birth_date,
            "--code-a",
            adult.pin("reference_a"),
            "--out",
            &folder.path("."),
        ],
    );
    for line in read.stdout.lines().filter(|line| line.ends_with(']')) {
        let checkable = !NOT_CHECKABLE.iter().any(|words| line.trim_start().starts_with(words));
        assert!(!checkable || line.contains("[verified]"), "{line}\n{}", read.stdout);
    }
    assert!(read.stdout.contains(adult.0["name"].as_str().unwrap()), "{}", read.stdout);

    let dumped = well(&peer("dump_certificates"), &[&folder.path(".")]).stdout;
    assert!(dumped.contains("signed by the CA certificate on the card: yes"), "{dumped}");
}
