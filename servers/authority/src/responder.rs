//! Delegated keys of each generation of a CA, renewed before they end, and OCSP, which one of them answers.

use axum::body::Bytes as Body;
use std::sync::Arc;
use tefuda_authority::status::Standing;
use tefuda_keys::RoleKey;
use tefuda_pki::{
    Certificate, SignatureAlgorithm, Signer,
    crl::RevocationReason,
    ocsp::{Answer, Request, ResponseDraft},
    profile::{self, Period},
};
use tefuda_store::Transaction;
use tefuda_types::{Bytes, Clock, Serial, Timestamp};

use crate::{
    at_hand::{Delegated, Moment},
    ca::{Ca, CaError, Generation, random_serial},
};

/// Seconds of a delegated certificate's life: thirty days.
const DELEGATED_SECONDS: i64 = 30 * 86_400;
/// It is renewed when less than this is left of it: a third.
const RENEWAL_SECONDS: i64 = DELEGATED_SECONDS / 3;
/// A delegated certificate begins a little before it is made, for clocks that are behind.
const SKEW_SECONDS: i64 = 300;
/// Seconds for which an answer may be kept.
const ANSWER_SECONDS: i64 = 900;

/// What a delegated key is for.
#[derive(Clone, Copy, Debug)]
pub enum Delegation {
    /// Signs OCSP answers; RSA-2048, as its CA.
    OcspResponder,
    /// Signs statements and signs of life; P-256, as everything between phone and authority.
    StatementSigner,
}

impl Delegation {
    const fn name(self) -> &'static str {
        match self {
            Self::OcspResponder => "ocsp",
            Self::StatementSigner => "statements",
        }
    }

    const fn algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::OcspResponder => SignatureAlgorithm::Rsa2048Sha256,
            Self::StatementSigner => SignatureAlgorithm::EcdsaP256Sha256,
        }
    }
}

impl Ca {
    /// The key and the certificate, good now, that a generation delegated.
    pub async fn delegate(
        &self,
        generation: &Arc<Generation>,
        delegation: Delegation,
    ) -> Result<Arc<Delegated>, CaError> {
        let id = format!("{}-{:04}", delegation.name(), generation.number);
        let now = self.clock.civil();
        if let Some(delegated) = self.at_hand.delegated(&id)
            && is_good(&delegated.certificate, now)
        {
            return Ok(delegated);
        }
        let _one_at_a_time = self.making.lock().await;
        let key = self.keys.signer(&id, delegation.algorithm())?;
        let kept = self.store.get::<Bytes>("delegated", &id).await?;
        let kept = kept.map(|der| Certificate::from_der(&der.0)).transpose()?;
        let certificate = match kept.filter(|kept| is_good(kept, now)) {
            Some(kept) => kept,
            None => self.certify(generation, delegation, &key, &id).await?,
        };
        let delegated = Arc::new(Delegated { key, certificate });
        self.at_hand.remember_delegated(id, &delegated);
        Ok(delegated)
    }

    async fn certify(
        &self,
        generation: &Generation,
        delegation: Delegation,
        key: &RoleKey,
        id: &str,
    ) -> Result<Certificate, CaError> {
        let now = self.clock.civil().as_second();
        let second = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let period =
            Period { not_before: second(now - SKEW_SECONDS), not_after: second(now + DELEGATED_SECONDS) };
        let profile = match delegation {
            Delegation::OcspResponder => profile::ocsp_responder,
            Delegation::StatementSigner => profile::statement_signer,
        };
        let draft = profile(&generation.certificate, &random_serial(), key.public_spki(), period)?;
        let linted = draft.lint()?;
        let signature = generation.signer.sign(linted.to_be_signed())?;
        let certificate = linted.assemble(&signature)?;
        let mut transaction: Transaction = self.store.begin().await?;
        transaction.put("delegated", id, &Bytes(certificate.as_der().to_vec())).await?;
        self.audit(&mut transaction, "delegated.issued", serde_json::json!({ "name": id })).await?;
        transaction.commit().await?;
        Ok(certificate)
    }

    /// The generation that issued a certificate, and where it stands.
    async fn standing(&self, serial: Serial) -> Result<Option<(u32, Standing)>, CaError> {
        let (changes, now) = (self.at_hand.changes(), Moment::now(&*self.clock));
        if let Some(known) = self.at_hand.standing(&serial, now) {
            return Ok(Some(known));
        }
        let Some(issued) = self.find(&serial).await? else { return Ok(None) };
        let found = (issued.generation, issued.standing);
        self.at_hand.remember_standing(changes, serial, found.clone(), now);
        Ok(Some(found))
    }

    /// The answer to a request that was answered just now, nothing having changed since.
    pub fn answered(&self, der: &[u8]) -> Option<Body> {
        self.at_hand.answer(der, Moment::now(&*self.clock))
    }

    /// Answers an OCSP request about certificates of a generation, DER.
    pub async fn answer(
        &self,
        generation: &Arc<Generation>,
        (der, request): (&[u8], &Request),
    ) -> Result<Body, CaError> {
        let (changes, moment) = (self.at_hand.changes(), Moment::now(&*self.clock));
        let responder = self.delegate(generation, Delegation::OcspResponder).await?;
        let mut answers = Vec::new();
        for serial in request.serials() {
            let found = match serial {
                Some(serial) => self.standing(serial).await?,
                None => None,
            };
            answers.push(match found {
                Some((issuer, standing)) if issuer == generation.number => answer(&standing),
                _ => Answer::Unknown,
            });
        }
        let now = self.clock.civil();
        let next = Timestamp::from_second(now.as_second() + ANSWER_SECONDS).unwrap_or(Timestamp::MAX);
        let Delegated { key, certificate } = &*responder;
        let draft = ResponseDraft::new(request, &answers, certificate, key.algorithm(), now, next)?;
        let signature = key.sign(draft.to_be_signed())?;
        let response = Body::from(draft.assemble(&signature)?);
        // A certificate that is unknown may be issued the next moment.
        if !request.has_nonce() && !answers.contains(&Answer::Unknown) {
            self.at_hand.remember_answer(changes, der.to_vec(), response.clone(), moment);
        }
        Ok(response)
    }
}

/// Whether a delegated certificate need not be renewed yet.
fn is_good(certificate: &Certificate, now: Timestamp) -> bool {
    certificate.not_before() <= now && certificate.not_after().as_second() - now.as_second() > RENEWAL_SECONDS
}

fn answer(standing: &Standing) -> Answer {
    match standing {
        Standing::Good | Standing::Lifted { .. } => Answer::Good,
        Standing::Held { since } | Standing::Revoked { since, .. } => {
            let reason = standing.reason().unwrap_or(RevocationReason::Unspecified);
            Answer::Revoked { since: *since, reason }
        }
    }
}
