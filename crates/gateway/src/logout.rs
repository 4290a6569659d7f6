//! What the gateway tells a relying party of its own accord: that a session ended.

use serde::{Deserialize, Serialize};
use tefuda_openid::{ClientId, LogoutTokenClaims};
use tefuda_types::Timestamp;

use crate::{
    login::after,
    policy::{LOGOUT_ATTEMPTS_MAX, LOGOUT_TOKEN_SECONDS},
};

/// Seconds after the first attempt at which the second is made; it doubles from one to the next.
const FIRST_PAUSE_SECONDS: i64 = 1;

/// A relying party is to be told that a session ended. It waits in the store until that worked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutNotice {
    /// Who is told.
    pub client_id: ClientId,
    /// Whose session, as the relying party knows the person.
    pub sub: String,
    /// Attempts made.
    #[serde(default)]
    pub attempts: u32,
    /// Wire time of the next one.
    pub due: Timestamp,
}

impl LogoutNotice {
    /// To be told at once.
    #[must_use]
    pub const fn new(client_id: ClientId, sub: String, now: Timestamp) -> Self {
        Self { client_id, sub, attempts: 0, due: now }
    }

    /// After an attempt that failed: when to try again, or that it is given up.
    #[must_use]
    pub fn again(self, now: Timestamp) -> Option<Self> {
        let attempts = self.attempts + 1;
        let pause = FIRST_PAUSE_SECONDS << self.attempts.min(LOGOUT_ATTEMPTS_MAX);
        (attempts < LOGOUT_ATTEMPTS_MAX).then(|| Self { attempts, due: after(now, pause), ..self })
    }

    /// The claims of the logout token of a session.
    #[must_use]
    pub fn claims(&self, issuer: &str, session: &str, jti: String, now: Timestamp) -> LogoutTokenClaims {
        let expires = now.as_second() + LOGOUT_TOKEN_SECONDS;
        LogoutTokenClaims::new((issuer, &self.client_id), (&self.sub, session), jti, now.as_second(), expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relying_party_that_does_not_answer_is_told_again_and_then_left_alone() {
        let mut notice = Some(LogoutNotice::new("RP1".parse().unwrap(), "s".into(), Timestamp::UNIX_EPOCH));
        let mut pauses = Vec::new();
        while let Some(own) = notice {
            let now = own.due;
            notice = own.again(now);
            pauses.extend(notice.as_ref().map(|next| next.due.as_second() - now.as_second()));
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16]);
    }
}
