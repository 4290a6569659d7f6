//! Card and phone at a PC/SC reader, judged by OpenSC, OpenSSL and the crate `myna-card`; and at a reader
//! of our own, which needs nobody.
//!
//! `cargo xtask test` runs what is ignored here as root in namespaces of their own: vpcd listens on every
//! address, and pcscd has one socket for the whole machine.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tefuda_card::read;
use tefuda_types::{PinKind, Secret};

use crate::peer::{installed, well};
use crate::phones::{AUTH, SIGN};
use crate::reader::Reader;
use crate::system::{Folder, Resident, Running, System, TEFUDA, eventually, newest, run};

const OPENSC: &str = "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so";
const VPCD: &str = "127.0.0.1:35963";
const SOCKET: &str = "/run/pcscd/pcscd.comm";

/// PC/SC's daemon with its virtual reader; one at a time.
struct Pcscd {
    _daemon: Running,
    _alone: MutexGuard<'static, ()>,
}

impl Pcscd {
    fn start(folder: &Folder) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        // What a daemon that was killed leaves behind keeps the next one from starting.
        for left in [SOCKET, "/run/pcscd/pcscd.pid"] {
            let _ = std::fs::remove_file(left);
        }
        let log = std::fs::File::create(folder.path("pcscd.log")).unwrap();
        let daemon =
            Command::new("pcscd").arg("--foreground").stdout(log.try_clone().unwrap()).stderr(log).spawn();
        let mut daemon = Running(daemon.expect("pcscd starts"));
        let started = eventually(|| {
            assert!(!daemon.has_ended(), "pcscd does not start: {}", folder.read("pcscd.log"));
            Path::new(SOCKET).exists().then_some(())
        });
        assert!(started.is_some(), "{}", folder.read("pcscd.log"));
        Self { _daemon: daemon, _alone: alone }
    }
}

/// Holds something against PC/SC's reader, until OpenSC sees a chip in it.
#[track_caller]
fn hold(system: &System, verb: &[&str]) -> Running {
    let arguments = [verb, &["--to", VPCD]].concat();
    let holder = system.command(&arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let holder = Running(holder.expect("tefuda starts"));
    let seen = run("timeout", &["60", "opensc-tool", "--wait", "--atr"]);
    assert_eq!(seen.code, 0, "{seen:#?}\n{}", system.folder.read("log"));
    holder
}

#[track_caller]
fn attach(system: &System, resident: &Resident) -> Running {
    hold(system, &["card", "attach", "--resident", resident.id()])
}

/// Until whatever held the card has let go of it.
fn unblock(system: &System, resident: &Resident) {
    let unblocked = eventually(|| {
        let answer = system.verb(&["card", "unblock", "--resident", resident.id()]);
        assert!(answer.code == 0 || answer.json()["reason"] == "card.in_use", "{answer:#?}");
        (answer.code == 0).then_some(())
    });
    assert!(unblocked.is_some());
}

/// `pkcs11-tool` with a slot and its PIN.
fn pkcs11(slot: &str, pin: &str, more: &[&str]) -> crate::system::Answer {
    let login = ["--module", OPENSC, "--slot-index", slot, "--login", "--pin", pin];
    run("pkcs11-tool", &[&login[..], more].concat())
}

/// Signs with a key through PKCS#11 and has OpenSSL verify it with a certificate (PEM file).
#[track_caller]
fn sign_and_verify(folder: &Folder, slot: &str, id: &str, pin: &str, certificate: &str) {
    let (message, signature) = (folder.write("message", "what is signed"), folder.path("signature"));
    let sign = ["--sign", "--mechanism", "SHA256-RSA-PKCS", "--id", id];
    let signed =
        pkcs11(slot, pin, &[&sign[..], &["--input-file", &message, "--output-file", &signature]].concat());
    assert_eq!(signed.code, 0, "{signed:#?}");
    let key = folder.path("key.pem");
    well("openssl", &["x509", "-in", certificate, "-noout", "-pubkey", "-out", &key]);
    let verified = well("openssl", &["dgst", "-sha256", "-verify", &key, "-signature", &signature, &message]);
    assert!(verified.stdout.contains("Verified OK"), "{verified:#?}");
}

/// The example of `tefuda-reader` that `cargo xtask test` has built: our own reader over PC/SC.
fn our_reader() -> String {
    let built = Path::new(TEFUDA).parent().unwrap().join("examples/read_certificate");
    assert!(built.exists(), "{} is not there: cargo xtask test builds it", built.display());
    built.to_str().unwrap().to_owned()
}

/// The counters that `pkcs15-tool` prints as `Tries left     : 3`.
fn tries_left(listing: &str) -> Vec<&str> {
    let lines = listing.lines().filter(|line| line.contains("Tries left"));
    lines.filter_map(|line| line.split(':').nth(1)).map(str::trim).collect()
}

#[test]
#[ignore = "drives pcscd and OpenSC: cargo xtask test"]
fn opensc_names_lists_and_signs_with_a_card_and_counts_its_tries() {
    let system = System::up();
    let folder = &system.folder;
    let _pcscd = Pcscd::start(folder);
    let adult = system.adult();
    let mut held = attach(&system, &adult);

    assert_eq!(well("opensc-tool", &["--name"]).stdout.trim(), "jpki");
    let listed = well("pkcs15-tool", &["--dump"]).stdout;
    assert!(listed.contains("PKCS#15 Card [JPKI]"), "{listed}");
    for (what, count) in [("PIN [", 2), ("Private RSA Key [", 2), ("X.509 Certificate [", 4)] {
        assert_eq!(listed.matches(what).count(), count, "{what}: {listed}");
    }
    assert_eq!(tries_left(&listed), ["3", "5"], "{listed}");
    let elsewhere = system.refused(&["card", "attach", "--resident", adult.id(), "--to", "127.0.0.1:35964"]);
    assert_eq!(elsewhere, "card.in_use");

    // Its certificates are listed once it was made.
    let adult = system.resident(adult.id());
    for (slot, id, pin, kind) in [("0", "01", "auth", "card-auth"), ("1", "02", "sign", "card-sign")] {
        let (der, pem) = (folder.path("certificate.der"), folder.path("certificate.pem"));
        let read = ["--read-object", "--type", "cert", "--id", id, "--output-file", &der];
        let read = pkcs11(slot, adult.pin(pin), &read);
        assert_eq!(read.code, 0, "{read:#?}");
        well("openssl", &["x509", "-inform", "DER", "-in", &der, "-out", &pem]);
        sign_and_verify(folder, slot, id, adult.pin(pin), &pem);
        let serial = well("openssl", &["x509", "-in", &pem, "-noout", "-serial"]).stdout;
        assert_eq!(serial.trim(), format!("serial={}", adult.serial(kind)));
    }

    let der = folder.path("read.der");
    let told = well(&our_reader(), &["Virtual PCD 00 00", adult.pin("auth"), &der]).stdout;
    assert!(told.contains("JPKIAPICCTOKEN2") && told.contains("tries left: 3"), "{told}");
    let read = well("openssl", &["x509", "-inform", "DER", "-in", &der, "-noout", "-serial"]).stdout;
    assert_eq!(read.trim(), format!("serial={}", adult.serial("card-auth")));

    for (slot, wrong, tries) in [("0", "9999", 3), ("1", "WRONG99", 5)] {
        for _ in 0..tries {
            let refused = pkcs11(slot, wrong, &["--list-objects"]);
            assert_ne!(refused.code, 0, "{refused:#?}");
        }
    }
    let blocked = well("pkcs15-tool", &["--list-pins"]).stdout;
    assert_eq!(tries_left(&blocked), ["0", "0"], "{blocked}");
    assert_ne!(pkcs11("0", adult.pin("auth"), &["--list-objects"]).code, 0, "the right PIN comes too late");
    assert_eq!(held.signal("-INT"), Some(0));

    unblock(&system, &adult);
    let mut held = attach(&system, &adult);
    assert_eq!(tries_left(&well("pkcs15-tool", &["--list-pins"]).stdout), ["3", "5"]);
    assert_eq!(pkcs11("0", adult.pin("auth"), &["--list-objects"]).code, 0);
    assert_eq!(held.signal("-TERM"), Some(0));
}

/// What `myna-card` cannot say of any card but J-LIS's: it checks card-verifiable certificates with keys, and
/// chains with roots, that it carries itself. Everything else that it checks has to be right.
const ONLY_OF_J_LIS: &[&str] =
    &["chain        [", "certificate  被証明者鍵ID", "to a root    production only", "test accepted"];

#[test]
#[ignore = "drives pcscd and myna-card: cargo xtask test"]
fn myna_card_reads_a_card_completely() {
    let system = System::up();
    let folder = &system.folder;
    let _pcscd = Pcscd::start(folder);
    let adult = system.adult();
    let _held = attach(&system, &adult);

    let birth_date = adult.pin("reference_b").get(..6).unwrap();
    let given =
        ["--pin", adult.pin("text"), "--birth-date", birth_date, "--code-a", adult.pin("reference_a")];
    let out = ["--out", &folder.path(".")];
    let read = well(&installed("bin/read_card"), &[&given[..], &out].concat()).stdout;
    let mut verified = 0;
    for line in read.lines().filter(|line| line.ends_with(']')) {
        let only_of_j_lis = ONLY_OF_J_LIS.iter().any(|words| line.trim_start().starts_with(words));
        let fine = line.contains("[verified]") || line.ends_with("digest [ok]");
        assert!(fine || only_of_j_lis, "{line}\n{read}");
        verified += line.matches("[verified]").count();
    }
    // Key of the text application and its record, age, face, My Number, a fresh challenge, certificate.
    assert!(verified >= 7, "{read}");
    assert!(!read.contains("MISMATCH") && !read.contains("DISAGREES"), "{read}");
    for told in [adult.0["name"].as_str().unwrap(), adult.pin("reference_a"), "retries 3", "retries 5"] {
        assert!(read.contains(told), "{told}\n{read}");
    }
    for image in ["photo.jp2", "my-number.png"] {
        assert!(Path::new(&folder.path(image)).exists(), "{image}\n{read}");
    }

    let dumped = well(&installed("bin/dump_certificates"), &[&folder.path(".")]).stdout;
    assert!(dumped.contains("signed by the CA certificate on the card: yes"), "{dumped}");
    let der = folder.path("auth_certificate.der");
    let serial = well("openssl", &["x509", "-inform", "DER", "-in", &der, "-noout", "-serial"]).stdout;
    assert_eq!(serial.trim(), format!("serial={}", system.resident(adult.id()).serial("card-auth")));
}

#[test]
fn tries_of_a_card_outlive_the_process_and_the_counter_gives_them_back() {
    let system = System::up();
    let adult = system.adult();
    let wrong = Secret::new("9999".to_owned());
    let right = Secret::new(adult.pin("auth").to_owned());
    let mut reader = Reader::with_card(&system, &adult);
    read::select_jpki(&mut reader).unwrap();
    assert_eq!(read::tries_left(&mut reader, PinKind::Auth), Ok(3));
    read::verify(&mut reader, PinKind::Auth, &wrong).unwrap_err();

    let system = system.restart("-KILL");
    drop(reader);
    let mut reader = Reader::with_card(&system, &adult);
    read::select_jpki(&mut reader).unwrap();
    assert_eq!(read::tries_left(&mut reader, PinKind::Auth), Ok(2), "a restart gives no try back");
    for left in [1, 0] {
        read::verify(&mut reader, PinKind::Auth, &wrong).unwrap_err();
        assert_eq!(read::tries_left(&mut reader, PinKind::Auth), Ok(left));
    }
    assert_eq!(read::verify(&mut reader, PinKind::Auth, &right), Err(read::ReadError::PinBlocked));
    assert_eq!(reader.holder.signal("-INT"), Some(0));

    unblock(&system, &adult);
    let mut reader = Reader::with_card(&system, &adult);
    read::select_jpki(&mut reader).unwrap();
    assert_eq!(read::verify(&mut reader, PinKind::Auth, &right), Ok(()));
    let attributes = read::attributes(&mut reader, &Secret::new(adult.pin("text").to_owned())).unwrap();
    assert_eq!(attributes.name, adult.0["name"]);
}

#[test]
#[ignore = "drives pcscd and OpenSC: cargo xtask test"]
fn a_phone_is_a_card_to_opensc_and_to_our_own_reader() {
    let system = System::up();
    let folder = &system.folder;
    system.enrolled("spare", &system.adult());
    let _pcscd = Pcscd::start(folder);
    let held = hold(&system, &["phone", "tap", "spare"]);

    assert_eq!(well("opensc-tool", &["--name"]).stdout.trim(), "jpki");
    let listed = well("pkcs15-tool", &["--dump"]).stdout;
    assert_eq!(tries_left(&listed), ["3", "5"], "{listed}");

    let status = system.phone("spare");
    let pem = |kind| {
        let certificate = newest(&status["certificates"], kind);
        folder.write("certificate.pem", certificate["pem"].as_str().unwrap())
    };
    for (slot, id, pin, kind) in [("0", "01", AUTH, "phone-auth"), ("1", "02", SIGN, "phone-sign")] {
        sign_and_verify(folder, slot, id, pin, &pem(kind));
    }

    // Our own reader, over PC/SC: refused first, then, after the PIN, the certificate of `phone status`.
    let der = folder.path("read.der");
    let told = well(&our_reader(), &["Virtual PCD 00 00", AUTH, &der]).stdout;
    assert!(told.contains("before the PIN: 6982"), "{told}");
    let of_phone = well("openssl", &["x509", "-in", &pem("phone-auth"), "-noout", "-fingerprint"]).stdout;
    let read = well("openssl", &["x509", "-inform", "DER", "-in", &der, "-noout", "-fingerprint"]).stdout;
    assert_eq!(read, of_phone);
    drop(held);
}
