//! The wallet: what it holds, what a login shows and proves, and what it says to the authority in the phone's name.

use serde::{Deserialize, Serialize};
use tefuda_element::host::LoginSignatures;
use tefuda_protocol::{
    Signed, SignedMessageError,
    device::{CertificateView, DeviceAction, DeviceMessage},
    enrolment::WalletStatements,
    login::{LoginProof, LoginRequest},
    phone::Act,
    sealed::PinPurpose,
    transaction::{Method, Transaction, TransactionKind},
};
use tefuda_types::{Bytes, ElementId, PhoneName, PinKind};
use thiserror::Error;

use crate::enrolment::transaction;

/// Why the wallet does not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WalletError {
    /// Nothing is in it.
    #[error("no certificates are on this phone")]
    NotRegistered,
    /// The request is of a gateway that the wallet does not know.
    #[error("the login request is not of the gateway that this wallet knows")]
    GatewayUnknown,
    /// What the gateway wants agreed is not the request that was opened.
    #[error("the login request names another request or another gateway")]
    RequestAltered,
    /// The authority's word for the wallet-instance key is not here yet.
    #[error("the authority's statements are not here yet")]
    StatementsMissing,
    /// The card was not shown for this password.
    #[error("the card was not shown for this password")]
    CardNotShown,
}

tefuda_types::reasons! { WalletError {
    NotRegistered => "phone.not_registered", Policy;
    GatewayUnknown => "login.gateway_unknown", Policy;
    RequestAltered => "login.request_altered", Peer;
    StatementsMissing => "phone.statements_missing", Policy;
    CardNotShown => "phone.card_not_shown", Policy;
} }

/// What the wallet holds beside the keys of the element.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wallet {
    /// Certificates with PEM, as they were when they were loaded.
    pub certificates: Vec<CertificateView>,
    /// The authority's statements.
    pub statements: Option<WalletStatements>,
}

impl Wallet {
    /// With certificates that were just loaded in place of the ones of their kind; what was stated of the
    /// former authentication certificate says nothing of the next.
    #[must_use]
    pub fn loaded(present: Option<Self>, fresh: &[CertificateView]) -> Self {
        let is_fresh = |held: &CertificateView| fresh.iter().any(|new| new.kind == held.kind);
        let former = present.unwrap_or(Self { certificates: Vec::new(), statements: None });
        let mut certificates: Vec<CertificateView> = fresh.to_vec();
        let replaced =
            |held: &CertificateView| is_fresh(held) && !fresh.iter().any(|new| new.serial == held.serial);
        let auth_replaced =
            former.certificates.iter().any(|held| replaced(held) && !held.kind.is_signature());
        certificates.extend(former.certificates.into_iter().filter(|held| !is_fresh(held)));
        certificates.sort_by_key(|certificate| certificate.kind);
        Self { certificates, statements: former.statements.filter(|_| !auth_replaced) }
    }

    /// A proof for the gateway. Links to other certificates of the person are shown only when it asks for them.
    ///
    /// # Errors
    /// [`WalletError::StatementsMissing`].
    pub fn proof(
        &self,
        certificate: Vec<u8>,
        method: Method,
        signatures: LoginSignatures,
    ) -> Result<LoginProof, WalletError> {
        let statements = self.statements.as_ref().ok_or(WalletError::StatementsMissing)?;
        Ok(LoginProof {
            certificate: certificate.into(),
            method,
            auth_signature: signatures.auth.into(),
            wallet_signature: signatures.wallet.into(),
            wallet_instance: statements.wallet_instance.clone(),
            links: Vec::new(),
        })
    }

    /// The same proof with every link that the wallet has.
    #[must_use]
    pub fn with_links(&self, proof: LoginProof) -> LoginProof {
        let links = self.statements.as_ref().map(|statements| statements.links.clone());
        LoginProof { links: links.unwrap_or_default(), ..proof }
    }
}

/// What a login asks the person, if it is the request that was opened at the gateway that the wallet knows.
///
/// # Errors
/// [`WalletError::RequestAltered`].
pub fn login_transaction(
    asked: &LoginRequest,
    issuer: &str,
    request: &str,
) -> Result<Transaction, WalletError> {
    if asked.transaction.gateway == issuer && asked.transaction.request == request {
        Ok(asked.transaction.to_transaction())
    } else {
        Err(WalletError::RequestAltered)
    }
}

/// The identifier in a gateway's `…/login/{request}`.
///
/// # Errors
/// [`WalletError::GatewayUnknown`] for another origin, or a path that names no request.
pub fn request_of<'a>(request_url: &'a str, gateway: &str) -> Result<&'a str, WalletError> {
    // An address that was copied can say in which language the page was looked at.
    let address = request_url.split(['?', '#']).next().unwrap_or_default();
    let path = address.strip_prefix(gateway).and_then(|rest| rest.strip_prefix("/login/"));
    let is_name = |id: &str| {
        !id.is_empty() && id.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
    };
    path.filter(|id| is_name(id)).ok_or(WalletError::GatewayUnknown)
}

/// What the person sees when a password or biometrics are changed.
#[derive(Serialize)]
struct Shown<'a> {
    act: &'static str,
    phone: &'a PhoneName,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<PinKind>,
}

/// The transaction and the passwords of the acts that need nothing but the phone; `None` for those that
/// need an application or a login.
#[must_use]
pub fn own_transaction(act: &Act, phone: &PhoneName) -> Option<(Transaction, Vec<PinPurpose>)> {
    use PinPurpose::{SetAuth, SetSign, VerifyAuth, VerifySign};
    let of_kind = |kind: PinKind, sign: &[PinPurpose], auth: &[PinPurpose]| match kind {
        PinKind::Sign => sign.to_vec(),
        PinKind::Auth => auth.to_vec(),
    };
    let (kind, name, password, purposes) = match act {
        Act::EnrolBiometrics => {
            (TransactionKind::EnrolBiometrics, "enrol-biometrics", None, vec![VerifyAuth])
        }
        Act::ResetPin { kind } => {
            (TransactionKind::ResetPin, "reset-password", Some(*kind), of_kind(*kind, &[SetSign], &[SetAuth]))
        }
        Act::ChangePin { kind } => (
            TransactionKind::ChangePin,
            "change-password",
            Some(*kind),
            of_kind(*kind, &[VerifySign, SetSign], &[VerifyAuth, SetAuth]),
        ),
        Act::RecoveryCode => (TransactionKind::RecoveryCode, "recovery-code", None, vec![VerifySign]),
        Act::SetPins | Act::Register | Act::Login { .. } => return None,
    };
    Some((transaction(kind, &Shown { act: name, phone, password }), purposes))
}

/// A message to the authority in the phone's name: its bytes, for the element to sign.
///
/// # Errors
/// [`SignedMessageError::Malformed`] if it has no JSON form.
pub fn device_message(
    element: ElementId,
    action: DeviceAction,
    nonce: Bytes,
) -> Result<Bytes, SignedMessageError> {
    Signed::prepare(&DeviceMessage { element, action, nonce }).map(|(payload, _)| payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tefuda_protocol::transaction::{LoginChannel, LoginTransaction};
    use tefuda_types::{CertificateKind, CertificateStatus, Timestamp};

    const GATEWAY: &str = "http://localhost:8482";
    const ISSUER: &str = "http://localhost:8482/api/realms/main";

    fn request(gateway: &str) -> LoginRequest {
        let transaction = LoginTransaction {
            gateway: gateway.to_owned(),
            request: "abc".to_owned(),
            client_id: "RP00000001".to_owned(),
            relying_party: "Library".to_owned(),
            origin: "https://library.example".to_owned(),
            purpose: "to lend books".to_owned(),
            scopes: vec!["openid".to_owned()],
            nonce: "n".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            channel: LoginChannel::SameDevice,
            relying_party_en: None,
            purpose_en: None,
        };
        LoginRequest { transaction, expires_in_seconds: 300 }
    }

    #[test]
    fn a_request_is_of_the_known_gateway_or_none() {
        assert_eq!(request_of("http://localhost:8482/login/abc-1_", GATEWAY), Ok("abc-1_"));
        for url in [
            "http://localhost:8482.evil.example/login/abc",
            "http://evil.example/login/abc",
            "http://localhost:8482/login/",
            "http://localhost:8482/login/a/../b",
            "http://localhost:8482/logout/abc",
        ] {
            assert_eq!(request_of(url, GATEWAY), Err(WalletError::GatewayUnknown), "{url}");
        }
    }

    #[test]
    fn another_request_or_gateway_is_not_agreed_to() {
        assert!(login_transaction(&request(ISSUER), ISSUER, "abc").is_ok());
        let altered = Err(WalletError::RequestAltered);
        assert_eq!(login_transaction(&request(ISSUER), ISSUER, "abd"), altered);
        assert_eq!(login_transaction(&request("https://evil.example"), ISSUER, "abc"), altered);
    }

    #[test]
    fn renewing_the_signature_certificate_keeps_the_rest() {
        let view = |kind, serial: &str| CertificateView {
            kind,
            serial: serial.parse().unwrap(),
            not_before: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::MAX,
            status: CertificateStatus::Valid,
            reason: None,
            as_of: Timestamp::UNIX_EPOCH,
            pem: String::new(),
        };
        let (sign, auth) = (CertificateKind::PhoneSign, CertificateKind::PhoneAuth);
        let first = Wallet::loaded(None, &[view(auth, "01"), view(sign, "02")]);
        let renewed = Wallet::loaded(Some(first), &[view(sign, "03")]);
        let serials: Vec<_> = renewed.certificates.iter().map(|c| c.serial.to_string()).collect();
        assert_eq!(serials, ["03", "01"]);
    }

    #[test]
    fn each_act_asks_for_its_passwords() {
        let phone = "android".parse().unwrap();
        let purposes = |act: Act| own_transaction(&act, &phone).map(|(_, purposes)| purposes);
        assert_eq!(purposes(Act::EnrolBiometrics), Some(vec![PinPurpose::VerifyAuth]));
        let change = Act::ChangePin { kind: PinKind::Sign };
        assert_eq!(purposes(change), Some(vec![PinPurpose::VerifySign, PinPurpose::SetSign]));
        assert_eq!(purposes(Act::Register), None);
    }
}
