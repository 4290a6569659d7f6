//! A reader of our own: the other side of the virtual PC/SC protocol.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use tefuda_apdu::{LinkError, Response, Transceive};

use crate::system::{Resident, Running, System, eventually};

const POWER_ON: u8 = 1;
/// Longer than any card takes for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A reader with something held against it.
#[derive(Debug)]
pub struct Reader {
    connection: TcpStream,
    /// The command that holds it there.
    pub holder: Running,
}

impl Reader {
    /// Waits until a verb (`card attach …`, `phone tap …`) holds its chip against this reader, and powers it.
    #[track_caller]
    pub fn held(system: &System, verb: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let arguments = [verb, &["--to", &address]].concat();
        let holder = system.command(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut holder = Running(holder.expect("tefuda starts"));
        let connection = eventually(|| {
            assert!(!holder.has_ended(), "{verb:?} ended: {:?}", holder.0.wait());
            listener.accept().ok()
        });
        let (connection, _) = connection.expect("the chip is held against the reader");
        connection.set_nonblocking(false).unwrap();
        connection.set_nodelay(true).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut reader = Self { connection, holder };
        reader.send_message(&[POWER_ON]).unwrap();
        reader
    }

    #[track_caller]
    pub fn with_card(system: &System, resident: &Resident) -> Self {
        Self::held(system, &["card", "attach", "--resident", resident.id()])
    }

    fn send_message(&mut self, message: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(message.len()).map_err(|_| ErrorKind::InvalidInput)?;
        self.connection.write_all(&[&length.to_be_bytes(), message].concat())
    }

    fn exchange(&mut self, command: &[u8]) -> std::io::Result<Vec<u8>> {
        self.send_message(command)?;
        let mut length = [0; 2];
        self.connection.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.connection.read_exact(&mut answer)?;
        Ok(answer)
    }
}

impl Transceive for Reader {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        Response::from_bytes(&self.exchange(command).map_err(|_| LinkError::Torn)?)
    }
}
