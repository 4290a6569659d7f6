//! Keys in a token: made, used, lost, back, and another one in their place.

use cryptoki::{
    context::Pkcs11,
    object::{Attribute, AttributeType, ObjectClass},
};
use sha2::{Digest, Sha256};
use std::{
    path::PathBuf,
    process::Command,
    sync::{Arc, mpsc::channel},
};
use tefuda_keys::{Environment, KeySpace, KeyStore, RoleKey, SESSIONS, Token, WAITING_MAX};
use tefuda_pki::{SignatureAlgorithm, Signer, verify_signature};
use tefuda_types::{Reason, Secret};

use crate::{
    apart::in_a_process_of_its_own,
    softhsm::{LABEL, MODULE, PIN, SoftHsm},
};

const RSA: SignatureAlgorithm = SignatureAlgorithm::Rsa2048Sha256;
const P256: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;

fn open() -> Arc<Token> {
    Token::open(MODULE.as_ref(), LABEL, &Secret::new(PIN.to_owned())).unwrap()
}

/// A folder beside the token.
fn folder(softhsm: &SoftHsm, name: &str) -> PathBuf {
    softhsm.configuration().with_file_name(name)
}

fn space(softhsm: &SoftHsm, token: &Arc<Token>) -> KeySpace {
    KeySpace::in_token(&folder(softhsm, "keys"), "test", token).unwrap()
}

/// What a key is called in the token, and its number there.
fn names(softhsm: &SoftHsm, name: &str) -> (String, String) {
    let space = std::fs::read_to_string(folder(softhsm, "keys").join("space")).unwrap();
    let label = format!("tefuda/test/{space}/{name}");
    let id: String = tefuda_types::hexadecimal(&Sha256::digest(&label)[..16]);
    (label, id)
}

fn holds(key: &RoleKey, message: &[u8], signature: &[u8]) -> bool {
    verify_signature(key.algorithm(), key.public_spki(), message, signature)
}

/// Whether OpenSSL says so too.
fn openssl_verifies(softhsm: &SoftHsm, key: &RoleKey, message: &[u8], signature: &[u8]) -> bool {
    let write = |name: &str, octets: &[u8]| {
        let path = folder(softhsm, name);
        std::fs::write(&path, octets).unwrap();
        path
    };
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-keyform", "DER", "-verify"]).arg(write("spki", key.public_spki()));
    openssl.arg("-signature").arg(write("signature", signature)).arg(write("message", message));
    openssl.output().unwrap().status.success()
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn a_key_is_made_in_the_token_and_stays_there() {
    in_a_process_of_its_own("token::a_key_is_made_in_the_token_and_stays_there", |softhsm| {
        let token = open();
        let own = space(softhsm, &token);
        for (name, algorithm) in [("rsa", RSA), ("p256", P256)] {
            let key = own.signer(name, algorithm).unwrap();
            let signature = key.sign(b"message").unwrap();
            assert!(holds(&key, b"message", &signature) && !holds(&key, b"massage", &signature));
            assert!(openssl_verifies(softhsm, &key, b"message", &signature));
            let again = space(softhsm, &token).signer(name, algorithm).unwrap();
            assert_eq!(again.public_spki(), key.public_spki(), "made once");
            let (label, _) = names(softhsm, name);
            let listed = softhsm.pkcs11_tool(["--list-objects", "--type", "privkey"]);
            let (_, after) = listed.split_once(&label).unwrap();
            let access = after.lines().find(|line| line.contains("Access:")).unwrap();
            let fast = "sensitive, always sensitive, never extractable, local";
            assert!(access.ends_with(fast), "{access}");
            // What a home has of it is its public half.
            let kept = std::fs::read(folder(softhsm, "keys").join(format!("{name}.pub"))).unwrap();
            assert_eq!(kept, key.public_spki());
        }
        // A cut after the key was made and before that was noted: the same key.
        let rsa = own.signer("rsa", RSA).unwrap();
        std::fs::remove_file(folder(softhsm, "keys").join("rsa.pub")).unwrap();
        assert_eq!(own.signer("rsa", RSA).unwrap().public_spki(), rsa.public_spki());
        // Another home's role of the same name has keys of its own.
        let other = KeySpace::in_token(&folder(softhsm, "other"), "test", &token).unwrap();
        assert_ne!(other.signer("rsa", RSA).unwrap().public_spki(), rsa.public_spki());
        // What is sealed in files opens with this token's secret, which is in no file.
        let blob = own.blob("blob", || Ok(b"sealed".to_vec())).unwrap();
        assert_eq!(blob.expose(), space(softhsm, &token).blob("blob", || Ok(vec![])).unwrap().expose());
        let mut files: Vec<_> = std::fs::read_dir(folder(softhsm, "keys")).unwrap().flatten().collect();
        files.sort_by_key(std::fs::DirEntry::path);
        let files: Vec<_> = files.iter().map(|file| file.file_name().into_string().unwrap()).collect();
        assert_eq!(files, ["blob.key", "p256.pub", "rsa.pub", "space"]);
        let production = KeyStore::Token(token);
        production.allowed_in(Environment::Production).unwrap();
        production.open(&folder(softhsm, "keys"), "test", Environment::Production).unwrap();
    });
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn a_token_that_is_not_as_it_should_be_is_not_used() {
    in_a_process_of_its_own("token::a_token_that_is_not_as_it_should_be_is_not_used", |softhsm| {
        let refused = |module: &str, label: &str, pin: &str| {
            let opened = Token::open(module.as_ref(), label, &Secret::new(pin.to_owned()));
            opened.map(drop).unwrap_err().code().as_str().to_owned()
        };
        assert_eq!(refused("/nowhere.so", LABEL, PIN), "keys.module_unusable");
        assert_eq!(refused(MODULE, "no such token", PIN), "keys.token_absent");
        assert_eq!(refused(MODULE, LABEL, "87654321"), "keys.token_pin_refused");
        assert_eq!(refused("/elsewhere.so", LABEL, PIN), "keys.other_module");
        let token = open();
        let own = space(softhsm, &token);
        // Somebody plants a key that can be taken out again.
        let (label, id) = names(softhsm, "planted");
        let pair = ["--keypairgen", "--key-type", "rsa:2048", "--label", &label, "--id", &id];
        softhsm.pkcs11_tool(pair.into_iter().chain(["--extractable"]));
        let planted = own.signer("planted", RSA).map(drop).unwrap_err();
        assert!(planted.to_string().contains("would give its key"), "{planted}");
        // A second token of the same name.
        let twin = ["--init-token", "--free", "--label", LABEL, "--so-pin", PIN, "--pin", PIN];
        softhsm.run("softhsm2-util", twin);
        let found = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "token::two_tokens_of_one_name", "--ignored", "--nocapture"])
            .output()
            .unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout));
    });
}

#[test]
#[ignore = "run by a_token_that_is_not_as_it_should_be_is_not_used"]
fn two_tokens_of_one_name() {
    // By itself it has no token to look at.
    if std::env::var_os("SOFTHSM2_CONF").is_some() {
        let opened = Token::open(MODULE.as_ref(), LABEL, &Secret::new(PIN.to_owned()));
        assert_eq!(opened.map(drop).unwrap_err().code().as_str(), "keys.token_ambiguous");
    }
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn abuse_m05_a_lost_session_is_opened_again_and_a_lost_token_found_again() {
    let name = "token::abuse_m05_a_lost_session_is_opened_again_and_a_lost_token_found_again";
    in_a_process_of_its_own(name, |softhsm| {
        let token = open();
        let key = space(softhsm, &token).signer("ca", RSA).unwrap();
        key.sign(b"before").unwrap();
        // Somebody else in the process ends every session's login, between any two signatures.
        let other = Pkcs11::new(MODULE).unwrap();
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let key = &key;
                scope.spawn(move || {
                    for round in 0..20 {
                        let message = [number, round];
                        assert!(holds(key, &message, &key.sign(&message).unwrap()), "{message:?}");
                    }
                });
            }
            for _ in 0..20 {
                let slots = other.get_slots_with_initialized_token().unwrap_or_default();
                let session = slots.first().and_then(|slot| other.open_rw_session(*slot).ok());
                // Between two starts of the library there is nothing to end.
                let _ = session.map(|session| session.logout());
            }
        });
        // The token is pulled while others sign: what comes out holds, and nothing hangs.
        for _ in 0..5 {
            let pulled = std::thread::scope(|scope| {
                for number in 0..8_u8 {
                    let key = &key;
                    scope.spawn(move || {
                        for round in 0..10 {
                            let message = [number, round];
                            let signed = key.sign(&message);
                            assert!(signed.is_err() || holds(key, &message, &signed.unwrap()));
                        }
                    });
                }
                softhsm.pull()
            });
            let away = token.ready().unwrap_err();
            assert_eq!(away.code().as_str(), "keys.token_absent");
            assert!(away.to_string().contains(LABEL), "{away}");
            assert!(key.sign(b"away").is_err());
            pulled.put_back();
            token.ready().unwrap();
            assert!(holds(&key, b"back", &key.sign(b"back").unwrap()));
        }
    });
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn abuse_m05_no_signature_of_another_key_leaves() {
    in_a_process_of_its_own("token::abuse_m05_no_signature_of_another_key_leaves", |softhsm| {
        let token = open();
        let own = space(softhsm, &token);
        for (name, algorithm, kind, gone) in [
            // The public half tells that it is another key.
            ("rsa", RSA, "rsa:2048", &["privkey", "pubkey"][..]),
            // The right public half is still there: nothing but the signature tells.
            ("p256", P256, "EC:prime256v1", &["privkey"]),
        ] {
            let key = own.signer(name, algorithm).unwrap();
            key.sign(b"message").unwrap();
            let (label, id) = names(softhsm, name);
            for gone in gone {
                softhsm.pkcs11_tool(["--delete-object", "--type", gone, "--id", &id]);
            }
            let missing = key.sign(b"message");
            assert!(missing.is_err());
            softhsm.pkcs11_tool(["--keypairgen", "--key-type", kind, "--label", &label, "--id", &id]);
            // The token would sign with it, and would be right to.
            let data = folder(softhsm, "data");
            std::fs::write(&data, [7; 32]).unwrap();
            let mechanism = if algorithm == RSA { "SHA256-RSA-PKCS" } else { "ECDSA" };
            let input = data.to_str().unwrap();
            softhsm.pkcs11_tool([
                "--sign",
                "--mechanism",
                mechanism,
                "--id",
                &id,
                "-i",
                input,
                "-o",
                "/dev/null",
            ]);
            for _ in 0..SESSIONS * 2 {
                assert!(key.sign(b"message").is_err(), "{name}");
            }
            // The token as a whole goes on.
            token.ready().unwrap();
            own.signer("another", algorithm).unwrap().sign(b"message").unwrap();
            std::fs::remove_file(folder(softhsm, "keys").join("another.pub")).unwrap();
            for kind in ["privkey", "pubkey"] {
                softhsm.pkcs11_tool([
                    "--delete-object",
                    "--type",
                    kind,
                    "--id",
                    &names(softhsm, "another").1,
                ]);
            }
        }
    });
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn abuse_m05_what_waits_for_a_token_is_bounded() {
    /// More than may wait and be worked on.
    const REFUSED_MIN: usize = 32;
    let name = "token::abuse_m05_what_waits_for_a_token_is_bounded";
    in_a_process_of_its_own(name, |softhsm| {
        let token = open();
        let key = space(softhsm, &token).signer("ca", RSA).unwrap();
        let held_up = softhsm.hold_up();
        let (told, outcomes) = channel();
        let asking = SESSIONS + WAITING_MAX + REFUSED_MIN;
        std::thread::scope(|scope| {
            for number in 0..asking {
                let (told, key) = (told.clone(), &key);
                scope.spawn(move || {
                    let message = number.to_be_bytes();
                    let signed = key.sign(&message);
                    told.send(signed.map(|signature| holds(key, &message, &signature))).unwrap();
                });
            }
            // Nothing is answered but that there is no room.
            assert!(outcomes.iter().take(REFUSED_MIN).all(|outcome| outcome.is_err()));
            drop(held_up);
        });
        drop(told);
        let outcomes: Vec<_> = outcomes.iter().collect();
        let signed = outcomes.iter().filter(|outcome| **outcome == Ok(true)).count();
        assert!((WAITING_MAX..=WAITING_MAX + SESSIONS).contains(&signed), "{signed} of what was accepted");
        assert!(outcomes.iter().all(|outcome| *outcome != Ok(false)));
        key.sign(b"after").unwrap();
    });
}

#[test]
#[ignore = "uses SoftHSM: cargo xtask test"]
fn no_call_reads_a_private_key() {
    in_a_process_of_its_own("token::no_call_reads_a_private_key", |softhsm| {
        let token = open();
        let own = space(softhsm, &token);
        own.signer("rsa", RSA).unwrap();
        own.signer("p256", P256).unwrap();
        // Logged in by the token that is open, in the same process.
        let library = Pkcs11::new(MODULE).unwrap();
        let slot = library.get_slots_with_initialized_token().unwrap()[0];
        let session = library.open_rw_session(slot).unwrap();
        let mut looked_at = 0;
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY] {
            for key in session.find_objects(&[Attribute::Class(class)]).unwrap() {
                let secret = [
                    AttributeType::PrivateExponent,
                    AttributeType::Prime1,
                    AttributeType::Prime2,
                    AttributeType::Value,
                ];
                assert!(session.get_attributes(key, &secret).unwrap_or_default().is_empty());
                looked_at += 1;
            }
        }
        assert_eq!(looked_at, 3, "two signing keys and the one that seals");
    });
}
