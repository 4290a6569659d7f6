//! Revocation lists of a CA, made when they are read if they are stale.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tefuda_authority::status::{Listed, Series, delta_entries, full_entries};
use tefuda_pki::{
    Signer,
    crl::{CrlDraft, ListKind},
};
use tefuda_types::{Bytes, Clock};

use crate::{
    ca::{Ca, CaError, Generation, Issued},
    published::Mark,
};

/// Which of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Complete.
    Full,
    /// Changes of the day.
    Delta,
}

/// The lists of a generation as last made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Lists {
    series: Series,
    full: Bytes,
    delta: Bytes,
}

impl Ca {
    /// A list of a generation, fresh, DER.
    pub async fn list(
        &self,
        generation: &Arc<Generation>,
        list: List,
        delta_url: &str,
    ) -> Result<Vec<u8>, CaError> {
        let _one_at_a_time = self.making.lock().await;
        let id = format!("{:04}", generation.number);
        let now = self.clock.civil();
        let changes: u64 = self.store.get("counter", "changes").await?.unwrap_or_default();
        let mut lists: Lists = self.store.get("lists", &id).await?.unwrap_or_default();
        let full_due = lists.series.full_is_due(now, changes);
        let base_missing =
            lists.series.base.as_ref().is_none_or(|base| base.day != tefuda_types::civil_day(now));
        // A delta needs a full list of its day to start from, whether or not anybody asked for that.
        let make_full = if list == List::Full { full_due } else { base_missing };
        let make_delta = list == List::Delta && (make_full || lists.series.delta_is_due(now, changes));
        if !make_full && !make_delta {
            return Ok(if list == List::Full { lists.full.0 } else { lists.delta.0 });
        }
        let listed = self.listed(generation.number).await?;
        if make_full {
            let update = lists.series.take_full(now, changes);
            let kind = ListKind::Full { freshest: delta_url.to_owned() };
            let entries = full_entries(&listed, now);
            lists.full =
                Bytes(sign(generation, CrlDraft::new(&generation.certificate, &kind, update, &entries)?)?);
        }
        if make_delta {
            let (base, update) = lists.series.take_delta(now, changes);
            let entries = delta_entries(&listed, lists.series.base.as_ref(), now);
            let kind = ListKind::Delta { base };
            lists.delta =
                Bytes(sign(generation, CrlDraft::new(&generation.certificate, &kind, update, &entries)?)?);
        }
        let mut transaction = self.store.begin().await?;
        transaction.put("lists", &id, &lists).await?;
        transaction.commit().await?;
        self.published.remember(&Mark { changes, lists: [(id, lists.series.last)].into() })?;
        Ok(if list == List::Full { lists.full.0 } else { lists.delta.0 })
    }

    /// Where the lists of a generation stand, once they show everything up to now.
    pub async fn series(&self, generation: &Arc<Generation>, delta_url: &str) -> Result<Series, CaError> {
        self.list(generation, List::Delta, delta_url).await?;
        let id = format!("{:04}", generation.number);
        Ok(self.store.get::<Lists>("lists", &id).await?.unwrap_or_default().series)
    }

    /// How far its store has come.
    pub(crate) async fn mark(&self) -> Result<Mark, CaError> {
        let changes = self.store.get("counter", "changes").await?.unwrap_or_default();
        let lists = self.store.list::<Lists>("lists").await?;
        Ok(Mark { changes, lists: lists.into_iter().map(|(id, lists)| (id, lists.series.last)).collect() })
    }

    async fn listed(&self, generation: u32) -> Result<Vec<Listed>, CaError> {
        let all = self.store.list::<Issued>("certificate").await?;
        Ok(all
            .into_iter()
            .filter(|(_, issued)| issued.generation == generation)
            .map(|(_, issued)| Listed {
                serial: issued.serial,
                not_after: issued.not_after,
                standing: issued.standing,
                change: issued.change,
            })
            .collect())
    }
}

fn sign(generation: &Generation, draft: CrlDraft) -> Result<Vec<u8>, CaError> {
    let signature = generation.signer.sign(draft.to_be_signed())?;
    Ok(draft.assemble(&signature)?)
}
