//! The authority at a glance, for whoever looks at the table from above.

use serde::Serialize;
use tefuda_protocol::enrolment::ApplicationState;
use tefuda_types::{CertificateKind, Timestamp};
use tefuda_web::Problem;

use crate::{Authority, lists::List};

/// What is going on.
#[derive(Debug, Serialize)]
pub struct Overview {
    authorities: Vec<Newest>,
    waiting: usize,
    next_decision: Option<Timestamp>,
    audit_entries: i64,
}

/// The newest generation of a CA and its lists.
#[derive(Debug, Serialize)]
struct Newest {
    kind: CertificateKind,
    generation: u32,
    full: u64,
    delta: u64,
    delta_made: Option<Timestamp>,
}

impl Authority {
    /// CAs and their lists, applications that wait, and the audit logs, each gone through.
    pub(crate) async fn overview(&self) -> Result<Overview, Problem> {
        let mut authorities = Vec::new();
        for kind in CertificateKind::ALL {
            let newest = self.ca(kind).newest()?;
            let delta_url = self.list_url(kind, &newest, List::Delta);
            let series = self.ca(kind).series(&newest, &delta_url).await?;
            authorities.push(Newest {
                kind,
                generation: newest.number,
                full: series.full,
                delta: series.delta,
                delta_made: series.delta_made,
            });
        }
        let dossiers = self.registrar.dossiers().await?;
        let decisions = dossiers.iter().filter_map(|(_, dossier)| match &dossier.state {
            ApplicationState::Pending { decision_at } => Some(*decision_at),
            _ => None,
        });
        let decisions: Vec<Timestamp> = decisions.collect();
        let mut audit_entries = 0;
        for (_, store) in self.logs() {
            audit_entries += store.verify_audit().await?;
        }
        Ok(Overview {
            authorities,
            waiting: decisions.len(),
            next_decision: decisions.iter().min().copied(),
            audit_entries,
        })
    }
}
