//! The whole federation in one process, on real parts: what leaves, what stays, and what happens
//! when somebody misbehaves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "tests"
)]

mod acknowledgement;
mod approval;
mod arrival;
mod audit_log;
mod caller;
mod canary;
mod consent;
mod correction;
mod court_use;
mod dispute;
mod entitlement;
mod erasure;
mod floor;
mod hold;
mod hostile;
mod law;
mod leaving;
mod liar;
mod officer;
mod permitted_use;
mod policy;
mod policy_change;
mod question;
mod recovery;
mod rejection;
mod resume;
mod review;
mod suspension;
mod violation;
mod withdrawal;
