//! OAuth 2.0 and OpenID Connect messages and their validation.
