//! The `interop` crate.
