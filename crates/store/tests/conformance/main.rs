//! One suite for every store, and what only a store with a disk must show.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod archive;
mod cases;
mod damage;
mod erasure;
mod facts;
mod golden;
mod kill;
mod kit;
mod model;
mod power;
mod proofs;
mod review;
mod secrets;
