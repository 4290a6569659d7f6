//! The control room: residents' cards on the table, and the civil clock.
