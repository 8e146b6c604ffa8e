//! What the domain says survives the network, and nothing else comes in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod golden;
mod hostile;
mod keeping;
mod refused;
mod refused_dispute;
mod refused_duty;
mod refused_officer;
mod refused_peer;
mod released;
mod round_trip;
mod strategy;
