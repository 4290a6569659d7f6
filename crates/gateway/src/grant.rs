//! What a code gives, once.

use serde::{Deserialize, Serialize};
use tefuda_openid::{
    ClientId, CodeChallenge, IdTokenClaims, Nonce, OAuthError, RedirectUri, Scopes, TokenRequest,
    access_token_hash,
};
use tefuda_types::{CertificateStatus, Timestamp};
use thiserror::Error;

use crate::{
    Fingerprint, Handle,
    login::after,
    policy::{
        ACCESS_TOKEN_SECONDS, ACCOUNT_SCOPES, ACCOUNT_TOKEN_SECONDS, ID_TOKEN_SECONDS, USED_CODE_SECONDS,
    },
};

/// Why a code or a token gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrantError {
    /// No such code.
    #[error("there is no such code")]
    Unknown,
    /// It waited too long.
    #[error("the code has expired")]
    Expired,
    /// A second use: what the first gave is void too (RFC 6749, 4.1.2).
    #[error("the code was used before; what it gave is void")]
    Used,
    /// Another relying party's.
    #[error("the code was given to another relying party")]
    OtherParty,
    /// Not the address of the request.
    #[error("redirect_uri is not that of the request")]
    OtherAddress,
    /// The verifier does not answer the challenge.
    #[error("code_verifier does not answer the code_challenge")]
    Verifier,
    /// The phone's certificate ended since.
    #[error("the certificate of this login is not in force any more")]
    CertificateEnded,
    /// Nobody knows now whether the certificate is in force, which is as good as not.
    #[error("it is not known whether the certificate of this login is still in force")]
    StatusNotKnown,
    /// No access token, an unknown, or one that has ended.
    #[error("the access token is missing, unknown or has ended")]
    AccessToken,
    /// An access token that does not open this (RFC 6750, 3.1).
    #[error("the access token was not given for this")]
    Scope,
}

tefuda_types::reasons! { GrantError {
    Unknown => "grant.code_unknown", Policy;
    Expired => "grant.code_expired", Policy;
    Used => "grant.code_used", Policy;
    OtherParty => "grant.code_of_another_party", Policy;
    OtherAddress => "grant.redirect_uri_differs", Policy;
    Verifier => "grant.verifier_wrong", Policy;
    CertificateEnded => "grant.certificate_ended", Policy;
    StatusNotKnown => "grant.status_not_known", Backend;
    AccessToken => "grant.access_token_refused", Policy;
    Scope => "grant.scope_insufficient", Policy;
} }

impl GrantError {
    /// That what a login gave stands on a certificate with this status: *not known* is no *valid*.
    ///
    /// # Errors
    /// [`GrantError::CertificateEnded`], [`GrantError::StatusNotKnown`].
    pub const fn require_valid(status: CertificateStatus) -> Result<(), Self> {
        match status {
            CertificateStatus::Valid => Ok(()),
            CertificateStatus::Suspended | CertificateStatus::Revoked => Err(Self::CertificateEnded),
            CertificateStatus::NotKnown => Err(Self::StatusNotKnown),
        }
    }

    /// The word of the standards for it.
    #[must_use]
    pub const fn wire(self) -> OAuthError {
        match self {
            Self::Unknown
            | Self::Expired
            | Self::Used
            | Self::OtherParty
            | Self::OtherAddress
            | Self::Verifier
            | Self::CertificateEnded
            | Self::StatusNotKnown => OAuthError::InvalidGrant,
            Self::AccessToken => OAuthError::InvalidToken,
            Self::Scope => OAuthError::InsufficientScope,
        }
    }
}

/// A code as it is stored, under its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeGrant {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: RedirectUri,
    pub(crate) code_challenge: CodeChallenge,
    pub(crate) nonce: Nonce,
    pub(crate) scopes: Scopes,
    pub(crate) handle: Handle,
    pub(crate) link: Fingerprint,
    pub(crate) acr: String,
    pub(crate) amr: Vec<String>,
    pub(crate) auth_time: Timestamp,
    pub(crate) session: String,
    #[serde(default)]
    pub(crate) cross_device: bool,
    pub(crate) expires: Timestamp,
    pub(crate) used: bool,
    pub(crate) access_token: Option<Fingerprint>,
}

/// An access token as it is stored, under its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessGrant {
    /// Subject for this relying party.
    pub sub: String,
    /// The session that ends it.
    pub session: String,
    /// What it opens.
    #[serde(default)]
    pub scopes: Scopes,
    /// Wire time.
    pub expires: Timestamp,
}

impl AccessGrant {
    /// That it is good.
    ///
    /// # Errors
    /// [`GrantError::AccessToken`].
    pub fn require_good(&self, now: Timestamp) -> Result<(), GrantError> {
        if now < self.expires { Ok(()) } else { Err(GrantError::AccessToken) }
    }

    /// That it opens what a scope opens.
    ///
    /// # Errors
    /// [`GrantError::Scope`].
    pub fn require_scope(&self, scope: &str) -> Result<(), GrantError> {
        if self.scopes.has(scope) { Ok(()) } else { Err(GrantError::Scope) }
    }
}

impl CodeGrant {
    /// Whose code it is.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Whose login it is.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// By which phone.
    #[must_use]
    pub const fn link(&self) -> &Fingerprint {
        &self.link
    }

    /// Its session.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The access token that it gave.
    #[must_use]
    pub const fn access_token(&self) -> Option<&Fingerprint> {
        self.access_token.as_ref()
    }

    /// How it was proven: context class and methods.
    #[must_use]
    pub fn assurance(&self) -> (&str, &[String]) {
        (&self.acr, &self.amr)
    }

    /// Whether it was approved on another device than the browser's.
    #[must_use]
    pub const fn is_cross_device(&self) -> bool {
        self.cross_device
    }

    /// What was granted.
    #[must_use]
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Whether a second use of it need not be noticed any more.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now > after(self.expires, USED_CODE_SECONDS)
    }

    /// A relying party that showed who it is redeems the code. Its first try uses it up, right or wrong;
    /// another party's try changes nothing.
    ///
    /// # Errors
    /// [`GrantError`]. The grant has to be stored all the same.
    pub fn redeem(
        &mut self,
        client_id: &ClientId,
        request: &TokenRequest,
        access_token: Fingerprint,
        now: Timestamp,
    ) -> Result<(), GrantError> {
        if self.client_id != client_id.as_str() {
            return Err(GrantError::OtherParty);
        }
        if core::mem::replace(&mut self.used, true) {
            return Err(GrantError::Used);
        }
        if now >= self.expires {
            return Err(GrantError::Expired);
        }
        if self.redirect_uri != request.redirect_uri {
            return Err(GrantError::OtherAddress);
        }
        if !request.code_verifier.answers(&self.code_challenge) {
            return Err(GrantError::Verifier);
        }
        self.access_token = Some(access_token);
        Ok(())
    }

    /// The access token's document.
    #[must_use]
    pub fn access(&self, sub: String, now: Timestamp) -> AccessGrant {
        let account = ACCOUNT_SCOPES.iter().any(|scope| self.scopes.has(scope));
        let seconds = if account { ACCOUNT_TOKEN_SECONDS } else { ACCESS_TOKEN_SECONDS };
        AccessGrant {
            sub,
            session: self.session.clone(),
            scopes: self.scopes.clone(),
            expires: after(now, seconds),
        }
    }

    /// Claims of the ID token.
    #[must_use]
    pub fn claims(
        &self,
        issuer: &str,
        client_id: ClientId,
        sub: String,
        access_token: &str,
        now: Timestamp,
    ) -> IdTokenClaims {
        IdTokenClaims {
            iss: issuer.to_owned(),
            sub,
            aud: client_id,
            exp: now.as_second() + ID_TOKEN_SECONDS,
            iat: now.as_second(),
            auth_time: self.auth_time.as_second(),
            nonce: self.nonce.clone(),
            acr: self.acr.clone(),
            amr: self.amr.clone(),
            at_hash: access_token_hash(access_token),
            sid: self.session.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fingerprints, Purpose};
    use tefuda_openid::{CLIENT_ASSERTION_TYPE, Parameters};
    use tefuda_types::Secret;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn fingerprint() -> Fingerprint {
        Fingerprints::new(Secret::new([0; 32])).of(Purpose::AccessToken, "t")
    }

    fn grant() -> CodeGrant {
        CodeGrant {
            client_id: "RP00000001".into(),
            redirect_uri: "https://rp.example/cb".parse().unwrap(),
            code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse().unwrap(),
            nonce: "n".parse().unwrap(),
            scopes: "openid".parse().unwrap(),
            handle: Handle::new(&[1; 16]),
            link: fingerprint(),
            acr: "aal3".into(),
            amr: vec![],
            auth_time: Timestamp::UNIX_EPOCH,
            session: "s".into(),
            cross_device: false,
            expires: after(Timestamp::UNIX_EPOCH, 60),
            used: false,
            access_token: None,
        }
    }

    fn request(redirect_uri: &str, verifier: &str) -> TokenRequest {
        let form = format!(
            "grant_type=authorization_code&code=c&redirect_uri={redirect_uri}&code_verifier={verifier}\
             &client_assertion_type={CLIENT_ASSERTION_TYPE}&client_assertion=a"
        );
        TokenRequest::parse(&Parameters::parse(&form).unwrap(), false).unwrap()
    }

    #[test]
    fn a_code_is_redeemed_once_by_its_party_in_its_minute() {
        let own: ClientId = "RP00000001".parse().unwrap();
        let redeem = |grant: &mut CodeGrant, party: &str, uri: &str, verifier: &str, seconds| {
            let now = after(Timestamp::UNIX_EPOCH, seconds);
            grant.redeem(&party.parse().unwrap(), &request(uri, verifier), fingerprint(), now)
        };
        let (good, other) = ("https://rp.example/cb", VERIFIER.replace('d', "e"));
        let mut code = grant();
        assert_eq!(redeem(&mut code, "RP00000002", good, VERIFIER, 0), Err(GrantError::OtherParty));
        assert_eq!(redeem(&mut code, own.as_str(), good, VERIFIER, 59), Ok(()));
        assert_eq!(redeem(&mut code, own.as_str(), good, VERIFIER, 59), Err(GrantError::Used));
        assert!(code.access_token().is_some(), "so that what it gave can be taken back");
        let cases = [
            (good, VERIFIER, 60, GrantError::Expired),
            ("https://rp.example/cb2", VERIFIER, 0, GrantError::OtherAddress),
            (good, other.as_str(), 0, GrantError::Verifier),
        ];
        for (uri, verifier, seconds, error) in cases {
            let mut code = grant();
            assert_eq!(redeem(&mut code, own.as_str(), uri, verifier, seconds), Err(error));
            assert_eq!(redeem(&mut code, own.as_str(), good, VERIFIER, 0), Err(GrantError::Used));
        }
    }

    #[test]
    fn access_ends_after_five_minutes() {
        let access = grant().access("sub".into(), Timestamp::UNIX_EPOCH);
        assert_eq!(access.require_good(after(Timestamp::UNIX_EPOCH, ACCESS_TOKEN_SECONDS - 1)), Ok(()));
        let late = access.require_good(after(Timestamp::UNIX_EPOCH, ACCESS_TOKEN_SECONDS));
        assert_eq!(late, Err(GrantError::AccessToken));
    }
}
