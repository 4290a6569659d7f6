//! The phone held against a reader for as long as somebody reads this answer.

use axum::body::{Body, Bytes};
use std::sync::Arc;
use tefuda_reader::vpcd::Link;
use tefuda_web::Problem;
use tokio::sync::mpsc::channel;

use crate::{error::PhoneError, phone::Phone};

/// Holds the phone; the body ends when the reader lets go, and the reader loses the phone when the body is
/// dropped.
pub(crate) async fn tap(phone: &Arc<Phone>, reader: String) -> Result<Body, Problem> {
    let chips = phone.chips.clone().ok_or(PhoneError::NoElement)?;
    let address = reader.clone();
    let connected = tokio::task::spawn_blocking(move || Link::connect(&address)).await;
    let unreachable = || PhoneError::ReaderUnreachable(reader.clone());
    let (link, hangup) = connected.ok().and_then(Result::ok).ok_or_else(unreachable)?;
    phone.happened("tap", Some(reader), None).await?;
    let (sender, lines) = channel(2);
    tokio::task::spawn_blocking(move || {
        // The receiver is the answer under way: if it is gone, the link was hung up as well.
        let _ = sender.blocking_send(Bytes::from_static(b"held\n"));
        if let Err(error) = link.hold(&chips.contactless()) {
            tracing::warn!(%error, "the reader failed");
        }
    });
    Ok(tefuda_web::held(lines, move || hangup.hang_up()))
}
