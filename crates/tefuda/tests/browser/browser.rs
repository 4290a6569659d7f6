//! A browser of one person: a language, a width, and what it has seen.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tefuda_pages::{Language, Texts};
use thirtyfour::error::WebDriverResult;
use thirtyfour::{
    CapabilitiesHelper, ChromeCapabilities, ChromiumLikeCapabilities, DesiredCapabilities, WebDriver,
};
use tokio::runtime::Runtime;

use crate::system::Running;

/// A phone's width and a desk's, in CSS pixels.
pub const NARROW: u32 = 390;
pub const WIDE: u32 = 1280;

/// Chromium says nothing to its makers, and runs as whoever runs the tests.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-component-update",
    "--force-prefers-reduced-motion",
];

/// Chromium and its driver; both end with it.
#[derive(Debug)]
pub struct Browser {
    pub name: String,
    pub language: Language,
    pub width: u32,
    /// Texts as the pages say them.
    pub t: Texts,
    /// Whether every page that is reached is looked at closely.
    pub close: Cell<bool>,
    pub seen: Cell<u32>,
    /// The page that was looked at last.
    pub last: RefCell<String>,
    /// What is wrong, and on which pages.
    pub complaints: RefCell<BTreeMap<String, Vec<String>>>,
    runtime: Runtime,
    driver: Option<WebDriver>,
    _process: Running,
}

/// Looks again and again for what a page needs a moment for; nothing of ours needs as long as this waits.
pub fn soon<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    (0..600).find_map(|_| {
        let seen = look();
        if seen.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        seen
    })
}

impl Browser {
    /// Somebody called `name`, whose screenshots go by that name.
    pub fn new(name: &str, language: Language, width: u32) -> Self {
        let (process, url) = chromedriver();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let driver = runtime.block_on(WebDriver::new(url, capabilities(language))).unwrap();
        let browser = Self {
            name: format!("{name}-{}-{width}", language.tag()),
            language,
            width,
            t: Texts(language),
            close: Cell::new(true),
            seen: Cell::new(0),
            last: RefCell::default(),
            complaints: RefCell::default(),
            runtime,
            driver: Some(driver),
            _process: process,
        };
        browser.resize(width);
        browser
    }

    pub fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("it runs until it is dropped")
    }

    /// Waits for an answer of the driver.
    pub fn wait<T>(&self, answer: impl Future<Output = WebDriverResult<T>>) -> WebDriverResult<T> {
        self.runtime.block_on(answer)
    }

    #[track_caller]
    pub fn cdp(&self, method: &str, parameters: Value) -> Value {
        let sent = self.wait(self.driver().cdp().send_raw(method, parameters));
        sent.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// As wide as that, in CSS pixels.
    pub fn resize(&self, width: u32) {
        let height = if width == NARROW { 844 } else { 900 };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// What a script of one expression gives.
    #[track_caller]
    pub fn tell(&self, expression: &str) -> Value {
        self.script(&format!("return {expression}"), &[])
    }

    #[track_caller]
    pub fn script(&self, body: &str, arguments: &[Value]) -> Value {
        let told = self.wait(self.driver().execute(body, arguments.to_vec()));
        told.unwrap_or_else(|error| panic!("{body}: {error}")).json().clone()
    }

    pub fn url(&self) -> String {
        self.wait(self.driver().current_url()).unwrap().to_string()
    }

    /// Goes to an address, without looking.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.wait(self.driver().goto(url)).unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Goes to an address in this browser's language, and looks.
    #[track_caller]
    pub fn open(&self, url: &str) {
        let (before, fragment) = url.split_once('#').map_or((url, ""), |(url, fragment)| (url, fragment));
        let sign = if before.contains('?') { '&' } else { '?' };
        let language = self.language.tag();
        let hash = if fragment.is_empty() { "" } else { "#" };
        self.go(&format!("{before}{sign}lang={language}{hash}{fragment}"));
        self.look();
    }

    pub fn back(&self) {
        self.wait(self.driver().back()).unwrap();
    }

    pub fn reload(&self) {
        self.wait(self.driver().refresh()).unwrap();
    }

    /// Waits until something is so on the page, whichever page it is by then.
    #[track_caller]
    pub fn until(&self, what: &str, expression: &str) {
        let body = format!("return document.readyState === 'complete' && !!({expression})");
        let came = soon(|| {
            let told = self.wait(self.driver().execute(body.as_str(), Vec::new()));
            told.is_ok_and(|told| *told.json() == Value::Bool(true)).then_some(())
        });
        assert!(came.is_some(), "{}: no {what} at {}:\n{}", self.name, self.url(), self.text());
    }

    /// Arrives at a step of a path, and looks.
    #[track_caller]
    pub fn at_step(&self, step: &str) {
        self.until(&format!("step {step}"), &format!("document.querySelector('[data-step=\"{step}\"]')"));
        self.look();
    }

    /// Arrives at a page with this heading, and looks.
    #[track_caller]
    pub fn at(&self, heading: &str) {
        let has = format!("document.querySelector('h1')?.innerText.trim() === {}", json!(heading.trim()));
        self.until(&format!("page “{heading}”"), &has);
        self.look();
    }

    /// Does something that ends in another page, even one that looks the same.
    #[track_caller]
    pub fn leave(&self, by: impl FnOnce()) {
        self.script("window.left = true", &[]);
        by();
        self.until("other page", "!window.left");
    }

    /// Is refused with a reason: on a page or at the top of one, in three sentences, the code linked to its own page.
    #[track_caller]
    pub fn refused(&self, reason: &str) {
        self.until(reason, &format!("document.querySelector('[data-reason=\"{reason}\"]')"));
        self.look();
        let refusal = tefuda_pages::Refusal::of(reason, self.language);
        let text = self.text();
        for sentence in [&refusal.happened, &refusal.meaning, &refusal.next] {
            assert!(!sentence.is_empty() && *sentence != reason, "{reason} has no sentences");
            assert!(text.contains(sentence), "{}: “{sentence}” is not said:\n{text}", self.name);
        }
        let link = format!("document.querySelector('a[href=\"/reasons/{reason}\"]')?.innerText");
        assert_eq!(self.tell(&link), json!(reason), "{}: the code is no link", self.name);
    }

    /// All that can be read.
    pub fn text(&self) -> String {
        self.tell("document.body?.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Says something, perhaps on the page that comes next.
    #[track_caller]
    pub fn says(&self, text: &str) {
        let said = soon(|| self.text().contains(text).then_some(()));
        assert!(said.is_some(), "{}: “{text}” is not said at {}:\n{}", self.name, self.url(), self.text());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let failing = std::thread::panicking();
        if failing {
            self.picture("failed");
        }
        if let Some(driver) = self.driver.take() {
            let _ = self.runtime.block_on(driver.quit());
        }
        let complaints = self.complaints.take();
        if !complaints.is_empty() {
            let lines =
                complaints.iter().map(|(what, places)| format!("{what}\n    at {}", places.join(" ")));
            let lines = lines.collect::<Vec<_>>().join("\n");
            assert!(failing, "{}: something is wrong with its pages\n{lines}", self.name);
        }
    }
}

/// A driver on a port of its own choice; the port that it takes first can be another's by then.
fn chromedriver() -> (Running, String) {
    let started = (0..5).find_map(|_| {
        let mut command = Command::new("chromedriver");
        let command =
            command.arg("--port=0").stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().expect("chromedriver: cargo xtask test installs it");
        let mut process = Running(child);
        let lines = BufReader::new(process.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut ports = lines.filter_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let port = ports.next()?;
        Some((process, format!("http://127.0.0.1:{port}")))
    });
    started.expect("chromedriver starts")
}

fn capabilities(language: Language) -> ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    for argument in ARGUMENTS {
        capabilities.add_arg(argument).unwrap();
    }
    capabilities.add_arg(&format!("--accept-lang={}", language.tag())).unwrap();
    let logs = json!({ "browser": "ALL", "performance": "ALL" });
    capabilities.set("goog:loggingPrefs", logs).unwrap();
    capabilities
}
