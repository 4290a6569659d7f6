//! The phone's GlobalPlatform secure element and the applets it hosts.
