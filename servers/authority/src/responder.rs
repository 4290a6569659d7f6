//! Delegated keys of each generation of a CA, renewed before they end, and OCSP, which one of them answers.

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
use tefuda_types::{Bytes, Clock, Timestamp};

use crate::ca::{Ca, CaError, Generation, random_serial};

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
    ) -> Result<(RoleKey, Certificate), CaError> {
        let _one_at_a_time = self.making.lock().await;
        let id = format!("{}-{:04}", delegation.name(), generation.number);
        let key = self.keys.signer(&id, delegation.algorithm())?;
        let now = self.clock.civil();
        if let Some(der) = self.store.get::<Bytes>("delegated", &id).await? {
            let certificate = Certificate::from_der(&der.0)?;
            let left = certificate.not_after().as_second() - now.as_second();
            if certificate.not_before() <= now && left > RENEWAL_SECONDS {
                return Ok((key, certificate));
            }
        }
        let second = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let period = Period {
            not_before: second(now.as_second() - SKEW_SECONDS),
            not_after: second(now.as_second() + DELEGATED_SECONDS),
        };
        let profile = match delegation {
            Delegation::OcspResponder => profile::ocsp_responder,
            Delegation::StatementSigner => profile::statement_signer,
        };
        let draft = profile(&generation.certificate, &random_serial(), key.public_spki(), period)?;
        let linted = draft.lint()?;
        let signature = generation.signer.sign(linted.to_be_signed())?;
        let certificate = linted.assemble(&signature)?;
        let mut transaction: Transaction = self.store.begin().await?;
        transaction.put("delegated", &id, &Bytes(certificate.as_der().to_vec())).await?;
        self.audit(&mut transaction, "delegated.issued", serde_json::json!({ "name": id })).await?;
        transaction.commit().await?;
        Ok((key, certificate))
    }

    /// Answers an OCSP request about certificates of a generation, DER.
    pub async fn answer(&self, generation: &Arc<Generation>, request: &Request) -> Result<Vec<u8>, CaError> {
        let (key, responder) = self.delegate(generation, Delegation::OcspResponder).await?;
        let mut answers = Vec::new();
        for serial in request.serials() {
            let issued = match serial {
                Some(serial) => self.find(&serial).await?,
                None => None,
            };
            answers.push(match issued {
                Some(issued) if issued.generation == generation.number => answer(&issued.standing),
                _ => Answer::Unknown,
            });
        }
        let now = self.clock.civil();
        let next = Timestamp::from_second(now.as_second() + ANSWER_SECONDS).unwrap_or(Timestamp::MAX);
        let draft = ResponseDraft::new(request, &answers, &responder, key.algorithm(), now, next)?;
        let signature = key.sign(draft.to_be_signed())?;
        Ok(draft.assemble(&signature)?)
    }
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
