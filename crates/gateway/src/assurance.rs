//! What an ID token says of how the person logged in.
//!
//! | channel | method | `acr` | `amr` |
//! |---|---|---|---|
//! | same device: the browser that asked is on the phone | PIN | `aal3` | `pin` `hwk` `mfa` |
//! | same device | biometrics | `aal3` | `fpt` `hwk` `mfa` |
//! | cross-device: another screen, with a number to compare | PIN | `aal2` | `pin` `hwk` `mfa` |
//! | cross-device | biometrics | `aal2` | `fpt` `hwk` `mfa` |
//!
//! `acr` has the words of the Digital Authentication App's `acr_values` (after NIST SP 800-63B). Cross-device
//! is weaker: whoever relays the request can have somebody else approve it, number and all. `amr` has the
//! words of RFC 8176: the authentication key is in hardware (`hwk`), and it signs only after a PIN (`pin`) or a
//! finger (`fpt`), two factors together (`mfa`). `auth_time` is the wire time at which the gateway judged the
//! phone's proof; as every login is new, it is later than the request, and any `max_age` is kept.
//!
//! A relying party whose `acr_values` name `aal3` and not `aal2` is never answered over another device.

use tefuda_protocol::transaction::{LoginChannel, Method};

/// Same device.
pub const ACR_SAME_DEVICE: &str = "aal3";
/// Another device.
pub const ACR_CROSS_DEVICE: &str = "aal2";

/// Both classes, best first.
pub const ACR_VALUES: [&str; 2] = [ACR_SAME_DEVICE, ACR_CROSS_DEVICE];

/// Authentication context class of a channel.
#[must_use]
pub const fn acr(channel: &LoginChannel) -> &'static str {
    match channel {
        LoginChannel::SameDevice => ACR_SAME_DEVICE,
        LoginChannel::CrossDevice { .. } => ACR_CROSS_DEVICE,
    }
}

/// Authentication methods.
#[must_use]
pub const fn amr(method: Method) -> [&'static str; 3] {
    match method {
        Method::Pin => ["pin", "hwk", "mfa"],
        Method::Biometrics => ["fpt", "hwk", "mfa"],
    }
}

/// Whether a relying party that would like these classes takes an answer over another device.
#[must_use]
pub fn takes_cross_device(acr_values: &[String]) -> bool {
    let names = |acr: &str| acr_values.iter().any(|value| value == acr);
    !names(ACR_SAME_DEVICE) || names(ACR_CROSS_DEVICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_insists_on_the_same_device_gets_it() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert!(takes_cross_device(&words("")));
        assert!(takes_cross_device(&words("aal3 aal2")));
        assert!(takes_cross_device(&words("crl")));
        assert!(!takes_cross_device(&words("aal3 crl")));
        assert_eq!(acr(&LoginChannel::CrossDevice { number: "07".into() }), "aal2");
    }
}
