use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tefuda_types::ResidentId;
use tefuda_web::{ActorContext, Answer, Bearer, Problem};

use crate::{
    clock::{self, Clocks},
    hold::hold,
    table::CardTable,
};

/// Pause between cards that are made ahead of need, so that what a person asks for comes first.
const IDLE_PAUSE: Duration = Duration::from_millis(200);

/// Everything that the control room answers.
pub fn router(context: &ActorContext, clocks: Clocks, table: Arc<CardTable>) -> Router {
    let clock = Router::new()
        .route("/admin/clock", get(clock::show).post(clock::set))
        .route("/admin/clock/skew/{actor}", post(clock::skew))
        .with_state(clocks);
    let cards = Router::new()
        .route("/admin/cards/{resident}/hold", post(hold_card))
        .route("/admin/cards/{resident}/unblock", post(unblock))
        .route("/admin/cards/{resident}/renew", post(renew))
        .with_state(table);
    Bearer(Arc::clone(&context.admin_token)).protect(clock.merge(cards))
}

impl CardTable {
    /// Makes the cards that nobody has picked up yet, one after the other.
    pub async fn make_ahead(self: Arc<Self>) {
        #[derive(Deserialize)]
        struct Line {
            id: ResidentId,
        }
        #[derive(Deserialize)]
        struct Lines {
            residents: Vec<Line>,
        }
        let lines = match self.ask::<Lines>("/admin/residents").await {
            Ok(lines) => lines.residents,
            Err(error) => return tracing::warn!(%error, "no cards are made ahead"),
        };
        for Line { id } in lines {
            tokio::time::sleep(IDLE_PAUSE).await;
            if let Err(problem) = self.prepare(&id).await {
                tracing::warn!(reason = problem.reason(), resident = %id, "a card was not made ahead");
            }
        }
    }
}

#[derive(Debug, Deserialize)]
struct Reader {
    to: String,
}

async fn hold_card(
    State(table): State<Arc<CardTable>>,
    Path(resident): Path<ResidentId>,
    Json(reader): Json<Reader>,
) -> Result<Body, Problem> {
    hold(&table, &resident, reader.to).await
}

async fn unblock(State(table): State<Arc<CardTable>>, Path(resident): Path<ResidentId>) -> Answer<Value> {
    let card = table.pick_up(&resident).await?;
    tokio::task::spawn_blocking(move || card.unblock())
        .await
        .unwrap_or(Err(tefuda_card::CardError::PowerCut))?;
    Ok(Json(json!({ "resident": resident, "unblocked": true })))
}

async fn renew(State(table): State<Arc<CardTable>>, Path(resident): Path<ResidentId>) -> Answer<Value> {
    Ok(Json(table.renew(&resident).await?))
}
