//! The control room: residents' cards on the table, and the civil clock.

mod clock;
mod hold;
mod routes;
mod table;

pub use clock::{ClockError, ClockMove, ClockView, Clocks, Skew};
pub use routes::router;
pub use table::{CardTable, HeldCard, TableError};
