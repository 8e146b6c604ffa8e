//! The `malines` program: what an officer, a prosecutor or an operator types.
//!
//! ```text
//! malines case open ...        fixes agreement, clause, purpose, offence and reference once
//! malines submit phone ...     normalises and digests here, shows what leaves and what stays, sends
//! malines query phone ...      says what partners can learn, asks them, shows every answer
//! ```
//!
//! Everything is in the library, because the demo links this program into itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
