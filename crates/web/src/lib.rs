//! HTTP servers and clients: answers with reason codes, traces, limits.
