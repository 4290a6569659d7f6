//! Online certificate status protocol (RFC 6960), with nonces as RFC 9654 has them.

use alloc::{vec, vec::Vec};
use const_oid::ObjectIdentifier;
use der::{
    Any, Choice, Decode, Encode, Enumerated, Sequence,
    asn1::{BitString, GeneralizedTime, Null, OctetString},
};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use tefuda_types::{Serial, Timestamp};
use thiserror::Error;
use x509_cert::{
    ext::{
        Extension, Extensions,
        pkix::{CrlReason, name::GeneralName},
    },
    serial_number::SerialNumber,
};

use crate::{
    Certificate, SignatureAlgorithm,
    crl::RevocationReason,
    draft::{DraftError, algorithm_identifier},
    extension, oid,
};

/// Most octets of a request: a nonce and a few certificates need less than a tenth.
pub const REQUEST_OCTETS_MAX: usize = 8_192;
/// Most certificates in one request.
pub const REQUESTS_MAX: usize = 32;
/// Most octets of a nonce (RFC 9654, 2.1).
pub const NONCE_OCTETS_MAX: usize = 128;

/// Which certificate is asked about, by hashes of its issuer (RFC 6960, 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct CertId {
    hash_algorithm: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: SerialNumber,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct SingleRequest {
    cert_id: CertId,
    #[asn1(context_specific = "0", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct TbsRequest {
    #[asn1(context_specific = "0", default = "Default::default")]
    version: x509_cert::Version,
    #[asn1(context_specific = "1", optional = "true")]
    requestor_name: Option<GeneralName>,
    request_list: Vec<SingleRequest>,
    #[asn1(context_specific = "2", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct OcspRequest {
    tbs_request: TbsRequest,
    #[asn1(context_specific = "0", optional = "true")]
    signature: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct RevokedInfo {
    revocation_time: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    reason: Option<CrlReason>,
}

#[derive(Clone, Debug, PartialEq, Eq, Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct SingleResponse {
    cert_id: CertId,
    status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Debug, PartialEq, Eq, Choice)]
enum ResponderId {
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    ByKey(OctetString),
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct ResponseData {
    responder_id: ResponderId,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct BasicOcspResponse {
    response_data: Any,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", optional = "true")]
    certificates: Option<Vec<Any>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct ResponseBytes {
    response_type: ObjectIdentifier,
    response: OctetString,
}

/// How a request as a whole was taken (RFC 6960, 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u32)]
pub enum ResponseStatus {
    /// There is an answer.
    Successful = 0,
    /// The request is no OCSP request.
    MalformedRequest = 1,
    /// The responder failed.
    InternalError = 2,
    /// Try again later.
    TryLater = 3,
    /// This responder does not speak for that CA.
    Unauthorized = 6,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct OcspResponse {
    status: ResponseStatus,
    #[asn1(context_specific = "0", optional = "true")]
    bytes: Option<ResponseBytes>,
}

/// Why a request cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OcspError {
    /// Not a request, too large, or with a nonce of a length that RFC 9654 does not have.
    #[error("not an OCSP request")]
    Malformed,
    /// About certificates of another CA, or of several.
    #[error("the request is about another CA")]
    Unauthorized,
}

tefuda_types::reasons! { OcspError {
    Malformed => "ocsp.request_malformed", Malformed;
    Unauthorized => "ocsp.issuer_unknown", Policy;
} }

impl OcspError {
    /// The status that tells it.
    #[must_use]
    pub const fn status(self) -> ResponseStatus {
        match self {
            Self::Malformed => ResponseStatus::MalformedRequest,
            Self::Unauthorized => ResponseStatus::Unauthorized,
        }
    }
}

/// A request, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    ids: Vec<CertId>,
    nonce: Option<Vec<u8>>,
}

impl Request {
    /// From DER.
    ///
    /// # Errors
    /// [`OcspError::Malformed`].
    pub fn parse(der: &[u8]) -> Result<Self, OcspError> {
        if der.len() > REQUEST_OCTETS_MAX {
            return Err(OcspError::Malformed);
        }
        let request = OcspRequest::from_der(der).map_err(|_| OcspError::Malformed)?.tbs_request;
        let ids: Vec<CertId> = request.request_list.into_iter().map(|single| single.cert_id).collect();
        if ids.is_empty() || ids.len() > REQUESTS_MAX {
            return Err(OcspError::Malformed);
        }
        Ok(Self { ids, nonce: nonce(request.extensions.as_deref().unwrap_or_default())? })
    }

    /// Position, among CA generations, of the one that the whole request is about.
    ///
    /// # Errors
    /// [`OcspError::Unauthorized`] if it is about none of them, or about more than one.
    pub fn issuer<'a>(
        &self,
        generations: impl IntoIterator<Item = &'a IssuerId>,
    ) -> Result<usize, OcspError> {
        generations
            .into_iter()
            .position(|generation| self.ids.iter().all(|id| id.names(generation)))
            .ok_or(OcspError::Unauthorized)
    }

    /// Whether the answer is for this request alone, and so of no use to the next one.
    #[must_use]
    pub const fn has_nonce(&self) -> bool {
        self.nonce.is_some()
    }

    /// Serial numbers asked about, in order.
    pub fn serials(&self) -> impl Iterator<Item = Option<Serial>> {
        self.ids.iter().map(|id| Serial::from_be_bytes(id.serial_number.as_bytes()).ok())
    }
}

/// How requests name a CA: by hashes of its name and of its key, SHA-1 as most clients send, or SHA-256. Made once
/// for each generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerId {
    sha1: [Vec<u8>; 2],
    sha256: [Vec<u8>; 2],
}

impl IssuerId {
    /// Of a CA certificate.
    #[must_use]
    pub fn of(issuer: &Certificate) -> Self {
        let name = issuer.subject().to_der().unwrap_or_default();
        let hashed = [name.as_slice(), issuer.public_key_bits()];
        Self {
            sha1: hashed.map(|octets| Sha1::digest(octets).to_vec()),
            sha256: hashed.map(|octets| Sha256::digest(octets).to_vec()),
        }
    }
}

impl CertId {
    /// Whether both hashes are this CA's.
    fn names(&self, issuer: &IssuerId) -> bool {
        let [name, key] = match self.hash_algorithm.oid {
            oid::SHA1 => &issuer.sha1,
            oid::SHA256 => &issuer.sha256,
            _ => return false,
        };
        self.issuer_name_hash.as_bytes() == name && self.issuer_key_hash.as_bytes() == key
    }
}

fn nonce(extensions: &[Extension]) -> Result<Option<Vec<u8>>, OcspError> {
    let Some(extension) = extensions.iter().find(|extension| extension.extn_id == oid::OCSP_NONCE) else {
        return Ok(None);
    };
    let nonce = OctetString::from_der(extension.extn_value.as_bytes()).map_err(|_| OcspError::Malformed)?;
    let nonce = nonce.as_bytes();
    if (1..=NONCE_OCTETS_MAX).contains(&nonce.len()) {
        Ok(Some(nonce.to_vec()))
    } else {
        Err(OcspError::Malformed)
    }
}

/// A request about one certificate, DER, as most clients send it: hashes by SHA-1.
///
/// # Errors
/// [`DraftError::Encoding`].
pub fn request(issuer: &Certificate, serial: &Serial, nonce: Option<&[u8]>) -> Result<Vec<u8>, DraftError> {
    let [name, key] = IssuerId::of(issuer).sha1;
    let cert_id = CertId {
        hash_algorithm: AlgorithmIdentifierOwned { oid: oid::SHA1, parameters: Some(Any::from(Null)) },
        issuer_name_hash: OctetString::new(name)?,
        issuer_key_hash: OctetString::new(key)?,
        serial_number: SerialNumber::new(serial.as_be_bytes())?,
    };
    let nonce = nonce
        .map(|nonce| extension::extension(oid::OCSP_NONCE, false, &OctetString::new(nonce)?))
        .transpose()?;
    let tbs_request = TbsRequest {
        version: x509_cert::Version::default(),
        requestor_name: None,
        request_list: vec![SingleRequest { cert_id, extensions: None }],
        extensions: nonce.map(|nonce| vec![nonce]),
    };
    Ok(OcspRequest { tbs_request, signature: None }.to_der()?)
}

/// What the responder knows of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Issued, and neither revoked nor on hold.
    Good,
    /// Revoked or on hold.
    Revoked {
        /// Since when, civil time.
        since: Timestamp,
        /// Why.
        reason: RevocationReason,
    },
    /// Never issued.
    Unknown,
}

/// A response before it is signed.
#[derive(Debug)]
pub struct ResponseDraft {
    to_be_signed: Vec<u8>,
    algorithm: SignatureAlgorithm,
    responder: Any,
}

impl ResponseDraft {
    /// Answers each certificate of a request; the nonce is echoed.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn new(
        request: &Request,
        answers: &[Answer],
        responder: &Certificate,
        algorithm: SignatureAlgorithm,
        now: Timestamp,
        next_update: Timestamp,
    ) -> Result<Self, DraftError> {
        let key_hash = Sha1::digest(responder.public_key_bits());
        let responses = request
            .ids
            .iter()
            .zip(answers)
            .map(|(id, answer)| {
                Ok(SingleResponse {
                    cert_id: id.clone(),
                    status: status(answer)?,
                    this_update: generalized(now)?,
                    next_update: Some(generalized(next_update)?),
                    extensions: None,
                })
            })
            .collect::<Result<Vec<_>, DraftError>>()?;
        let extensions = request
            .nonce
            .as_deref()
            .map(|nonce| extension::extension(oid::OCSP_NONCE, false, &OctetString::new(nonce)?))
            .transpose()?
            .map(|nonce| vec![nonce]);
        let data = ResponseData {
            responder_id: ResponderId::ByKey(OctetString::new(key_hash.as_slice())?),
            produced_at: generalized(now)?,
            responses,
            extensions,
        };
        Ok(Self { to_be_signed: data.to_der()?, algorithm, responder: Any::from_der(responder.as_der())? })
    }

    /// What the responder's key signs.
    #[must_use]
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// The response, DER.
    ///
    /// # Errors
    /// [`DraftError::Encoding`].
    pub fn assemble(self, signature: &[u8]) -> Result<Vec<u8>, DraftError> {
        let basic = BasicOcspResponse {
            response_data: Any::from_der(&self.to_be_signed)?,
            signature_algorithm: algorithm_identifier(self.algorithm),
            signature: BitString::from_bytes(signature)?,
            certificates: Some(vec![self.responder]),
        };
        let bytes =
            ResponseBytes { response_type: oid::OCSP_BASIC, response: OctetString::new(basic.to_der()?)? };
        Ok(OcspResponse { status: ResponseStatus::Successful, bytes: Some(bytes) }.to_der()?)
    }
}

/// A response that says only why there is none, unsigned (RFC 6960, 2.3).
#[must_use]
pub fn error_response(status: ResponseStatus) -> Vec<u8> {
    OcspResponse { status, bytes: None }.to_der().unwrap_or_default()
}

fn status(answer: &Answer) -> Result<CertStatus, DraftError> {
    Ok(match answer {
        Answer::Good => CertStatus::Good(Null),
        Answer::Unknown => CertStatus::Unknown(Null),
        Answer::Revoked { since, reason } => CertStatus::Revoked(RevokedInfo {
            revocation_time: generalized(*since)?,
            reason: Some(reason.code()),
        }),
    })
}

fn generalized(time: Timestamp) -> Result<GeneralizedTime, DraftError> {
    let seconds = u64::try_from(time.as_second()).map_err(|_| DraftError::Period)?;
    Ok(GeneralizedTime::from_unix_duration(core::time::Duration::from_secs(seconds))?)
}
