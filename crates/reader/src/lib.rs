//! Readers: the virtual PC/SC protocol (vpcd) and PC/SC hardware behind a feature.
