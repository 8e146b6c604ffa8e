//! The `cedar_engine` crate.
