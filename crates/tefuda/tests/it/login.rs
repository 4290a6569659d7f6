//! Logging in at a relying party, by the command line and by other people's clients.

use serde_json::Value;

use crate::peer::{installed, script, well};
use crate::phones::{AUTH, Party, REDIRECT};
use crate::system::{System, TEFUDA};

#[test]
fn by_pin_by_finger_and_no_more_once_retired() {
    let system = System::up();
    system.enrolled("spare", &system.adult());
    let party = Party::register(&system);

    let by_pin = party.log_in(&system, "spare").unwrap();
    let redirect = by_pin["redirect"].as_str().unwrap();
    assert!(redirect.starts_with(&format!("{REDIRECT}?")) && redirect.contains("code="), "{redirect}");
    assert!(redirect.contains("state=state-of-this-test") && redirect.contains("iss="), "{redirect}");
    assert!(by_pin["acr"].is_string() && by_pin["amr"].is_array(), "{by_pin}");

    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", AUTH]);
    let by_finger = party.login(&system, "spare", &["--biometric"]);
    assert_eq!(by_finger.code, 0, "{by_finger:#?}");
    assert_ne!(by_finger.json()["amr"], by_pin["amr"]);

    system.done(&["phone", "retire", "spare"]);
    system.done(&["clock", "advance", "PT10S"]);
    let refused = party.login(&system, "spare", &["--auth-pin", AUTH]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    let redirect = refused.json()["redirect"].as_str().unwrap().to_owned();
    assert!(redirect.contains("error=access_denied") && redirect.contains("state="), "{redirect}");
}

/// A relying party, what the gateway gave it, and the client of somebody else that it is written with.
struct Client<'a> {
    system: &'a System,
    program: &'a [&'a str],
    party: String,
}

impl<'a> Client<'a> {
    fn new(system: &'a System, program: &'a [&'a str], file: &str) -> Self {
        let party = system.folder.write(file, Party::register(system).registered.to_string());
        Self { system, program, party }
    }

    /// Logs a phone in, from discovery to UserInfo: what the client prints.
    #[track_caller]
    fn told(&self, phone: &str, how: &[&str]) -> Value {
        let (issuer, home) = (self.system.actor("gateway", "url"), self.system.folder.path("home"));
        let login = [TEFUDA, "--home", &home, "--json", "phone", "login", phone];
        let (program, script) = self.program.split_first().unwrap();
        well(program, &[script, &[&issuer, &self.party, REDIRECT], &login, how].concat()).json()
    }

    /// As whom the person of a phone is known, by PIN or by finger.
    #[track_caller]
    fn subject(&self, phone: &str, how: &[&str]) -> String {
        let told = self.told(phone, how);
        let claims = &told["claims"];
        assert_eq!(told["userinfo"]["sub"], claims["sub"], "{told:#}");
        assert!(claims["acr"].is_string() && claims["auth_time"].is_u64(), "{told:#}");
        let method = if how.contains(&"--biometric") { "fpt" } else { "pin" };
        assert!(claims["amr"].as_array().unwrap().contains(&method.into()), "{told:#}");
        claims["sub"].as_str().unwrap().to_owned()
    }
}

#[test]
#[ignore = "drives openid-client and Authlib: cargo xtask test"]
fn openid_client_and_authlib_log_people_in_and_are_told_when_not() {
    let system = System::up();
    let adults = system.adults();
    system.enrolled("spare", &adults[0]);
    system.done(&["phone", "biometrics", "spare", "enroll", "--auth-pin", AUTH]);
    let (node, python) = (script("relying-party.mjs", "node"), script("relying_party.py", "python"));
    let python_program = installed("python/bin/python");
    let (openid_client, authlib) = (["node", &node], [python_program.as_str(), &python]);
    let clients =
        [Client::new(&system, &openid_client, "library.json"), Client::new(&system, &authlib, "bank.json")];
    let pin = ["--auth-pin", AUTH];

    let subjects = clients.each_ref().map(|client| client.subject("spare", &pin));
    assert_ne!(subjects[0], subjects[1], "each party knows the person by a name of its own");
    let same = |phone: &str, how: &[&str]| {
        for (client, subject) in clients.iter().zip(&subjects) {
            assert_eq!(client.subject(phone, how), *subject, "{phone} {how:?}");
        }
    };
    same("spare", &["--biometric"]);
    // Civil time goes on by a year; the clients' clocks do not.
    system.done(&["clock", "advance", "P1Y"]);
    same("spare", &pin);
    same("spare", &["--biometric", "2"]);

    // The next phone replaces the first, and carries the link.
    system.enrolled("next", &adults[0]);
    same("next", &pin);
    system.enrolled("other", &adults[1]);
    assert_ne!(clients[0].subject("other", &pin), subjects[0], "somebody else");

    system.done(&["phone", "retire", "next"]);
    system.done(&["clock", "advance", "PT10S"]);
    for (client, phone) in clients.iter().zip(["next", "spare"]) {
        let told = client.told(phone, &pin);
        assert_eq!(told["error"], "access_denied", "{told:#}");
        assert!(told["error_description"].as_str().is_some_and(|reason| reason.contains('.')), "{told:#}");
    }
}
