//! Real TLS over loopback: who is let in, who is refused and why, and what hostile callers cannot do.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of tests stop a test like the tests themselves"
)]

mod answering;
mod calling;
mod hostile;
mod kit;
mod living;
