//! What an agreement may be, what its events may say, and when it binds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

#[path = "../fixture/mod.rs"]
mod fixture;
mod object;
mod standing;
