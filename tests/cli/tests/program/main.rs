//! The command line as its users see it: on this machine alone, and against a node with fixed answers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod agreement;
mod approvals;
mod keeping;
mod kit;
mod node;
mod officer;
mod offline;
mod policy;
mod policy_node;
mod submission;
