//! Fingers: the emulated sensor, and a real one that Chromium plays (WebAuthn, section 11, by CDP).

use serde_json::{Value, json};
use tefuda_pages::Language;

use crate::browser::{Browser, NARROW};
use crate::phones::{AUTH, SIGN};
use crate::system::System;

/// A platform authenticator that verifies whoever touches it.
fn authenticator(b: &Browser, backup_eligible: bool) -> Value {
    b.cdp("WebAuthn.enable", json!({}));
    let options = json!({
        "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true, "hasResidentKey": true,
        "defaultBackupEligibility": backup_eligible, "defaultBackupState": backup_eligible,
    });
    b.cdp("WebAuthn.addVirtualAuthenticator", json!({ "options": options }))["authenticatorId"].clone()
}

fn enrolled(phones: &[(&str, &str)]) -> System {
    let system = System::up();
    for (phone, resident) in phones {
        system.done(&crate::phones::enroll(phone, &system.resident(resident), SIGN, AUTH));
    }
    system
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_real_sensor_enrols_and_approves() {
    let system = enrolled(&[("android", "hanako")]);
    let b = Browser::new("webauthn", Language::Japanese, NARROW);
    let t = b.t;
    authenticator(&b, false);
    b.open(&system.on("android", "/enrol/biometrics"));
    b.press(&t.say("phone-biometrics-real"));
    b.at(&t.say("confirm-enrol-biometrics-title"));
    b.type_pin(AUTH, "confirm-enrol-biometrics-submit");
    b.at(&t.say("phone-done"));
    b.begin_login(&system);
    b.on_this_device("android");
    b.at_step("approve");
    b.press(&t.say("phone-allow-real"));
    b.at_step("home");
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn a_sensor_whose_keys_are_copied_elsewhere_is_refused() {
    let system = enrolled(&[("android", "hanako")]);
    let b = Browser::new("webauthn-synced", Language::English, NARROW);
    authenticator(&b, true);
    b.open(&system.on("android", "/enrol/biometrics"));
    b.press(&b.t.say("phone-biometrics-real"));
    b.refused("webauthn.backup_eligible");
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn another_phones_credential_is_refused() {
    let system = enrolled(&[("android", "hanako"), ("iphone", "taro")]);
    let b = Browser::new("webauthn-other", Language::English, NARROW);
    let t = b.t;
    let id = authenticator(&b, false);
    for phone in ["iphone", "android"] {
        b.open(&system.on(phone, "/enrol/biometrics"));
        b.press(&t.say("phone-biometrics-real"));
        b.at(&t.say("confirm-enrol-biometrics-title"));
        b.type_pin(AUTH, "confirm-enrol-biometrics-submit");
        b.at(&t.say("phone-done"));
    }
    let credentials =
        b.cdp("WebAuthn.getCredentials", json!({ "authenticatorId": id }))["credentials"].clone();
    let host = |phone: &str| json!(format!("phone-{phone}.localhost"));
    let of = |phone: &str| {
        credentials.as_array().unwrap().iter().find(|c| c["rpId"] == host(phone)).unwrap().clone()
    };
    // The other phone's key answers under the name of this phone's credential.
    let (own, mut other) = (of("android"), of("iphone"));
    b.cdp("WebAuthn.removeCredential", json!({ "authenticatorId": id, "credentialId": own["credentialId"] }));
    other["rpId"] = own["rpId"].clone();
    other["credentialId"] = own["credentialId"].clone();
    other["userHandle"] = own["userHandle"].clone();
    b.cdp("WebAuthn.addCredential", json!({ "authenticatorId": id, "credential": other }));
    b.begin_login(&system);
    b.on_this_device("android");
    b.at_step("approve");
    b.press(&t.say("phone-allow-real"));
    b.refused("webauthn.signature_wrong");
}

#[test]
#[ignore = "drives Chromium: cargo xtask test"]
fn an_unknown_finger_a_changed_set_and_the_limit() {
    let system = enrolled(&[("android", "hanako"), ("iphone", "taro")]);
    for (language, phone, kind) in
        [(Language::Japanese, "android", "finger"), (Language::English, "iphone", "face")]
    {
        system.done(&["phone", "biometrics", phone, "enroll", "--auth-pin", AUTH]);
        let b = Browser::new("sensor", language, NARROW);
        let t = b.t;
        let allow = if kind == "face" { "phone-allow-face" } else { "phone-allow" };
        b.begin_login(&system);
        b.on_this_device(phone);
        for _ in 0..4 {
            b.at_step("approve");
            b.choose(&t.say(&format!("phone-{kind}-unknown")));
            b.leave(|| b.press(&t.say(allow)));
            b.refused("phone.biometrics_missed");
        }
        b.choose(&t.say(&format!("phone-{kind}-unknown")));
        b.press(&t.say(allow));
        b.refused("phone.biometrics_stale");
        // The PIN lets the sensor in again; then somebody changes what it knows.
        system.done(&["phone", "biometrics", phone, "enroll", "--auth-pin", AUTH]);
        b.open(&system.on(phone, "/settings"));
        b.leave(|| b.press(&t.say(&format!("phone-biometrics-change-{kind}"))));
        b.says(&t.say("phone-done-biometrics-changed"));
        b.look();
        b.begin_login(&system);
        b.on_this_device(phone);
        b.refused("phone.biometrics_stale");
        b.follow(&t.say("phone-allow-pin"));
        b.approve_by_pin();
        b.at_step("home");
    }
}
