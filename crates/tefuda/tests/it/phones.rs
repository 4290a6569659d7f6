//! Phones, as the command line drives them.

use serde_json::Value;

use crate::system::{Answer, Resident, System};

/// A phone's signature password and authentication PIN, unless a test needs its own.
pub const SIGN: &str = "PHONE77";
pub const AUTH: &str = "4628";

pub fn enroll<'a>(phone: &'a str, resident: &'a Resident, sign: &'a str, auth: &'a str) -> Vec<&'a str> {
    let whose =
        ["phone", "enroll", phone, "--resident", resident.id(), "--card-sign-pin", resident.pin("sign")];
    [&whose[..], &["--sign-pin", sign, "--auth-pin", auth]].concat()
}

impl System {
    /// Makes a phone and enrols it with [`SIGN`] and [`AUTH`].
    #[track_caller]
    pub fn enrolled(&self, phone: &str, resident: &Resident) -> Value {
        self.done(&["phone", "create", phone]);
        let enrolled = self.done(&enroll(phone, resident, SIGN, AUTH));
        assert_eq!(enrolled["state"], "registered", "{enrolled:#}");
        enrolled
    }

    #[track_caller]
    pub fn phone(&self, name: &str) -> Value {
        self.done(&["phone", "status", name])
    }

    /// Tries that are left of `sign` or `auth`.
    #[track_caller]
    pub fn tries(&self, phone: &str, of: &str) -> u64 {
        self.phone(phone)["retries"][of].as_u64().unwrap()
    }
}

/// A relying party that is registered with a gateway.
#[derive(Debug)]
pub struct Party {
    pub registered: Value,
    endpoint: String,
}

pub const REDIRECT: &str = "http://localhost:9999/callback";
/// The challenge of a verifier that nobody redeems (RFC 7636, appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

impl Party {
    #[track_caller]
    pub fn register(system: &System) -> Self {
        let register =
            ["rp", "register", "--name", "Library", "--redirect-uri", REDIRECT, "--scope", "openid"];
        let registered = system.done(&register);
        let endpoint = format!("{}/protocol/openid-connect/auth", system.actor("gateway", "url"));
        Self { registered, endpoint }
    }

    /// A fresh authorization URL.
    pub fn url(&self) -> String {
        let client = self.registered["client_id"].as_str().unwrap();
        let redirect = REDIRECT.replace(':', "%3A").replace('/', "%2F");
        format!(
            "{}?response_type=code&client_id={client}&redirect_uri={redirect}&scope=openid&state=state-of-this-test\
             &nonce=nonce-of-this-test&code_challenge={CHALLENGE}&code_challenge_method=S256",
            self.endpoint
        )
    }

    /// Logs a phone in: `["--auth-pin", PIN]` or `["--biometric", …]`.
    pub fn login(&self, system: &System, phone: &str, how: &[&str]) -> Answer {
        let url = self.url();
        system.verb(&[&["phone", "login", phone], how, &[&url]].concat())
    }

    /// Logs a phone in with its PIN: done with a code, or refused with a reason.
    #[track_caller]
    pub fn log_in(&self, system: &System, phone: &str) -> Result<Value, String> {
        let answer = self.login(system, phone, &["--auth-pin", AUTH]);
        match answer.code {
            0 => Ok(answer.json()),
            1 => Err(answer.json()["reason"].as_str().unwrap().to_owned()),
            _ => panic!("{answer:#?}"),
        }
    }
}
