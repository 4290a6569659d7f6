//! The network between the actors: every message goes through here, and some do not arrive as they were sent.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use super::{
    plan::{Fault, Moment, Plan, Victim},
    processes::Processes,
};

/// Longer than anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// Passes on what comes to one port to another, for as long as the test runs.
pub fn stand_between(port: u16, upstream: u16, processes: &Arc<Processes>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let processes = Arc::downgrade(processes);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let Some(processes) = processes.upgrade() else { return };
            // A connection that breaks is what this is about.
            thread::spawn(move || drop(pass_on(stream, upstream, &processes)));
        }
    });
}

/// One message: its first line, and all of it.
struct Message {
    line: String,
    bytes: Vec<u8>,
}

impl Message {
    fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 16_384]);
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => bytes.extend_from_slice(&buffer[..read]),
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let line = text.lines().next().unwrap_or_default().to_owned();
        let kept = text.lines().skip(1).filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let length = text
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let mut body = bytes.split_off(head);
        while body.len() < length.unwrap_or(0) {
            match stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => body.extend_from_slice(&buffer[..read]),
            }
        }
        // One message a connection, so that each can be lost alone.
        let head: String = [line.as_str(), "Connection: close"]
            .into_iter()
            .chain(kept)
            .map(|line| format!("{line}\r\n"))
            .collect();
        Ok(Self { line, bytes: [head.as_bytes(), &body].concat() })
    }

    fn is_background(&self) -> bool {
        ["GET /status/", "GET /crl/", "GET /trust/", "GET /readyz"]
            .iter()
            .any(|begin| self.line.starts_with(begin))
    }

    /// Has it arrive; the answer, however much of it there was.
    fn arrive(&self, upstream: u16) -> io::Result<Vec<u8>> {
        let mut to = TcpStream::connect(("127.0.0.1", upstream))?;
        to.set_nodelay(true)?;
        to.set_read_timeout(Some(PATIENCE))?;
        to.write_all(&self.bytes)?;
        let mut answer = Vec::new();
        to.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

fn pass_on(mut from: TcpStream, upstream: u16, processes: &Arc<Processes>) -> io::Result<()> {
    from.set_nodelay(true)?;
    from.set_read_timeout(Some(PATIENCE))?;
    let message = Message::read(&mut from)?;
    let plan = Arc::clone(&processes.plan);
    let answer = if message.is_background() {
        if plan.loses_background() {
            return Ok(());
        }
        message.arrive(upstream)?
    } else {
        let _passing = plan.passes();
        let fault = plan.message(&message.line);
        match arrives(message, upstream, fault, processes, &plan)? {
            Some(answer) => answer,
            None => return Ok(()),
        }
    };
    from.write_all(&answer)?;
    from.shutdown(Shutdown::Both)
}

/// Has a message arrive as the fault wants it; the answer that whoever sent it hears, if any.
fn arrives(
    message: Message,
    upstream: u16,
    fault: Option<Fault>,
    processes: &Arc<Processes>,
    plan: &Plan,
) -> io::Result<Option<Vec<u8>>> {
    let kill = |whom: Option<Victim>| match whom {
        Some(victim) => processes.kill(victim),
        None => processes.kill_all(),
    };
    match fault {
        None => message.arrive(upstream).map(Some),
        Some(Fault::Lost) => Ok(None),
        Some(Fault::AnswerLost) => message.arrive(upstream).map(|_| None),
        Some(Fault::Delayed(by)) => {
            thread::sleep(by);
            message.arrive(upstream).map(Some)
        }
        Some(Fault::Twice { second }) => {
            let answers = (message.arrive(upstream)?, message.arrive(upstream)?);
            Ok(Some(if second { answers.1 } else { answers.0 }))
        }
        Some(Fault::Again(others)) => {
            let answer = message.arrive(upstream)?;
            arrive_later(message, upstream, others, plan);
            Ok(Some(answer))
        }
        Some(Fault::Overtaken(others)) => {
            arrive_later(message, upstream, others, plan);
            Ok(None)
        }
        Some(Fault::Kill(whom, Moment::Before)) => {
            kill(whom);
            message.arrive(upstream).map(Some)
        }
        Some(Fault::Kill(whom, Moment::After)) => {
            let answer = message.arrive(upstream)?;
            kill(whom);
            Ok(Some(answer))
        }
        Some(Fault::Kill(whom, Moment::During(microseconds))) => {
            let processes = Arc::clone(processes);
            let killing = thread::spawn(move || {
                thread::sleep(Duration::from_micros(microseconds));
                match whom {
                    Some(victim) => processes.kill(victim),
                    None => processes.kill_all(),
                }
            });
            let answer = message.arrive(upstream);
            let _ = killing.join();
            answer.map(Some)
        }
    }
}

fn arrive_later(message: Message, upstream: u16, others: usize, plan: &Plan) {
    plan.later(others, move || {
        thread::park();
        // Nobody waits for this answer.
        let _ = message.arrive(upstream);
    });
}
