//! The control room: residents' cards on the table, and the civil clock.

mod clock;
mod field;
mod hold;
mod others;
mod pages;
mod readers;
mod routes;
mod table;

pub use clock::{ClockError, ClockMove, ClockView, Clocks, Skew};
pub use others::Addresses;
pub use routes::router;
pub use table::{CardTable, HeldCard, TableError};
