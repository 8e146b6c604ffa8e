//! The `sync` crate.
