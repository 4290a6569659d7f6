//! A load generator: connections that are kept, each asking again as soon as it has its answer.

use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

/// Connections: enough that a server of one core never waits for the generator.
const CONNECTIONS: usize = 16;
/// Most octets of an answer.
const ANSWER_OCTETS_MAX: usize = 16_384;

/// Asks for so long; how many answers with status 200 came.
pub async fn ask(port: u16, request: &[u8], time: Duration) -> io::Result<u32> {
    let until = Instant::now() + time;
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let request = request.to_vec();
        connections.spawn(async move { connection(port, &request, until).await });
    }
    let mut answers = 0;
    while let Some(ended) = connections.join_next().await {
        answers += ended.map_err(io::Error::other)??;
    }
    Ok(answers)
}

async fn connection(port: u16, request: &[u8], until: Instant) -> io::Result<u32> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut answers = 0;
    let mut buffer = vec![0; ANSWER_OCTETS_MAX];
    while Instant::now() < until {
        stream.write_all(request).await?;
        answer(&mut stream, &mut buffer).await?;
        answers += 1;
    }
    Ok(answers)
}

/// Reads one answer to its end.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).filter(|room| !room.is_empty());
        let read = stream.read(room.ok_or(io::ErrorKind::FileTooLarge)?).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        let octets = buffer.get(..filled).unwrap_or_default();
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(octets.get(..end).unwrap_or_default()).to_ascii_lowercase();
            if !head.starts_with("http/1.1 200") {
                let status = head.lines().next().unwrap_or_default().to_owned();
                return Err(io::Error::other(status));
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or_default();
            if filled >= end + 4 + length {
                return Ok(());
            }
        }
    }
}

/// A `POST` of octets.
pub fn post(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
