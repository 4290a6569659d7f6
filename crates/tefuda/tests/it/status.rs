//! Certificates, CRLs, deltas and OCSP answers, judged by OpenSSL.

use serde_json::Value;

use crate::system::{Folder, System, run};

/// An enrolled phone, its authentication certificate as a file, and the roots.
struct Case {
    system: System,
    certificate: String,
    recovery_code: String,
}

const CA: &str = "trust/phone-auth-ca-g1.pem";

impl Case {
    fn new() -> Self {
        let system = System::up();
        system.done(&["phone", "create", "spare"]);
        let enrolled = system.enroll("spare", &system.adult());
        let recovery_code = enrolled["recovery_code"].as_str().unwrap().to_owned();
        let certificate = system.folder.write("phone-auth.pem", pem(&system.phone("spare")));
        system.done(&["trust", "export", &system.folder.path("trust")]);
        Self { system, certificate, recovery_code }
    }

    fn folder(&self) -> &Folder {
        &self.system.folder
    }

    /// Civil time in seconds since 1970, as `-attime` takes it.
    fn epoch(&self) -> String {
        epoch(&self.system)
    }

    fn stop(&self) {
        self.system.done(&["phone", "stop", "spare", "--recovery-code", &self.recovery_code]);
    }

    fn lift(&self) {
        self.system.done(&["phone", "lift", "spare"]);
    }

    /// Fetches a list that the authority serves and gives it as a PEM file.
    fn list(&self, name: &str, file: &str) -> String {
        let address = self.system.actor("authority", "crl");
        let origin = address.rsplit_once('/').unwrap().0;
        let (der, pem) = (self.folder().path("list.der"), self.folder().path(file));
        let fetched = run("curl", &["-sSf", "-o", &der, &format!("{origin}/{name}")]);
        assert_eq!(fetched.code, 0, "{fetched:#?}");
        let parsed = run("openssl", &["crl", "-inform", "DER", "-in", &der, "-out", &pem]);
        assert_eq!(parsed.code, 0, "{parsed:#?}");
        pem
    }

    /// `openssl verify` with a full list and a delta: its complaint, if it has one.
    fn verify(&self, full: &str, delta: &str) -> Result<(), String> {
        let lists = [full, delta].map(|path| std::fs::read_to_string(path).unwrap()).concat();
        let lists = self.folder().write("lists.pem", lists);
        let answer = run(
            "openssl",
            &[
                "verify",
                "-attime",
                &self.epoch(),
                "-CAfile",
                &self.folder().path(CA),
                "-CRLfile",
                &lists,
                "-crl_check",
                "-use_deltas",
                &self.certificate,
            ],
        );
        if answer.code == 0 { Ok(()) } else { Err(answer.stderr) }
    }

    /// What the OCSP responder says, to OpenSSL.
    fn ocsp(&self, more: &[&str]) -> String {
        let (ca, url, at) = (self.folder().path(CA), self.system.actor("authority", "ocsp"), self.epoch());
        let asked = [
            "ocsp",
            "-issuer",
            &ca,
            "-CAfile",
            &ca,
            "-url",
            &url,
            "-attime",
            &at,
            "-validity_period",
            "400000000",
        ];
        let answer = run("openssl", &[&asked[..], more].concat());
        assert!(answer.stderr.contains("Response verify OK"), "{more:?}: {answer:#?}");
        assert!(!answer.stderr.contains("WARNING"), "{more:?}: {answer:#?}");
        answer.stdout
    }
}

fn pem(phone: &Value) -> String {
    let certificates = phone["certificates"].as_array().unwrap();
    let found = certificates.iter().rfind(|certificate| certificate["kind"] == "phone-auth");
    found.unwrap()["pem"].as_str().unwrap().to_owned()
}

fn epoch(system: &System) -> String {
    let shown = system.done(&["clock", "show"]);
    let time = shown["clock"].as_str().or_else(|| shown["civil"].as_str());
    let time: jiff::Timestamp = time.unwrap_or_else(|| panic!("{shown}")).parse().unwrap();
    time.as_second().to_string()
}

#[test]
fn openssl_agrees_on_good_suspended_revoked_and_unknown() {
    let case = Case::new();
    let certificate = ["-cert", case.certificate.as_str()];
    let good = case.ocsp(&certificate);
    assert!(good.contains(": good"), "{good}");
    assert!(case.ocsp(&["-no_nonce", certificate[0], certificate[1]]).contains(": good"));
    assert!(case.ocsp(&["-sha256", certificate[0], certificate[1]]).contains(": good"));
    assert!(case.ocsp(&["-serial", "0x1234567890"]).contains(": unknown"));

    case.stop();
    let suspended = case.ocsp(&certificate);
    assert!(suspended.contains(": revoked") && suspended.contains("certificateHold"), "{suspended}");
    case.lift();
    assert!(case.ocsp(&certificate).contains(": good"));

    case.system.done(&["phone", "retire", "spare"]);
    let revoked = case.ocsp(&certificate);
    assert!(revoked.contains(": revoked") && !revoked.contains("certificateHold"), "{revoked}");
}

#[test]
fn ocsp_answers_a_get() {
    let case = Case::new();
    let (ca, request) = (case.folder().path(CA), case.folder().path("request.der"));
    let (answer, at) = (case.folder().path("answer.der"), case.epoch());
    let made = run(
        "openssl",
        &["ocsp", "-issuer", &ca, "-cert", &case.certificate, "-no_nonce", "-reqout", &request],
    );
    assert_eq!(made.code, 0, "{made:#?}");
    let encoded = run("openssl", &["base64", "-A", "-in", &request]).stdout;
    let escaped = encoded.trim().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let address = format!("{}/{escaped}", case.system.actor("authority", "ocsp"));
    let fetched = run("curl", &["-sSf", "-o", &answer, &address]);
    assert_eq!(fetched.code, 0, "{fetched:#?}");
    let read = run(
        "openssl",
        &[
            "ocsp",
            "-respin",
            &answer,
            "-issuer",
            &ca,
            "-CAfile",
            &ca,
            "-cert",
            &case.certificate,
            "-no_nonce",
            "-attime",
            &at,
            "-validity_period",
            "400000000",
        ],
    );
    assert!(read.stderr.contains("Response verify OK") && read.stdout.contains(": good"), "{read:#?}");
}

#[test]
fn a_full_list_from_before_and_a_delta_from_after_refuse_and_accept_again() {
    let case = Case::new();
    let full = case.list("phone-auth-g1.crl", "full.pem");
    let before = case.list("phone-auth-g1.delta.crl", "before.pem");
    case.verify(&full, &before).unwrap();

    case.stop();
    let stopped = case.list("phone-auth-g1.delta.crl", "stopped.pem");
    let refusal = case.verify(&full, &stopped).unwrap_err();
    assert!(refusal.contains("certificate revoked"), "{refusal}");

    case.lift();
    let lifted = case.list("phone-auth-g1.delta.crl", "lifted.pem");
    case.verify(&full, &lifted).unwrap();
}

#[test]
fn a_list_names_its_number_its_base_and_its_reasons() {
    let case = Case::new();
    case.stop();
    let full = case.list("phone-auth-g1.crl", "full.pem");
    let delta = case.list("phone-auth-g1.delta.crl", "delta.pem");
    let text = |path: &str| run("openssl", &["crl", "-in", path, "-noout", "-text"]).stdout;
    let (full, delta) = (text(&full), text(&delta));
    assert!(full.contains("X509v3 CRL Number") && full.contains("Freshest CRL"), "{full}");
    assert!(!full.contains("Issuing Distribution Point"), "{full}");
    assert!(delta.contains("Delta CRL Indicator: critical"), "{delta}");
    assert!(delta.contains("Certificate Hold"), "{delta}");
}

#[test]
fn three_generations_under_one_name_are_told_apart() {
    let case = Case::new();
    let system = &case.system;
    let mut certificates = vec![case.certificate.clone()];
    for (phone, resident) in ["second", "third"].into_iter().zip(system.adults().iter().skip(1)) {
        system.done(&["authority", "rotate", "--kind", "phone-auth"]);
        system.done(&["phone", "create", phone]);
        system.enroll(phone, resident);
        certificates.push(system.folder.write(&format!("{phone}.pem"), pem(&system.phone(phone))));
    }
    system.done(&["trust", "export", &system.folder.path("trust")]);
    let name = |path: &str, what: &str| run("openssl", &["x509", "-in", path, "-noout", what]).stdout;
    for (index, certificate) in certificates.iter().enumerate() {
        for generation in 1..=3 {
            let root = system.folder.path(&format!("trust/phone-auth-ca-g{generation}.pem"));
            let verified =
                run("openssl", &["verify", "-attime", &case.epoch(), "-CAfile", &root, certificate]);
            assert_eq!(verified.code == 0, generation == index + 1, "{certificate} {root} {verified:#?}");
            assert_eq!(
                name(certificate, "-issuer").trim_start_matches("issuer="),
                name(&root, "-subject").trim_start_matches("subject="),
            );
        }
    }
}
