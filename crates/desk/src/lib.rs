//! The `desk` crate.
