//! The `agreement` crate.
