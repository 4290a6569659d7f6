//! ISO 7816-4 commands and responses, BER-TLV, GlobalPlatform SCP03, and the two sides of a chip.
#![no_std]
#![warn(missing_docs)]
extern crate alloc;

mod chip;
mod command;
pub mod describe;
pub mod globalplatform;
mod response;
pub mod scp03;
pub mod tlv;

pub use chip::{Aid, Atr, Chip, LinkError, Transceive};
pub use command::{Command, CommandError, ExpectedLength};
pub use response::{Response, StatusWord};
