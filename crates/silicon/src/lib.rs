//! The emulated die under card and element: randomness, key engine, sealed pages and a fuse counter.
