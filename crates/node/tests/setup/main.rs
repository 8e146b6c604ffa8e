//! From an empty folder to an agreement in force and a handshake, on real files and real TLS.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests"
)]

mod agreeing;
mod archive;
mod founding;
mod handshake;
mod kit;
mod program;
mod reading;
