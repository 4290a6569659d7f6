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
use tefuda_web::{ActorContext, Answer, Bearer, Client, Problem};

use crate::{
    clock::{self, Clocks},
    hold::hold,
    others::Addresses,
    pages::{self, Room},
    table::CardTable,
};

/// Pause between cards that are made ahead of need, so that what a person asks for comes first.
const IDLE_PAUSE: Duration = Duration::from_millis(200);

/// Everything that the control room answers.
pub fn router(context: &ActorContext, clocks: Clocks, table: Arc<CardTable>, addresses: Addresses) -> Router {
    let room = Room {
        context: context.clone(),
        clocks: clocks.clone(),
        table: Arc::clone(&table),
        addresses,
        client: Client::new(Some(Arc::clone(&context.admin_token))),
    };
    let clock = Router::new()
        .route("/admin/clock", get(clock::show).post(clock::set))
        .route("/admin/clock/skew/{actor}", post(clock::skew))
        .with_state(clocks);
    let cards = Router::new()
        .route("/admin/cards/{resident}/hold", post(hold_card))
        .route("/admin/cards/{resident}/unblock", post(unblock))
        .route("/admin/cards/{resident}/renew", post(renew))
        .with_state(table);
    Bearer(Arc::clone(&context.admin_token)).protect(clock.merge(cards)).merge(pages::router(Arc::new(room)))
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

/// What the municipal counter does with a blocked card.
pub(crate) async fn unblock_card(table: &CardTable, resident: &ResidentId) -> Result<(), Problem> {
    let card = table.pick_up(resident).await?;
    let done = tokio::task::spawn_blocking(move || card.unblock()).await;
    Ok(done.unwrap_or(Err(tefuda_card::CardError::PowerCut))?)
}

async fn unblock(State(table): State<Arc<CardTable>>, Path(resident): Path<ResidentId>) -> Answer<Value> {
    unblock_card(&table, &resident).await?;
    Ok(Json(json!({ "resident": resident, "unblocked": true })))
}

async fn renew(State(table): State<Arc<CardTable>>, Path(resident): Path<ResidentId>) -> Answer<Value> {
    Ok(Json(table.renew(&resident).await?))
}
