//! The card's side of the virtual PC/SC protocol: a TCP connection to a reader that speaks first.
//!
//! Both ways: a length of two octets, big endian, and as many octets. One octet from the reader is a control
//! code, more are a command APDU.

use socket2::SockRef;
use std::{
    io::{self, Read, Write},
    net::{Shutdown, ToSocketAddrs},
    sync::PoisonError,
    time::Duration,
};

use crate::SharedChip;
use tefuda_apdu::{LinkError, Response, Transceive};

/// Port of the first slot of an ordinary vpcd.
pub const PORT: u16 = 35_963;
/// How long a reader may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a chip may take to answer: a card that makes keys needs seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

const POWER_OFF: u8 = 0;
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const GET_ATR: u8 = 4;

/// A connection to a reader.
#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "this is the adapter that connects to readers")]
pub struct Link(std::net::TcpStream);

/// Ends a [`Link`] from another thread.
#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "this is the adapter that connects to readers")]
pub struct Hangup(std::net::TcpStream);

impl Hangup {
    /// Takes the card out of the field.
    pub fn hang_up(&self) {
        // A reader that is gone already has nothing to be told.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Link {
    /// Connects to a reader, `HOST:PORT`.
    ///
    /// # Errors
    /// What the network says.
    #[expect(clippy::disallowed_types, reason = "this is the adapter that connects to readers")]
    pub fn connect(address: &str) -> io::Result<(Self, Hangup)> {
        let address = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let stream = std::net::TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        let hangup = Hangup(stream.try_clone()?);
        Ok((Self(stream), hangup))
    }

    /// Holds a chip in the reader's field until the reader or a [`Hangup`] ends it. For a thread of its own.
    ///
    /// # Errors
    /// What the network says, other than that the connection ended.
    pub fn hold(mut self, chip: &SharedChip) -> io::Result<()> {
        let ended = loop {
            match self.serve(chip) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        chip.lock().unwrap_or_else(PoisonError::into_inner).power_off();
        match ended.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Ok(()),
            _ => Err(ended),
        }
    }

    fn serve(&mut self, chip: &SharedChip) -> io::Result<()> {
        let mut length = [0; 2];
        self.receive(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        self.receive(&mut message)?;
        let mut chip = chip.lock().unwrap_or_else(PoisonError::into_inner);
        match message.as_slice() {
            [POWER_OFF] => chip.power_off(),
            [POWER_ON | RESET] => {
                chip.power_on();
            }
            [GET_ATR] => {
                let atr = chip.atr();
                drop(chip);
                self.send(&atr.0)?;
            }
            [] | [_] => {}
            command => {
                let response = chip.process(command);
                drop(chip);
                self.send(&response)?;
            }
        }
        Ok(())
    }

    /// The reader sends length and payload apart. Without an immediate acknowledgement of the first, its
    /// system waits some 40 ms before it sends the second, at every command.
    fn receive(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            SockRef::from(&self.0).set_tcp_quickack(true)?;
            let read = self.0.read(buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer = buffer.split_at_mut(read).1;
        }
        Ok(())
    }

    fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        send(&mut self.0, payload)
    }
}

#[expect(clippy::disallowed_types, reason = "this is the adapter that connects to readers")]
fn send(to: &mut std::net::TcpStream, payload: &[u8]) -> io::Result<()> {
    let length = u16::try_from(payload.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    to.write_all(&[length.to_be_bytes().as_slice(), payload].concat())
}

/// The reader's side: a slot on loopback for one chip that is elsewhere.
#[derive(Debug)]
pub struct Slot(std::net::TcpListener);

impl Slot {
    /// Opens a slot; its address goes to whoever has the chip.
    ///
    /// # Errors
    /// What the network says.
    pub fn open() -> io::Result<(Self, String)> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        // Who has the chip answers once it is connected: there is nothing to wait for.
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?.to_string();
        Ok((Self(listener), address))
    }

    /// Takes the chip that was connected, and powers it on.
    ///
    /// # Errors
    /// What the network says; [`io::ErrorKind::WouldBlock`] if nothing is connected.
    pub fn take(self) -> io::Result<Field> {
        let (mut stream, _) = self.0.accept()?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        send(&mut stream, &[POWER_ON])?;
        Ok(Field(stream))
    }
}

/// A chip in the field of a slot. It is let go when this is dropped.
#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "this is the adapter that connects to readers")]
pub struct Field(std::net::TcpStream);

impl Field {
    fn exchange(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        send(&mut self.0, command)?;
        let mut length = [0; 2];
        self.0.read_exact(&mut length)?;
        let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut response)?;
        Ok(response)
    }
}

impl Transceive for Field {
    fn transceive(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        match self.exchange(command) {
            // A chip that says nothing at all has left the field.
            Ok(response) if !response.is_empty() => Response::from_bytes(&response),
            _ => Err(LinkError::Torn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tefuda_apdu::{Atr, Chip};

    struct Echo;

    impl Chip for Echo {
        fn power_on(&mut self) -> Atr {
            self.atr()
        }
        fn atr(&self) -> Atr {
            Atr(vec![0x3B, 0x00])
        }
        fn power_off(&mut self) {}
        fn process(&mut self, command: &[u8]) -> Vec<u8> {
            [command, &[0x90, 0x00]].concat()
        }
    }

    #[test]
    fn a_chip_that_is_elsewhere_answers_until_it_is_let_go() {
        let (slot, address) = Slot::open().unwrap();
        let (link, hangup) = Link::connect(&address).unwrap();
        let held = std::thread::spawn(move || {
            let chip: SharedChip = Arc::new(Mutex::new(Echo));
            link.hold(&chip)
        });
        let mut field = slot.take().unwrap();
        let response = field.transceive(&[0x00, 0xA4, 0x00, 0x00]).unwrap();
        assert_eq!(response.data, [0x00, 0xA4, 0x00, 0x00]);
        hangup.hang_up();
        assert_eq!(field.transceive(&[0x00, 0xA4, 0x00, 0x00]), Err(LinkError::Torn));
        held.join().unwrap().unwrap();

        let (empty, _) = Slot::open().unwrap();
        assert_eq!(empty.take().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
