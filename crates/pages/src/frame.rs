//! What stands around every page.

use axum::http::Uri;

use crate::{language::Language, texts::Texts};

/// A link with its text.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where to.
    pub href: String,
    /// What it says.
    pub text: String,
    /// Whether this is where we are.
    pub current: bool,
}

impl Link {
    /// A link to somewhere else.
    #[must_use]
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into(), current: false }
    }
}

/// What the layout needs of a page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Texts in the page's language.
    pub t: Texts,
    /// The actor, for its accent.
    pub actor: &'static str,
    /// What the actor is called.
    pub brand: String,
    /// Where its first page is.
    pub home: String,
    /// Its main pages.
    pub nav: Vec<Link>,
    /// This page in the other language.
    pub switch: String,
    /// `phone` for a page that is drawn as a phone's screen.
    pub class: &'static str,
    /// Whether it takes the whole width.
    pub wide: bool,
    /// A way out of the sandbox's actor, in the footer.
    pub foot: Option<Link>,
}

impl Frame {
    /// The frame of a page.
    #[must_use]
    pub fn new(language: Language, uri: &Uri, actor: &'static str, brand: impl Into<String>) -> Self {
        Self {
            t: Texts(language),
            actor,
            brand: brand.into(),
            home: "/".to_owned(),
            nav: Vec::new(),
            switch: switched(uri, language.other()),
            class: "",
            wide: false,
            foot: None,
        }
    }

    /// The same with main pages; the one whose address is a prefix of the present one is marked.
    #[must_use]
    pub fn with_nav(mut self, uri: &Uri, nav: impl IntoIterator<Item = Link>) -> Self {
        self.nav = nav.into_iter().collect();
        for link in &mut self.nav {
            link.current = uri.path() == link.href
                || (link.href != "/" && uri.path().starts_with(&format!("{}/", link.href)));
        }
        self
    }

    /// The same, drawn as a phone's screen.
    #[must_use]
    pub const fn as_phone(mut self) -> Self {
        self.class = "phone";
        self
    }

    /// The same with a way out in the footer.
    #[must_use]
    pub fn with_foot(mut self, foot: Link) -> Self {
        self.foot = Some(foot);
        self
    }

    /// The same over the whole width.
    #[must_use]
    pub const fn as_wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// The language.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.t.0
    }
}

/// The same address with another `lang`.
fn switched(uri: &Uri, language: Language) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !name.is_empty() && name != "lang"
    });
    let lang = format!("lang={}", language.tag());
    let query: Vec<&str> = kept.chain([lang.as_str()]).collect();
    format!("{}?{}", uri.path(), query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switching_keeps_the_rest_of_the_address() {
        for (uri, to) in
            [("/", "/?lang=en"), ("/a?x=1&lang=ja&y=%3C", "/a?x=1&y=%3C&lang=en"), ("/a?", "/a?lang=en")]
        {
            assert_eq!(switched(&uri.parse().unwrap(), Language::English), to);
        }
    }
}
