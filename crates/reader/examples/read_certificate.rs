//! Reads the authentication certificate of a card or a phone on a PC/SC reader into a file, before and after
//! the PIN.
//!
//! ```sh
//! cargo run --features pcsc --example read_certificate -- "Virtual PCD 00 00" 1234 certificate.der
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to whoever started it")]

use std::error::Error;
use tefuda_card::read::{self, ReadError};
use tefuda_reader::hardware::{PcscReader, readers};
use tefuda_types::{PinKind, Secret};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(reader), Some(pin), Some(file)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err(format!("which reader, PIN and file? There are {:?}", readers()?).into());
    };
    let mut chip = PcscReader::connect(&reader)?;
    read::select_jpki(&mut chip)?;
    println!("token: {}", read::token_label(&mut chip)?);
    let certificate = |chip: &mut PcscReader| read::certificate(chip, PinKind::Auth, &mut |_, _| {});
    match certificate(&mut chip) {
        Ok(der) => println!("before the PIN: {} octets", der.len()),
        Err(ReadError::Status(status)) => println!("before the PIN: {:04X}", status.0),
        Err(other) => return Err(other.into()),
    }
    println!("tries left: {}", read::tries_left(&mut chip, PinKind::Auth)?);
    read::verify(&mut chip, PinKind::Auth, &Secret::new(pin))?;
    let der = certificate(&mut chip)?;
    println!("after the PIN: {} octets", der.len());
    Ok(std::fs::write(file, der)?)
}
