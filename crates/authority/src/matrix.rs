//! What ends what: the table of the security design, as data.

use serde::{Deserialize, Serialize};
use tefuda_pki::crl::RevocationReason;
use tefuda_types::CertificateKind;

/// Something that happens to a person, a card or a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Moved, or changed name: what the signature certificate says is no longer so.
    AttributesChanged,
    /// The phone is lost.
    PhoneLost,
    /// It was found.
    PhoneFound,
    /// Given up by its holder, or replaced by the next of its family.
    PhoneRetired,
    /// The card is lost.
    CardLost,
    /// The card was renewed or given back.
    CardEnded,
    /// Death, or leaving the country.
    PersonLeft,
    /// A sensor event in the element.
    ElementTampered,
}

/// What happens to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Keep,
    /// On hold.
    Stop,
    /// The hold is lifted.
    Lift,
    /// Ended for good.
    Revoke(RevocationReason),
}

/// The row of an event, by kind of certificate.
#[must_use]
pub const fn action(event: Event, kind: CertificateKind) -> Action {
    use CertificateKind::{CardAuth, CardSign, PhoneAuth, PhoneSign};
    use RevocationReason::{AffiliationChanged, CessationOfOperation, KeyCompromise, Superseded};
    match (event, kind) {
        (Event::AttributesChanged, CardSign | PhoneSign) => Action::Revoke(AffiliationChanged),
        (Event::AttributesChanged, CardAuth | PhoneAuth) => Action::Keep,
        (Event::PhoneLost, PhoneSign | PhoneAuth) => Action::Stop,
        (Event::PhoneFound, PhoneSign) => Action::Revoke(Superseded),
        (Event::PhoneFound, PhoneAuth) => Action::Lift,
        (Event::PhoneRetired, PhoneSign | PhoneAuth) => Action::Revoke(CessationOfOperation),
        (Event::ElementTampered, PhoneSign | PhoneAuth) => Action::Revoke(KeyCompromise),
        (
            Event::PhoneLost | Event::PhoneFound | Event::PhoneRetired | Event::ElementTampered,
            CardSign | CardAuth,
        ) => Action::Keep,
        // The phone's signature certificate is stopped with its twin: our choice (docs/decisions/0007).
        (Event::CardLost, CardSign | CardAuth | PhoneSign) => Action::Stop,
        (Event::CardLost, PhoneAuth) => Action::Keep,
        (Event::CardEnded, _) => Action::Revoke(Superseded),
        (Event::PersonLeft, _) => Action::Revoke(CessationOfOperation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RevocationReason::{AffiliationChanged, CessationOfOperation, KeyCompromise, Superseded};

    #[test]
    fn every_row_is_the_security_design_s() {
        let (keep, stop, revoke) = (Action::Keep, Action::Stop, Action::Revoke);
        let table = [
            (Event::AttributesChanged, [revoke(AffiliationChanged), keep, revoke(AffiliationChanged), keep]),
            (Event::PhoneLost, [keep, keep, stop, stop]),
            (Event::PhoneFound, [keep, keep, revoke(Superseded), Action::Lift]),
            (Event::PhoneRetired, [keep, keep, revoke(CessationOfOperation), revoke(CessationOfOperation)]),
            (Event::CardLost, [stop, stop, stop, keep]),
            (Event::CardEnded, [revoke(Superseded); 4]),
            (Event::PersonLeft, [revoke(CessationOfOperation); 4]),
            (Event::ElementTampered, [keep, keep, revoke(KeyCompromise), revoke(KeyCompromise)]),
        ];
        for (event, row) in table {
            for (kind, wanted) in CertificateKind::ALL.into_iter().zip(row) {
                assert_eq!(action(event, kind), wanted, "{event:?} {kind}");
            }
        }
    }
}
