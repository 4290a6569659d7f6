//! How long things last, all in seconds of wire time, and what exists.

/// A request waits for the phone.
pub const REQUEST_SECONDS: i64 = 300;
/// A code waits for its relying party (RFC 6749, 4.1.2, allows ten minutes at most).
pub const CODE_SECONDS: i64 = 60;
/// An access token is good.
pub const ACCESS_TOKEN_SECONDS: i64 = 300;
/// An ID token is good.
pub const ID_TOKEN_SECONDS: i64 = 300;
/// A session is remembered, so that it can be ended with its certificate.
pub const SESSION_SECONDS: i64 = 12 * 3_600;
/// A used code is remembered, so that a second use is noticed.
pub const USED_CODE_SECONDS: i64 = 3_600;
/// A signing key signs.
pub const KEY_SECONDS: i64 = 30 * 86_400;
/// A retired signing key is still published: longer than any token lives.
pub const RETIRED_KEY_SECONDS: i64 = 3_600;

/// Proofs that may be wrong before a request ends.
pub const WRONG_PROOFS_MAX: u32 = 10;

/// Scopes that exist. Attributes come later.
pub const SCOPES: [&str; 1] = ["openid"];
