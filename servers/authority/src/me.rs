//! A person's own certificates and phones, for whoever shows a token that the gateway made for this authority.
//!
//! The token names the certificate that was just used, and nothing else: not where, and not who carries it here.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, header},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};
use tefuda_authority::device::Device;
use tefuda_keys::{KeyError, KeySpace, SystemRandom};
use tefuda_openid::{
    JwkSet, JwsError, PATH_CERTS,
    jwe::{DecryptionKey, EncryptionKeys, JweError},
    jws,
};
use tefuda_protocol::{
    account::{
        AccountCard, AccountCertificate, AccountPhone, AccountView, CERTIFICATES_TYPE, CertificatesClaims,
    },
    statement::CertificateReference,
};
use tefuda_types::{CertificateKind, CertificateStatus, Clock, ElementId, ResidentId, Secret, Timestamp};
use tefuda_web::{Answer, Client, Problem};
use thiserror::Error;

use crate::{Authority, ca::Issued, registrar::CardCertificate, routes::Shared};

/// Authentication context class that is strong enough for what cannot be undone: the phone was at hand.
const ACR_STRONG: &str = "aal3";
/// How far the gateway's clock may be off, in seconds.
const LEEWAY_SECONDS: i64 = 60;
/// Notices that are shown.
const NOTICES_MAX: usize = 20;
const PHONE_KINDS: [CertificateKind; 2] = [CertificateKind::PhoneSign, CertificateKind::PhoneAuth];

/// Why a person is shown nothing, or nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MeError {
    /// No token, or one that the gateway did not make for this authority, now.
    #[error("the certificates token is missing, not for this authority, or has ended")]
    Unauthorized,
    /// The certificate that the login was made with has ended, or is on hold.
    #[error("the certificate of this login is not in force any more")]
    CertificateEnded,
    /// The login was approved on another device.
    #[error("this needs a login on the phone itself")]
    StrongerLoginNeeded,
    /// Not a phone of this person, or no longer.
    #[error("this person has no such phone in use")]
    PhoneNotFound,
}

tefuda_types::reasons! { MeError {
    Unauthorized => "me.unauthorized", Policy;
    CertificateEnded => "me.certificate_ended", Policy;
    StrongerLoginNeeded => "me.stronger_login_needed", Policy;
    PhoneNotFound => "me.phone_not_found", Caller;
} }

impl From<JweError> for MeError {
    fn from(_: JweError) -> Self {
        Self::Unauthorized
    }
}

impl From<JwsError> for MeError {
    fn from(_: JwsError) -> Self {
        Self::Unauthorized
    }
}

/// The key to which the gateway encrypts.
pub struct TokenKey(DecryptionKey);

impl core::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

impl TokenKey {
    /// From a key space, made if there is none.
    pub fn open(keys: &KeySpace) -> Result<Self, KeyError> {
        let scalar = keys.blob("certificates-token", || {
            // Octets that are no scalar of the curve come once in 2^32; then there are others.
            loop {
                let octets = SystemRandom::octets::<32>();
                if DecryptionKey::from_scalar(&Secret::new(octets)).is_ok() {
                    return Ok(octets.to_vec());
                }
            }
        })?;
        let scalar = scalar.expose().as_slice().try_into().map_err(|_| KeyError::Sealed)?;
        DecryptionKey::from_scalar(&Secret::new(scalar)).map(Self).map_err(|_| KeyError::Sealed)
    }
}

/// Who asks, by which certificate, and how strongly.
struct Me {
    resident: ResidentId,
    certificate: CertificateReference,
    element: Option<ElementId>,
    strong: bool,
}

/// Routes of `/me`.
pub fn routes() -> Router<Arc<Authority>> {
    Router::new()
        .route("/me", get(show))
        .route("/me/jwks.json", get(key_set))
        .route("/me/phones/{element}/stop", post(stop))
        .route("/me/phones/{element}/end", post(end))
        .route("/me/card/stop", post(stop_card))
}

impl Authority {
    async fn me(&self, headers: &HeaderMap) -> Result<Me, Problem> {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(MeError::Unauthorized)?;
        let signed = self.token_key.0.open(token.trim()).map_err(MeError::from)?;
        let signed = str::from_utf8(signed.expose()).map_err(|_| MeError::Unauthorized)?;
        let issuer = self.context.urls.issuer();
        let keys: JwkSet = Client::new(None).get(&format!("{issuer}{PATH_CERTS}")).await?;
        let claims = jws::verify_typed(signed, &keys.keys, CERTIFICATES_TYPE).map_err(MeError::from)?;
        let claims: CertificatesClaims =
            serde_json::from_slice(&claims).map_err(|_| MeError::Unauthorized)?;
        let now = self.context.clock.wire().as_second();
        let timely = claims.exp > now && claims.iat.saturating_sub(LEEWAY_SECONDS) <= now;
        if claims.iss != issuer || claims.aud != self.context.urls.authority() || !timely {
            return Err(MeError::Unauthorized.into());
        }
        self.holder_of(claims).await
    }

    /// The holder of the certificate that a login was made with, if it is still in force.
    async fn holder_of(&self, claims: CertificatesClaims) -> Result<Me, Problem> {
        let CertificateReference { kind, issuer_key_id, serial } = &claims.certificate;
        let issued = self.ca(*kind).find(serial).await?.ok_or(MeError::CertificateEnded)?;
        let issuer = self.ca(*kind).issuer_of(&issued)?;
        let key_id: String = tefuda_types::hexadecimal(&issuer.certificate.key_id());
        let now = self.context.clock.civil();
        let in_force = issued.standing.status() == CertificateStatus::Valid && now <= issued.not_after;
        if key_id != *issuer_key_id || !in_force {
            return Err(MeError::CertificateEnded.into());
        }
        Ok(Me {
            resident: issued.holder.parse()?,
            element: issued.device,
            strong: claims.acr == ACR_STRONG,
            certificate: claims.certificate,
        })
    }

    async fn account(&self, me: &Me) -> Result<AccountView, Problem> {
        let resident = self.resident_view(&me.resident, false).await?;
        let mut of_phones: Vec<(CertificateKind, Issued)> = Vec::new();
        for kind in PHONE_KINDS {
            let issued = self.ca(kind).of_holder(me.resident.as_str()).await?;
            of_phones.extend(issued.into_iter().map(|issued| (kind, issued)));
        }
        let elements: BTreeSet<ElementId> =
            of_phones.iter().filter_map(|(_, issued)| issued.device).collect();
        let (mut phones, mut notices) = (Vec::new(), Vec::new());
        for element in elements {
            let device = self.service_manager.device(element).await?;
            let own = of_phones.iter().filter(|(_, issued)| issued.device == Some(element));
            let Some(phone) = account_phone(me, &device, own) else { continue };
            if device.holder().is_none_or(|holder| *holder == me.resident) {
                notices.extend(device.notices().iter().cloned());
            }
            phones.push(phone);
        }
        phones.sort_by_key(|phone| (!phone.this_phone, !phone.held, Reverse(newest(phone))));
        notices.sort_by_key(|notice| Reverse((notice.time, notice.number)));
        notices.truncate(NOTICES_MAX);
        let certificates = resident.card.certificates.into_iter().map(card_certificate).collect();
        Ok(AccountView {
            name: resident.name,
            strong: me.strong,
            card: AccountCard { state: resident.card.state, certificates },
            phones,
            notices,
        })
    }

    /// A phone that the person holds now.
    async fn held(&self, me: &Me, element: ElementId) -> Result<Device, Problem> {
        let devices = self.service_manager.devices().await?;
        let own = |device: &Device| device.element == element && device.holder() == Some(&me.resident);
        Ok(devices.into_iter().find(own).ok_or(MeError::PhoneNotFound)?)
    }

    /// What a person did, for the audit log: by which certificate, and about what.
    async fn note_me(&self, me: &Me, action: &str, about: Value) -> Result<(), Problem> {
        let detail = json!({ "certificate": me.certificate.serial, "about": about });
        Ok(self.registrar.note(action, detail, self.context.clock.civil()).await?)
    }
}

/// A phone as its holder sees it; none if its element never had a certificate of the person.
fn account_phone<'a>(
    me: &Me,
    device: &Device,
    own: impl Iterator<Item = &'a (CertificateKind, Issued)>,
) -> Option<AccountPhone> {
    let mut certificates: Vec<AccountCertificate> = Vec::new();
    for (kind, issued) in own.filter(|(_, issued)| device.has_loaded(&issued.serial)) {
        if !certificates.iter().any(|known| known.kind == *kind) {
            certificates.push(AccountCertificate {
                kind: *kind,
                serial: issued.serial.clone(),
                not_after: issued.not_after,
                status: issued.standing.status(),
            });
        }
    }
    (!certificates.is_empty()).then(|| AccountPhone {
        element: device.element,
        name: device.phone().cloned(),
        family: device.family,
        held: device.holder() == Some(&me.resident),
        this_phone: me.element == Some(device.element),
        certificates,
        deletion: device.deletion(),
    })
}

fn newest(phone: &AccountPhone) -> Option<Timestamp> {
    phone.certificates.iter().map(|certificate| certificate.not_after).max()
}

fn card_certificate(line: CardCertificate) -> AccountCertificate {
    let CardCertificate { kind, serial, not_after, status } = line;
    AccountCertificate { kind, serial, not_after, status }
}

async fn show(State(authority): Shared, headers: HeaderMap) -> Answer<AccountView> {
    let me = authority.me(&headers).await?;
    Ok(Json(authority.account(&me).await?))
}

async fn key_set(State(authority): Shared) -> Json<EncryptionKeys> {
    Json(EncryptionKeys { keys: vec![authority.token_key.0.public()] })
}

/// A stop needs no more than any login: it is undone by whoever holds the phone.
async fn stop(
    State(authority): Shared,
    Path(element): Path<ElementId>,
    headers: HeaderMap,
) -> Answer<AccountView> {
    let me = authority.me(&headers).await?;
    let device = authority.held(&me, element).await?;
    authority.note_me(&me, "me.phone_stopped", json!({ "element": element })).await?;
    authority.stop(&device).await?;
    Ok(Json(authority.account(&me).await?))
}

/// Revokes both certificates and orders the wipe: for good, so by the phone at hand only.
async fn end(
    State(authority): Shared,
    Path(element): Path<ElementId>,
    headers: HeaderMap,
) -> Answer<AccountView> {
    let me = authority.me(&headers).await?;
    if !me.strong {
        return Err(MeError::StrongerLoginNeeded.into());
    }
    authority.held(&me, element).await?;
    authority.note_me(&me, "me.phone_ended", json!({ "element": element })).await?;
    authority.give_up(element).await?;
    Ok(Json(authority.account(&me).await?))
}

async fn stop_card(State(authority): Shared, headers: HeaderMap) -> Answer<AccountView> {
    let me = authority.me(&headers).await?;
    authority.note_me(&me, "me.card_stopped", json!({ "resident": me.resident })).await?;
    authority.card_lost(&me.resident).await?;
    Ok(Json(authority.account(&me).await?))
}
