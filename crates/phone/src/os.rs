//! The operating system's layer: which application may talk to which applet, and what the sensor knows.
//!
//! The element stores the access rules; they are enforced here, in front of it (GlobalPlatform Secure Element
//! Access Control 1.1, 3). On a rooted phone they would be void, which is why the element counts its own tries.

pub mod webauthn;

use serde::{Deserialize, Serialize};
use tefuda_protocol::{
    element::{AccessRule, PORTAL_APP, WALLET_APP},
    phone::{Biometrics, Finger},
};
use thiserror::Error;

/// An application of the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum App {
    /// Enrols, and keeps passwords and biometrics.
    Portal,
    /// Logs in, and speaks to the authority in the phone's name.
    Wallet,
}

impl App {
    /// SHA-256 of the certificate that the application is signed with.
    #[must_use]
    pub const fn identity(self) -> [u8; 32] {
        match self {
            Self::Portal => PORTAL_APP,
            Self::Wallet => WALLET_APP,
        }
    }
}

/// Why the operating system says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OsError {
    /// No access rule of the element names the application.
    #[error("no access rule of the element lets this application talk to the applet")]
    AccessDenied,
}

tefuda_types::reasons! { OsError {
    AccessDenied => "os.access_denied", Policy;
} }

/// Lets an application through to an applet only if a rule of the element names both.
///
/// # Errors
/// [`OsError::AccessDenied`].
pub fn admit(rules: &[AccessRule], app: App, applet: &[u8]) -> Result<(), OsError> {
    let named = |rule: &AccessRule| rule.application.0 == applet && rule.client.0 == app.identity();
    if rules.iter().any(named) { Ok(()) } else { Err(OsError::AccessDenied) }
}

/// The emulated sensor: two enrolled fingers or faces, in a set that has a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sensor {
    set_number: u32,
}

impl Default for Sensor {
    fn default() -> Self {
        Self { set_number: 1 }
    }
}

impl Sensor {
    /// Number of the enrolled set.
    #[must_use]
    pub const fn set_number(self) -> u32 {
        self.set_number
    }

    /// What touches the sensor: the number of the set that knows it.
    #[must_use]
    pub const fn touch(self, finger: Finger) -> Option<u32> {
        match finger {
            Finger::First | Finger::Second => Some(self.set_number),
            Finger::Unknown => None,
        }
    }

    /// Somebody enrols another finger, or removes one: from now on it is another set.
    #[must_use]
    pub const fn changed(self) -> Self {
        Self { set_number: self.set_number.saturating_add(1) }
    }

    /// Where biometrics stand, given the set that the element knows and the misses it still allows.
    #[must_use]
    pub const fn biometrics(self, element_set: Option<u32>, misses_left: u8) -> Biometrics {
        match element_set {
            None => Biometrics::None,
            Some(set) if set == self.set_number && misses_left > 0 => Biometrics::Enrolled,
            Some(_) => Biometrics::Stale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tefuda_protocol::element::{AUTHORITY_DOMAIN_AID, WALLET_AID};

    #[test]
    fn only_a_rule_that_names_both_lets_through() {
        let rule = |application: &[u8], client: [u8; 32]| AccessRule {
            application: application.to_vec().into(),
            client: client.to_vec().into(),
        };
        let rules = [rule(&WALLET_AID, PORTAL_APP), rule(&AUTHORITY_DOMAIN_AID, WALLET_APP)];
        assert_eq!(admit(&rules, App::Portal, &WALLET_AID), Ok(()));
        assert_eq!(admit(&rules, App::Wallet, &WALLET_AID), Err(OsError::AccessDenied));
        assert_eq!(admit(&[], App::Portal, &WALLET_AID), Err(OsError::AccessDenied));
    }

    #[test]
    fn a_changed_set_is_stale_until_the_element_knows_it() {
        let sensor = Sensor::default();
        assert_eq!(sensor.touch(Finger::Unknown), None);
        assert_eq!(sensor.touch(Finger::Second), Some(1));
        assert_eq!(sensor.biometrics(None, 5), Biometrics::None);
        assert_eq!(sensor.biometrics(Some(1), 5), Biometrics::Enrolled);
        assert_eq!(sensor.biometrics(Some(1), 0), Biometrics::Stale);
        assert_eq!(sensor.changed().biometrics(Some(1), 5), Biometrics::Stale);
    }
}
