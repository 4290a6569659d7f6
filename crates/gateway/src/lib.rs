//! OpenID Connect provider on top of the verifier: policy, subjects, sessions.
