//! Abuse cases that the phone's core answers for, by their numbers in `docs/abuse-cases.md`.

use crate::fixture::{element, store_rules};
use tefuda_element::host;
use tefuda_phone::{
    enrolment::Enrolment,
    memory::Memory,
    os::{App, admit},
    standing::{able_to_log_in, certificates},
    wallet::Wallet,
};
use tefuda_protocol::{
    device::CertificateView,
    element::{
        AUTHORITY_DOMAIN_AID, AccessRule, AppletStatus, Holding, ISSUER_DOMAIN_AID, PORTAL_APP, WALLET_AID,
        WALLET_APP,
    },
    login::LoginDeclined,
};
use tefuda_types::{CertificateKind, CertificateStatus, Reason, Timestamp};

fn rule(application: &[u8], client: [u8; 32]) -> AccessRule {
    AccessRule { application: application.to_vec().into(), client: client.to_vec().into() }
}

#[test]
fn abuse_b09_an_application_that_no_rule_names_does_not_reach_the_applet() {
    let mut element = element();
    let mut admitted = |stored: Option<&[AccessRule]>, app, applet: &[u8]| {
        if let Some(rules) = stored {
            store_rules(&mut element, rules);
        }
        let rules = host::access_rules(&mut element).unwrap();
        admit(&rules, app, applet).map_err(|refused| refused.code().as_str())
    };
    let denied = Err("os.access_denied");
    // Before the operator stored any.
    assert_eq!(admitted(None, App::Portal, &WALLET_AID), denied);
    let both = [rule(&WALLET_AID, PORTAL_APP), rule(&WALLET_AID, WALLET_APP)];
    assert_eq!(admitted(Some(&both), App::Portal, &WALLET_AID), Ok(()));
    assert_eq!(admitted(None, App::Wallet, &WALLET_AID), Ok(()));
    // Another applet than the one that is named, and part of its name.
    for applet in [&AUTHORITY_DOMAIN_AID[..], &ISSUER_DOMAIN_AID, &WALLET_AID[..7], &[]] {
        assert_eq!(admitted(None, App::Wallet, applet), denied);
    }
    // Somebody who is not listed, or listed under a signature that differs in one bit.
    let mut resigned = PORTAL_APP;
    resigned[31] ^= 1;
    for client in [WALLET_APP, resigned, [0; 32]] {
        assert_eq!(admitted(Some(&[rule(&WALLET_AID, client)]), App::Portal, &WALLET_AID), denied);
    }
    // When the rule is gone, so is the way; and nothing was left of the first rules.
    assert_eq!(admitted(Some(&both[..1]), App::Wallet, &WALLET_AID), denied);
    assert_eq!(admitted(None, App::Portal, &WALLET_AID), Ok(()));
    assert_eq!(admitted(Some(&[]), App::Portal, &WALLET_AID), denied);
    assert_eq!(host::access_rules(&mut element), Ok(Vec::new()));
}

/// What applications of a phone in use remember.
fn used() -> Memory {
    let view = |kind, serial: &str| CertificateView {
        kind,
        serial: serial.parse().unwrap(),
        not_before: Timestamp::UNIX_EPOCH,
        not_after: Timestamp::MAX,
        status: CertificateStatus::Valid,
        reason: None,
        as_of: Timestamp::UNIX_EPOCH,
        pem: "certificate".to_owned(),
    };
    let held = [view(CertificateKind::PhoneSign, "0102"), view(CertificateKind::PhoneAuth, "0103")];
    let enrolment = Enrolment::begin("hanako".parse().unwrap(), [7; 16], Some(vec![1; 32].into())).done();
    Memory { enrolment: Some(enrolment), wallet: Some(Wallet::loaded(None, &held)), ..Memory::default() }
}

#[test]
fn abuse_c10_what_the_applications_remember_logs_in_from_no_other_phone() {
    let copy: Memory = serde_json::from_slice(&serde_json::to_vec(&used()).unwrap()).unwrap();
    let standing = |holding| AppletStatus {
        holding,
        sign_tries: None,
        auth_tries: None,
        pending: None,
        biometric_set: None,
        biometric_misses_left: 0,
        last_command: 0,
    };
    for (holding, declined) in [
        (Holding::Empty, LoginDeclined::NotRegistered),
        (Holding::Wiped, LoginDeclined::Wiped),
        (Holding::Tampered, LoginDeclined::Tampered),
    ] {
        assert_eq!(able_to_log_in(&copy, Some(&standing(holding))), Err(declined));
    }
    let shown = certificates(&copy, None, Timestamp::UNIX_EPOCH);
    assert!(shown.iter().all(|held| held.status == CertificateStatus::NotKnown));
    assert_eq!(able_to_log_in(&copy, None), Err(LoginDeclined::NotRegistered));
    // There is no key in it, nor anything that opens one.
    let text = serde_json::to_string(&copy).unwrap();
    for name in ["key", "pin\"", "password", "token", "secret", "code\""] {
        assert!(!text.contains(name), "{name} in {text}");
    }
}
