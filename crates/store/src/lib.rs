//! Stores in SQLite and PostgreSQL, files and the emulated die's pages on disk.
//!
//! The only place in the workspace that opens files. No rule of the business lives here.

pub mod clock;
mod database;
pub mod die;
pub mod documents;
pub mod files;
mod together;

pub use clock::SystemClock;
pub use database::Databases;
pub use die::FileSilicon;
pub use documents::{AuditEntry, Documents, StoreError, Transaction};
