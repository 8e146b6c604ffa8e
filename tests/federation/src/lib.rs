//! The whole federation in one process: four agencies, made of the parts that a node is made of.
//!
//! Owns: founding the agencies, having their authorities sign, running, stopping and killing their
//! nodes, an officer for each, and two ways to misbehave with real credentials: a caller that says
//! what it likes ([`envoy`]) and a node that answers what it likes ([`imposter`]).
//!
//! **Invariant:** nothing here is a stand-in for a part of the product. TLS is real and on loopback,
//! the stores are real and in a temporary folder, the policies are those of `deploy/policy`, and
//! every value is a fingerprint that was made here: the node never sees how.
//!
//! Path through it: [`world::Federation`] founds and starts; [`member::Member`] is one agency;
//! [`draft`] makes what is submitted; [`needle`] and [`record_log`] look for what must not be there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a kit for tests: what fails here fails the test"
)]

pub mod cast;
pub mod draft;
pub mod envoy;
pub mod imposter;
pub mod member;
pub mod needle;
pub mod patience;
pub mod port;
pub mod record_log;
pub mod signatory;
pub mod world;
