//! A phone as the authority knows it: whose it is, what its element was told, and what its holder was told.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;
use tefuda_protocol::{
    Bytes, Signed,
    attestation::verify_p256,
    device::{Deletion, DeviceAction, DeviceMessage, Notice},
    element::{CommandAction, CommandReceipt, DeviceCommand},
};
use tefuda_types::{CertificateKind, ElementId, Family, PhoneName, ResidentId, Serial, Timestamp};
use thiserror::Error;

use crate::application::{EnrolError, Examined};

/// Most notices that are kept for a phone.
const NOTICES_MAX: usize = 64;
/// Seconds of wire time for which a nonce is good.
pub const NONCE_SECONDS: i64 = 300;
/// Most nonces of one phone that are good at a time; an older one gives way.
const NONCES_MAX: usize = 8;
/// Wrong recovery codes in an hour of wire time after which no code is looked at. A code has 80 random bits, so the
/// limit is there for the load and not against guessing; a low one would let anybody keep holders from stopping
/// their phones.
pub const WRONG_CODES_PER_HOUR_MAX: u32 = 200;
const HOUR_SECONDS: i64 = 3_600;

/// Why a phone gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No such phone or element.
    #[error("there is no such phone")]
    NotFound,
    /// The signature is not the element's.
    #[error("the message is not signed by the phone's element")]
    Signature,
    /// The message is about another element.
    #[error("the message is about another element")]
    OtherElement,
    /// The nonce was used, is too old, or was never given out.
    #[error("the nonce is used up or too old")]
    Nonce,
    /// There is no stop that could be lifted.
    #[error("the phone is not stopped")]
    NotStopped,
    /// It holds nobody's certificates.
    #[error("the phone is not registered")]
    NotRegistered,
    /// The receipt is for a command that is not open.
    #[error("the element confirmed a command that it was not given")]
    Receipt,
    /// No phone has this recovery code.
    #[error("no phone has this recovery code")]
    RecoveryCode,
    /// Too many wrong codes.
    #[error("too many wrong recovery codes in this hour")]
    TooManyCodes,
}

tefuda_types::reasons! { DeviceError {
    NotFound => "device.not_found", Caller;
    Signature => "device.signature_wrong", Peer;
    OtherElement => "device.other_element", Peer;
    Nonce => "device.nonce_used", Policy;
    NotStopped => "device.not_stopped", Policy;
    NotRegistered => "device.not_registered", Policy;
    Receipt => "device.receipt_unexpected", Peer;
    RecoveryCode => "stop.recovery_code_wrong", Policy;
    TooManyCodes => "stop.too_many_codes", Policy;
} }

/// What a phone has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Not registered, or registered and in use.
    #[default]
    InUse,
    /// Given up, or replaced.
    Retired,
    /// A sensor event: never again.
    Tampered,
}

/// A command that was signed for an element.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub number: u64,
    /// As the element takes it.
    pub signed: Signed<DeviceCommand>,
    /// Civil time of the element's receipt.
    pub confirmed_at: Option<Timestamp>,
}

/// A phone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    /// Its element.
    pub element: ElementId,
    /// Its family.
    pub family: Family,
    phone: Option<PhoneName>,
    holder: Option<ResidentId>,
    attestation_key: Bytes,
    wallet_key: Option<Bytes>,
    recovery_code_hash: Option<Bytes>,
    /// What its element has held, oldest first.
    loaded: Vec<(CertificateKind, Serial)>,
    condition: Condition,
    deletion: Deletion,
    orders: Vec<Order>,
    last_notice: u64,
    notices: Vec<Notice>,
}

/// What the element's confirmation makes of a phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The application that it finishes.
    pub application: String,
    /// Who holds it.
    pub resident: ResidentId,
    /// The wallet-instance key, if the authentication certificate was applied for.
    pub wallet_key: Option<Bytes>,
    /// Hash of the recovery code, likewise.
    pub recovery_code_hash: Option<Bytes>,
    /// What the element has loaded.
    pub certificates: BTreeMap<CertificateKind, Serial>,
}

impl Device {
    /// A phone that nobody has applied with.
    #[must_use]
    pub fn new(element: ElementId, family: Family) -> Self {
        Self {
            element,
            family,
            phone: None,
            holder: None,
            attestation_key: Bytes::default(),
            wallet_key: None,
            recovery_code_hash: None,
            loaded: Vec::new(),
            condition: Condition::InUse,
            deletion: Deletion::None,
            orders: Vec::new(),
            last_notice: 0,
            notices: Vec::new(),
        }
    }

    /// Its name, once somebody applied with it.
    #[must_use]
    pub const fn phone(&self) -> Option<&PhoneName> {
        self.phone.as_ref()
    }

    /// Who holds it, from registration until it is given up.
    #[must_use]
    pub const fn holder(&self) -> Option<&ResidentId> {
        self.holder.as_ref()
    }

    /// The wallet-instance key that was certified, SEC 1.
    #[must_use]
    pub const fn wallet_key(&self) -> Option<&Bytes> {
        self.wallet_key.as_ref()
    }

    /// Whether its element reported a sensor event.
    #[must_use]
    pub fn is_tampered(&self) -> bool {
        self.condition == Condition::Tampered
    }

    /// Where the removal of its data stands.
    #[must_use]
    pub const fn deletion(&self) -> Deletion {
        self.deletion
    }

    /// What its holder was told, oldest first.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Somebody applies with it: its name, and whose word its element's is.
    pub fn applied(&mut self, examined: &Examined) {
        self.phone = Some(examined.phone().clone());
        self.attestation_key = examined.attestation_key().clone();
    }

    /// The element has confirmed the certificates. A sensor event is for good, whatever is confirmed after it, and
    /// an order to delete stays open until that is confirmed.
    pub fn registered(&mut self, registration: &Registration, now: Timestamp) {
        self.loaded.extend(registration.certificates.clone());
        if self.is_tampered() {
            return;
        }
        self.holder = Some(registration.resident.clone());
        if let Some(wallet_key) = &registration.wallet_key {
            self.wallet_key = Some(wallet_key.clone());
        }
        if let Some(hash) = &registration.recovery_code_hash {
            self.recovery_code_hash = Some(hash.clone());
        }
        self.condition = Condition::InUse;
        self.deletion =
            if self.open_commands().next().is_some() { Deletion::Ordered } else { Deletion::None };
        self.notify("phone.registered", now);
    }

    /// Whether certificates may be loaded into its element.
    ///
    /// # Errors
    /// [`EnrolError::Tampered`], [`EnrolError::DeletionOpen`].
    pub fn loadable(&self) -> Result<(), EnrolError> {
        if self.is_tampered() {
            return Err(EnrolError::Tampered);
        }
        if self.open_commands().next().is_some() { Err(EnrolError::DeletionOpen) } else { Ok(()) }
    }

    /// Whether its element has, or had, a certificate.
    #[must_use]
    pub fn has_loaded(&self, serial: &Serial) -> bool {
        self.loaded.iter().any(|(_, loaded)| loaded == serial)
    }

    /// The certificate of a kind that its element has.
    #[must_use]
    pub fn present(&self, kind: CertificateKind) -> Option<&Serial> {
        self.loaded.iter().rev().find(|(loaded, _)| *loaded == kind).map(|(_, serial)| serial)
    }

    /// It was given up, or gave way. Its wallet can still fetch what is left to do; it holds nobody's
    /// certificates any more.
    pub fn retired(&mut self, notice: &str, now: Timestamp) {
        if self.condition == Condition::InUse && self.holder.take().is_some() {
            self.condition = Condition::Retired;
            self.recovery_code_hash = None;
            self.notify(notice, now);
        }
    }

    /// Its element reported a sensor event, for good.
    pub fn tampered(&mut self, now: Timestamp) {
        if self.condition != Condition::Tampered {
            self.condition = Condition::Tampered;
            self.holder = None;
            self.recovery_code_hash = None;
            self.notify("phone.tampered", now);
        }
    }

    /// A new recovery code.
    pub fn recovery_code(&mut self, hash: Bytes, now: Timestamp) {
        self.recovery_code_hash = Some(hash);
        self.notify("phone.recovery_code_changed", now);
    }

    /// Puts a notice into its inbox.
    pub fn notify(&mut self, code: &str, now: Timestamp) {
        self.last_notice += 1;
        self.notices.push(Notice { number: self.last_notice, time: now, code: code.to_owned() });
        let surplus = self.notices.len().saturating_sub(NOTICES_MAX);
        self.notices.drain(..surplus);
    }

    /// Whether a recovery code is this phone's.
    #[must_use]
    pub fn has_recovery_code(&self, code: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(code.trim().as_bytes()).into();
        self.recovery_code_hash.as_ref().is_some_and(|own| bool::from(own.0.as_slice().ct_eq(&hash)))
    }

    /// Commands that the element has not confirmed.
    pub fn open_commands(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.confirmed_at.is_none())
    }

    /// The wipe to sign; none if one is open already. Numbers rise.
    #[must_use]
    pub fn wipe(&self) -> Option<DeviceCommand> {
        if self.open_commands().next().is_some() {
            return None;
        }
        let number = self.orders.last().map_or(0, |order| order.number) + 1;
        Some(DeviceCommand { element: self.element, number, action: CommandAction::Wipe })
    }

    /// A command was signed.
    pub fn ordered(&mut self, command: &DeviceCommand, signed: Signed<DeviceCommand>, now: Timestamp) {
        self.orders.push(Order { number: command.number, signed, confirmed_at: None });
        self.deletion = Deletion::Ordered;
        self.notify("deletion.ordered", now);
    }

    /// The element carried a command out: its keys are gone, and nobody holds it.
    ///
    /// # Errors
    /// [`DeviceError::Receipt`].
    pub fn confirmed(&mut self, receipt: &CommandReceipt, now: Timestamp) -> Result<(), DeviceError> {
        let order = self
            .orders
            .iter_mut()
            .find(|order| order.number == receipt.number && receipt.element == self.element)
            .ok_or(DeviceError::Receipt)?;
        if order.confirmed_at.is_none() {
            order.confirmed_at = Some(now);
            self.deletion = Deletion::Confirmed;
            self.holder = None;
            self.wallet_key = None;
            self.recovery_code_hash = None;
            self.notify("deletion.confirmed", now);
        }
        Ok(())
    }

    /// What its element says, if it says so: signed by the wallet-instance key that was certified, or by the
    /// attestation key where that key is gone. Its nonce is still to be taken.
    ///
    /// # Errors
    /// [`DeviceError::Signature`], [`DeviceError::OtherElement`].
    pub fn hear(&self, message: &Signed<DeviceMessage>) -> Result<DeviceMessage, DeviceError> {
        let claimed = message.peek_unverified().map_err(|_| DeviceError::Signature)?;
        let key = match claimed.action {
            DeviceAction::Tampered => &self.attestation_key,
            _ => self.wallet_key.as_ref().ok_or(DeviceError::NotRegistered)?,
        };
        let heard = message
            .verify(|message, signature| verify_p256(&key.0, message, signature))
            .map_err(|_| DeviceError::Signature)?;
        if heard.element == self.element { Ok(heard) } else { Err(DeviceError::OtherElement) }
    }
}

/// Nonces of one phone that were given out, kept as hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nonces(Vec<(Bytes, Timestamp)>);

fn hash(nonce: &[u8]) -> Bytes {
    Bytes(Sha256::digest(nonce).to_vec())
}

impl Nonces {
    /// Remembers a fresh nonce until some wire time from now.
    pub fn give(&mut self, nonce: &[u8], wire: Timestamp) {
        let until = Timestamp::from_second(wire.as_second() + NONCE_SECONDS).unwrap_or(Timestamp::MAX);
        self.0.retain(|(_, until)| *until >= wire);
        let surplus = (self.0.len() + 1).saturating_sub(NONCES_MAX);
        self.0.drain(..surplus);
        self.0.push((hash(nonce), until));
    }

    /// Uses a nonce up.
    ///
    /// # Errors
    /// [`DeviceError::Nonce`].
    pub fn take(&mut self, nonce: &[u8], wire: Timestamp) -> Result<(), DeviceError> {
        let wanted = hash(nonce);
        let position = self.0.iter().position(|(hash, until)| *hash == wanted && *until >= wire);
        position.map(|position| self.0.remove(position)).map(drop).ok_or(DeviceError::Nonce)
    }
}

/// Wrong recovery codes in the present hour of wire time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongCodes {
    hour: i64,
    count: u32,
}

impl WrongCodes {
    /// Counts a code before it is looked at.
    ///
    /// # Errors
    /// [`DeviceError::TooManyCodes`].
    pub fn count(&mut self, wire: Timestamp) -> Result<(), DeviceError> {
        let hour = wire.as_second().div_euclid(HOUR_SECONDS);
        if hour != self.hour {
            *self = Self { hour, count: 0 };
        }
        if self.count >= WRONG_CODES_PER_HOUR_MAX {
            return Err(DeviceError::TooManyCodes);
        }
        self.count += 1;
        Ok(())
    }

    /// The code was right: it burns nothing.
    pub const fn give_back(&mut self) {
        self.count = self.count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELEMENT: ElementId = ElementId::from_bytes([1; 10]);

    fn held() -> (Device, Timestamp) {
        let now = "2026-11-24T01:00:00Z".parse().unwrap();
        let mut device = Device::new(ELEMENT, Family::Android);
        let registration = Registration {
            application: "one".into(),
            resident: "hanako".parse().unwrap(),
            wallet_key: Some(Bytes(vec![4; 65])),
            recovery_code_hash: Some(Bytes(Sha256::digest("CODE").to_vec())),
            certificates: BTreeMap::new(),
        };
        device.registered(&registration, now);
        (device, now)
    }

    fn order(device: &mut Device, now: Timestamp) -> u64 {
        let command = device.wipe().unwrap();
        let (payload, _) = Signed::prepare(&command).unwrap();
        device.ordered(&command, Signed::assemble(payload, Bytes(vec![0; 64])), now);
        command.number
    }

    #[test]
    fn a_wipe_is_open_until_the_element_confirms_it_and_numbers_rise() {
        let (mut device, now) = held();
        for expected in 1..=3 {
            assert_eq!(order(&mut device, now), expected);
            assert_eq!((device.deletion(), device.wipe()), (Deletion::Ordered, None));
            let receipt = |number, element| CommandReceipt { element, number };
            let others = [receipt(expected + 1, ELEMENT), receipt(expected, ElementId::from_bytes([2; 10]))];
            for other in others {
                assert_eq!(device.confirmed(&other, now), Err(DeviceError::Receipt));
            }
            let notices = device.notices().len();
            for _ in 0..2 {
                device.confirmed(&receipt(expected, ELEMENT), now).unwrap();
            }
            assert_eq!(device.notices().len(), notices + 1, "confirming twice is confirming once");
            assert_eq!((device.deletion(), device.holder()), (Deletion::Confirmed, None));
        }
    }

    #[test]
    fn a_phone_that_is_given_up_has_no_recovery_code_and_no_holder() {
        let (mut device, now) = held();
        assert!(device.has_recovery_code(" CODE ") && !device.has_recovery_code("EDOC"));
        device.retired("phone.retired", now);
        device.retired("phone.replaced", now);
        assert!(!device.has_recovery_code("CODE") && device.holder().is_none());
        assert_eq!(device.notices().last().unwrap().code, "phone.retired");
        let (mut device, now) = held();
        device.tampered(now);
        device.retired("phone.retired", now);
        assert!(device.is_tampered());
    }

    #[test]
    fn a_late_confirmation_undoes_neither_a_sensor_event_nor_an_order_to_delete() {
        let registration = Registration {
            application: "two".into(),
            resident: "hanako".parse().unwrap(),
            wallet_key: None,
            recovery_code_hash: None,
            certificates: BTreeMap::from([(CertificateKind::PhoneSign, "0A".parse().unwrap())]),
        };
        let (mut device, now) = held();
        order(&mut device, now);
        device.retired("phone.retired", now);
        device.registered(&registration, now);
        assert_eq!(device.deletion(), Deletion::Ordered);
        let (mut device, now) = held();
        device.tampered(now);
        device.registered(&registration, now);
        assert!(device.is_tampered() && device.holder().is_none());
        assert!(device.has_loaded(&"0A".parse().unwrap()), "what the element has is known all the same");
    }

    #[test]
    fn old_notices_give_way_and_numbers_go_on() {
        let (mut device, now) = held();
        (0..100).for_each(|_| device.notify("phone.stopped", now));
        assert_eq!((device.notices().len(), device.notices().last().unwrap().number), (NOTICES_MAX, 101));
    }

    #[test]
    fn a_nonce_is_good_once_and_not_for_long() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut nonces = Nonces::default();
        nonces.give(b"one", at(0));
        nonces.give(b"two", at(0));
        assert_eq!(nonces.take(b"one", at(1)), Ok(()));
        assert_eq!(nonces.take(b"one", at(1)), Err(DeviceError::Nonce));
        assert_eq!(nonces.take(b"two", at(NONCE_SECONDS + 1)), Err(DeviceError::Nonce));
        (0..100_u8).for_each(|n| nonces.give(&[n], at(0)));
        assert_eq!(nonces.0.len(), NONCES_MAX);
        assert_eq!(nonces.take(&[99], at(0)), Ok(()));
    }

    #[test]
    fn wrong_codes_close_the_door_for_the_rest_of_the_hour() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut codes = WrongCodes::default();
        codes.count(at(0)).unwrap();
        codes.give_back();
        (0..WRONG_CODES_PER_HOUR_MAX).for_each(|_| codes.count(at(10)).unwrap());
        assert_eq!(codes.count(at(HOUR_SECONDS - 1)), Err(DeviceError::TooManyCodes));
        assert_eq!(codes.count(at(HOUR_SECONDS)), Ok(()));
    }
}
