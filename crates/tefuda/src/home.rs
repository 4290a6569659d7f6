//! The home: whose it is, which version, which ports, which time.

use jiff::civil::Time;
use std::path::Path;
use tefuda_keys::{KeyStore, SystemRandom};
use tefuda_store::{
    Databases, SystemClock,
    files::{self, Lock, LockError},
};
use tefuda_types::{Clock, JST, Timestamp, jst};

use crate::failure::ProgramError;

/// Version of what is kept in a home.
pub const VERSION: u32 = 1;
/// Port of the first actor, unless said otherwise.
pub const PORT_BASE: u16 = 8480;
/// File of the PostgreSQL database that the home's stores are in, if they are.
const DATABASE: &str = "database";
/// File of the token that the home's keys are in, if they are.
const TOKEN: &str = "token";
/// Applications are decided from here …
const OPENS: Time = Time::constant(8, 0, 0, 0);
/// … to here.
const CLOSES: Time = Time::constant(19, 30, 0, 0);
/// When civil time begins on a first start at night.
const MORNING: Time = Time::constant(10, 0, 0, 0);

/// A home that is there already.
#[derive(Debug)]
pub struct Known {
    /// First of its ports.
    pub port_base: u16,
}

fn number<T: core::str::FromStr>(path: &Path) -> Result<Option<T>, ProgramError> {
    let Some(text) = files::read(path)? else { return Ok(None) };
    let number = String::from_utf8_lossy(&text).trim().parse();
    number.map(Some).map_err(|_| ProgramError::Disk(std::io::ErrorKind::InvalidData.into()))
}

/// Looks at a home without touching it.
///
/// # Errors
/// [`ProgramError::HomeLater`], [`ProgramError::Disk`].
pub fn look(home: &Path) -> Result<Option<Known>, ProgramError> {
    match number::<u32>(&home.join("version"))? {
        None => Ok(None),
        Some(version) if version > VERSION => Err(ProgramError::HomeLater(version)),
        Some(_) => Ok(Some(Known { port_base: number(&home.join("port-base"))?.unwrap_or(PORT_BASE) })),
    }
}

/// Takes the home for this process.
///
/// # Errors
/// [`ProgramError::HomeHeld`], [`ProgramError::Disk`].
pub fn take(home: &Path) -> Result<Lock, ProgramError> {
    Lock::take(home, std::process::id()).map_err(|error| match error {
        LockError::Held { pid } => ProgramError::HomeHeld(pid),
        LockError::Io(error) => ProgramError::Disk(error),
    })
}

/// Writes down what a new home is. The version comes last: without it there is no home.
///
/// # Errors
/// [`ProgramError::Disk`].
pub fn found(
    home: &Path,
    port_base: u16,
    databases: &Databases,
    keys: &KeyStore,
) -> Result<(), ProgramError> {
    let clock = SystemClock::open(home)?;
    let start = first_civil_time(clock.wire());
    if start != clock.wire() && files::read(&home.join("clock"))?.is_none() {
        clock.set(start)?;
    }
    files::write(&home.join("port-base"), port_base.to_string().as_bytes())?;
    remember(home, databases, keys)?;
    files::write(&home.join("version"), VERSION.to_string().as_bytes())?;
    Ok(())
}

/// Makes a home one actor's own, or goes on with one that is: it keeps to its database and its token.
///
/// # Errors
/// [`ProgramError::HomeLater`], and as [`keeps_to`].
pub fn of_one(home: &Path, databases: &Databases, keys: &KeyStore) -> Result<(), ProgramError> {
    if look(home)?.is_some() {
        return keeps_to(home, databases, keys);
    }
    remember(home, databases, keys)?;
    files::write(&home.join("version"), VERSION.to_string().as_bytes()).map_err(ProgramError::Disk)
}

fn remember(home: &Path, databases: &Databases, keys: &KeyStore) -> Result<(), ProgramError> {
    if let Some(address) = outside(databases) {
        files::write(&home.join(DATABASE), address.as_bytes())?;
    }
    if let KeyStore::Token(token) = keys {
        files::write(&home.join(TOKEN), token.label().as_bytes())?;
    }
    Ok(())
}

/// Whether stores and keys are where they were: they belong together.
///
/// # Errors
/// [`ProgramError::OtherDatabase`], [`ProgramError::OtherKeys`], [`ProgramError::Disk`].
pub fn keeps_to(home: &Path, databases: &Databases, keys: &KeyStore) -> Result<(), ProgramError> {
    if files::read(&home.join(DATABASE))? != outside(databases).map(String::into_bytes) {
        return Err(ProgramError::OtherDatabase);
    }
    let label = match keys {
        KeyStore::Files => None,
        KeyStore::Token(token) => Some(token.label().as_bytes().to_vec()),
    };
    if files::read(&home.join(TOKEN))? == label { Ok(()) } else { Err(ProgramError::OtherKeys) }
}

/// The database that stores are in when they are not in the home, as the home remembers it.
fn outside(databases: &Databases) -> Option<String> {
    matches!(databases, Databases::Postgres(_)).then(|| databases.address(Path::new(""), ""))
}

/// The host's time in business hours, the last morning before it otherwise, so that a first enrolment is
/// decided at once and other programs' clocks believe the certificates.
fn first_civil_time(host: Timestamp) -> Timestamp {
    let local = jst(host);
    if (OPENS..CLOSES).contains(&local.time()) {
        return host;
    }
    let day = if local.time() < MORNING { local.date().yesterday() } else { Ok(local.date()) };
    day.ok().and_then(|day| JST.to_timestamp(day.to_datetime(MORNING)).ok()).unwrap_or(host)
}

/// File of the token that the command line shows to the actors.
pub const CONTROL_TOKEN: &str = "control.token";
/// File of the call centre's token.
pub const CALL_CENTRE_TOKEN: &str = "call-centre.token";

/// A new token for this start.
///
/// # Errors
/// [`ProgramError::Disk`].
pub fn fresh_token(home: &Path, file: &str) -> Result<String, ProgramError> {
    let token: String = tefuda_types::hexadecimal(&SystemRandom::octets::<32>());
    files::write(&home.join(file), token.as_bytes())?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_start_at_night_begins_in_the_last_morning() {
        let cases = [
            ("2026-11-24T07:59:59+09:00", "2026-11-23T10:00:00+09:00"),
            ("2026-11-24T08:00:00+09:00", "2026-11-24T08:00:00+09:00"),
            ("2026-11-24T19:29:59+09:00", "2026-11-24T19:29:59+09:00"),
            ("2026-11-24T19:30:00+09:00", "2026-11-24T10:00:00+09:00"),
            ("2027-01-01T00:30:00+09:00", "2026-12-31T10:00:00+09:00"),
        ];
        for (host, civil) in cases {
            assert_eq!(first_civil_time(host.parse().unwrap()), civil.parse().unwrap(), "{host}");
        }
    }
}
