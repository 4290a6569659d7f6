//! What is looked at on every page: by axe-core, by measure, and later by eye.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::browser::{Browser, WIDE};
use crate::peer::installed;
use crate::system::TEFUDA;

static AXE: LazyLock<String> =
    LazyLock::new(|| std::fs::read_to_string(installed("node/node_modules/axe-core/axe.min.js")).unwrap());

/// Runs axe-core on the page as it stands: each finding with the elements that it is about.
const RUN_AXE: &str = "const done = arguments[arguments.length - 1]; axe.run().then((found) => done(\
    found.violations.map((v) => `axe ${v.id} (${v.help}): ` + v.nodes.map((n) => n.html.slice(0, 160)).join(' | '))),\
    (error) => done([String(error)]))";

/// What can be measured: one heading, the language, targets of 44 pixels but for links in running text, nothing that
/// sticks out, no message key in place of a text, nothing that moves although less motion was asked for.
const MEASURE: &str = r"
const [language] = arguments, found = [], about = (e) => e.outerHTML.slice(0, 140);
const headings = [...document.querySelectorAll('h1')].filter((e) => e.checkVisibility());
if (headings.length !== 1 || !headings[0].innerText.trim()) found.push(`${headings.length} main headings`);
if (document.documentElement.lang !== language) found.push(`language ${document.documentElement.lang}`);
if (document.documentElement.scrollWidth > innerWidth) {
  const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
  found.push(`${document.documentElement.scrollWidth} pixels wide: ${wide.slice(0, 3).map(about).join(' | ')}`);
}
for (const e of document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')) {
  if (!e.checkVisibility({ visibilityProperty: true }) || e.closest('.visually-hidden, .skip')) continue;
  if (e.tagName === 'A' && getComputedStyle(e).display === 'inline') continue;
  const boxes = [e, ...(e.labels ?? [])].map((b) => b.getBoundingClientRect());
  const [width, height] = [Math.max(...boxes.map((b) => b.width)), Math.max(...boxes.map((b) => b.height))];
  if (height < 43.5 || width < 43.5) found.push(`target of ${Math.round(width)} × ${Math.round(height)}: ${about(e)}`);
}
const key = /(?:^|[\s「])((?:phone|confirm|gateway|portal|consoles|control)-[a-z]+-[a-z-]+)(?=[\s」]|$)/.exec(document.body.innerText);
if (key) found.push(`no text for ${key[1]}`);
if (document.getAnimations().some((a) => a.playState === 'running')) found.push('something moves');
return found";

/// A name for a picture: whose page, which step or reason, where.
const NAME: &str = "(() => { const of = (name) => document.querySelector(`[data-${name}]`)?.dataset[name]; \
    const path = location.pathname.split('/').filter((part) => part && !/^[0-9a-f-]{20,}$/.test(part)); \
    return [document.body.dataset.actor, of('reason') ?? of('step'), ...path].filter(Boolean).join('-')\
    .replace(/[^a-z0-9._-]/gi, ''); })()";

/// Where screenshots stay.
pub fn screenshots() -> PathBuf {
    Path::new(TEFUDA).ancestors().nth(2).unwrap().join("screenshots")
}

impl Browser {
    /// Looks at the page that was reached. What is wrong is told when the browser ends, all at once.
    #[track_caller]
    pub fn look(&self) {
        self.until("whole page", "document.querySelector('main') || document.contentType !== 'text/html'");
        if !self.close.get() {
            return;
        }
        // A page that was looked at just now is the same page.
        let seen =
            self.tell("location.href + document.body.innerText").as_str().unwrap_or_default().to_owned();
        if self.last.replace(seen.clone()) == seen {
            return;
        }
        let place = self.tell("location.pathname").as_str().unwrap_or_default().to_owned();
        let name = self.tell(NAME).as_str().unwrap_or_default().to_owned();
        let number = self.seen.replace(self.seen.get() + 1);
        self.picture(&format!("{number:02}-{name}"));
        let language = self.language.tag();
        let mut found = self.script(MEASURE, &[json!(language)]).as_array().cloned().unwrap_or_default();
        found.extend(self.axe());
        if self.width == WIDE {
            // 200 % zoom of a desk is a page of half its width.
            self.resize(WIDE / 2);
            if self.tell("document.documentElement.scrollWidth > innerWidth") == json!(true) {
                found.push(json!("sticks out at 200 % zoom"));
            }
            self.resize(WIDE);
        }
        found.extend(self.console());
        for what in found {
            let what = what.as_str().unwrap_or_default().to_owned();
            self.complaints.borrow_mut().entry(what).or_default().push(place.clone());
        }
    }

    fn axe(&self) -> Vec<Value> {
        if self.tell("typeof axe") != json!("object") {
            self.script(&AXE, &[]);
        }
        let found = self.wait(self.driver().execute_async(RUN_AXE, Vec::new()));
        found.map_or_else(
            |error| vec![json!(error.to_string())],
            |found| found.json().as_array().cloned().unwrap(),
        )
    }

    /// What scripts and the content security policy complain of; answers with a refusal are none of that.
    fn console(&self) -> Vec<Value> {
        let lines = self.wait(self.driver().browser_log()).unwrap_or_default();
        let severe = lines
            .into_iter()
            .filter(|line| line.level == "SEVERE" || line.message.contains("Content Security"));
        severe
            .filter(|line| !line.message.contains("the server responded with a status of 4"))
            .map(|line| json!(format!("console: {}", line.message)))
            .collect()
    }

    /// A picture of the whole page.
    pub fn picture(&self, name: &str) {
        let parameters = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self.wait(self.driver().cdp().send_raw("Page.captureScreenshot", parameters));
        let Some(bytes) = taken.ok().and_then(|taken| Base64::decode_vec(taken["data"].as_str()?).ok())
        else {
            return;
        };
        let folder = screenshots().join(&self.name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}
