//! A card held against a virtual reader for as long as somebody reads this answer.

use axum::body::{Body, Bytes};
use futures_core::Stream;
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tefuda_reader::vpcd::{Hangup, Link};
use tefuda_web::Problem;
use tokio::sync::mpsc::{Receiver, channel};

use crate::table::{CardTable, HeldCard, TableError};
use tefuda_types::ResidentId;

/// Lines for whoever waits: `held`, then the end.
struct Holding {
    lines: Receiver<Bytes>,
    hangup: Hangup,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.hangup.hang_up();
    }
}

impl Stream for Holding {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.lines.poll_recv(context).map(|line| line.map(Ok))
    }
}

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
    Ok(Body::from_stream(Holding { lines, hangup }))
}
