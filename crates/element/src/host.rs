//! Talking to an element from the wired side: plain functions over whatever can transceive.
//!
//! An application of the phone reaches the wallet's face through a [`LogicalChannel`]; sessions of the security
//! domains go through the basic channel by [`pipe`].

use tefuda_apdu::{Command, LinkError, Response, StatusWord, Transceive, tlv};
use tefuda_protocol::{
    Bytes, Signed,
    attestation::{AttestedKeys, ElementCertificate, KeyAttestation},
    element::{
        ACCESS_RULES_AID, ALL_RULES, AccessRule, AppletStatus, SealedPin, WALLET_AID, instruction, object,
    },
    sealed::{PinBlock, PinPurpose},
    transaction::{Method, TransactionHash},
    user_verification::UserVerificationToken,
};
use tefuda_types::PinKind;
use thiserror::Error;

use crate::KeyKinds;

/// Most response octets that one command asks for.
const RESPONSE_OCTETS: u32 = 65_536;
/// Octets of an RSA-2048 signature.
const RSA_SIGNATURE_OCTETS: usize = 256;

/// Why the element did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostError {
    /// The element is off, or lost power in the middle.
    #[error("the element did not answer")]
    Torn,
    /// The application that was selected is not there.
    #[error("the application is not on the element")]
    NotInstalled,
    /// The password is wrong.
    #[error("the password is wrong, {left} tries are left")]
    PinWrong {
        /// Tries left after this one.
        left: u8,
    },
    /// No tries are left.
    #[error("the password is blocked")]
    PinBlocked,
    /// The password has not been set yet.
    #[error("the password is not set")]
    PinNotSet,
    /// A new password that the phone does not take.
    #[error("the new password is not one that the phone takes")]
    PinMalformed,
    /// The block, the token or the text is not of this session.
    #[error("what was presented does not belong to this session and transaction")]
    NotBound,
    /// What must come first has not come: a session, a password, keys that wait, the holder's consent.
    #[error("the element's state does not allow this")]
    NotAllowed,
    /// The sensor missed.
    #[error("the finger or face was not recognised, {left} misses are left")]
    BiometricsMissed {
        /// Misses left until the PIN must be given.
        left: u8,
    },
    /// The enrolled set changed, or the misses are used up: the PIN is needed first.
    #[error("biometrics wait for the PIN")]
    BiometricsStale,
    /// No fingers or faces are enrolled.
    #[error("biometrics are not enrolled")]
    BiometricsNotEnrolled,
    /// An answer that an element does not give.
    #[error("the element answered {0}")]
    Status(StatusWord),
    /// An object that is not what it should be.
    #[error("the element's answer is malformed")]
    Malformed,
}

tefuda_types::reasons! { HostError {
    Torn => "element.torn", Peer;
    NotInstalled => "element.not_installed", Policy;
    PinWrong { .. } => "phone.pin_wrong", Policy;
    PinBlocked => "phone.pin_blocked", Policy;
    PinNotSet => "phone.pin_not_set", Policy;
    PinMalformed => "phone.pin_malformed", Malformed;
    NotBound => "element.not_bound", Policy;
    NotAllowed => "element.not_allowed", Policy;
    BiometricsMissed { .. } => "phone.biometrics_missed", Policy;
    BiometricsStale => "phone.biometrics_stale", Policy;
    BiometricsNotEnrolled => "phone.biometrics_not_enrolled", Policy;
    Status(_) => "element.unexpected_answer", Peer;
    Malformed => "element.answer_malformed", Peer;
} }

impl From<LinkError> for HostError {
    fn from(_: LinkError) -> Self {
        Self::Torn
    }
}

/// A status word as a refusal, where the command gives it no meaning of its own.
const fn refusal(status: StatusWord) -> HostError {
    match status {
        StatusWord::CONDITIONS => HostError::NotAllowed,
        StatusWord::SECURITY_STATUS => HostError::NotBound,
        StatusWord::NOT_FOUND => HostError::NotInstalled,
        // Without power, or with a memory that cannot be read, an element has nothing else to say.
        StatusWord::MEMORY_FAILURE => HostError::Torn,
        other => HostError::Status(other),
    }
}

fn ok(response: Response) -> Result<Vec<u8>, HostError> {
    if response.status.is_ok() { Ok(response.data) } else { Err(refusal(response.status)) }
}

fn wallet(ins: u8, p1: u8, p2: u8, data: impl Into<Vec<u8>>) -> Command {
    Command::new(0x80, ins, p1, p2).with_data(data).with_le(RESPONSE_OCTETS)
}

/// A logical channel of an element: commands get its number into their class (ISO 7816-4, 5.4.1).
#[derive(Debug)]
pub struct LogicalChannel<T> {
    element: T,
    number: u8,
}

impl<T: Transceive> LogicalChannel<T> {
    /// MANAGE CHANNEL, open. [`LogicalChannel::close`] gives it back.
    ///
    /// # Errors
    /// [`HostError`]; `6A81` as [`HostError::Status`] when none is free.
    pub fn open(mut element: T) -> Result<Self, HostError> {
        let number = ok(element.send(&Command::new(0x00, 0x70, 0x00, 0x00).with_le(1))?)?;
        match number.as_slice() {
            [number @ 1..=3] => Ok(Self { element, number: *number }),
            _ => Err(HostError::Malformed),
        }
    }

    /// The element, for commands on the basic channel meanwhile.
    pub const fn element(&mut self) -> &mut T {
        &mut self.element
    }

    /// MANAGE CHANNEL, close: whatever session was open in it is over.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn close(mut self) -> Result<T, HostError> {
        ok(self.element.send(&Command::new(0x00, 0x70, 0x80, self.number))?)?;
        Ok(self.element)
    }
}

impl<T: Transceive> Transceive for LogicalChannel<T> {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let mut command = command.to_vec();
        if let Some(class) = command.first_mut() {
            *class |= self.number;
        }
        self.element.transceive(&command)
    }
}

/// Passes commands of a secure channel on, in order, and gives back what the element answers.
///
/// # Errors
/// [`HostError::Torn`].
pub fn pipe(element: &mut impl Transceive, commands: &[Bytes]) -> Result<Vec<Bytes>, HostError> {
    let pass = |command: &Bytes| Ok(element.transceive(&command.0)?.to_bytes().into());
    commands.iter().map(pass).collect()
}

/// SELECT of an application.
///
/// # Errors
/// [`HostError::NotInstalled`].
pub fn select(element: &mut impl Transceive, aid: &[u8]) -> Result<(), HostError> {
    ok(element.send(&Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(aid))?).map(drop)
}

/// SELECT of the wallet's face. The functions below that take a `wallet` want it selected.
///
/// # Errors
/// [`HostError::NotInstalled`].
pub fn select_wallet(wallet: &mut impl Transceive) -> Result<(), HostError> {
    select(wallet, &WALLET_AID)
}

/// SELECT of the access rule application, and all its rules.
///
/// # Errors
/// [`HostError`].
pub fn access_rules(element: &mut impl Transceive) -> Result<Vec<AccessRule>, HostError> {
    select(element, &ACCESS_RULES_AID)?;
    let answer = get_data(element, ALL_RULES)?;
    let rules = tlv::find(&answer, u32::from(ALL_RULES)).map_err(|_| HostError::Malformed)?;
    AccessRule::list(rules.value).map_err(|_| HostError::Malformed)
}

fn get_data(wallet: &mut impl Transceive, object: u16) -> Result<Vec<u8>, HostError> {
    let [high, low] = object.to_be_bytes();
    let command = Command::new(0x80, instruction::GET_DATA, high, low).with_le(RESPONSE_OCTETS);
    ok(wallet.send(&command)?)
}

fn json<T: serde::de::DeserializeOwned>(octets: &[u8]) -> Result<T, HostError> {
    serde_json::from_slice(octets).map_err(|_| HostError::Malformed)
}

/// What the applet tells about itself.
///
/// # Errors
/// [`HostError`].
pub fn status(wallet: &mut impl Transceive) -> Result<AppletStatus, HostError> {
    AppletStatus::from_bytes(&get_data(wallet, object::STATUS)?).map_err(|_| HostError::Malformed)
}

/// The maker's word for the element.
///
/// # Errors
/// [`HostError`].
pub fn element_certificate(wallet: &mut impl Transceive) -> Result<Signed<ElementCertificate>, HostError> {
    json(&get_data(wallet, object::ELEMENT_CERTIFICATE)?)
}

/// The element's word for the key that passwords are sealed to.
///
/// # Errors
/// [`HostError`].
pub fn pin_entry_attestation(wallet: &mut impl Transceive) -> Result<Signed<KeyAttestation>, HostError> {
    json(&get_data(wallet, object::PIN_ENTRY_KEY)?)
}

/// A certificate of the phone, DER; `None` if none is loaded.
///
/// # Errors
/// [`HostError`].
pub fn certificate(wallet: &mut impl Transceive, kind: PinKind) -> Result<Option<Vec<u8>>, HostError> {
    let object = match kind {
        PinKind::Sign => object::SIGN_CERTIFICATE,
        PinKind::Auth => object::AUTH_CERTIFICATE,
    };
    Ok(Some(get_data(wallet, object)?).filter(|der| !der.is_empty()))
}

/// Makes keys, which wait for their certificates. The same nonce and kinds again give the same keys.
/// The attestation of the PIN-entry key is among the answer.
///
/// # Errors
/// [`HostError`].
pub fn generate_keys(
    wallet: &mut impl Transceive,
    kinds: KeyKinds,
    nonce: &[u8; 16],
) -> Result<AttestedKeys, HostError> {
    let command = self::wallet(instruction::GENERATE_KEYS, 0x00, kinds as u8, *nonce);
    let mut keys: Vec<Signed<KeyAttestation>> = json(&ok(wallet.send(&command)?)?)?;
    keys.push(pin_entry_attestation(wallet)?);
    Ok(AttestedKeys { element: element_certificate(wallet)?, keys })
}

/// Begins a PIN session; the last one is over.
///
/// # Errors
/// [`HostError`].
pub fn challenge(wallet: &mut impl Transceive) -> Result<[u8; 16], HostError> {
    let command = Command::new(0x80, instruction::GET_CHALLENGE, 0x00, 0x00).with_le(16);
    ok(wallet.send(&command)?)?.try_into().map_err(|_| HostError::Malformed)
}

/// Presents a sealed password, to be compared or to become the new one.
///
/// # Errors
/// [`HostError::PinWrong`], [`HostError::PinBlocked`], [`HostError::PinNotSet`], [`HostError::PinMalformed`] for
/// a new password, [`HostError::NotBound`] for a block of another session, [`HostError::NotAllowed`].
pub fn present_pin(
    wallet: &mut impl Transceive,
    purpose: PinPurpose,
    transaction: &TransactionHash,
    block: &PinBlock,
) -> Result<(), HostError> {
    let sealed = SealedPin { transaction: *transaction, block: block.as_bytes().to_vec() };
    let command = self::wallet(instruction::PRESENT_PIN, 0x00, purpose as u8, sealed.to_bytes());
    let status = wallet.send(&command)?.status;
    match (status, status.as_tries_left()) {
        (StatusWord::OK, _) => Ok(()),
        (StatusWord::BLOCKED | StatusWord::REFERENCE_NOT_USABLE, _) | (_, Some(0)) => {
            Err(HostError::PinBlocked)
        }
        (_, Some(left)) => Err(HostError::PinWrong { left }),
        (StatusWord::DATA_NOT_FOUND, None) => Err(HostError::PinNotSet),
        (StatusWord::WRONG_DATA, None) => Err(HostError::PinMalformed),
        (other, None) => Err(refusal(other)),
    }
}

/// Presents a user-verification token of the phone's operating system, for a login.
///
/// # Errors
/// [`HostError::BiometricsMissed`] for a wrong token, [`HostError::BiometricsStale`],
/// [`HostError::BiometricsNotEnrolled`], [`HostError::NotAllowed`].
pub fn present_token(
    wallet: &mut impl Transceive,
    transaction: &TransactionHash,
    set: u32,
    token: &UserVerificationToken,
) -> Result<(), HostError> {
    let data = [transaction.as_slice(), &set.to_be_bytes(), token].concat();
    let command = self::wallet(instruction::PRESENT_TOKEN, 0x00, 0x00, data);
    biometric(wallet.send(&command)?.status)
}

fn biometric(status: StatusWord) -> Result<(), HostError> {
    match (status, status.as_tries_left()) {
        (StatusWord::OK, _) => Ok(()),
        (StatusWord::BLOCKED | StatusWord::REFERENCE_NOT_USABLE, _) => Err(HostError::BiometricsStale),
        (StatusWord::DATA_NOT_FOUND, _) => Err(HostError::BiometricsNotEnrolled),
        (_, Some(left)) => Err(HostError::BiometricsMissed { left }),
        (other, None) => Err(refusal(other)),
    }
}

/// Tells the element that the sensor missed: the misses that are left.
///
/// # Errors
/// [`HostError::BiometricsStale`] when none was left, [`HostError::BiometricsNotEnrolled`].
pub fn report_miss(wallet: &mut impl Transceive) -> Result<u8, HostError> {
    let command = Command::new(0x80, instruction::PRESENT_TOKEN, 0x01, 0x00);
    match biometric(wallet.send(&command)?.status) {
        Err(HostError::BiometricsMissed { left }) => Ok(left),
        Err(other) => Err(other),
        Ok(()) => Err(HostError::Malformed),
    }
}

fn biometrics(
    wallet: &mut impl Transceive,
    p1: u8,
    (set, token): (u32, &UserVerificationToken),
    body: &str,
) -> Result<(), HostError> {
    let data = [set.to_be_bytes().as_slice(), token, body.as_bytes()].concat();
    let command = self::wallet(instruction::BIOMETRICS, p1, 0x00, data);
    match wallet.send(&command)?.status {
        StatusWord::OK => Ok(()),
        StatusWord::WRONG_DATA => Err(HostError::NotBound),
        StatusWord::DATA_NOT_FOUND => Err(HostError::BiometricsNotEnrolled),
        other => Err(refusal(other)),
    }
}

/// Enrols a set of fingers or faces in place of the authentication PIN, which was given for `body` (kind
/// `EnrolBiometrics`). The token is over the hash of that transaction.
///
/// # Errors
/// [`HostError::NotBound`], [`HostError::NotAllowed`].
pub fn enrol_biometrics(
    wallet: &mut impl Transceive,
    set: u32,
    token: &UserVerificationToken,
    body: &str,
) -> Result<(), HostError> {
    biometrics(wallet, 0x00, (set, token), body)
}

/// Takes a changed set on, between the PIN that was given for a login and its signature. The token is over the
/// hash of the login.
///
/// # Errors
/// [`HostError::NotBound`], [`HostError::NotAllowed`], [`HostError::BiometricsNotEnrolled`].
pub fn adopt_set(
    wallet: &mut impl Transceive,
    set: u32,
    token: &UserVerificationToken,
    body: &str,
) -> Result<(), HostError> {
    biometrics(wallet, 0x01, (set, token), body)
}

/// Removes biometrics. Harmless when there are none.
///
/// # Errors
/// [`HostError`].
pub fn remove_biometrics(wallet: &mut impl Transceive) -> Result<(), HostError> {
    ok(wallet.send(&Command::new(0x80, instruction::BIOMETRICS, 0x02, 0x00))?).map(drop)
}

/// The holder, who gave the signature password for `body` (kind `Register`), lets the authority load the
/// certificates, until the element loses power.
///
/// # Errors
/// [`HostError::NotBound`] for another text, [`HostError::NotAllowed`].
pub fn confirm_registration(wallet: &mut impl Transceive, body: &str) -> Result<(), HostError> {
    signed(wallet, &self::wallet(instruction::CONFIRM, 0x00, 0x00, body.as_bytes())).map(drop)
}

/// Sends what uses up a password that was given: another text is refused as not bound.
fn signed(wallet: &mut impl Transceive, command: &Command) -> Result<Vec<u8>, HostError> {
    match ok(wallet.send(command)?) {
        Err(HostError::Status(StatusWord::WRONG_DATA)) => Err(HostError::NotBound),
        other => other,
    }
}

/// The two signatures of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSignatures {
    /// By the authentication key, 256 octets.
    pub auth: Vec<u8>,
    /// By the wallet-instance key, `r ‖ s`.
    pub wallet: Vec<u8>,
}

/// Signs a login (kind `Login`), once, after the PIN or a token was presented for it.
///
/// # Errors
/// [`HostError::NotBound`] for another text, [`HostError::NotAllowed`].
pub fn sign_login(
    wallet: &mut impl Transceive,
    method: Method,
    body: &str,
) -> Result<LoginSignatures, HostError> {
    let command = self::wallet(instruction::SIGN, 0x01, method as u8, body.as_bytes());
    let mut auth = signed(wallet, &command)?;
    if auth.len() <= RSA_SIGNATURE_OCTETS {
        return Err(HostError::Malformed);
    }
    let wallet = auth.split_off(RSA_SIGNATURE_OCTETS);
    Ok(LoginSignatures { auth, wallet })
}

/// Signs a device message that needs no password: the payload as [`Signed::prepare`] made it.
///
/// # Errors
/// [`HostError::NotAllowed`] for a message that needs one, or that the element's state does not allow.
pub fn sign_device_message(wallet: &mut impl Transceive, payload: &[u8]) -> Result<Vec<u8>, HostError> {
    signed(wallet, &self::wallet(instruction::SIGN, 0x03, 0x00, payload))
}

/// Signs a device message after the signature password was given for `body` (kind `RecoveryCode`).
///
/// # Errors
/// [`HostError::NotBound`] for another text, [`HostError::NotAllowed`].
pub fn sign_device_message_with_password(
    wallet: &mut impl Transceive,
    payload: &[u8],
    body: &str,
) -> Result<Vec<u8>, HostError> {
    let length = u16::try_from(payload.len()).map_err(|_| HostError::Malformed)?.to_be_bytes();
    let data = [length.as_slice(), payload, body.as_bytes()].concat();
    signed(wallet, &self::wallet(instruction::SIGN, 0x03, 0x01, data))
}
