//! Secure Channel Protocol 03 (GlobalPlatform Card Specification 2.3, Amendment D), both sides.
