//! Certificates, CRLs, deltas and OCSP answers, judged by OpenSSL.

use tefuda_card::read;
use tefuda_types::PinKind;

use crate::peer::well;
use crate::reader::Reader;
use crate::system::{Answer, Folder, Resident, System, newest, run};

/// A certificate as a file, of which kind it is, and the system that issued it.
struct Case {
    system: System,
    resident: Resident,
    kind: &'static str,
    certificate: String,
}

/// An answer about the past is old by the host's clock: OpenSSL takes the civil one from `-attime`, but wants
/// to be told how old an answer may be.
const ANY_AGE: &str = "400000000";

impl Case {
    /// A card's authentication certificate, read from the card.
    fn of_a_card() -> Self {
        let system = System::up();
        let resident = system.adult();
        let certificate = read_certificate(&system, &resident, "card.pem");
        system.done(&["trust", "export", &system.folder.path("trust")]);
        Self { system, resident, kind: "card-auth", certificate }
    }

    /// A phone's authentication certificate, as `phone status` gives it.
    fn of_a_phone() -> Self {
        let system = System::up();
        let resident = system.adult();
        system.enrolled("spare", &resident);
        let status = system.phone("spare");
        let pem = newest(&status["certificates"], "phone-auth")["pem"].as_str().unwrap();
        let certificate = system.folder.write("phone.pem", pem);
        system.done(&["trust", "export", &system.folder.path("trust")]);
        Self { system, resident, kind: "phone-auth", certificate }
    }

    fn folder(&self) -> &Folder {
        &self.system.folder
    }

    fn root(&self) -> String {
        self.folder().path(&format!("trust/{}-ca-g1.pem", self.kind))
    }

    /// Fetches a list that the authority serves and gives it as a PEM file.
    fn list(&self, name: &str, file: &str) -> String {
        let index = self.system.actor("authority", "crl");
        let address = format!("{}/{}-{name}", index.rsplit_once('/').unwrap().0, self.kind);
        let (der, pem) = (self.folder().path("list.der"), self.folder().path(file));
        well("curl", &["-sSf", "-o", &der, &address]);
        well("openssl", &["crl", "-inform", "DER", "-in", &der, "-out", &pem]);
        pem
    }

    /// `openssl verify` with a full list and a delta: its complaint, if it has one.
    fn verify(&self, full: &str, delta: &str) -> Result<(), String> {
        let lists = [full, delta].map(|path| std::fs::read_to_string(path).unwrap()).concat();
        let lists = self.folder().write("lists.pem", lists);
        let (at, root) = (self.system.epoch(), self.root());
        let verify = ["verify", "-attime", &at, "-CAfile", &root, "-CRLfile", &lists];
        let checks = ["-crl_check", "-use_deltas", &self.certificate];
        let answer = run("openssl", &[&verify[..], &checks].concat());
        if answer.code == 0 { Ok(()) } else { Err(answer.stderr) }
    }

    /// What the OCSP responder says of something, to OpenSSL.
    #[track_caller]
    fn ocsp(&self, more: &[&str]) -> String {
        let (root, url, at) = (self.root(), self.system.actor("authority", "ocsp"), self.system.epoch());
        let asked = ["ocsp", "-issuer", &root, "-CAfile", &root, "-url", &url, "-attime", &at];
        let answer = run("openssl", &[&asked[..], &["-validity_period", ANY_AGE], more].concat());
        believed(answer)
    }
}

/// What an OCSP answer says, once OpenSSL believes it.
#[track_caller]
fn believed(answer: Answer) -> String {
    assert!(answer.stderr.contains("Response verify OK"), "{answer:#?}");
    assert!(!answer.stderr.to_lowercase().contains("warning"), "{answer:#?}");
    answer.stdout
}

/// Reads the authentication certificate of a resident's card into a PEM file.
fn read_certificate(system: &System, resident: &Resident, file: &str) -> String {
    let mut reader = Reader::with_card(system, resident);
    read::select_jpki(&mut reader).unwrap();
    let der = read::certificate(&mut reader, PinKind::Auth, &mut |_, _| {}).unwrap();
    let (der, pem) = (system.folder.write("read.der", der), system.folder.path(file));
    well("openssl", &["x509", "-inform", "DER", "-in", &der, "-out", &pem]);
    pem
}

#[test]
#[ignore = "drives OpenSSL: cargo xtask test"]
fn openssl_agrees_on_good_suspended_revoked_and_unknown() {
    let case = Case::of_a_card();
    let (system, id) = (&case.system, case.resident.id());
    let certificate = ["-cert", case.certificate.as_str()];
    assert!(case.ocsp(&certificate).contains(": good"));
    for more in ["-no_nonce", "-sha256"] {
        assert!(case.ocsp(&[more, certificate[0], certificate[1]]).contains(": good"), "{more}");
    }
    assert!(case.ocsp(&["-serial", "0x1234567890"]).contains(": unknown"));
    let full = case.list("g1.crl", "full.pem");
    case.verify(&full, &case.list("g1.delta.crl", "before.pem")).unwrap();

    system.done(&["card", "lose", "--resident", id]);
    let suspended = case.ocsp(&certificate);
    assert!(suspended.contains(": revoked") && suspended.contains("certificateHold"), "{suspended}");
    // A full list from before, a delta from after.
    let stopped = case.list("g1.delta.crl", "stopped.pem");
    let refusal = case.verify(&full, &stopped).unwrap_err();
    assert!(refusal.contains("certificate revoked"), "{refusal}");
    assert_eq!(system.resident(id).certificate(case.kind), "suspended");

    let serial = system.resident(id).serial(case.kind).to_owned();
    let revoke =
        ["authority", "revoke", "--kind", case.kind, "--serial", &serial, "--reason", "keyCompromise"];
    system.done(&revoke);
    let revoked = case.ocsp(&certificate);
    assert!(revoked.contains(": revoked") && revoked.contains("keyCompromise"), "{revoked}");
    case.verify(&full, &case.list("g1.delta.crl", "revoked.pem")).unwrap_err();
    let full_again = case.list("g1.crl", "again.pem");
    case.verify(&full_again, &case.list("g1.delta.crl", "revoked.pem")).unwrap_err();
    assert_eq!(system.resident(id).certificate(case.kind), "revoked");

    // A year later, the clock moved.
    system.done(&["clock", "advance", "P1Y"]);
    assert!(case.ocsp(&certificate).contains(": revoked"));
    let stale = case.verify(&full, &stopped).unwrap_err();
    assert!(stale.contains("CRL has expired"), "{stale}");
}

#[test]
#[ignore = "drives OpenSSL and curl: cargo xtask test"]
fn a_full_list_from_before_and_a_delta_from_after_refuse_together_and_accept_again_after_the_lift() {
    let case = Case::of_a_phone();
    let system = &case.system;
    let certificate = ["-cert", case.certificate.as_str()];
    assert!(case.ocsp(&certificate).contains(": good"));
    let full = case.list("g1.crl", "full.pem");
    case.verify(&full, &case.list("g1.delta.crl", "before.pem")).unwrap();

    system.done(&["authority", "stop", "--resident", case.resident.id(), "--phone", "spare"]);
    let stopped = case.ocsp(&certificate);
    assert!(stopped.contains(": revoked") && stopped.contains("certificateHold"), "{stopped}");
    let refusal = case.verify(&full, &case.list("g1.delta.crl", "stopped.pem")).unwrap_err();
    assert!(refusal.contains("certificate revoked"), "{refusal}");
    // A full list of the time on hold, which the delta after the lift has to take back.
    let on_hold = case.list("g1.crl", "on-hold.pem");

    system.done(&["phone", "lift", "spare"]);
    assert!(case.ocsp(&certificate).contains(": good"));
    let lifted = case.list("g1.delta.crl", "lifted.pem");
    case.verify(&full, &lifted).unwrap();
    case.verify(&on_hold, &lifted).unwrap();
    let text = well("openssl", &["crl", "-in", &lifted, "-noout", "-text"]).stdout;
    assert!(text.contains("Remove From CRL"), "{text}");

    system.done(&["phone", "retire", "spare"]);
    let revoked = case.ocsp(&certificate);
    assert!(revoked.contains(": revoked") && !revoked.contains("certificateHold"), "{revoked}");
    case.verify(&full, &case.list("g1.delta.crl", "retired.pem")).unwrap_err();
}

#[test]
#[ignore = "drives OpenSSL and curl: cargo xtask test"]
fn ocsp_answers_a_get_and_refuses_what_it_does_not_know() {
    let case = Case::of_a_card();
    let (root, request) = (case.root(), case.folder().path("request.der"));
    let (answer, at) = (case.folder().path("answer.der"), case.system.epoch());
    let of = ["ocsp", "-issuer", &root, "-cert", &case.certificate, "-no_nonce"];
    well("openssl", &[&of[..], &["-reqout", &request]].concat());
    let encoded = well("openssl", &["base64", "-A", "-in", &request]).stdout;
    let escaped = encoded.trim().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let url = case.system.actor("authority", "ocsp");
    let headers = well("curl", &["-sSf", "-D", "-", "-o", &answer, &format!("{url}/{escaped}")]).stdout;
    assert!(headers.contains("application/ocsp-response"), "{headers}");
    let read = ["-CAfile", &root, "-respin", &answer, "-attime", &at, "-validity_period", ANY_AGE];
    assert!(believed(run("openssl", &[&of[..], &read].concat())).contains(": good"));

    // Asked about a certificate of somebody else's CA, and about nothing.
    let (key, stranger) = (case.folder().path("key.pem"), case.folder().path("stranger.pem"));
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", &key, "-out", &stranger];
    well("openssl", &[&make[..], &["-days", "2", "-subj", "/CN=Somebody else"]].concat());
    let strange = ["ocsp", "-issuer", &stranger, "-serial", "1", "-url", &url, "-CAfile", &stranger];
    let refused = run("openssl", &strange);
    assert!(format!("{refused:?}").contains("unauthorized (6)"), "{refused:#?}");
    let nonsense = well("curl", &["-sS", "-o", &answer, "--data-binary", "nonsense", &url]);
    assert_eq!(nonsense.code, 0);
    let told = run("openssl", &["ocsp", "-respin", &answer, "-noverify"]);
    assert!(format!("{told:?}").contains("malformedrequest (1)"), "{told:#?}");
}

#[test]
#[ignore = "drives OpenSSL and curl: cargo xtask test"]
fn a_list_names_its_number_its_base_and_its_reasons() {
    let case = Case::of_a_card();
    case.system.done(&["card", "lose", "--resident", case.resident.id()]);
    let full = case.list("g1.crl", "full.pem");
    let delta = case.list("g1.delta.crl", "delta.pem");
    let text = |path: &str| well("openssl", &["crl", "-in", path, "-noout", "-text"]).stdout;
    let (full_text, delta_text) = (text(&full), text(&delta));
    assert!(full_text.contains("X509v3 CRL Number") && full_text.contains("Freshest CRL"), "{full_text}");
    assert!(full_text.contains("X509v3 Authority Key Identifier"), "{full_text}");
    assert!(!full_text.contains("Issuing Distribution Point"), "{full_text}");
    assert!(delta_text.contains("Delta CRL Indicator: critical"), "{delta_text}");
    let serial = case.system.resident(case.resident.id()).serial(case.kind).to_owned();
    for text in [&full_text, &delta_text] {
        assert!(text.contains("Certificate Hold") && text.contains(&serial), "{text}");
    }
    assert!(crl_number(&full) > 0 && crl_number(&delta) > crl_number(&full), "{full_text}{delta_text}");
    for list in [&full, &delta] {
        let checked = run("openssl", &["crl", "-in", list, "-noout", "-CAfile", &case.root()]);
        assert!(checked.stderr.contains("verify OK"), "{checked:#?}");
    }
}

fn crl_number(list: &str) -> u64 {
    let shown = well("openssl", &["crl", "-in", list, "-noout", "-crlnumber"]).stdout;
    u64::from_str_radix(shown.trim().trim_start_matches("crlNumber=").trim_start_matches("0x"), 16).unwrap()
}

#[test]
#[ignore = "drives OpenSSL and curl: cargo xtask test"]
fn three_generations_under_one_name_are_told_apart() {
    let case = Case::of_a_card();
    let system = &case.system;
    let mut certificates = vec![case.certificate.clone()];
    for generation in 2..=3 {
        let rotated = system.done(&["authority", "rotate", "--kind", case.kind]);
        assert_eq!(rotated["generation"], generation);
        system.done(&["card", "renew", "--resident", case.resident.id()]);
        certificates.push(read_certificate(system, &case.resident, &format!("g{generation}.pem")));
    }
    system.done(&["trust", "export", &system.folder.path("trust")]);
    let root = |generation| system.folder.path(&format!("trust/{}-ca-g{generation}.pem", case.kind));
    let name = |path: &str, what: &str| {
        let shown = well("openssl", &["x509", "-in", path, "-noout", what]).stdout;
        shown.split_once('=').unwrap().1.to_owned()
    };
    let at = system.epoch();
    let verify = |roots: &str, certificate: &str| {
        run("openssl", &["verify", "-attime", &at, "-CAfile", roots, certificate]).code == 0
    };
    let all: String = (1..=3).map(|generation| std::fs::read_to_string(root(generation)).unwrap()).collect();
    let all = system.folder.write("all.pem", all);
    let other_kind = system.folder.path("trust/card-sign-ca-g1.pem");
    for (certificate, generation) in certificates.iter().zip(1..) {
        assert_eq!(name(&root(generation), "-subject"), name(certificate, "-issuer"));
        for other in 1..=3 {
            assert_eq!(verify(&root(other), certificate), other == generation, "{certificate} under {other}");
            let list = case.list(&format!("g{other}.crl"), "list.pem");
            let checked = run("openssl", &["crl", "-in", &list, "-noout", "-CAfile", &root(generation)]);
            assert_eq!(checked.stderr.contains("verify OK"), other == generation, "{checked:#?}");
        }
        assert!(verify(&all, certificate), "among roots of one name the right one is found");
        assert!(!verify(&other_kind, certificate), "the roots of another kind prove nothing");
    }
}
