//! The configuration of an actor that is served alone. What is for the sandbox only says so, and is refused without.

use jiff::SignedDuration;
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tefuda_keys::{KeyStore, SystemRandom};
use tefuda_store::{Databases, SystemClock, files};
use tefuda_types::{Environment, Secret};
use tefuda_web::{ActorContext, Urls, live::Live};
use thiserror::Error;
use url::Url;

use crate::{actors::Actor, failure::Failure, keys::TokenSection, up, verbs::pins::PinSource};

/// Fewest characters of a token: 128 bits in hexadecimal.
const TOKEN_CHARACTERS_MIN: usize = 32;
/// The key that GlobalPlatform cards are delivered with for tests (GlobalPlatform Card Specification 2.3.1, E.1 and
/// every vendor's guide): whoever reads the guide owns the element.
const TEST_KEY: [u8; 16] =
    [0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F];

/// Why an actor is not served with a configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not there, not TOML, or with a name that it does not know.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(String),
    /// An address of an actor is none.
    #[error("`urls.{0}` is no address of an actor, or is missing")]
    Url(&'static str),
    /// A file with a token or a key has none.
    #[error("{} holds no {what}", .path.display())]
    Secret {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The gateway's address is not `https`.
    #[error("outside the sandbox an issuer is `https`, and not {0}")]
    HttpIssuer(String),
    /// Civil time is not the host's.
    #[error("outside the sandbox civil time is the host's")]
    CivilClock,
    /// An actor that is made up.
    #[error("{0} stands for what is real outside the sandbox")]
    Emulated(&'static str),
    /// No master key of elements, or one that everybody knows.
    #[error("outside the sandbox the maker's own master key of elements is named")]
    ElementKeys,
}

tefuda_types::reasons! { ConfigError {
    Unreadable(_) => "config.unreadable", Malformed;
    Url(_) => "config.url_malformed", Malformed;
    Secret { .. } => "config.secret_unreadable", Malformed;
    HttpIssuer(_) => "config.http_issuer", Policy;
    CivilClock => "config.civil_clock", Policy;
    Emulated(_) => "config.emulated", Policy;
    ElementKeys => "config.element_keys", Policy;
} }

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::of(&error)
    }
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    home: PathBuf,
    listen: SocketAddr,
    #[serde(default)]
    sandbox: bool,
    database: Option<PinSource>,
    keys: Option<TokenSection>,
    admin_token: PathBuf,
    call_centre_token: Option<PathBuf>,
    element_keys: Option<PathBuf>,
    civil_offset: Option<SignedDuration>,
    urls: Addresses,
}

/// Where the actors are, itself among them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Addresses {
    authority: String,
    gateway: String,
    portal: String,
    phones: String,
    control: Option<String>,
}

/// How an actor is served.
#[derive(Debug)]
pub struct Config {
    /// Its keys, and its stores where no database is named.
    pub home: PathBuf,
    /// Where it listens; what others reach it by is its URL.
    pub listen: SocketAddr,
    /// Where its stores are.
    pub databases: Databases,
    /// Where its keys are.
    pub keys: KeyStore,
    environment: Environment,
    admin_token: Arc<str>,
    call_centre_token: Arc<str>,
    element_keys: Option<Secret<[u8; 32]>>,
    civil_offset: SignedDuration,
    urls: Urls,
}

impl Config {
    /// Reads the file of an actor.
    ///
    /// # Errors
    /// [`ConfigError`]; [`tefuda_keys::KeyError::SandboxOnly`], [`tefuda_keys::TokenError`].
    pub fn read(path: &Path, actor: Actor) -> Result<Self, Failure> {
        let unreadable = |why: String| ConfigError::Unreadable(format!("{}: {why}", path.display()));
        let text = files::read(path).map_err(|error| unreadable(error.to_string()))?;
        let text = text.ok_or_else(|| unreadable("it is not there".to_owned()))?;
        let written = toml::from_str(&String::from_utf8_lossy(&text));
        Self::check(written.map_err(|error: toml::de::Error| unreadable(error.message().to_owned()))?, actor)
    }

    fn check(written: Written, actor: Actor) -> Result<Self, Failure> {
        let urls = written.urls.checked(actor)?;
        let civil_offset = written.civil_offset.unwrap_or_default();
        let element_keys = written.element_keys.as_deref().map(element_keys).transpose()?;
        if !written.sandbox {
            let moved = civil_offset != SignedDuration::ZERO || files::exists(&written.home.join("clock"));
            production(actor, &urls, moved, element_keys.as_ref())?;
        }
        let environment = if written.sandbox { Environment::Sandbox } else { Environment::Production };
        let keys = written.keys.map_or(Ok(KeyStore::Files), |token| token.open())?;
        keys.allowed_in(environment).map_err(|error| Failure::of(&error))?;
        let call_centre_token = match written.call_centre_token {
            Some(path) => token(&path)?,
            // Nobody is told one that opens nothing.
            None => tefuda_types::hexadecimal(&SystemRandom::octets::<32>()).into(),
        };
        Ok(Self {
            home: std::path::absolute(written.home)?,
            listen: written.listen,
            databases: up::databases(written.database.as_ref())?,
            keys,
            environment,
            admin_token: token(&written.admin_token)?,
            call_centre_token,
            element_keys,
            civil_offset,
            urls,
        })
    }

    /// What the actor is started with.
    pub fn into_context(self) -> ActorContext {
        ActorContext {
            clock: Arc::new(SystemClock::at(&self.home, self.civil_offset)),
            home: self.home,
            databases: self.databases,
            keys: self.keys,
            urls: self.urls,
            admin_token: self.admin_token,
            call_centre_token: self.call_centre_token,
            live: Live::default(),
            environment: self.environment,
            element_keys: self.element_keys.map(Arc::new),
        }
    }
}

/// What is not for production.
fn production(
    actor: Actor,
    urls: &Urls,
    civil_time_moved: bool,
    element_keys: Option<&Secret<[u8; 32]>>,
) -> Result<(), ConfigError> {
    if matches!(actor, Actor::Control | Actor::Phones) {
        return Err(ConfigError::Emulated(actor.as_str()));
    }
    if !urls.gateway.starts_with("https:") {
        return Err(ConfigError::HttpIssuer(urls.issuer()));
    }
    if civil_time_moved {
        return Err(ConfigError::CivilClock);
    }
    let known = |keys: &Secret<[u8; 32]>| {
        keys.expose().starts_with(&TEST_KEY) || keys.expose().iter().all(|octet| *octet == 0)
    };
    if actor == Actor::Authority && element_keys.is_none_or(known) {
        return Err(ConfigError::ElementKeys);
    }
    Ok(())
}

impl Addresses {
    fn checked(self, actor: Actor) -> Result<Urls, ConfigError> {
        // Whoever needs no control room need not say where one is.
        let needs_control = matches!(actor, Actor::Control | Actor::Phones);
        let control = match self.control {
            Some(control) => origin("control", &control)?,
            None if needs_control => return Err(ConfigError::Url("control")),
            None => String::new(),
        };
        Ok(Urls {
            control,
            authority: origin("authority", &self.authority)?,
            gateway: origin("gateway", &self.gateway)?,
            portal: origin("portal", &self.portal)?,
            phones: origin("phones", &self.phones)?,
        })
    }
}

/// `http` or `https`, a host, perhaps a port, and nothing else.
fn origin(name: &'static str, url: &str) -> Result<String, ConfigError> {
    let parsed = Url::parse(url).map_err(|_| ConfigError::Url(name))?;
    let origin = parsed.origin().ascii_serialization();
    let is_web = matches!(parsed.scheme(), "http" | "https");
    if is_web && parsed.as_str().trim_end_matches('/') == origin {
        Ok(origin)
    } else {
        Err(ConfigError::Url(name))
    }
}

fn secret(path: &Path, what: &'static str) -> Result<Secret<String>, ConfigError> {
    let none = || ConfigError::Secret { path: path.to_owned(), what };
    let text = files::read(path).ok().flatten().ok_or_else(none)?;
    String::from_utf8(text).map(|text| Secret::new(text.trim().to_owned())).map_err(|_| none())
}

/// A token of printable characters, long enough not to be guessed.
fn token(path: &Path) -> Result<Arc<str>, ConfigError> {
    const WHAT: &str = "token of 32 printable characters or more";
    let text = secret(path, WHAT)?;
    let token = text.expose();
    if token.len() < TOKEN_CHARACTERS_MIN || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(ConfigError::Secret { path: path.to_owned(), what: WHAT });
    }
    Ok(token.as_str().into())
}

/// A master key in hexadecimal.
fn element_keys(path: &Path) -> Result<Secret<[u8; 32]>, ConfigError> {
    const WHAT: &str = "key of 64 hexadecimal digits";
    let text = secret(path, WHAT)?;
    let none = || ConfigError::Secret { path: path.to_owned(), what: WHAT };
    let octets = Secret::new(tefuda_types::from_hexadecimal(text.expose()).ok_or_else(none)?);
    Ok(Secret::new(octets.expose().as_slice().try_into().map_err(|_| none())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: &str = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";

    /// A folder with the files that a configuration names.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tefuda-config-{name}-{}", std::process::id()));
        for (file, text) in [
            ("token", "0123456789abcdef0123456789abcdef\n"),
            ("short", "0123456789abcdef\n"),
            ("elements", MASTER),
            ("test-elements", "404142434445464748494A4B4C4D4E4F404142434445464748494A4B4C4D4E4F"),
        ] {
            files::write(&folder.join(file), text.as_bytes()).unwrap();
        }
        folder
    }

    /// The authority's file for production, with some words replaced, and more lines at its head.
    fn written(folder: &Path, replaced: &[(&str, &str)], more: &str) -> String {
        let place = folder.display();
        let text = format!(
            "{more}\nhome = \"{place}/home\"\nlisten = \"127.0.0.1:8481\"\nadmin_token = \"{place}/token\"\n\
             element_keys = \"{place}/elements\"\n[urls]\nauthority = \"https://jpki.example\"\n\
             gateway = \"https://id.example\"\nportal = \"https://my.example\"\nphones = \"https://wallet.example\"\n\
             control = \"http://localhost:8480\"\n"
        );
        replaced.iter().fold(text, |text, (from, to)| text.replace(from, to))
    }

    fn read(folder: &Path, actor: Actor, text: &str) -> Result<Config, String> {
        let path = folder.join("config.toml");
        files::write(&path, text.as_bytes()).unwrap();
        Config::read(&path, actor).map_err(|failure| failure.reason)
    }

    #[test]
    fn production_refuses_what_is_for_the_sandbox() {
        let folder = folder("production");
        let refused = |actor, replaced: &[(&str, &str)], more| {
            read(&folder, actor, &written(&folder, replaced, more)).unwrap_err()
        };
        assert_eq!(refused(Actor::Control, &[], ""), "config.emulated");
        assert_eq!(refused(Actor::Phones, &[], ""), "config.emulated");
        for actor in [Actor::Authority, Actor::Gateway, Actor::Portal] {
            assert_eq!(refused(actor, &[("https://id.", "http://id.")], ""), "config.http_issuer");
            assert_eq!(refused(actor, &[], "civil_offset = \"PT1S\""), "config.civil_clock");
            assert_eq!(refused(actor, &[], ""), "keys.sandbox_only", "keys in files");
        }
        assert_eq!(refused(Actor::Authority, &[("/elements", "/test-elements")], ""), "config.element_keys");
        assert_eq!(refused(Actor::Authority, &[("element_keys", "#")], ""), "config.element_keys");
        SystemClock::open(&folder.join("home")).unwrap().set(tefuda_types::Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(refused(Actor::Gateway, &[], ""), "config.civil_clock", "a clock that was moved by `up`");
        files::remove_folder(&folder).unwrap();
    }

    #[test]
    fn the_sandbox_is_named_and_then_takes_all_of_it() {
        let folder = folder("sandbox");
        let more = "sandbox = true\ncivil_offset = \"-PT48H\"";
        for actor in [Actor::Control, Actor::Authority, Actor::Gateway, Actor::Portal, Actor::Phones] {
            let config = read(&folder, actor, &written(&folder, &[("https:", "http:")], more)).unwrap();
            let context = config.into_context();
            assert_eq!(context.urls.issuer(), "http://id.example/api/realms/main");
            assert_eq!(context.urls.phone("a"), "http://phone-a.wallet.example");
            assert_eq!(context.clock.offset(), SignedDuration::from_hours(-48));
        }
        files::remove_folder(&folder).unwrap();
    }

    #[test]
    fn what_is_not_understood_is_refused_before_anything_is_made() {
        let folder = folder("malformed");
        let sandbox = "sandbox = true";
        let refused = |replaced: &[(&str, &str)], more| {
            read(&folder, Actor::Phones, &written(&folder, replaced, more)).unwrap_err()
        };
        assert_eq!(refused(&[], "sandbox = true\nsandpit = true"), "config.unreadable");
        assert_eq!(refused(&[("127.0.0.1:8481", "here")], sandbox), "config.unreadable");
        assert_eq!(refused(&[("id.example", "id.example/path")], sandbox), "config.url_malformed");
        assert_eq!(refused(&[("https://id", "ftp://id")], sandbox), "config.url_malformed");
        assert_eq!(refused(&[("control =", "#")], sandbox), "config.url_malformed");
        assert_eq!(refused(&[("/token", "/short")], sandbox), "config.secret_unreadable");
        assert_eq!(refused(&[("/token", "/none")], sandbox), "config.secret_unreadable");
        assert_eq!(refused(&[("/elements", "/token")], sandbox), "config.secret_unreadable");
        assert!(!folder.join("home").exists());
        let none = Config::read(&folder.join("nothing.toml"), Actor::Gateway).unwrap_err();
        assert_eq!(none.reason, "config.unreadable");
        files::remove_folder(&folder).unwrap();
    }
}
