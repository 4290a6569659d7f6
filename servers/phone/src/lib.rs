//! Phones as an HTTP actor, one host name each.
