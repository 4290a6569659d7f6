//! Where a phone stands: what its memory, its element and the authority say, put together.

use tefuda_protocol::{
    device::{CertificateView, DeviceView},
    element::{AppletStatus, Holding},
    enrolment::ApplicationState,
    login::LoginDeclined,
    phone::{PhoneState, PhoneStatus, Retries},
};
use tefuda_types::{CertificateKind, CertificateStatus, Timestamp};

use crate::{
    enrolment::{Enrolment, Stage},
    memory::Memory,
};

/// The state of a phone.
#[must_use]
pub fn state(
    memory: &Memory,
    element: Option<&AppletStatus>,
    certificates: &[CertificateView],
) -> PhoneState {
    let holding = element.map_or(Holding::Empty, |element| element.holding);
    match (holding, &memory.enrolment) {
        (Holding::Tampered, _) => PhoneState::Tampered,
        _ if memory.retired => PhoneState::Retired,
        (_, Some(enrolment)) if enrolment.is_renewal() => in_use(holding, certificates),
        (_, Some(Enrolment { stage: Stage::Done, .. })) => in_use(holding, certificates),
        (_, Some(Enrolment { stage: Stage::Sent { state, .. }, .. })) => match state {
            ApplicationState::Pending { .. } => PhoneState::Applied,
            ApplicationState::Approved { .. } | ApplicationState::Registered => PhoneState::Approved,
            ApplicationState::Refused { .. } | ApplicationState::Expired => PhoneState::Empty,
        },
        (_, Some(_) | None) => PhoneState::Empty,
    }
}

/// A phone whose certificates are loaded: what became of them.
fn in_use(holding: Holding, certificates: &[CertificateView]) -> PhoneState {
    let auth = certificates.iter().find(|certificate| certificate.kind == CertificateKind::PhoneAuth);
    let given_up = |certificate: &CertificateView| {
        certificate.status == CertificateStatus::Revoked
            && certificate.reason.as_deref() == Some("cessationOfOperation")
    };
    match auth {
        _ if holding == Holding::Wiped => PhoneState::Wiped,
        Some(certificate) if certificate.status == CertificateStatus::Suspended => PhoneState::Stopped,
        Some(certificate) if given_up(certificate) => PhoneState::Retired,
        _ => PhoneState::Registered,
    }
}

/// The phone's certificates with what is known of them now: what the authority says, otherwise *not known*.
/// Never *valid* from memory.
#[must_use]
pub fn certificates(memory: &Memory, authority: Option<&DeviceView>, now: Timestamp) -> Vec<CertificateView> {
    let Some(wallet) = &memory.wallet else { return Vec::new() };
    let fresh = |held: &CertificateView| {
        let told = authority.and_then(|view| {
            view.certificates.iter().find(|told| told.kind == held.kind && told.serial == held.serial)
        });
        match told {
            Some(told) => CertificateView { pem: held.pem.clone(), ..told.clone() },
            None => CertificateView {
                status: CertificateStatus::NotKnown,
                reason: None,
                as_of: now,
                ..held.clone()
            },
        }
    };
    wallet.certificates.iter().map(fresh).collect()
}

/// Whether a phone can approve a login at all: its keys may be gone for good.
///
/// # Errors
/// [`LoginDeclined`], which the relying party is told. Whether certificates are in force is the gateway's to
/// say.
pub fn able_to_log_in(memory: &Memory, element: Option<&AppletStatus>) -> Result<(), LoginDeclined> {
    match element.map_or(Holding::Empty, |element| element.holding) {
        Holding::Tampered => Err(LoginDeclined::Tampered),
        _ if memory.retired => Err(LoginDeclined::Retired),
        Holding::Wiped if memory.wallet.is_some() => Err(LoginDeclined::Wiped),
        Holding::Held if memory.wallet.is_some() => Ok(()),
        Holding::Held | Holding::Empty | Holding::Wiped => Err(LoginDeclined::NotRegistered),
    }
}

/// What a phone that is enrolled applies for when its holder enrols again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Nothing: the answer is the same as before.
    Nothing,
    /// The signature certificate alone.
    Signature,
    /// Both.
    Both,
}

/// Whether certificates that were loaded are still to be had, given what the authority says of them.
#[must_use]
pub fn again(certificates: &[CertificateView]) -> Again {
    let ended = |kind| {
        let held = certificates.iter().find(|certificate| certificate.kind == kind);
        held.is_none_or(|certificate| certificate.status == CertificateStatus::Revoked)
    };
    match (ended(CertificateKind::PhoneAuth), ended(CertificateKind::PhoneSign)) {
        (true, _) => Again::Both,
        (false, true) => Again::Signature,
        (false, false) => Again::Nothing,
    }
}

/// Whether a phone that was in use lost what it logs in with: the authority revoked it.
#[must_use]
pub fn has_ended(status: &PhoneStatus) -> bool {
    status.state == PhoneState::Registered && again(&status.certificates) == Again::Both
}

/// Tries left, once passwords are set.
#[must_use]
pub fn retries(element: &AppletStatus) -> Option<Retries> {
    Some(Retries { sign: element.sign_tries?, auth: element.auth_tries? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::Wallet;

    fn certificate(
        kind: CertificateKind,
        status: CertificateStatus,
        reason: Option<&str>,
    ) -> CertificateView {
        CertificateView {
            kind,
            serial: "0A".parse().unwrap(),
            not_before: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::MAX,
            status,
            reason: reason.map(str::to_owned),
            as_of: Timestamp::UNIX_EPOCH,
            pem: "pem".to_owned(),
        }
    }

    fn element(holding: Holding) -> AppletStatus {
        AppletStatus {
            holding,
            sign_tries: Some(5),
            auth_tries: Some(3),
            pending: None,
            biometric_set: None,
            biometric_misses_left: 5,
            last_command: 0,
        }
    }

    fn enrolled() -> Memory {
        let enrolment = Enrolment::begin("hanako".parse().unwrap(), [0; 16], Some(vec![0].into())).done();
        let held = [CertificateKind::PhoneSign, CertificateKind::PhoneAuth]
            .map(|kind| certificate(kind, CertificateStatus::Valid, None));
        let wallet = Wallet { certificates: held.to_vec(), statements: None };
        Memory { enrolment: Some(enrolment), wallet: Some(wallet), ..Memory::default() }
    }

    #[test]
    fn every_state_has_its_cause() {
        use CertificateStatus::{Revoked, Suspended, Valid};
        let auth = |status, reason| vec![certificate(CertificateKind::PhoneAuth, status, reason)];
        let given_up = auth(Revoked, Some("cessationOfOperation"));
        let retired = Memory { retired: true, ..enrolled() };
        let cases = [
            (Memory::default(), Holding::Empty, vec![], PhoneState::Empty),
            (Memory::default(), Holding::Held, vec![], PhoneState::Empty),
            (enrolled(), Holding::Held, auth(Valid, None), PhoneState::Registered),
            (enrolled(), Holding::Held, auth(Suspended, Some("certificateHold")), PhoneState::Stopped),
            (enrolled(), Holding::Held, given_up.clone(), PhoneState::Retired),
            (enrolled(), Holding::Wiped, given_up, PhoneState::Wiped),
            (retired, Holding::Wiped, vec![], PhoneState::Retired),
            (enrolled(), Holding::Tampered, auth(Valid, None), PhoneState::Tampered),
        ];
        for (memory, holding, certificates, expected) in cases {
            assert_eq!(state(&memory, Some(&element(holding)), &certificates), expected);
        }
    }

    #[test]
    fn a_phone_without_keys_says_why_it_cannot_log_in() {
        let able = |memory: &Memory, holding| able_to_log_in(memory, Some(&element(holding)));
        let retired = Memory { retired: true, ..enrolled() };
        assert_eq!(able(&enrolled(), Holding::Held), Ok(()));
        assert_eq!(able(&enrolled(), Holding::Wiped), Err(LoginDeclined::Wiped));
        assert_eq!(able(&enrolled(), Holding::Tampered), Err(LoginDeclined::Tampered));
        assert_eq!(able(&retired, Holding::Wiped), Err(LoginDeclined::Retired));
        assert_eq!(able(&Memory::default(), Holding::Held), Err(LoginDeclined::NotRegistered));
        assert_eq!(able_to_log_in(&Memory::default(), None), Err(LoginDeclined::NotRegistered));
    }

    #[test]
    fn without_the_authority_nothing_is_known() {
        let shown = certificates(&enrolled(), None, Timestamp::UNIX_EPOCH);
        assert!(shown.iter().all(|c| c.status == CertificateStatus::NotKnown && c.pem == "pem"));
        assert_eq!(shown.len(), 2);
        assert!(certificates(&Memory::default(), None, Timestamp::UNIX_EPOCH).is_empty());
    }

    #[test]
    fn a_phone_applies_again_for_what_was_revoked() {
        use CertificateKind::{PhoneAuth, PhoneSign};
        use CertificateStatus::{NotKnown, Revoked, Suspended, Valid};
        let both = |sign, auth| [certificate(PhoneSign, sign, None), certificate(PhoneAuth, auth, None)];
        assert_eq!(again(&both(Valid, Valid)), Again::Nothing);
        assert_eq!(again(&both(Suspended, Suspended)), Again::Nothing);
        assert_eq!(again(&both(NotKnown, NotKnown)), Again::Nothing);
        assert_eq!(again(&both(Revoked, Valid)), Again::Signature);
        assert_eq!(again(&both(Valid, Revoked)), Again::Both);
    }
}
