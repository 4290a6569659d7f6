//! Who may do what at the authority's consoles, what takes two people, and whom the call centre finds.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use tefuda_types::{CertificateKind, ElementId, Serial, Timestamp};
use thiserror::Error;

use crate::register::Resident;

/// The operators of the sandbox.
const OPERATORS: &str = include_str!("../data/operators.toml");
/// Fewest characters of an address that a caller must know: more than a town's name.
const ADDRESS_CHARACTERS_MIN: usize = 8;
/// Fewest characters of a reason, so that whoever reads the audit log learns something.
const REASON_CHARACTERS_MIN: usize = 4;
/// Most characters of one.
const REASON_CHARACTERS_MAX: usize = 200;

/// Why a console says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// Nobody of that name works here.
    #[error("there is no such operator")]
    OperatorNotFound,
    /// The role does not include it.
    #[error("the operator's role does not allow this")]
    NotAllowed,
    /// Four eyes are not two.
    #[error("who ordered it cannot confirm it")]
    SamePerson,
    /// No such order.
    #[error("there is no such order")]
    OrderNotFound,
    /// It was confirmed or withdrawn already.
    #[error("the order was confirmed or withdrawn already")]
    OrderEnded,
    /// What cannot be undone, and what shows personal data, has a reason.
    #[error("a reason of 4 to 200 characters is needed")]
    ReasonMissing,
    /// The caller knows too little.
    #[error("name, birth date and address are needed")]
    SearchIncomplete,
    /// Nobody fits.
    #[error("nobody in the register fits")]
    NobodyFits,
    /// More than one fits.
    #[error("more than one in the register fits")]
    SeveralFit,
}

tefuda_types::reasons! { ConsoleError {
    OperatorNotFound => "operator.not_found", Caller;
    NotAllowed => "console.not_allowed", Policy;
    SamePerson => "console.same_person", Policy;
    OrderNotFound => "order.not_found", Caller;
    OrderEnded => "order.ended", Policy;
    ReasonMissing => "console.reason_missing", Caller;
    SearchIncomplete => "call_centre.search_incomplete", Caller;
    NobodyFits => "call_centre.nobody_fits", Policy;
    SeveralFit => "call_centre.several_fit", Policy;
} }

/// What an operator is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Answers calls: finds a person and stops.
    CallCentre,
    /// Looks after applications and certificates; orders what takes two.
    Operator,
    /// The same, and confirms what others ordered.
    Approver,
}

/// Something that not everybody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Find a caller and stop a card or a phone.
    Stop,
    /// See applications, certificates, phones, lists and audit logs, masked.
    Look,
    /// See who somebody is, for a reason.
    Reveal,
    /// Order what takes two, or withdraw it.
    Order,
    /// Confirm what another ordered.
    Confirm,
}

impl Role {
    /// Whether it includes a right.
    #[must_use]
    pub const fn may(self, right: Right) -> bool {
        match self {
            Self::CallCentre => matches!(right, Right::Stop),
            Self::Operator => matches!(right, Right::Look | Right::Reveal | Right::Order),
            Self::Approver => matches!(right, Right::Look | Right::Reveal | Right::Order | Right::Confirm),
        }
    }
}

/// Somebody who works at the authority or its call centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Stable name.
    pub id: String,
    /// Name in Japanese.
    pub name: String,
    /// Name in Latin letters.
    pub name_en: String,
    /// What they are there for.
    pub role: Role,
}

impl Operator {
    /// Asks whether they may do something.
    ///
    /// # Errors
    /// [`ConsoleError::NotAllowed`].
    pub const fn needs(&self, right: Right) -> Result<(), ConsoleError> {
        if self.role.may(right) { Ok(()) } else { Err(ConsoleError::NotAllowed) }
    }
}

/// All operators of the sandbox.
#[must_use]
pub fn operators() -> &'static [Operator] {
    &LIST
}

/// Read once: a console names operators in each row of a table.
static LIST: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    #[derive(Default, Deserialize)]
    struct Lines {
        operator: Vec<Operator>,
    }
    // A test reads the file; a file that cannot be read lets nobody in.
    toml::from_str::<Lines>(OPERATORS).unwrap_or_default().operator
});

/// An operator by the stable name.
///
/// # Errors
/// [`ConsoleError::OperatorNotFound`].
pub fn operator(id: &str) -> Result<Operator, ConsoleError> {
    LIST.iter().find(|operator| operator.id == id).cloned().ok_or(ConsoleError::OperatorNotFound)
}

/// A reason, without what surrounds it.
///
/// # Errors
/// [`ConsoleError::ReasonMissing`].
pub fn reason(text: &str) -> Result<String, ConsoleError> {
    let text = text.trim();
    let length = text.chars().count();
    if (REASON_CHARACTERS_MIN..=REASON_CHARACTERS_MAX).contains(&length) {
        Ok(text.to_owned())
    } else {
        Err(ConsoleError::ReasonMissing)
    }
}

/// What takes two people, since it cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "deed")]
pub enum Deed {
    /// Revoke a certificate.
    Revoke {
        /// Of which CA.
        kind: CertificateKind,
        /// Its serial number.
        serial: Serial,
        /// RFC 5280 name of the reason.
        reason: String,
    },
    /// Destroy the keys on an element.
    Wipe {
        /// Which.
        element: ElementId,
    },
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Whether it was confirmed; withdrawn otherwise.
    pub confirmed: bool,
    /// By whom.
    pub by: String,
    /// Civil time.
    pub at: Timestamp,
}

/// An order that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What is to be done.
    #[serde(flatten)]
    pub deed: Deed,
    /// Why.
    pub why: String,
    /// Who ordered it.
    pub by: String,
    /// Civil time.
    pub at: Timestamp,
    /// How it ended.
    pub end: Option<End>,
}

impl Order {
    /// A new order.
    ///
    /// # Errors
    /// [`ConsoleError::NotAllowed`], [`ConsoleError::ReasonMissing`].
    pub fn new(deed: Deed, why: &str, by: &Operator, at: Timestamp) -> Result<Self, ConsoleError> {
        by.needs(Right::Order)?;
        Ok(Self { deed, why: reason(why)?, by: by.id.clone(), at, end: None })
    }

    /// A second person agrees: now it is to be done.
    ///
    /// # Errors
    /// [`ConsoleError::NotAllowed`], [`ConsoleError::OrderEnded`], [`ConsoleError::SamePerson`].
    pub fn confirm(&mut self, by: &Operator, at: Timestamp) -> Result<(), ConsoleError> {
        by.needs(Right::Confirm)?;
        if self.by == by.id {
            return Err(ConsoleError::SamePerson);
        }
        self.end(true, by, at)
    }

    /// It is not to be done after all.
    ///
    /// # Errors
    /// [`ConsoleError::NotAllowed`], [`ConsoleError::OrderEnded`].
    pub fn withdraw(&mut self, by: &Operator, at: Timestamp) -> Result<(), ConsoleError> {
        by.needs(Right::Order)?;
        self.end(false, by, at)
    }

    fn end(&mut self, confirmed: bool, by: &Operator, at: Timestamp) -> Result<(), ConsoleError> {
        if self.end.is_some() {
            return Err(ConsoleError::OrderEnded);
        }
        self.end = Some(End { confirmed, by: by.id.clone(), at });
        Ok(())
    }
}

/// What a caller says of themselves.
#[derive(Clone, Default)]
pub struct Caller {
    /// Name, or alias.
    pub name: String,
    /// Year, month and day in digits, whatever stands between them; `00` for what is not known.
    pub birth: String,
    /// Address, or enough of it.
    pub address: String,
}

impl core::fmt::Debug for Caller {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Caller(…)")
    }
}

/// Letters as they are compared: without spaces and variation selectors, full width as half.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(|character| {
        !character.is_whitespace()
            && !matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
    });
    let folded = kept.map(|character| match character {
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(u32::from(character) - 0xFEE0).unwrap_or(character).to_ascii_uppercase()
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other.to_ascii_uppercase(),
    });
    folded.collect()
}

fn digits(text: &str) -> String {
    plain(text).chars().filter(char::is_ascii_digit).collect()
}

/// The one person whom a caller can be.
///
/// # Errors
/// [`ConsoleError::SearchIncomplete`], [`ConsoleError::NobodyFits`], [`ConsoleError::SeveralFit`].
pub fn find<'a>(residents: &'a [Resident], caller: &Caller) -> Result<&'a Resident, ConsoleError> {
    let (name, birth, address) = (plain(&caller.name), digits(&caller.birth), plain(&caller.address));
    if name.is_empty() || birth.len() != 8 || address.chars().count() < ADDRESS_CHARACTERS_MIN {
        return Err(ConsoleError::SearchIncomplete);
    }
    let fits = |resident: &&Resident| {
        let (year, month, day) = resident.born;
        let named =
            plain(&resident.name) == name || resident.alias.as_deref().map(plain).as_ref() == Some(&name);
        named
            && format!("{year:04}{month:02}{day:02}") == birth
            && plain(&resident.address).contains(&address)
    };
    let mut found = residents.iter().filter(fits);
    match (found.next(), found.next()) {
        (None, _) => Err(ConsoleError::NobodyFits),
        (Some(resident), None) => Ok(resident),
        (Some(_), Some(_)) => Err(ConsoleError::SeveralFit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register;

    fn now() -> Timestamp {
        "2026-11-24T01:00:00Z".parse().unwrap()
    }

    #[test]
    fn each_role_is_there_and_may_what_it_is_there_for() {
        use Right::{Confirm, Look, Order, Reveal, Stop};
        let all = [Stop, Look, Reveal, Order, Confirm];
        let may = |role: Role| all.into_iter().filter(|right| role.may(*right)).collect::<Vec<_>>();
        assert_eq!(may(Role::CallCentre), [Stop]);
        assert_eq!(may(Role::Operator), [Look, Reveal, Order]);
        assert_eq!(may(Role::Approver), [Look, Reveal, Order, Confirm]);
        for role in [Role::CallCentre, Role::Operator, Role::Approver] {
            assert!(operators().iter().any(|operator| operator.role == role), "{role:?}");
        }
        assert_eq!(operator("nobody"), Err(ConsoleError::OperatorNotFound));
    }

    #[test]
    fn what_cannot_be_undone_takes_two() {
        let [call, one, two] = ["denwa", "shonin", "kakunin"].map(|id| operator(id).unwrap());
        let deed = Deed::Wipe { element: tefuda_types::ElementId::from_bytes([1; 10]) };
        assert_eq!(Order::new(deed.clone(), "stolen", &call, now()), Err(ConsoleError::NotAllowed));
        assert_eq!(Order::new(deed.clone(), " x ", &one, now()), Err(ConsoleError::ReasonMissing));
        let mut order = Order::new(deed, "stolen", &one, now()).unwrap();
        assert_eq!(order.confirm(&one, now()), Err(ConsoleError::SamePerson));
        assert_eq!(order.confirm(&operator("madoguchi").unwrap(), now()), Err(ConsoleError::NotAllowed));
        order.clone().withdraw(&one, now()).unwrap();
        order.confirm(&two, now()).unwrap();
        assert_eq!(order.confirm(&two, now()), Err(ConsoleError::OrderEnded));
        assert_eq!(order.withdraw(&one, now()), Err(ConsoleError::OrderEnded));
    }

    #[test]
    fn a_caller_is_found_by_name_birth_date_and_address_together() {
        let residents = register::parse(register::RESIDENTS, now()).unwrap();
        let ask = |name: &str, birth: &str, address: &str| {
            let caller = Caller { name: name.into(), birth: birth.into(), address: address.into() };
            find(&residents, &caller).map(|resident| resident.id.to_string())
        };
        let address = "東京都見本区手札町一丁目2-3";
        assert_eq!(ask("見本 花子", "1985-04-12", address), Ok("hanako".to_owned()));
        assert_eq!(ask("見本花子", "1985年04月12日", "見本区手札町一丁目２－３"), Ok("hanako".to_owned()));
        assert_eq!(ask("見本　花子", "1985-04-13", address), Err(ConsoleError::NobodyFits));
        assert_eq!(ask("見本　花子", "1985-04-12", "東京都"), Err(ConsoleError::SearchIncomplete));
        assert_eq!(ask("", "1985-04-12", address), Err(ConsoleError::SearchIncomplete));
        let twin = residents.iter().find(|resident| resident.id.as_str() == "doumei-a").unwrap();
        assert_eq!(ask("同名　見本", "1977-07-07", &twin.address), Ok("doumei-a".to_owned()));
        let caller =
            Caller { name: twin.name.clone(), birth: "19770707".into(), address: twin.address.clone() };
        let twice = [twin.clone(), twin.clone()];
        assert_eq!(find(&twice, &caller).map(|_| ()), Err(ConsoleError::SeveralFit));
    }
}
