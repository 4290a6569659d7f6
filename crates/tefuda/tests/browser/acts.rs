//! What people do over several pages.

use crate::browser::Browser;
use crate::phones::{AUTH, SIGN};
use crate::system::{Folder, MORNING, Resident, System, free_ports};

impl Resident {
    pub fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }
}

/// Where Debian's libfaketime is; the loader knows this machine's `$LIB`.
const FAKETIME: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";
/// The file, in a system's folder, that says how far its host's clock is ahead.
const AHEAD: &str = "host-clock";

impl System {
    /// On a host whose clock the test moves: wire time is nobody's else to move. What counts durations is not moved.
    pub fn up_on_a_hosts_clock() -> Self {
        let folder = Folder::new();
        let file = folder.write(AHEAD, "+0");
        let environment = [
            ("LD_PRELOAD", FAKETIME),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ];
        Self::start(folder, free_ports(), None, (&["--clock", MORNING], &environment))
    }

    /// That host's clock, from now on so many seconds ahead of the one at which it was started.
    pub fn put_the_host_ahead(&self, seconds: u32) {
        // Renamed, so that nobody reads half of it.
        let new = self.folder.write("host-clock.new", format!("+{seconds}"));
        std::fs::rename(new, self.folder.path(AHEAD)).unwrap();
    }

    /// As the authority does it, with a reason: a certificate of `phone status`.
    pub fn revoke(&self, certificate: &serde_json::Value) {
        let of = |name: &str| certificate[name].as_str().unwrap();
        let (kind, serial) = (of("kind"), of("serial"));
        self.done(&["authority", "revoke", "--kind", kind, "--serial", serial, "--reason", "keyCompromise"]);
    }

    pub fn room(&self, path: &str) -> String {
        format!("{}{path}", self.actor("control", "url"))
    }

    pub fn portal(&self, path: &str) -> String {
        format!("{}{path}", self.actor("portal", "url"))
    }

    /// The gateway's own host, not its realm's.
    pub fn gateway(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.base + 2)
    }

    /// An address on a phone's own host.
    pub fn on(&self, phone: &str, path: &str) -> String {
        let phones = self.actor("phones", "url");
        let (_, port) = phones.rsplit_once(':').unwrap();
        format!("http://phone-{phone}.localhost:{port}{path}")
    }
}

impl Browser {
    /// Steps 1 and 2: the phone is able, the card's password is typed, the card held.
    #[track_caller]
    pub fn hold_card(&self, system: &System, phone: &str, resident: &Resident, password: &str) {
        self.open(&system.on(phone, &format!("/enrol?resident={}", resident.id())));
        self.at_step("1");
        self.press(&self.t.say("phone-begin-go"));
        self.at_step("2");
        self.type_card_password(password);
    }

    #[track_caller]
    pub fn type_card_password(&self, password: &str) {
        self.fill(&self.t.say("phone-card-password"), password);
        self.leave(|| self.press(&self.t.say("phone-card-hold")));
    }

    /// Step 3, seen to its end.
    #[track_caller]
    pub fn card_read(&self) {
        self.at(&self.t.say("phone-reading-done"));
        self.follow(&self.t.say("phone-choose-passwords"));
    }

    /// Step 4: both passwords of the phone.
    #[track_caller]
    pub fn choose_passwords(&self) {
        self.at_step("4");
        self.fill(&self.t.say("confirm-new-password"), SIGN);
        self.fill(&self.t.say("confirm-new-pin"), AUTH);
        self.press(&self.t.say("confirm-set-pins-submit"));
    }

    /// Step 5, once it is approved: the recovery code.
    #[track_caller]
    pub fn register(&self) -> String {
        self.at(&self.t.say("phone-approved"));
        self.follow(&self.t.say("phone-register"));
        self.at(&self.t.say("confirm-register-title"));
        self.type_password(SIGN, "confirm-register-submit");
        self.at(&self.t.say("phone-recovery"));
        let code = self.tell("document.getElementById('code').innerText.trim()");
        self.press(&self.t.say("phone-recovery-done"));
        code.as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn type_password(&self, password: &str, submit: &str) {
        self.fill(&self.t.say("confirm-password"), password);
        self.press(&self.t.say(submit));
    }

    #[track_caller]
    pub fn type_pin(&self, pin: &str, submit: &str) {
        self.fill(&self.t.say("confirm-pin"), pin);
        self.press(&self.t.say(submit));
    }

    /// From the portal's first page to where the gateway asks how.
    #[track_caller]
    pub fn begin_login(&self, system: &System) {
        self.open(&system.portal("/"));
        self.at_step("front");
        self.follow(&self.t.say("portal-log-in"));
        self.at_step("choose");
    }

    /// On the same device, to where the phone asks.
    #[track_caller]
    pub fn on_this_device(&self, phone: &str) {
        self.follow(&self.t.say("gateway-this-device"));
        self.at(&self.t.say("phone-chooser-title"));
        self.follow(phone);
    }

    #[track_caller]
    pub fn approve_by_pin(&self) {
        self.at(&self.t.say("confirm-login-title"));
        self.type_pin(AUTH, "confirm-login-submit");
    }

    /// Begins a login and does not allow it on the phone.
    #[track_caller]
    pub fn decline_login(&self, system: &System, phone: &str) {
        self.begin_login(system);
        self.on_this_device(phone);
        self.at(&self.t.say("confirm-login-title"));
        self.press(&self.t.say("phone-deny"));
        self.at(&self.t.say("phone-login-denied"));
    }

    #[track_caller]
    pub fn log_in_by_pin(&self, system: &System, phone: &str) {
        self.begin_login(system);
        self.on_this_device(phone);
        self.approve_by_pin();
        self.at_step("home");
    }

    /// On another screen: the number and the address that it shows.
    #[track_caller]
    pub fn on_another_device(&self) -> (String, String) {
        self.press(&self.t.say("gateway-other-device"));
        self.at_step("waiting");
        let number = self.tell("document.querySelector('.bignumber strong').innerText.trim()");
        let url = self.url();
        let url = url.split('?').next().unwrap_or_default();
        (number.as_str().unwrap().to_owned(), url.to_owned())
    }

    /// On the phone: the code of another screen is scanned.
    #[track_caller]
    pub fn scan(&self, system: &System, phone: &str, url: &str) {
        self.open(&system.on(phone, "/scan"));
        self.at_step("scan");
        self.fill(&self.t.say("phone-scan-address"), url);
        self.press(&self.t.say("phone-scan-open"));
    }
}
