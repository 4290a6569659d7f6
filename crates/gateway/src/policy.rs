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

/// Requests of one relying party that wait for their phones, each some 1,500 octets for ten minutes: sixteen new
/// ones in a second, all through. Anybody can begin one, without being anybody.
pub const OPEN_OF_ONE_MAX: usize = 10_000;
/// Requests of all relying parties that wait for their phones: 60 MB.
pub const OPEN_MAX: usize = 40_000;

/// Scope that opens the person's sign-in history and live sessions (`/me`).
pub const SCOPE_SESSIONS: &str = "sessions";
/// Scope that gives a token for the person's certificates at the authority.
pub const SCOPE_CERTIFICATES: &str = "certificates";
/// Scopes of a person's own pages. Only who was registered with them may ask.
pub const ACCOUNT_SCOPES: [&str; 2] = [SCOPE_SESSIONS, SCOPE_CERTIFICATES];
/// Scopes that exist. Attributes come later.
pub const SCOPES: [&str; 3] = ["openid", SCOPE_SESSIONS, SCOPE_CERTIFICATES];

/// An access token with one of [`ACCOUNT_SCOPES`] is good: a person reads and decides. It is void with its session.
pub const ACCOUNT_TOKEN_SECONDS: i64 = 1_800;
/// A token for the authority is good.
pub const CERTIFICATES_TOKEN_SECONDS: i64 = 300;
/// A login is remembered as history, so that the person can look back.
pub const HISTORY_SECONDS: i64 = 90 * 86_400;

/// A logout token is good (OpenID Connect Back-Channel Logout, 2.4, advises two minutes at most).
pub const LOGOUT_TOKEN_SECONDS: i64 = 120;
/// Times that a relying party is told of a logout before it is given up.
pub const LOGOUT_ATTEMPTS_MAX: u32 = 6;
