//! What a person acts on, found as a screen reader names it.

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use thirtyfour::WebElement;
use thirtyfour::common::command::{Command, ExtensionCommand};
use thirtyfour::error::WebDriverResult;

use crate::browser::{Browser, soon};

/// Elements that can have a role and whose text, label or description has the wanted name in it somewhere.
const CANDIDATES: &str = "const [selector, wanted] = arguments, flat = (s) => (s ?? '').replace(/\\s+/g, ' ');\
    return [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility({ visibilityProperty: true }) \
    && flat([e.textContent, e.ariaLabel, e.value, e.title, ...[...(e.labels ?? [])].map((l) => l.textContent), \
    ...(e.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent)]\
    .join(' ')).includes(flat(wanted)))";

/// What a thing on a page is, as a person says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Button,
    Link,
    Field,
    Choice,
}

impl Role {
    const fn selector(self) -> &'static str {
        match self {
            Self::Button => "button, summary, input[type=submit], [role=button]",
            Self::Link => "a[href]",
            Self::Field => "input, select, textarea",
            Self::Choice => "input[type=radio], input[type=checkbox]",
        }
    }

    /// As WAI-ARIA names them.
    fn is(self, role: &str) -> bool {
        match self {
            Self::Button => ["button", "DisclosureTriangle", "Details", "generic"].contains(&role),
            Self::Link => role == "link",
            Self::Field => {
                ["textbox", "combobox", "listbox", "searchbox", "spinbutton", "MenuListPopup", "generic"]
                    .contains(&role)
                    || role.to_lowercase().contains("date")
                    || role.to_lowercase().contains("select")
            }
            Self::Choice => ["radio", "checkbox"].contains(&role),
        }
    }
}

/// What the driver computes of an element: `computedlabel` or `computedrole` (WebDriver, 12.4.9 and 12.4.10).
#[derive(Debug)]
struct Computed(String);

impl ExtensionCommand for Computed {
    fn parameters_json(&self) -> Option<Value> {
        None
    }

    fn method(&self) -> Method {
        Method::GET
    }

    fn endpoint(&self) -> Arc<str> {
        self.0.as_str().into()
    }
}

impl Browser {
    fn computed(&self, element: &WebElement, what: &str) -> WebDriverResult<String> {
        let path = format!("/element/{}/computed{what}", element.element_id());
        let command = Command::ExtensionCommand(Box::new(Computed(path)));
        let told: Value = self.wait(self.driver().cmd(command))?.value()?;
        Ok(told.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Those with the role and the whole name; else those with a part of the name.
    pub fn all(&self, role: Role, name: &str) -> Vec<WebElement> {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let arguments = vec![json!(role.selector()), json!(name)];
        let found =
            self.wait(self.driver().execute(CANDIDATES, arguments)).and_then(|found| found.elements());
        let mut exact = Vec::new();
        let mut part = Vec::new();
        for element in found.unwrap_or_default() {
            let computed =
                self.computed(&element, "label").and_then(|l| Ok((l, self.computed(&element, "role")?)));
            match computed {
                Ok((label, of)) if role.is(&of) && label == name => exact.push(element),
                Ok((label, of)) if role.is(&of) && label.contains(&name) => part.push(element),
                _ => {}
            }
        }
        if exact.is_empty() { part } else { exact }
    }

    #[track_caller]
    pub fn find(&self, role: Role, name: &str) -> WebElement {
        let found = soon(|| self.all(role, name).into_iter().next());
        found.unwrap_or_else(|| {
            panic!("{}: no {role:?} “{name}” at {}:\n{}", self.name, self.url(), self.text())
        })
    }

    #[track_caller]
    fn click(&self, role: Role, name: &str) {
        // A page that looks again at itself can have put another in its place.
        let clicked = soon(|| {
            let element = self.all(role, name).into_iter().next()?;
            let enabled = self.wait(element.is_enabled()).unwrap_or(false);
            (enabled && self.wait(element.click()).is_ok()).then_some(())
        });
        assert!(clicked.is_some(), "{}: no {role:?} “{name}” at {}:\n{}", self.name, self.url(), self.text());
    }

    #[track_caller]
    pub fn press(&self, button: &str) {
        self.click(Role::Button, button);
    }

    #[track_caller]
    pub fn follow(&self, link: &str) {
        self.click(Role::Link, link);
    }

    #[track_caller]
    pub fn choose(&self, choice: &str) {
        self.click(Role::Choice, choice);
    }

    /// Types into a field in place of what is there.
    #[track_caller]
    pub fn fill(&self, field: &str, text: &str) {
        let element = self.find(Role::Field, field);
        self.wait(async {
            element.clear().await?;
            element.send_keys(text).await
        })
        .unwrap_or_else(|error| panic!("{field}: {error}"));
    }

    /// Picks a line of a list by its value.
    #[track_caller]
    pub fn pick(&self, list: &str, value: &str) {
        let element = self.find(Role::Field, list).to_json().unwrap();
        let set = "const [list, value] = arguments; list.value = value; return list.value === value";
        assert_eq!(self.script(set, &[element, json!(value)]), json!(true), "{list}: no {value}");
    }
}
