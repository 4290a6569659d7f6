//! HTTP servers and clients: answers with reason codes, traces, limits.
//!
//! Holds no rule: it turns verdicts into answers and answers into verdicts.

pub mod actor;
mod admission;
pub mod client;
mod held;
mod listening;
pub mod live;
mod problem;
mod server;
mod shares;

pub use actor::{ActorContext, Urls};
pub use admission::AdmissionError;
pub use client::{Client, ClientError};
pub use held::held;
pub use listening::serve;
pub use problem::{Answer, Problem, ProblemBody};
pub use server::{Bearer, layered};
