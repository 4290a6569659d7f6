//! What a phone shows for a login, and what follows from it.

use tefuda_pki::{Certificate, SignatureAlgorithm, path::PathError, verify_signature};
use tefuda_protocol::{
    attestation::verify_p256,
    login::LoginProof,
    statement::{CertificateReference, Link, Statement, WalletInstance},
    transaction::{LoginTransaction, Method, TransactionHash, login_message, wallet_message},
};
use tefuda_types::{Blame, CertificateKind, Reason, ReasonCode, Timestamp};
use thiserror::Error;

use crate::{StatementError, StatusBook, StatusRefusal, statement::verify_statement, status::reference};

/// Most links in a proof: a person has had a card a decade and a phone of each family a year.
pub const LINKS_MAX: usize = 32;

/// Why a proof does not prove the login that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoginError {
    /// A card's certificate, or one for signatures.
    #[error("a login needs the authentication certificate of a phone")]
    CertificateKind,
    /// The authentication key did not sign this transaction with this method.
    #[error("the authentication key did not sign this login")]
    AuthSignature,
    /// The wallet-instance key did not sign it. A reader that got a tap and a PIN ends here.
    #[error("the wallet's own key did not sign this login")]
    WalletSignature,
    /// The authority's word is about another certificate's wallet.
    #[error("the wallet belongs to another certificate")]
    OtherWallet,
    /// A link between other certificates.
    #[error("a link is about another certificate")]
    OtherLink,
    /// More than [`LINKS_MAX`].
    #[error("there are too many links")]
    TooManyLinks,
}

tefuda_types::reasons! { LoginError {
    CertificateKind => "login.certificate_kind_wrong", Policy;
    AuthSignature => "login.signature_wrong", Peer;
    WalletSignature => "login.wallet_signature_wrong", Peer;
    OtherWallet => "login.wallet_of_another_certificate", Peer;
    OtherLink => "login.link_of_another_certificate", Peer;
    TooManyLinks => "login.too_many_links", Malformed;
} }

/// Why nobody is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoginRefusal {
    /// The certificate proves nothing.
    #[error(transparent)]
    Certificate(#[from] PathError),
    /// A statement of the authority says nothing.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The proof is not one of this login.
    #[error(transparent)]
    Proof(#[from] LoginError),
    /// The certificate is not in force, as far as is known.
    #[error(transparent)]
    Status(#[from] StatusRefusal),
}

impl Reason for LoginRefusal {
    fn code(&self) -> ReasonCode {
        match self {
            Self::Certificate(error) => error.code(),
            Self::Statement(error) => error.code(),
            Self::Proof(error) => error.code(),
            Self::Status(error) => error.code(),
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Certificate(error) => error.blame(),
            Self::Statement(error) => error.blame(),
            Self::Proof(error) => error.blame(),
            Self::Status(error) => error.blame(),
        }
    }
}

impl LoginRefusal {
    /// Whether only the holder of a certificate that a CA issued can have caused it.
    ///
    /// Everything else can be sent by whoever knows a request's identifier, and must not end the request for
    /// the person who made it.
    #[must_use]
    pub const fn is_the_holders(&self) -> bool {
        match self {
            Self::Certificate(PathError::Certificate(_) | PathError::UnknownIssuer)
            | Self::Statement(_)
            | Self::Proof(_) => false,
            Self::Certificate(_) | Self::Status(_) => true,
        }
    }
}

/// A login that was proven: the holder of a phone's authentication certificate that is in force agreed to this
/// transaction on the phone that the certificate was issued to.
#[derive(Debug)]
pub struct VerifiedLogin {
    certificate: CertificateReference,
    method: Method,
    transaction: TransactionHash,
    links: Vec<CertificateReference>,
}

impl VerifiedLogin {
    /// The phone's authentication certificate.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateReference {
        &self.certificate
    }

    /// How the person proved presence.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Hash of what was agreed to.
    #[must_use]
    pub const fn transaction(&self) -> &TransactionHash {
        &self.transaction
    }

    /// Other authentication certificates of the same person, one hop away, as the authority links them.
    #[must_use]
    pub fn links(&self) -> &[CertificateReference] {
        &self.links
    }
}

/// Verifies a proof for a transaction that the verifier made itself, at a civil time.
///
/// The signature by the certificate's own key comes first: what follows is told only to whoever holds it.
///
/// # Errors
/// [`LoginRefusal`].
pub fn verify_login(
    book: &StatusBook,
    transaction: &LoginTransaction,
    proof: &LoginProof,
    at: Timestamp,
) -> Result<VerifiedLogin, LoginRefusal> {
    let certificate = Certificate::from_der(&proof.certificate.0).map_err(PathError::Certificate)?;
    if certificate.claimed_kind() != Some(CertificateKind::PhoneAuth) {
        return Err(LoginError::CertificateKind.into());
    }
    let hash = transaction.to_transaction().hash();
    let signed = verify_signature(
        SignatureAlgorithm::Rsa2048Sha256,
        &certificate.public_spki(),
        &login_message(proof.method, &hash),
        &proof.auth_signature.0,
    );
    if !signed {
        return Err(LoginError::AuthSignature.into());
    }
    let certificate = reference(&book.trust().validate(&certificate, at)?);
    let wallet_key = wallet_key(book, &certificate, &proof.wallet_instance)?;
    if !verify_p256(&wallet_key, &wallet_message(proof.method, &hash), &proof.wallet_signature.0) {
        return Err(LoginError::WalletSignature.into());
    }
    book.require_valid(&certificate, at)?;
    let links = links(book, &certificate, &proof.links)?;
    Ok(VerifiedLogin { certificate, method: proof.method, transaction: hash, links })
}

fn wallet_key(
    book: &StatusBook,
    certificate: &CertificateReference,
    statement: &Statement<WalletInstance>,
) -> Result<Vec<u8>, LoginRefusal> {
    let instance = verify_statement(statement, book.trust(), |instance: &WalletInstance| instance.issued_at)?;
    if instance.certificate == *certificate {
        Ok(instance.wallet_key.0)
    } else {
        Err(LoginError::OtherWallet.into())
    }
}

fn links(
    book: &StatusBook,
    certificate: &CertificateReference,
    statements: &[Statement<Link>],
) -> Result<Vec<CertificateReference>, LoginRefusal> {
    if statements.len() > LINKS_MAX {
        return Err(LoginError::TooManyLinks.into());
    }
    let mut links = Vec::new();
    for statement in statements {
        let link = verify_statement(statement, book.trust(), |link: &Link| link.issued_at)?;
        if link.certificate != *certificate || link.linked.kind.is_signature() {
            return Err(LoginError::OtherLink.into());
        }
        links.push(link.linked);
    }
    Ok(links)
}
