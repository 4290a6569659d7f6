//! The authority as an HTTP actor.
