//! `malines-node`: the program by which an agency sets up, checks and runs its node.
//!
//! ```text
//! malines-node init              once: keys, certificates, a manifest, a configuration file
//! malines-node officer add       a certificate and a profile for each officer
//! malines-node agreement ...     draft, sign and read what the authorities agree
//! malines-node check-config      everything that is wrong, at once
//! malines-node verify            read the whole store again and compare
//! malines-node backup, restore   the store as one file, and back, after a loss
//! malines-node export, import    the same, to go on elsewhere
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    node::run(std::env::args_os())
}
