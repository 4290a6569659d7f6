//! An answer that goes on until whoever reads it lets go.

use axum::body::{Body, Bytes};
use futures_core::Stream;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc::Receiver;

/// Lines for whoever waits, and what is done when nobody waits any longer.
struct Held {
    lines: Receiver<Bytes>,
    let_go: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(let_go) = self.let_go.take() {
            let_go();
        }
    }
}

impl Stream for Held {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.lines.poll_recv(context).map(|line| line.map(Ok))
    }
}

/// A body of lines. It ends with the sender; `let_go` runs once, when the body is dropped for whatever reason.
pub fn held(lines: Receiver<Bytes>, let_go: impl FnOnce() + Send + 'static) -> Body {
    Body::from_stream(Held { lines, let_go: Some(Box::new(let_go)) })
}
