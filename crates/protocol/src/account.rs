//! What a person sees and does about their own certificates at the authority, through a service that the gateway
//! vouched for.

use serde::{Deserialize, Serialize};
use tefuda_types::{CertificateKind, CertificateStatus, ElementId, Family, PhoneName, Serial, Timestamp};

use crate::{
    device::{Deletion, Notice},
    statement::CertificateReference,
};

/// `typ` of a certificates token.
pub const CERTIFICATES_TYPE: &str = "tefuda-certificates+jwt";

/// Claims of a certificates token: signed by the gateway, encrypted to the authority, shown as a bearer token at
/// the authority's `/me`. It names the certificate that was just used, and no relying party and no person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificatesClaims {
    /// The gateway's issuer identifier.
    pub iss: String,
    /// The authority's URL.
    pub aud: String,
    /// Issue, in seconds of wire time.
    pub iat: i64,
    /// End.
    pub exp: i64,
    /// Authentication context class of the login.
    pub acr: String,
    /// The certificate.
    pub certificate: CertificateReference,
}

/// `GET {authority}/me`: a person's certificates and phones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Name as registered.
    pub name: String,
    /// Whether the login is strong enough for what cannot be undone.
    pub strong: bool,
    /// The card, if there is one.
    pub card: AccountCard,
    /// Phones that have or had certificates, those in use first.
    pub phones: Vec<AccountPhone>,
    /// What the phones were told, newest first.
    pub notices: Vec<Notice>,
}

/// A person's card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCard {
    /// `active`, `expiring`, `expired`, `suspended`, `revoked` or `none`.
    pub state: String,
    /// Its certificates.
    pub certificates: Vec<AccountCertificate>,
}

/// A person's phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPhone {
    /// Its element: what acts name it by.
    pub element: ElementId,
    /// Its name.
    pub name: Option<PhoneName>,
    /// Its family.
    pub family: Family,
    /// Whether its certificates are the person's still.
    pub held: bool,
    /// Whether it is the phone of this login.
    pub this_phone: bool,
    /// The newest of each kind.
    pub certificates: Vec<AccountCertificate>,
    /// Where the removal of its data stands.
    pub deletion: Deletion,
}

/// A certificate as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountCertificate {
    /// Which kind.
    pub kind: CertificateKind,
    /// Serial number.
    pub serial: Serial,
    /// End of validity, civil time.
    pub not_after: Timestamp,
    /// What is known.
    pub status: CertificateStatus,
}
