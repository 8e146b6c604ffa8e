//! The `wire` crate.
pub mod accept;
pub mod connect;
pub mod limits;
pub mod tls;
pub mod client;
pub mod convert;
#[rustfmt::skip]
#[allow(
    missing_docs,
    unreachable_pub,
    rust_2018_idioms,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from proto/ by the test `generated`"
)]
#[path = "gen/malines.v1.rs"]
pub mod v1;
