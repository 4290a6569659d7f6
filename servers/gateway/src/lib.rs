//! The gateway as an HTTP actor.
