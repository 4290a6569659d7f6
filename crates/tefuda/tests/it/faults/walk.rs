//! A phone's life, step by step: each step is tried while things go wrong, and once more when nothing does.

use jiff::Timestamp;
use serde_json::Value;
use std::{process::Stdio, sync::Arc};

use super::{
    law::Law,
    plan::Draw,
    processes::{CLOCKS_APART_MAX, PROXIES, Processes},
};
use crate::{
    phones::{AUTH, REDIRECT, SIGN, enroll},
    system::{Answer, Resident, TEFUDA, newest},
};

/// Tries of a step under faults, at most, before the one that has to end well.
const FAULTY_TRIES_MAX: u64 = 3;
/// Tries without faults: the first may hear that somebody else's try is still under way.
const CLEAN_TRIES_MAX: usize = 3;

/// The challenge of a verifier that nobody redeems (RFC 7636, appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// For so long a gateway goes by what it heard last ("refused within 10 seconds"), with what the clocks are off.
const FRESH_SECONDS: i64 = 13;

/// A phone on its way.
pub struct Walk<'a> {
    pub processes: &'a Arc<Processes>,
    pub law: &'a mut Law,
    pub draw: Draw,
    pub resident: Resident,
    pub phone: String,
    /// A relying party's `client_id`.
    pub party: String,
    /// What happened, for whoever reads a failure.
    pub told: Vec<String>,
    /// When its stop or revocation was acknowledged.
    pub cut_off: Timestamp,
}

#[expect(clippy::disallowed_methods, reason = "a test measures how old an acknowledgement is")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A command that is not under way any more.
type Done = Result<Value, Refusal>;

/// A refusal: exit code and reason.
#[derive(Debug)]
pub struct Refusal {
    pub code: i32,
    pub reason: String,
}

/// Runs a verb against the processes.
pub fn verb(processes: &Processes, arguments: &[&str]) -> Done {
    let mut command = std::process::Command::new(TEFUDA);
    command.args(["--home", &processes.folder.path("cli"), "--json"]).args(arguments);
    let answer: Answer = command.stdin(Stdio::null()).output().unwrap().into();
    if answer.code == 0 {
        return Ok(answer.json());
    }
    let reason = answer.json()["reason"].as_str().unwrap_or_default().to_owned();
    Err(Refusal { code: answer.code, reason })
}

impl Walk<'_> {
    /// From the first message to the keys that are gone.
    pub fn life(&mut self) {
        self.created();
        self.enrolled();
        self.logs_in(true);
        self.stopped();
        self.logs_in(false);
        self.lifted();
        self.logs_in(true);
        self.revoked();
        self.logs_in(false);
        self.wiped();
        let phone = self.phone.clone();
        self.step("delete", 2, &["phone", "delete", &phone], &["phone.not_found"]);
    }

    /// Does a step until it is acknowledged; refusals in `over` say that an earlier try did it.
    fn step(&mut self, name: &str, messages: u64, arguments: &[&str], over: &[&str]) -> Value {
        for _ in 0..self.draw.below(FAULTY_TRIES_MAX + 1) {
            let seed = self.draw.number();
            if let Some(done) = self.faulty(name, seed, messages, arguments, over) {
                // What was acknowledged is acknowledged again, now and then.
                if self.draw.below(3) > 0 {
                    return done;
                }
            }
        }
        for _ in 0..CLEAN_TRIES_MAX {
            let mut done = self.clean(arguments);
            // To a clock that is behind, a certificate of this second is one of the next.
            if matches!(&done, Err(refusal) if refusal.reason == "certificate.not_yet_valid") {
                std::thread::sleep(CLOCKS_APART_MAX);
                done = self.clean(arguments);
            }
            match done {
                Ok(done) => return done,
                Err(refusal) if over.contains(&refusal.reason.as_str()) => return Value::Null,
                Err(refusal) => self.told.push(format!("{name}, nothing wrong: {refusal:?}")),
            }
            self.processes.answer();
        }
        self.fails(&format!("{name} does not end well"))
    }

    fn faulty(
        &mut self,
        name: &str,
        seed: u64,
        messages: u64,
        arguments: &[&str],
        over: &[&str],
    ) -> Option<Value> {
        self.processes.answer();
        self.processes.plan.arm(seed, messages);
        let done = verb(self.processes, arguments);
        let happened = self.processes.plan.disarm();
        let outcome = match &done {
            Ok(_) => "done".to_owned(),
            Err(refusal) => format!("{refusal:?}"),
        };
        self.told.push(format!("{name}: {outcome}; {}", happened.join("; ")));
        match done {
            Ok(done) => Some(done),
            Err(refusal) if over.contains(&refusal.reason.as_str()) => Some(Value::Null),
            Err(_) => None,
        }
    }

    fn clean(&self, arguments: &[&str]) -> Done {
        self.processes.answer();
        verb(self.processes, arguments)
    }

    pub fn fails(&self, what: &str) -> ! {
        panic!("{what}\n{}\n{}", self.told.join("\n"), self.processes.logs())
    }

    fn created(&mut self) {
        let phone = self.phone.clone();
        self.step("create", 14, &["phone", "create", &phone], &["phone.exists"]);
    }

    fn enrolled(&mut self) {
        let (phone, resident) = (self.phone.clone(), self.resident.clone());
        let enrolled = self.step("enrol", 28, &enroll(&phone, &resident, SIGN, AUTH), &[]);
        if enrolled["state"] != "registered" {
            self.fails(&format!("an enrolment ends in {enrolled:#}"));
        }
        self.holds(["valid", "valid"]);
    }

    /// Logs in, or is refused.
    fn logs_in(&mut self, accepted: bool) {
        let phone = self.phone.clone();
        if !accepted {
            // A gateway that cannot hear the authority goes by what it heard last for as long as that is fresh.
            for _ in 0..self.draw.below(FAULTY_TRIES_MAX) {
                let (seed, url) = (self.draw.number(), self.url());
                let login = ["phone", "login", &phone, "--auth-pin", AUTH, &url];
                let began = now();
                let done = self.faulty("login of one that was cut off", seed, 10, &login, &[]);
                if done.is_some() && began.duration_since(self.cut_off).as_secs() > FRESH_SECONDS {
                    self.fails("a phone that was cut off logs in");
                }
            }
            let url = self.url();
            match self.clean(&["phone", "login", &phone, "--auth-pin", AUTH, &url]) {
                Err(refusal) if refusal.code == 1 => {}
                other => self.fails(&format!("the login of one that was cut off: {other:?}")),
            }
            return;
        }
        let url = self.url();
        self.step("login", 10, &["phone", "login", &phone, "--auth-pin", AUTH, &url], &[]);
    }

    fn stopped(&mut self) {
        let (phone, resident) = (self.phone.clone(), self.resident.id().to_owned());
        let held = self.held();
        self.step("stop", 2, &["authority", "stop", "--resident", &resident, "--phone", &phone], &[]);
        self.law.acknowledge(&held, "suspended");
        self.cut_off = now();
        self.holds(["suspended", "suspended"]);
    }

    fn lifted(&mut self) {
        let (phone, resident) = (self.phone.clone(), self.resident.clone());
        let held = self.held();
        self.law.lift();
        let lift = ["phone", "lift", &phone, "--card-sign-pin", resident.pin("sign"), "--sign-pin", SIGN];
        self.step("lift", 30, &lift, &[]);
        self.law.acknowledge(&held[..1], "revoked");
        let now = self.held();
        if now[0] == held[0] || now[1] != held[1] {
            self.fails(&format!("{held:?} became {now:?} when the phone was found"));
        }
        self.holds(["valid", "valid"]);
    }

    fn revoked(&mut self) {
        let (phone, held) = (self.phone.clone(), self.held());
        if self.draw.below(2) == 0 {
            self.step("retire", 12, &["phone", "retire", &phone], &[]);
            self.law.acknowledge(&held, "revoked");
        } else {
            for (kind, serial) in ["phone-sign", "phone-auth"].iter().zip(&held) {
                let revoke =
                    ["authority", "revoke", "--kind", kind, "--serial", serial, "--reason", "keyCompromise"];
                self.step("revoke", 1, &revoke, &[]);
                self.law.acknowledge(std::slice::from_ref(serial), "revoked");
            }
        }
        self.cut_off = now();
        self.holds(["revoked", "revoked"]);
    }

    fn wiped(&mut self) {
        let phone = self.phone.clone();
        self.step("wipe", 1, &["authority", "wipe", "--phone", &phone], &[]);
        let status = self.step("status", 8, &["phone", "status", &phone], &[]);
        let status = if status["deletion"] == "confirmed" { status } else { self.status() };
        if status["deletion"] != "confirmed" {
            self.fails(&format!("a wipe is not confirmed: {status:#}"));
        }
    }

    fn status(&self) -> Value {
        let status = self.clean(&["phone", "status", &self.phone]);
        status.unwrap_or_else(|refusal| self.fails(&format!("no status: {refusal:?}")))
    }

    /// Serials of the newest signature and authentication certificate.
    fn held(&mut self) -> [String; 2] {
        let status = self.status();
        let serials = ["phone-sign", "phone-auth"].map(|kind| {
            let serial = newest(&status["certificates"], kind)["serial"].as_str().unwrap();
            serial.to_owned()
        });
        self.law.seen(&serials);
        serials
    }

    /// What phone and authority say of the two.
    fn holds(&mut self, expected: [&str; 2]) {
        let status = self.status();
        let own =
            ["phone-sign", "phone-auth"].map(|kind| newest(&status["certificates"], kind)["status"].clone());
        if own != expected.map(Value::from) {
            self.fails(&format!("expected {expected:?}: {status:#}"));
        }
        self.held();
    }

    /// A fresh authorization URL.
    fn url(&self) -> String {
        let redirect = REDIRECT.replace(':', "%3A").replace('/', "%2F");
        format!(
            "http://localhost:{}/api/realms/main/protocol/openid-connect/auth?response_type=code&client_id={}\
             &redirect_uri={redirect}&scope=openid&state=state-of-this-test&nonce=nonce-of-this-test\
             &code_challenge={CHALLENGE}&code_challenge_method=S256",
            self.processes.base + 2 + PROXIES,
            self.party
        )
    }
}
