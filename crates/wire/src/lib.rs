//! Everything that touches network bytes: mutual TLS, the generated protobuf, conversions, clients,
//! limits.
//!
//! Owns: who is at the other end of a connection, how long and how large anything may be, and the
//! one place where bytes become domain values and back.
//!
//! **Invariant:** it decides nothing about records. Everything from the wire is hostile, before and
//! after authentication; a record's bytes are encoded for a partner only from a `policy::Released`;
//! an error never says what is held. Types of the generated code do not leave this crate, but for
//! the service traits that the node implements.
//!
//! Path through it: [`tls`] and [`accept`] let a caller in or refuse it, [`connect`] dials,
//! [`convert`] reads and writes messages, [`client`] makes the calls, [`limits`] bounds them all.

pub mod accept;
pub mod client;
pub mod connect;
pub mod convert;
pub mod limits;
pub mod tls;

#[rustfmt::skip]
#[allow(missing_docs, reason = "generated from proto/ by the test `generated`")]
#[allow(unreachable_pub, reason = "generated from proto/ by the test `generated`")]
#[allow(rust_2018_idioms, reason = "generated from proto/ by the test `generated`")]
#[allow(clippy::all, reason = "generated from proto/ by the test `generated`")]
#[allow(clippy::allow_attributes_without_reason, reason = "generated from proto/ by the test `generated`")]
#[path = "gen/malines.v1.rs"]
pub mod v1;
