//! The portal with everything behind it: a person's certificates, phones and logins, and the end of each.

use crate::phones::{AUTH, Party};
use crate::system::{Answer, System, eventually, run};

/// A browser: a jar of cookies, and curl.
struct Browser<'a> {
    system: &'a System,
    jar: String,
}

impl<'a> Browser<'a> {
    fn new(system: &'a System, name: &str) -> Self {
        Self { system, jar: system.folder.path(name) }
    }

    fn curl(&self, path: &str, more: &[&str]) -> Answer {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            self.system.actor("portal", "url") + path
        };
        let write = "\n%{http_code} %{redirect_url}";
        let fixed = ["-s", "-b", &self.jar, "-c", &self.jar, "-w", write, "-H", "Accept-Language: ja"];
        run("curl", &[&fixed[..], more, &[&url]].concat())
    }

    /// A page, or where it leads.
    fn get(&self, path: &str) -> String {
        self.curl(path, &[]).stdout
    }

    fn post(&self, path: &str) -> String {
        self.curl(path, &["-X", "POST", "-H", "Sec-Fetch-Site: same-origin"]).stdout
    }

    fn leads_to(answer: &str) -> String {
        answer.rsplit(' ').next().unwrap().to_owned()
    }

    /// Logs in with a phone whose browser this is.
    #[track_caller]
    fn log_in(&self, phone: &str) {
        let url = Self::leads_to(&self.get("/login"));
        let approved = self.system.done(&["phone", "login", phone, "--auth-pin", AUTH, &url]);
        let back = approved["redirect"].as_str().unwrap();
        assert_eq!(Self::leads_to(&self.get(back)), self.system.actor("portal", "url") + "/");
    }

    /// What a page says of phones that is out of the ordinary.
    fn facts(page: &str) -> Vec<&str> {
        page.split("data-fact=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }
}

#[track_caller]
fn shows(page: &str, step: &str) {
    assert!(page.contains(&format!("data-step=\"{step}\"")), "{step}: {page}");
}

/// The element of the first phone of a page that can be ended.
#[track_caller]
fn element(page: &str) -> String {
    let rest = page.split("/phones/").nth(1).unwrap_or_else(|| panic!("{page}"));
    rest.split('/').next().unwrap().to_owned()
}

#[test]
fn a_person_sees_what_they_have_and_ends_a_phone_from_it() {
    let system = System::up();
    let adult = system.adult();
    system.enrolled("spare", &adult);
    let browser = Browser::new(&system, "jar");
    browser.log_in("spare");
    let home = browser.get("/");
    shows(&home, "home");
    assert!(home.contains("spare") && !home.contains("<script>"), "{home}");
    assert!(Browser::facts(&home).is_empty() && !home.contains("data-advice"), "{home}");
    let own = element(&home);
    for (path, step) in [("stop", "stop-phone"), ("end", "end-phone")] {
        shows(&browser.get(&format!("/phones/{own}/{path}")), step);
    }
    assert!(browser.get("/phones/00000000000000000000/end").contains("page.not_found"));
    shows(&browser.get("/card/stop"), "stop-card");

    // Somebody else's login elsewhere is not in it; one's own is, and can be ended.
    let party = Party::register(&system);
    party.log_in(&system, "spare").unwrap();
    shows(&browser.get("/history"), "history");

    let led = browser.post(&format!("/phones/{own}/end"));
    assert!(Browser::leads_to(&led).ends_with("/done"), "{led}");
    let done = browser.get("/done");
    shows(&done, "done");
    assert_eq!(Browser::facts(&done), ["revoked", "deletion-ordered", "deletion-awaited"]);
    // The phone that was cut off carried this very login.
    let ended = browser.get("/");
    shows(&ended, "ended");
    assert!(ended.contains("data-reason=\"portal.session_ended\""));
    assert!(Browser::leads_to(&browser.get("/history")).ends_with('/'));
    party.log_in(&system, "spare").unwrap_err();
}

#[test]
fn a_lost_phone_is_stopped_from_the_other_one_and_logs_out_where_it_was() {
    let system = System::up();
    let adult = system.adult();
    let second = ["phone", "create", "second", "--model", "mihon-i17"];
    system.enrolled("first", &adult);
    system.done(&second);
    let enrolled = system.done(&crate::phones::enroll("second", &adult, crate::phones::SIGN, AUTH));
    assert_eq!(enrolled["state"], "registered", "{enrolled:#}");
    let (lost, other) = (Browser::new(&system, "lost"), Browser::new(&system, "other"));
    lost.log_in("first");
    other.log_in("second");
    let home = other.get("/");
    let phones: Vec<&str> =
        home.split("/phones/").skip(1).filter_map(|rest| rest.split('/').next()).collect();
    let first = phones.last().unwrap();
    assert!(home.contains("first") && home.contains("second"), "{home}");
    assert!(Browser::leads_to(&other.post(&format!("/phones/{first}/stop"))).ends_with("/done"));
    let done = other.get("/done");
    assert_eq!(Browser::facts(&done), ["stopped"]);
    let home = other.get("/");
    shows(&home, "home");
    assert_eq!(home.matches("data-advice").count(), 1, "{home}");
    // The gateway tells the portal by the back channel; nobody touched that browser.
    let told = eventually(|| {
        let page = lost.get("/");
        page.contains("data-step=\"ended\"").then_some(page)
    });
    assert!(told.is_some_and(|page| page.contains("portal.session_ended")));

    assert!(Browser::leads_to(&other.post("/card/stop")).ends_with("/done"));
    let home = other.get("/");
    assert!(!home.contains("/card/stop"), "it is stopped already");
    assert!(Browser::leads_to(&other.post("/logout")).ends_with("/logged-out"));
    shows(&other.get("/logged-out"), "logged-out");
    shows(&other.get("/"), "front");
}
