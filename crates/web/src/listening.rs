//! Connections: so many, so large a header, so long for it.

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{io, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tower::Service;

use crate::{
    admission::Peer,
    live::Door,
    server::layered,
    shares::{Share, Shares},
};

/// Connections of an actor. Each is a file descriptor, of which a process has 1,024 unless it is given more, for
/// all its actors, and some 20 KiB.
const CONNECTIONS_MAX: usize = 512;
/// Connections of one network address: the phones of this system's one machine are at most some dozens.
const CONNECTIONS_OF_ONE_MAX: usize = CONNECTIONS_MAX / 2;
/// How long a header may take, from the first octet of a connection or the last answer on it. A browser that opens a
/// connection ahead of need opens it anew.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Most octets of a header. The longest parameters, an authorization request's, are below 8,192.
const HEADER_OCTETS_MAX: usize = 16 * 1024;
/// Most lines of a header: browsers send some twenty.
const HEADER_LINES_MAX: usize = 64;
/// How long answers under way may take after the actor is told to stop.
const GRACE: Duration = Duration::from_secs(3);
/// How long nobody is let in when the host has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` changes, then lets answers under way finish.
///
/// # Errors
/// What the socket says.
pub async fn serve(
    listener: TcpListener,
    (router, door): (Router, Door),
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let router = layered(router, door);
    let open = Shares::new(CONNECTIONS_MAX, CONNECTIONS_OF_ONE_MAX);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stopping| *stopping) => break,
        };
        // What goes wrong with one who calls is his affair; without descriptors, waiting helps.
        let Ok((stream, from)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        // Who is too many finds the connection closed, and costs nothing.
        if let Ok(share) = open.take(from.ip()) {
            connected(stream, router.clone(), share, &graceful);
        }
    }
    drop(listener);
    // Those who read on without end are let go.
    let _ = timeout(GRACE, graceful.shutdown()).await;
    Ok(())
}

fn connected(stream: TcpStream, router: Router, share: Share, graceful: &GracefulShutdown) {
    // An answer is one write: it does not wait for another.
    let _ = stream.set_nodelay(true);
    let peer = Peer(share.of());
    let answering = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_OCTETS_MAX)
        .max_headers(HEADER_LINES_MAX)
        .serve_connection(TokioIo::new(stream), answering);
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        let _share = share;
        // Whoever breaks off, or does not speak HTTP, is nobody's failure.
        let _ = watched.await;
    });
}
