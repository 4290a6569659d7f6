//! Keys alone.

use serde_json::{Value, json};
use thirtyfour::Key;

use crate::browser::Browser;
use crate::finding::Role;

/// Stops before a page that has more to tab through than any of ours.
const MOST_STOPS: usize = 150;

/// Whether what has the focus shows that it has.
const RING: &str = "const e = document.activeElement; if (!e || e === document.body) return true; \
    const s = getComputedStyle(e), l = e.closest('label') ?? e.labels?.[0]; const shows = (s) => \
    (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== 'none'; \
    return shows(s) || (l && shows(getComputedStyle(l)))";

impl Browser {
    pub fn key(&self, key: impl Into<char>) {
        let key = key.into();
        self.wait(self.driver().action_chain().send_keys(key.to_string()).perform()).unwrap();
    }

    pub fn keys(&self, text: &str) {
        self.wait(self.driver().action_chain().send_keys(text).perform()).unwrap();
    }

    /// Tabs to a thing; every stop on the way shows its focus.
    #[track_caller]
    pub fn tab_to(&self, role: Role, name: &str) {
        let wanted: Vec<Value> = self.find_all_json(role, name);
        for _ in 0..MOST_STOPS {
            self.key(Key::Tab);
            let focused = "return [...arguments].some((e) => e === document.activeElement)";
            let ring = self.script(RING, &[]);
            assert_eq!(
                ring,
                json!(true),
                "{}: no focus ring on {}",
                self.name,
                self.tell("document.activeElement.outerHTML")
            );
            if self.script(focused, &wanted) == json!(true) {
                return;
            }
        }
        panic!("{}: Tab does not reach {role:?} “{name}” at {}", self.name, self.url());
    }

    #[track_caller]
    fn find_all_json(&self, role: Role, name: &str) -> Vec<Value> {
        let first = self.find(role, name);
        let all = self.all(role, name);
        let all = if all.is_empty() { vec![first] } else { all };
        all.iter().map(|element| element.to_json().unwrap()).collect()
    }

    #[track_caller]
    pub fn key_press(&self, button: &str) {
        self.tab_to(Role::Button, button);
        self.key(Key::Enter);
    }

    #[track_caller]
    pub fn key_follow(&self, link: &str) {
        self.tab_to(Role::Link, link);
        self.key(Key::Enter);
    }

    #[track_caller]
    pub fn key_fill(&self, field: &str, text: &str) {
        self.tab_to(Role::Field, field);
        self.keys(text);
    }
}
