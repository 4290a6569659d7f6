//! What is told to whoever would apply again on a phone that has certificates.

use tefuda_pages::{Link, Texts};
use tefuda_phone::standing::{self, Again};
use tefuda_protocol::phone::{PhoneState, PhoneStatus};
use tefuda_types::CertificateStatus;

/// What becomes of the certificates that are there.
pub(super) struct Renewal {
    pub tone: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub text: String,
    /// Where else to go, if there is nothing to apply for.
    pub instead: Option<Link>,
}

impl Renewal {
    /// As the authority says of them now.
    pub(super) fn of(t: Texts, status: &PhoneStatus) -> Self {
        let told = |tone, icon, name: &str, instead| Self {
            tone,
            icon,
            title: t.say(&format!("phone-again-{name}")),
            text: t.say(&format!("phone-again-{name}-means")),
            instead,
        };
        let home = Some(Link::new("/", t.say("phone-home")));
        let any = |wanted| status.certificates.iter().any(|held| held.status == wanted);
        match standing::again(&status.certificates) {
            _ if status.state == PhoneState::Stopped => {
                told("warn", "pause", "stopped", Some(Link::new("/lift", t.say("phone-lift"))))
            }
            Again::Both => told("bad", "cross", "revoked", None),
            Again::Signature => told("warn", "pen", "signature", None),
            Again::Nothing if any(CertificateStatus::NotKnown) => told("warn", "info", "not-known", home),
            Again::Nothing if any(CertificateStatus::Suspended) => {
                told("warn", "pause", "sign-stopped", home)
            }
            Again::Nothing => told("good", "check", "valid", home),
        }
    }
}
