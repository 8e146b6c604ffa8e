//! What an agreement may be, what its parties may say, when it binds and how it ends.
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
mod docket;
mod officer;
mod property;
mod purge;
#[path = "../fixture/register.rs"]
mod register;
mod rendering;
mod scenario;
mod vectors;
