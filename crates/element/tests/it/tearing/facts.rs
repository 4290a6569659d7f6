//! What a die remembers, read from its sealed state without any of the element's code.

use crate::{
    fixture::keys,
    story::{sealed, sealed_state},
};
use serde_json::Value;
use tefuda_pki::Certificate;
use tefuda_silicon::{
    Vault,
    engine::RsaKey,
    testing::{ProbedSilicon, SeededSilicon},
};
use tefuda_types::{Bytes, PinKind};

/// Values of [`keys`] that the stories use.
const KEY_SETS: [u8; 5] = [0x10, 0x20, 0x30, 0x40, 0x50];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    pub value: Vec<u8>,
    pub left: u64,
    pub limit: u64,
}

/// A key set: which, and its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    pub keys: u8,
    pub version: u64,
    pub generation: u64,
    pub sequence: u64,
    pub failures: u64,
}

/// The holder's part of an applet.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    pub stage: String,
    /// Signature, authentication.
    pub passwords: [Option<Password>; 2],
    pub grants: [bool; 2],
    /// Signature credential, authentication credential, wallet-instance key.
    pub keys: [Value; 3],
    pub pending: Value,
    /// Set and misses left.
    pub biometrics: Option<(u64, u64)>,
}

/// All that a step may change but the domains' key sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Core {
    pub tampered: bool,
    pub last_command: u64,
    pub holder: Option<Holder>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub identity: Value,
    pub residue: bool,
    pub core: Core,
    /// The authority's domain is there, with or without keys.
    pub created: bool,
    pub handed_over: bool,
    /// Operator's, authority's.
    pub domains: [Option<Domain>; 2],
    pub command_key: bool,
}

pub const fn index(kind: PinKind) -> usize {
    match kind {
        PinKind::Sign => 0,
        PinKind::Auth => 1,
    }
}

fn octets(value: &Value) -> Vec<u8> {
    serde_json::from_value::<Bytes>(value.clone()).unwrap().0
}

fn domain(set: &Value) -> Option<Domain> {
    let number = |name: &str| set[name].as_u64().unwrap();
    let enc = || octets(&set["enc"]);
    let whole = |value: &&u8| {
        let known = keys(**value);
        (octets(&set["mac"]), octets(&set["dek"])) == (known.mac().to_vec(), known.dek().to_vec())
    };
    (!set.is_null()).then(|| {
        let known = KEY_SETS.iter().filter(|value| keys(**value).enc() == enc()).find(whole);
        // A set that nobody put whole is none of these.
        Domain {
            keys: *known.unwrap(),
            version: number("version"),
            generation: number("generation"),
            sequence: number("sequence"),
            failures: number("failures"),
        }
    })
}

fn password(password: &Value) -> Option<Password> {
    (!password.is_null()).then(|| Password {
        value: octets(&password["value"]),
        left: password["left"].as_u64().unwrap(),
        limit: password["limit"].as_u64().unwrap(),
    })
}

fn holder(applet: &Value) -> Option<Holder> {
    let holder = &applet["holder"];
    let flag = |name: &str| holder[name].as_bool().unwrap();
    let biometrics = &holder["biometrics"];
    (!applet.is_null()).then(|| Holder {
        stage: applet["stage"].as_str().unwrap().to_owned(),
        passwords: [password(&holder["sign_password"]), password(&holder["auth_pin"])],
        grants: [flag("sign_grant"), flag("auth_grant")],
        keys: ["sign", "auth", "wallet_key"].map(|name| holder[name].clone()),
        pending: holder["pending"].clone(),
        biometrics: (!biometrics.is_null())
            .then(|| (biometrics["set"].as_u64().unwrap(), biometrics["misses_left"].as_u64().unwrap())),
    })
}

impl Facts {
    /// What the next power-up finds, before it does anything.
    pub fn of(die: &ProbedSilicon) -> Self {
        let state = sealed_state(die.probe(|die| die.twin()));
        Self::read(&serde_json::from_slice(&state).unwrap())
    }

    fn read(state: &Value) -> Self {
        let authority = &state["authority"];
        Self {
            identity: state["identity"].clone(),
            residue: state["residue"].as_bool().unwrap_or_default(),
            core: Core {
                tampered: state["tampered"].as_bool().unwrap(),
                last_command: authority["last_command"].as_u64().unwrap_or_default(),
                holder: holder(&authority["applet"]),
            },
            created: !authority.is_null(),
            handed_over: authority["handed_over"].as_bool().unwrap_or_default(),
            domains: [domain(&state["issuer"]["keys"]), domain(&authority["keys"])],
            command_key: !authority["command_key"].is_null(),
        }
    }
}

impl Holder {
    /// As it is when nothing is anybody's.
    pub fn nobodys(stage: &str) -> Self {
        Self {
            stage: stage.to_owned(),
            passwords: [None, None],
            grants: [false; 2],
            keys: [Value::Null, Value::Null, Value::Null],
            pending: Value::Null,
            biometrics: None,
        }
    }

    pub fn has_keys(&self) -> bool {
        self.keys.iter().any(|key| !key.is_null()) || !self.pending.is_null()
    }

    /// Every key that is there is whole, with the certificate that is its own, and none without the other.
    pub fn is_whole(&self) -> bool {
        let [sign, auth, wallet] = &self.keys;
        let matches = |credential: &Value| {
            let key = RsaKey::from_pkcs8(&octets(&credential["key"])).unwrap().public_spki().unwrap();
            Certificate::from_der(&octets(&credential["certificate"])).unwrap().public_spki() == key
        };
        let credentials = [sign, auth].into_iter().filter(|credential| !credential.is_null());
        let pending = self.pending["sign"].is_null() && self.pending["auth"].is_null();
        auth.is_null() == wallet.is_null()
            && credentials.into_iter().all(matches)
            && (self.pending.is_null() || !pending)
    }

    /// The wallet-instance key's scalar.
    pub fn wallet_scalar(&self) -> Vec<u8> {
        octets(&self.keys[2])
    }
}

/// Whether any page of a die, opened by the die itself, still has keys of a holder on it.
pub fn has_keys_on_any_page(die: &ProbedSilicon) -> bool {
    let pages = die.probe(|die| die.pages());
    (0..2).any(|page| {
        let mut alone = die.probe(|die| die.twin());
        let mut image = [None, None];
        image[page].clone_from(&pages[page]);
        alone.put_back(image);
        let state = Vault::power_up(alone).0.remnant();
        state.is_some_and(|state| {
            let facts = Facts::read(&serde_json::from_slice(&state).unwrap());
            facts.core.holder.is_some_and(|holder| holder.has_keys())
        })
    })
}

/// A die with the state of another and something in it changed.
pub fn altered(die: SeededSilicon, alter: impl FnOnce(&mut Value)) -> SeededSilicon {
    let mut state: Value = serde_json::from_slice(&sealed_state(die)).unwrap();
    alter(&mut state);
    sealed(&serde_json::to_vec(&state).unwrap())
}
