//! Which language a page is in: `?lang=`, then the cookie, then `ui_locales`, then `Accept-Language`.

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, Uri, header, request::Parts},
    middleware::Next,
    response::Response,
};
use core::{convert::Infallible, str::FromStr};

/// A language that every page is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// Japanese, the first.
    #[default]
    Japanese,
    /// English.
    English,
}

impl Language {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Japanese, Self::English];

    /// As in `lang` attributes and catalogues.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Japanese => "ja",
            Self::English => "en",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Japanese => Self::English,
            Self::English => Self::Japanese,
        }
    }
}

impl FromStr for Language {
    type Err = ();

    /// By the primary subtag (RFC 5646): `ja`, `ja-JP`, `en-GB`.
    fn from_str(tag: &str) -> Result<Self, ()> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary)).ok_or(())
    }
}

/// Cookie of whoever chose a language.
const COOKIE: &str = "tefuda_language";
/// A year, in seconds.
const COOKIE_SECONDS: u32 = 31_536_000;

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
}

fn chosen(uri: &Uri) -> Option<Language> {
    parameter(uri, "lang")?.parse().ok()
}

fn of_cookie(headers: &HeaderMap) -> Option<Language> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).and_then(|(_, value)| value.parse().ok())
}

fn of_browser(headers: &HeaderMap) -> Option<Language> {
    let tags = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    tags.split(',').find_map(|tag| tag.split(';').next().unwrap_or_default().trim().parse().ok())
}

fn of_locales(uri: &Uri) -> Option<Language> {
    let locales = parameter(uri, "ui_locales")?;
    locales.split(['+', ' ']).flat_map(|tag| tag.split("%20")).find_map(|tag| tag.parse().ok())
}

impl Language {
    /// The language of an answer to a request.
    #[must_use]
    pub fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        chosen(uri)
            .or_else(|| of_cookie(headers))
            .or_else(|| of_locales(uri))
            .or_else(|| of_browser(headers))
            .unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.uri, &parts.headers))
    }
}

/// Middleware: a language that was chosen by `?lang=` stays chosen.
pub(crate) async fn remember(request: Request, next: Next) -> Response {
    let chosen = chosen(request.uri());
    let mut response = next.run(request).await;
    if let Some(language) = chosen {
        let cookie =
            format!("{COOKIE}={}; Path=/; Max-Age={COOKIE_SECONDS}; SameSite=Lax; HttpOnly", language.tag());
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_wish_wins() {
        let of = |uri: &str, cookie: &str, accept: &str| {
            let mut headers = HeaderMap::new();
            for (name, value) in [(header::COOKIE, cookie), (header::ACCEPT_LANGUAGE, accept)] {
                headers.insert(name, value.parse().unwrap());
            }
            Language::of(&uri.parse().unwrap(), &headers).tag()
        };
        let cookie = "a=b; tefuda_language=en";
        assert_eq!(of("/?lang=ja", cookie, "en"), "ja");
        assert_eq!(of("/?lang=xx", cookie, "ja"), "en");
        assert_eq!(of("/?ui_locales=en-GB%20ja", "", "ja"), "en");
        assert_eq!(of("/", "", "fr, en;q=0.8, ja;q=0.5"), "en");
        assert_eq!(of("/", "", "fr"), "ja");
    }
}
