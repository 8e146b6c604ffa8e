//! How one node keeps a partner's view of its records up to date: messages and state machines.
//!
//! Owns: class logs' rows, grants, cursors, what a batch is, and the numbered rules of sync. Rules
//! kept here: R1 (no gaps), R2 (check again at the send point), R4 (grants travel in the stream),
//! R5 (epochs that show forks), R7 (a retraction is terminal), R11 (a stream dies with its process)
//! and the pure half of R12 (verified before visible). R3 (the fence) and the transactions of R12
//! are the desk's. Reconciliation of sets (R6, R8 to R10) is absent: after a new epoch a view is
//! dropped and pulled again.
//!
//! **Invariant:** no input or output, no clock, no randomness, no store: all four are handed in.
//! Nothing here decides who may see what; it is told which classes are visible.
//!
//! Path: the origin grants classes ([`origin::Grants`]) and selects what to send
//! ([`origin::select`]); the receiver checks the stream ([`receiver::Replica`]) and the records in
//! it ([`verify::verify_section`]).

pub mod message;
pub mod origin;
pub mod receiver;
pub mod verify;
