//! SQLite stores, files and the emulated die's pages on disk.
