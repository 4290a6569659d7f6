//! A card held against a virtual reader for as long as somebody reads this answer.

use axum::body::{Body, Bytes};
use std::sync::Arc;
use tefuda_reader::vpcd::Link;
use tefuda_web::Problem;
use tokio::sync::mpsc::channel;

use crate::table::{CardTable, HeldCard, TableError};
use tefuda_types::ResidentId;

/// Picks the card up and holds it; the body ends when the reader lets go, and the reader loses the card when
/// the body is dropped.
pub async fn hold(table: &Arc<CardTable>, resident: &ResidentId, reader: String) -> Result<Body, Problem> {
    let card: HeldCard = table.pick_up(resident).await?;
    let address = reader.clone();
    let connected = tokio::task::spawn_blocking(move || Link::connect(&address)).await;
    let (link, hangup) = connected.ok().and_then(Result::ok).ok_or(TableError::ReaderUnreachable(reader))?;
    let (sender, lines) = channel(2);
    tokio::task::spawn_blocking(move || {
        // The receiver is the answer under way: if it is gone, the link was hung up as well.
        let _ = sender.blocking_send(Bytes::from_static(b"held\n"));
        if let Err(error) = link.hold(&card.chip()) {
            tracing::warn!(%error, "the reader failed");
        }
        drop(card);
    });
    Ok(tefuda_web::held(lines, move || hangup.hang_up()))
}
