//! HTTP servers and clients: answers with reason codes, traces, limits.
//!
//! Holds no rule: it turns verdicts into answers and answers into verdicts.

pub mod actor;
pub mod client;
mod held;
pub mod live;
mod problem;
mod server;

pub use actor::{ActorContext, Urls};
pub use client::{Client, ClientError};
pub use held::held;
pub use problem::{Answer, Problem, ProblemBody};
pub use server::{Bearer, layered, serve};
