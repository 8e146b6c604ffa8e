//! What an agreement may be, what its parties may say, when it binds and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod docket;
mod ending;
#[path = "../fixture/mod.rs"]
mod fixture;
mod object;
mod officer;
mod property;
mod purge;
mod refusal;
#[path = "../fixture/register.rs"]
mod register;
mod rendering;
mod scenario;
mod vectors;
